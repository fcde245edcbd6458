// What a thread does that finds no room, or nothing to do: spins, then yields, then sleeps ever longer.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

#include "store/base/cores.h"

namespace tenure::cli::load {

class Patience {
 public:
  /// About a microsecond, then a time slice, then 10 us doubling to 5 ms.
  void Wait() {
    if (turns_ < kSpins) {
      base::Relax();
    } else if (turns_ < kSpins + kYields) {
      std::this_thread::yield();
    } else {
      const unsigned doublings = std::min(turns_ - kSpins - kYields, 9u);
      std::this_thread::sleep_for(std::chrono::microseconds(10u << doublings));
    }
    ++turns_;
  }
  void Reset() { turns_ = 0; }

 private:
  static constexpr unsigned kSpins = 32;
  static constexpr unsigned kYields = 16;
  unsigned turns_ = 0;
};

}  // namespace tenure::cli::load
