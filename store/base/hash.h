// The three checksums of the formats, each for one job.
//   CRC32C (Castagnoli)  accidental damage of a frame or header; SSE4.2 / ARMv8 CRC or a table.
//   SHA-256 (OpenSSL)    the journal's hash chain and content digests.
//   XXH3-128 (xxHash)    rows of the state hash, request bodies; not against an adversary.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "store/base/env.h"

namespace tenure::base {

using Hash256 = std::array<std::byte, 32>;

/// Extends `crc` (0 or an earlier result, or any seed) over `data`.
std::uint32_t Crc32c(ByteView data, std::uint32_t crc = 0);

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void Update(ByteView data);
  /// The digest of everything so far; the object starts anew afterwards.
  Hash256 Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};
Hash256 Sha256Of(ByteView data);

/// 128 bits with addition and subtraction modulo 2^128: a sum of row hashes is a multiset hash that
/// rows enter and leave in any order.
struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  Hash128& operator+=(const Hash128& o);
  Hash128& operator-=(const Hash128& o);
  friend bool operator==(const Hash128&, const Hash128&) = default;
};
Hash128 Xxh128(ByteView data);

std::string Hex(ByteView bytes);
std::string Hex(const Hash128& hash);  ///< 32 digits, high word first.
/// False when `text` is not exactly 2 x out.size() lower- or upper-case hex digits.
bool FromHex(std::string_view text, std::span<std::byte> out);

}  // namespace tenure::base
