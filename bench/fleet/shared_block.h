// The memory that a fleet's parent and its writer processes share, in an anonymous file inherited by
// descriptor: the order to each writer, four barriers, and what each writer found.
//
//   parent:   write spec, start processes ... all ready? ... start_ns, go=1 ............ wait for exits, read
//   writer:   open, client, ++ready, wait go, write until the window ends, ++finished, wait settled, exit
//   process 0 also: wait until finished == writers, Settle, settled=1
//
// Words of the barriers are futexes (shared, not process-private). Everything else is written by one
// side before it passes a barrier (release) and read by the other behind it (acquire).
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "bench/common/histogram.h"

namespace tenure::bench {

struct FleetSpec {
  char subject[32] = {};
  char dir[1024] = {};
  std::uint32_t processes = 1;
  std::uint32_t threads = 1;      ///< Per process; writers = processes x threads.
  std::uint32_t outstanding = 1;  ///< 1: Put; more: Start and FinishOldest.
  std::uint32_t one_key = 0;      ///< 1: Increment.
  std::uint64_t keys = 1;
  std::uint64_t window_ns = 0;
  std::uint64_t ops_per_writer_max = 0;  ///< 0: until the window ends.
  std::uint64_t seed = 1;
};

struct alignas(64) WriterReport {
  std::uint64_t ops = 0;        ///< Finished before the window ended.
  std::uint64_t ops_total = 0;  ///< With those in flight when it ended.
  std::uint64_t successes = 0;  ///< Of ops, for --one-key.
  std::uint64_t successes_total = 0;
  std::uint64_t end_ns = 0;  ///< When the last one was finished.
  Histogram latency;
};

struct alignas(64) ProcessReport {
  pid_t pid = 0;
  double cpu_s = 0;       ///< User and system time of all its threads, from the start to settled.
  char error[1000] = {};  ///< Why it gave up; empty when it did not.
};

struct alignas(64) FleetControl {
  std::atomic<std::uint32_t> ready{0};     ///< Writers that can start.
  std::atomic<std::uint32_t> go{0};        ///< start_ns is set.
  std::atomic<std::uint32_t> finished{0};  ///< Writers that have nothing in flight any more.
  std::atomic<std::uint32_t> settled{0};   ///< Settle has returned.
  std::uint64_t start_ns = 0;
  std::uint64_t settled_ns = 0;
  FleetSpec spec;

  ProcessReport* process(std::uint32_t i) { return reinterpret_cast<ProcessReport*>(this + 1) + i; }
  WriterReport* writer(std::uint32_t i) { return reinterpret_cast<WriterReport*>(process(spec.processes)) + i; }
  static std::size_t BytesFor(const FleetSpec& spec) {
    return sizeof(FleetControl) + spec.processes * sizeof(ProcessReport) +
           std::size_t{spec.processes} * spec.threads * sizeof(WriterReport);
  }
};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free, "the barriers are shared between processes");

/// Waits until `word` is no longer `value`, or the time is over (0: no limit), or a signal came.
void FutexWait(std::atomic<std::uint32_t>& word, std::uint32_t value, std::uint64_t timeout_ns);
void FutexWakeAll(std::atomic<std::uint32_t>& word);

}  // namespace tenure::bench
