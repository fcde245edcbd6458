// A clock for single calls of a few nanoseconds: the processor's own counter where it can be read in user
// mode with sufficient resolution (x86-64, constant rate), else CLOCK_MONOTONIC.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "bench/common/clock.h"
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace tenure::bench {

/// The count when everything before has been executed.
inline std::uint64_t Ticks() {
#if defined(__x86_64__)
  unsigned processor = 0;
  const std::uint64_t now = __rdtscp(&processor);  // waits for what comes before
  _mm_lfence();                                    // and nothing that comes after begins earlier
  return now;
#else
  return NowNs();
#endif
}

struct TickScale {
  double ns_per_tick = 1;
  /// What two readings with nothing in between differ by, at the median: to be subtracted.
  std::uint64_t empty_ticks = 0;
};

/// Takes 20 ms.
inline TickScale CalibrateTicks() {
  const std::uint64_t begin_ns = NowNs();
  const std::uint64_t begin = Ticks();
  while (NowNs() - begin_ns < 20'000'000) {
  }
  const std::uint64_t end_ns = NowNs();
  const std::uint64_t end = Ticks();
  std::array<std::uint64_t, 1001> empty{};
  for (std::uint64_t& sample : empty) {
    const std::uint64_t first = Ticks();
    sample = Ticks() - first;
  }
  std::sort(empty.begin(), empty.end());
  return {static_cast<double>(end_ns - begin_ns) / static_cast<double>(end - begin), empty[empty.size() / 2]};
}

}  // namespace tenure::bench
