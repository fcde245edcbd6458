// Seeded random numbers (splitmix64): one word of state, the same everywhere.
#pragma once

#include <cstdint>

namespace tenure::sim {

class Dice {
 public:
  Dice() = default;
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::uint64_t Below(std::uint64_t n) { return Next() % n; }
  std::uint64_t Between(std::uint64_t low, std::uint64_t high) { return low + Below(high - low + 1); }
  bool OneIn(std::uint64_t n) { return n != 0 && Below(n) == 0; }

 private:
  std::uint64_t state_ = 0;
};

}  // namespace tenure::sim
