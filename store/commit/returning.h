// Whether the next batch waits a moment for the writers that were answered just now.
//
// A writer that waits for its answer comes back soon after it. Without waiting for them, writers fall into two halves,
// of which one waits while the other is flushed: two flushes for every operation instead of one. Where they return in
// less than a flush, waiting is faster for everybody. Where they do not (pauses between operations, one commit each),
// it is not: the share that returned in time is remembered, and nobody is waited for while it is small, but for a try
// now and then.
//
// Pure; numbers in, numbers out.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace tenure::commit {

class Returning {
 public:
  /// How many to wait for when `answered` were answered.
  std::size_t Expected(std::size_t answered) {
    if (answered == 0 || flush_ns_ == 0) return 0;
    if (share_ < kWorthIt && ++skipped_ % kTryEvery != 0) return 0;
    return answered;
  }
  /// Of `expected` (not 0) `came` within the window.
  void Came(std::size_t expected, std::size_t came) {
    share_ = (7 * share_ + kAll * std::min(came, expected) / expected) / 8;
  }
  /// A flush took this long.
  void Flushed(std::uint64_t ns) { flush_ns_ = flush_ns_ == 0 ? ns : (7 * flush_ns_ + ns) / 8; }
  /// A flush takes about this long; 0: not known yet.
  std::uint64_t FlushNs() const { return flush_ns_; }
  /// How long they may take.
  std::uint64_t WindowNs() const { return std::min(flush_ns_ - flush_ns_ / 4, kWindowNsMax); }

 private:
  static constexpr std::uint64_t kAll = 1'024;
  static constexpr std::uint64_t kWorthIt = kAll / 4;
  static constexpr std::uint32_t kTryEvery = 32;
  static constexpr std::uint64_t kWindowNsMax = 1'000'000;

  std::uint64_t share_ = kAll;  // smoothed, in units of 1 / kAll
  std::uint32_t skipped_ = 0;
  std::uint64_t flush_ns_ = 0;  // smoothed
};

}  // namespace tenure::commit
