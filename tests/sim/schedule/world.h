// One simulated world: some processes that write to one store until they are done, somebody who then checks what came
// of it, and the kernel that forks, kills and buries them.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/schedule/board.h"

namespace tenure::sim {

struct Verdict {
  bool ok = false;
  std::uint64_t seed = 0;
  std::uint64_t hash = 0;
  Counts counts;
  std::string problems;
};

struct WorldOptions {
  std::uint64_t seed = 1;
  std::string trace_file;  ///< Each step, a line; empty: none.
  bool verbose = false;    ///< What the store says, and every call.
};

/// Runs it in processes of its own; only the calling one is left. At most a minute, by the machine's clock.
Verdict RunSeed(const WorldOptions& options);

}  // namespace tenure::sim
