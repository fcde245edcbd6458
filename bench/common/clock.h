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

/// Processor time of all threads of this process.
inline std::uint64_t CpuNs() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(t.tv_nsec);
}

struct Spent {
  std::uint64_t elapsed_ns = 0;
  std::uint64_t cpu_ns = 0;
};

/// Runs from its construction.
class StopWatch {
 public:
  Spent Read() const { return {NowNs() - begin_ns_, CpuNs() - begin_cpu_ns_}; }

 private:
  std::uint64_t begin_cpu_ns_ = CpuNs();
  std::uint64_t begin_ns_ = NowNs();
};

}  // namespace tenure::bench
