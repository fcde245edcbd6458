#include "store/base/histogram.h"

#include <algorithm>
#include <cmath>

namespace tenure::base {

void Histogram::Merge(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
}

double Histogram::MiddleOf(std::size_t bucket) {
  if (bucket < (1U << kSubBits)) return static_cast<double>(bucket);
  const unsigned shift = static_cast<unsigned>(bucket >> kSubBits) - 1;
  const std::uint64_t low = ((1U << kSubBits) + (bucket & ((1U << kSubBits) - 1))) << shift;
  return static_cast<double>(low) + static_cast<double>(std::uint64_t{1} << shift) / 2;
}

double Histogram::Percentile(double q) const {
  if (total_ == 0) return 0;
  const auto rank =
      std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(total_))), 1, total_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= rank) return MiddleOf(i);
  }
  return MiddleOf(kBuckets - 1);
}

}  // namespace tenure::base
