// A 16-byte word in shared memory, changed by compare-and-swap only.
//
// Lock-free on x86-64 (CMPXCHG16B) and arm64 (LDAXP/STLXP); both orders are sequentially consistent.
// libatomic is avoided: it may fall back to a lock of one process, which is none across processes.
#pragma once

#include <cstdint>

namespace tenure::base {

struct Pair64 {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  friend bool operator==(const Pair64&, const Pair64&) = default;
};

class alignas(16) Atomic128 {
 public:
  /// A consistent pair. Where the processor knows no other way this writes the line (a compare-and-swap with itself):
  /// not for read-only mappings.
  Pair64 Load() const;
  /// One half, by a plain acquire load that leaves the line shared: enough where the other half does not matter.
  std::uint64_t LoadFirst() const { return LoadHalf(0); }
  std::uint64_t LoadSecond() const { return LoadHalf(1); }
  /// True when the word was `expected` and is now `desired`; else `expected` becomes what it was.
  bool CompareExchange(Pair64& expected, Pair64 desired);

 private:
  std::uint64_t LoadHalf(int half) const;
  mutable std::uint64_t words_[2] = {0, 0};
};
static_assert(sizeof(Atomic128) == 16 && alignof(Atomic128) == 16);

}  // namespace tenure::base
