// What a writer has done so far, readable while it goes on: one thread adds, any thread looks.
//
// A snapshot is of one moment between two additions, so it adds up: produced = succeeded + failed, in blocks and
// in bytes; and so does the sum of several.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace tenure::cli::load {

struct Counts {
  std::uint64_t produced = 0;  ///< Blocks that were accounted: written, or given up.
  std::uint64_t produced_bytes = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t succeeded_bytes = 0;
  std::uint64_t failed = 0;
  std::uint64_t failed_bytes = 0;
  std::uint64_t full = 0;                 ///< Attempts that found no room and were repeated.
  std::uint64_t allocation_failures = 0;  ///< Likewise, for memory.

  static constexpr std::size_t kFields = 8;
  std::array<std::uint64_t*, kFields> Fields() {
    return {&produced, &produced_bytes, &succeeded, &succeeded_bytes,
            &failed,   &failed_bytes,   &full,      &allocation_failures};
  }
  Counts& operator+=(Counts other) {
    for (std::size_t i = 0; i < kFields; ++i) *Fields()[i] += *other.Fields()[i];
    return *this;
  }
  bool AddsUp() const { return produced == succeeded + failed && produced_bytes == succeeded_bytes + failed_bytes; }
};
static_assert(sizeof(Counts) == Counts::kFields * sizeof(std::uint64_t));

class alignas(64) Account {
 public:
  /// The owner's thread only.
  void Add(const Counts& delta);
  /// Any thread; tries again while an addition is under way.
  Counts Snapshot() const;

 private:
  // A sequence lock: odd while fields change. Fields are stored with release after the odd number and loaded with
  // acquire before the second look at it, so a reader that met a new field also meets the new number.
  std::atomic<std::uint64_t> sequence_{0};
  std::array<std::atomic<std::uint64_t>, Counts::kFields> fields_{};
};

}  // namespace tenure::cli::load
