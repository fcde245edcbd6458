// A fleet of writers: real processes (fork and exec of this program), or the threads of one, that start
// together, put records into one subject for a while and report what they saw.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/common/histogram.h"
#include "bench/subjects/subject.h"
#include "tenure/result.h"

namespace tenure::bench {

struct FleetOrder {
  std::string subject;
  SubjectSetup setup;
  unsigned outstanding = 1;
  double seconds = 1;
  std::uint64_t ops_per_writer_max = 0;  ///< 0: until the time is over.
  std::uint64_t seed = 1;
  bool verbose = false;  ///< Print the process ids.
};

struct FleetResult {
  unsigned writers = 0;
  Histogram latency;                    ///< Of all writers together.
  double worst_p99_ns = 0;              ///< Of the writer that fared worst.
  std::vector<std::uint64_t> ops_each;  ///< Finished within the window, per writer.
  std::uint64_t ops = 0;                ///< Their sum.
  std::uint64_t ops_total = 0;          ///< With those in flight when the window ended.
  std::uint64_t successes = 0;          ///< One-key runs: of ops, those that changed the counter.
  std::uint64_t successes_total = 0;
  double window_s = 0;   ///< From the start to the end of the window, or to the last answer of a limited run.
  double drained_s = 0;  ///< From the start to the last answer.
  double settled_s = 0;  ///< From the start until everything could be read.
  double cpu_s = 0;      ///< Of all processes, from the start to settled, background threads included.
};

/// Prepares nothing: the subject's store must be there. Ends every process that it started.
Result<FleetResult> RunFleet(const FleetOrder& order);

/// The hidden command of a writer process: `__worker PROCESS FD`.
int WorkerMain(const std::vector<std::string>& arguments);

}  // namespace tenure::bench
