// Arrays and hashes at fixed offsets, for the two files that encode the journal's headers. Private to this folder.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "store/base/codec.h"
#include "store/base/hash.h"

namespace tenure::journal::raw {

inline bool AllZero(base::ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

template <std::size_t N>
void StoreArray(std::byte* to, const std::array<std::byte, N>& from) {
  std::memcpy(to, from.data(), N);
}
template <std::size_t N>
std::array<std::byte, N> LoadArray(const std::byte* from) {
  std::array<std::byte, N> out;
  std::memcpy(out.data(), from, N);
  return out;
}

inline void StoreHash128(std::byte* to, const base::Hash128& hash) {
  base::StoreLe(to, hash.low);
  base::StoreLe(to + 8, hash.high);
}
inline base::Hash128 LoadHash128(const std::byte* from) {
  base::Hash128 hash;
  hash.low = base::LoadLe<std::uint64_t>(from);
  hash.high = base::LoadLe<std::uint64_t>(from + 8);
  return hash;
}

}  // namespace tenure::journal::raw
