// Names that mean the same in every process of the world, for what each process names in its own way.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <cstdint>

#include "tests/sim/schedule/board.h"

namespace tenure::sim {

/// Of a word that may lie in a file mapped by several processes.
WaitKey KeyOfShared(const void* address);
/// What a simulated clock shows.
std::uint64_t ClockNs(clockid_t clock);

/// Processes know each other by numbers that are the same in every run.
pid_t SimulatedPid(int process);
pid_t RealPid(pid_t simulated);

/// Before the first thread of a process.
void PrepareThreads();

}  // namespace tenure::sim
