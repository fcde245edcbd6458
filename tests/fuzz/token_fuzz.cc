// Tokens of leases: what is read is what would be printed.
#include "lease/token.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::token_target {
namespace {

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    made.seeds.push_back(lease::Print({0xABCD, 7, {}}));
    made.seeds.push_back(lease::Print({~0u, ~0ull, {}}) + " " + lease::Print({0, 1, {}}));
    made.words = {"tnl-", "-", " ", "\n", "18446744073709551615", "18446744073709551616", "0"};
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = Text(data, size);
  const auto token = lease::ParseToken(text);
  if (token.ok()) {
    // Digits above 9 are taken in either case.
    std::string lower(text);
    for (char& c : lower) c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    FUZZ_EXPECT(lease::Print(*token) == lower && Must(lease::ParseToken(lower)) == *token);
    FUZZ_EXPECT(text.size() >= 47 && text.size() <= 66);
  } else {
    ExpectWorded(token.error());
  }
  const auto tokens = lease::ParseTokens(text);
  if (token.ok()) FUZZ_EXPECT(tokens.ok() && tokens->size() == 1 && tokens->front() == *token);
  if (!tokens.ok()) return ExpectWorded(tokens.error()), 0;
  std::string printed;
  for (const lease::Token& each : *tokens) printed += lease::Print(each) + "\n";
  FUZZ_EXPECT(Must(lease::ParseTokens(printed)) == *tokens);
  return 0;
}

const Registration registration("token", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::token_target
