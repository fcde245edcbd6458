// The blocks of one writer: sizes and content from a seed, in memory that is used again.
//
// One per thread. Block n of writer w depends on the settings, n and w only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cli/load/settings.h"

namespace tenure::cli::load {

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next();
  /// Uniform over [0, bound), without the bias of a remainder (Lemire's multiplication; the rest is redrawn).
  std::uint64_t Below(std::uint32_t bound);
  /// Uniform over (0, 1].
  double Unit() { return (static_cast<double>(Next() >> 11) + 1) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

class Generator {
 public:
  Generator(const Settings& settings, unsigned writer);
  std::size_t NextSize();
  void Fill(std::span<std::byte> block);

 private:
  const Settings& settings_;
  Random random_;
  std::uint64_t count_ = 0;
};

/// Buffers of one size. Whoever takes one gives it back; none is returned to the system before the end.
class Pool {
 public:
  explicit Pool(std::size_t bytes) : bytes_(bytes) {}
  /// Null when there is no memory.
  std::byte* Take();
  void Give(std::byte* buffer) { free_.push_back(buffer); }
  std::size_t allocated() const { return all_.size(); }

 private:
  std::size_t bytes_;
  std::vector<std::unique_ptr<std::byte[]>> all_;
  std::vector<std::byte*> free_;
};

}  // namespace tenure::cli::load
