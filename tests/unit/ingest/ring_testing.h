// Memory of a test's own for a ring, with guards around it that show a write outside.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include "store/ingest/ring.h"

namespace tenure::ingest {

/// `bytes` on a 64-byte boundary, with a guard on each side that shows a write outside. Without guards the
/// allocation ends where the memory does, so that AddressSanitizer sees reads outside too.
class GuardedMemory {
 public:
  explicit GuardedMemory(std::size_t bytes, bool guards = true) : bytes_(bytes), guard_(guards ? kGuard : 0) {
    memory_ = static_cast<std::byte*>(std::aligned_alloc(64, (bytes + 2 * guard_ + 63) / 64 * 64));
    std::memset(memory_, kPattern, bytes + 2 * guard_);
  }
  ~GuardedMemory() {
    EXPECT_TRUE(Intact());
    std::free(memory_);
  }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  std::span<std::byte> span() const { return {memory_ + guard_, bytes_}; }
  std::byte* data() const { return memory_ + guard_; }
  bool Intact() const {
    for (std::size_t i = 0; i < guard_; ++i) {
      if (memory_[i] != std::byte{kPattern} || memory_[guard_ + bytes_ + i] != std::byte{kPattern}) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kGuard = 4096;
  static constexpr unsigned char kPattern = 0xA5;
  std::size_t bytes_;
  std::size_t guard_;
  std::byte* memory_;
};

/// A ring of the smallest capacity in memory of its own.
struct SmallRing {
  static constexpr std::uint32_t kCapacity = Ring::kMinCapacity;
  GuardedMemory memory{Ring::BytesFor(kCapacity)};
  Ring ring = Ring::Create(memory.span(), kCapacity).value();
  RingControl& control() { return *reinterpret_cast<RingControl*>(memory.data()); }
  std::byte* ring_bytes() { return memory.data() + sizeof(RingControl); }
};

/// Bytes that tell where they come from.
inline base::Bytes Payload(std::uint64_t number, std::size_t size) {
  base::Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(number * 131 + i * 7 + (i >> 8));
  return bytes;
}

/// Moves an empty ring's positions to a multiple of 8, so that what follows wraps around somewhere else.
inline void AdvanceTo(Ring& ring, std::uint64_t position) {
  RecordCopy record;
  while (ring.tail() < position) {
    const std::uint64_t left = position - ring.tail();
    // What is left after this record is nothing, or at least a header.
    const std::uint64_t bytes = left < 48 ? left : 24;
    ASSERT_GE(bytes, 24u) << "positions below 24 cannot be reached";
    ASSERT_TRUE(ring.TryWrite(1, 0, 0, base::Bytes(bytes - 24)));
    ASSERT_EQ(ring.TryRead(record), ReadFault::kNone);
  }
}

}  // namespace tenure::ingest
