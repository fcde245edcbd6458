#include "lease/token.h"

#include <algorithm>
#include <charconv>

#include "store/base/codec.h"
#include "store/base/error.h"

namespace tenure::lease {
namespace {

constexpr std::string_view kPrefix = "tnl-";
constexpr std::size_t kTagDigits = 8;
constexpr std::size_t kSecretDigits = 32;

bool AllDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Error NoToken(std::string_view text) {
  if (AllDigits(text)) {
    return base::MakeError(ErrorCode::kInvalidArgument,
                           std::string(text) + " is a fencing token, which authorises nothing",
                           "give the lease token that 'tenure lease acquire' printed");
  }
  return base::MakeError(ErrorCode::kInvalidArgument, "this is no lease token",
                         "give the line that 'tenure lease acquire' printed: tnl-…");
}

}  // namespace

std::string Print(const Token& token) {
  std::array<std::byte, 4> tag{};
  base::StoreLe(tag.data(), token.store);
  return std::string(kPrefix) + base::Hex(tag) + '-' + std::to_string(token.id) + '-' + base::Hex(token.secret);
}

Result<Token> ParseToken(std::string_view text) {
  const std::string_view all = text;
  if (!text.starts_with(kPrefix)) return NoToken(all);
  text.remove_prefix(kPrefix.size());
  Token token;
  std::array<std::byte, 4> tag{};
  if (text.size() < kTagDigits + 1 || text[kTagDigits] != '-' || !base::FromHex(text.substr(0, kTagDigits), tag)) {
    return NoToken(all);
  }
  token.store = base::LoadLe<std::uint32_t>(tag.data());
  text.remove_prefix(kTagDigits + 1);
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos || !AllDigits(text.substr(0, dash)) || text[0] == '0') return NoToken(all);
  const auto number = std::from_chars(text.data(), text.data() + dash, token.id);
  text.remove_prefix(dash + 1);
  if (number.ec != std::errc() || text.size() != kSecretDigits || !base::FromHex(text, token.secret)) {
    return NoToken(all);
  }
  return token;
}

Result<std::vector<Token>> ParseTokens(std::string_view text) {
  std::vector<Token> tokens;
  constexpr std::string_view kSpace = " \t\r\n";
  for (;;) {
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return tokens;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(kSpace), text.size());
    TENURE_ASSIGN(const Token token, ParseToken(text.substr(0, end)));
    tokens.push_back(token);
    text.remove_prefix(end);
  }
}

std::uint32_t StoreTag(const std::array<std::byte, 16>& journal_id) {
  return base::LoadLe<std::uint32_t>(journal_id.data());
}

base::Hash256 HashOf(const Secret& secret) { return base::Sha256Of(secret); }

}  // namespace tenure::lease
