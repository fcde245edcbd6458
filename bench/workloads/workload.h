// A workload: what `tenure-bench NAME` runs. One file per workload; each enters itself in the table by a
// WorkloadEntry at its end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/common/report.h"
#include "tenure/result.h"

namespace tenure::bench {

struct Options {
  std::string dir = ".";
  unsigned rounds = 5;
  bool json = false;
  bool keep = false;
  bool verbose = false;

  std::optional<unsigned> procs;
  std::optional<unsigned> threads;
  unsigned outstanding = 1;
  bool one_key = false;
  double seconds = 2;
  std::optional<std::uint64_t> keys;
  std::vector<std::string> peers;  ///< Named ones; empty: all, or none.
  bool no_peers = false;
  unsigned runs = 50;
  std::string tenure_binary;
  std::uint64_t big = 10'000'000;
};

/// Which of the options a workload takes, besides those that all take.
enum Takes : unsigned {
  kTakesWriters = 1,
  kTakesOutstanding = 2,
  kTakesOneKey = 4,
  kTakesSeconds = 8,
  kTakesKeys = 16,
  kTakesPeers = 32,
  kTakesRuns = 64,
  kTakesTenureBinary = 128,
  kTakesProcesses = 256,  ///< Of kTakesWriters, only --procs.
  kTakesBig = 512,
};

struct WorkloadEntry {
  WorkloadEntry(const char* name, const char* what, unsigned takes, Result<Report> (*run)(const Options&));
  const char* name;
  const char* what;
  unsigned takes;
  Result<Report> (*run)(const Options&);
};
/// In the order of their names.
const std::vector<const WorkloadEntry*>& AllWorkloads();

/// A command of this program that only it calls, in a child process: arguments, the last one a descriptor.
struct HiddenCommand {
  HiddenCommand(const char* name, int (*run)(const std::vector<std::string>&));
  const char* name;
  int (*run)(const std::vector<std::string>&);
};
const std::vector<const HiddenCommand*>& AllHiddenCommands();

}  // namespace tenure::bench
