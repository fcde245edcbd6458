// The bytes of a ring in memory that two threads or processes share.
//
//   0     magic, layout version, capacity                     written once
//   64    tail; written, overflowed, bytes, high water        written by the producer only
//   128   head; read, high water                              written by the consumer only
//   192   unused: keeps the data off the pair of lines that adjacent-line prefetchers fetch with `head`
//   256   data, `capacity` bytes
//
// Positions are 64-bit and only grow (2^64 bytes at 10 GB/s last 58 years); the byte at position p is
// data[p & (capacity - 1)]. head <= tail <= head + capacity; both are multiples of 8.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tenure::ingest {

inline constexpr std::uint64_t kRingMagic = 0x3130474e'49524e54;  // "TNRING01"
inline constexpr std::uint32_t kRingLayoutVersion = 1;

struct RingControl {
  alignas(64) std::atomic<std::uint64_t> magic;
  std::atomic<std::uint32_t> layout_version;
  std::atomic<std::uint32_t> capacity;

  alignas(64) std::atomic<std::uint64_t> tail;
  std::atomic<std::uint64_t> written;
  std::atomic<std::uint64_t> overflowed;
  std::atomic<std::uint64_t> bytes;
  std::atomic<std::uint64_t> producer_high_water;

  alignas(64) std::atomic<std::uint64_t> head;
  std::atomic<std::uint64_t> read;
  std::atomic<std::uint64_t> consumer_high_water;

  alignas(64) std::byte unused[64];
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(sizeof(RingControl) == 256 && alignof(RingControl) == 64);
static_assert(offsetof(RingControl, magic) == 0 && offsetof(RingControl, layout_version) == 8 &&
              offsetof(RingControl, capacity) == 12);
static_assert(offsetof(RingControl, tail) == 64 && offsetof(RingControl, written) == 72 &&
              offsetof(RingControl, overflowed) == 80 && offsetof(RingControl, bytes) == 88 &&
              offsetof(RingControl, producer_high_water) == 96);
static_assert(offsetof(RingControl, head) == 128 && offsetof(RingControl, read) == 136 &&
              offsetof(RingControl, consumer_high_water) == 144 && offsetof(RingControl, unused) == 192);

}  // namespace tenure::ingest
