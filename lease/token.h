// Lease tokens: what a holder is given, and what a write presents. 47 to 66 characters of [0-9a-z-]:
//
//   tnl-<8 hex: which store>-<lease id>-<32 hex: the secret>
//
// The lease id is the fencing token, and public; the secret is kept by the holder, the store knows its hash only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/base/hash.h"
#include "tenure/result.h"

namespace tenure::lease {

using Secret = std::array<std::byte, 16>;

struct Token {
  std::uint32_t store = 0;  ///< StoreTag of the store that granted it, and of every copy.
  Lsn id = 0;
  Secret secret{};
  friend bool operator==(const Token&, const Token&) = default;
};

std::string Print(const Token& token);
/// kInvalidArgument; says so when it is a bare number, which is a fencing token.
Result<Token> ParseToken(std::string_view text);
/// Tokens separated by white space, as TENURE_LEASE_TOKEN holds them.
Result<std::vector<Token>> ParseTokens(std::string_view text);
std::uint32_t StoreTag(const std::array<std::byte, 16>& journal_id);
base::Hash256 HashOf(const Secret& secret);

}  // namespace tenure::lease
