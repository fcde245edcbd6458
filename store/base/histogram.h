// Latencies in logarithmic buckets, as HDR histograms have them: 64 per power of two, so a percentile is
// within 1 % of the truth from nanoseconds to an hour, at 18 KiB a histogram.
//
// Plain data without pointers: it may lie in memory shared between processes. One thread records; others
// read when it has stopped.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace tenure::base {

class Histogram {
 public:
  void Record(std::uint64_t ns) {
    ++counts_[BucketOf(ns)];
    ++total_;
  }
  void Merge(const Histogram& other);
  std::uint64_t count() const { return total_; }
  /// The latency that a fraction `q` (0 to 1) of the operations did not exceed, in nanoseconds; 0 when
  /// nothing was recorded.
  double Percentile(double q) const;

 private:
  static constexpr unsigned kSubBits = 6;
  static constexpr unsigned kValueBits = 42;
  static constexpr std::size_t kBuckets = std::size_t{kValueBits - kSubBits + 1} << kSubBits;

  static std::size_t BucketOf(std::uint64_t ns) {
    constexpr std::uint64_t kLargest = (std::uint64_t{1} << kValueBits) - 1;
    if (ns > kLargest) ns = kLargest;
    if (ns < (1U << kSubBits)) return static_cast<std::size_t>(ns);
    const unsigned shift = static_cast<unsigned>(std::bit_width(ns)) - 1 - kSubBits;
    return ((std::size_t{shift} + 1) << kSubBits) + static_cast<std::size_t>((ns >> shift) & ((1U << kSubBits) - 1));
  }
  static double MiddleOf(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace tenure::base
