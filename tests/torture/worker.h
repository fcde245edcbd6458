// A process that writes, reads and leases at random, until the end of each phase, and says what it does on stdout.
#pragma once

#include <cstdint>
#include <string>

namespace tenure::torture {

/// Reads "run PHASE UNTIL" (nanoseconds of CLOCK_BOOTTIME) and "end" from stdin. Returns the exit status.
int RunWorker(const std::string& store, std::uint64_t process, std::uint64_t seed, std::uint64_t commit_ttl_ms);

}  // namespace tenure::torture
