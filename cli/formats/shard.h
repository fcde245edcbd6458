// A share of an import: several processes read the same input, each takes its own entries. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tenure/result.h"

namespace tenure::cli {

/// Share `number` of `count`, by a hash of the key: the same whatever the order of the input. The shares
/// cover everything and do not overlap, unless told to take a part of the next share too (the last
/// one's next is the first).
struct Shard {
  std::uint64_t number = 1;  ///< From 1.
  std::uint64_t count = 1;
  std::uint64_t overlap_percent = 0;  ///< Of the next share.

  bool Takes(std::string_view name, std::string_view version) const;
};

/// "I/N", with 1 <= I <= N.
Result<Shard> ParseShard(const std::string& text);

}  // namespace tenure::cli
