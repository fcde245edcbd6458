// What `recovery` does in processes of its own, so that each measurement begins with nothing in memory
// and a crash is a real one.
#pragma once

#include <cstdint>
#include <string>

#include "bench/common/clock.h"
#include "tenure/result.h"

namespace tenure::bench {

/// Makes a store at `dir` with `count` acknowledged transactions of distinct keys, none applied to the
/// index, and kills the process that made it with SIGKILL.
Status MakeCrashedStore(const std::string& dir, std::uint64_t count);

/// Runs one measurement in a fresh process.
///   rebuild       builds the index from the journal alone, as `tenure-replay rebuild` does
///   catchup       opens the store and applies everything
///   open          opens it, and reads one entry
///   sqlite        SQLite writes the same rows in the same order
///   sqlite_sorted SQLite sorts them by key first
struct RecoveryTimes {
  Spent spent;
  std::uint64_t read_ns = 0;  ///< For `open`: the nanoseconds until the entry had been read as well.
};
Result<RecoveryTimes> TimeRecovery(const std::string& what, const std::string& dir, std::uint64_t count);

}  // namespace tenure::bench
