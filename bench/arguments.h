// The command line of tenure-bench: `tenure-bench WORKLOAD [OPTION]...`.
#pragma once

#include "bench/workloads/workload.h"

namespace tenure::bench {

/// What the command line asks for. Without a workload there is nothing to run: leave with `status`
/// (0 after --help, 2 after a mistake, which has been explained on stderr).
struct Arguments {
  const WorkloadEntry* workload = nullptr;
  Options options;
  int status = 0;
};
Arguments ParseArguments(int argc, char** argv);

}  // namespace tenure::bench
