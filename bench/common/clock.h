// The clock of every figure: CLOCK_MONOTONIC, read through the vDSO, comparable between processes.
#pragma once

#include <time.h>

#include <cerrno>
#include <cstdint>

namespace tenure::bench {

inline std::uint64_t NowNs() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(t.tv_nsec);
}

/// Sleeps until `when_ns` of the same clock.
inline void SleepUntilNs(std::uint64_t when_ns) {
  timespec t{};
  t.tv_sec = static_cast<time_t>(when_ns / 1'000'000'000U);
  t.tv_nsec = static_cast<long>(when_ns % 1'000'000'000U);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr) == EINTR) {
  }
}

}  // namespace tenure::bench
