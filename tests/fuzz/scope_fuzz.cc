// Scopes of leases, three to an input, one a line.
#include "lease/scope.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::scope_target {
namespace {

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    made.words = {"/**", "**", ":", "@", "\n", "*", "/", "a/b"};
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::string> texts = Parts(Text(data, size), 3);
  std::vector<lease::Scope> scopes;
  for (const std::string& text : texts) {
    auto scope = lease::Scope::Parse(text);
    if (!scope.ok()) {
      ExpectWorded(scope.error());
      continue;
    }
    FUZZ_EXPECT(scope->text() == text);
    const auto again = lease::Scope::Parse(scope->text());
    FUZZ_EXPECT(again.ok() && *again == *scope && again->kind() == scope->kind() && again->name() == scope->name());
    scopes.push_back(std::move(scope).value());
  }
  for (const lease::Scope& a : scopes) {
    FUZZ_EXPECT(a.Covers(a));
    FUZZ_EXPECT(Must(lease::Scope::Parse("**")).Covers(a));
    for (const lease::Scope& b : scopes) {
      FUZZ_EXPECT(lease::Conflict(a, b) == (a.Covers(b) || b.Covers(a)));
      if (a.Covers(b) && b.Covers(a)) FUZZ_EXPECT(a == b);
      for (const lease::Scope& c : scopes) {
        if (a.Covers(b) && b.Covers(c)) FUZZ_EXPECT(a.Covers(c));
      }
    }
  }
  const auto together = lease::ParseScopes(texts);
  if (!together.ok()) return ExpectWorded(together.error()), 0;
  FUZZ_EXPECT(together->size() == texts.size() && scopes.size() == texts.size());
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) FUZZ_EXPECT(!lease::Conflict(scopes[i], scopes[j]));
  }
  return 0;
}

const Registration registration("scope", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::scope_target
