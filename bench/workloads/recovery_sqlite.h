// SQLite writing the rows that a recovery writes: the peer of `recovery`.
#pragma once

#include <cstdint>
#include <string>

#include "bench/common/clock.h"
#include "tenure/result.h"

namespace tenure::bench {

/// Makes a database at `path` and writes `rows` entries of distinct keys into it, in a table with the
/// columns of tenure's index: one connection, WAL, synchronous=NORMAL, big transactions, a page cache that
/// holds everything, a checkpoint at the end. The rows are in memory before the clock starts. In arrival
/// order the keys are scattered; `sorted` sorts them by key first, within the time.
Result<Spent> WriteEntriesWithSqlite(const std::string& path, std::uint64_t rows, bool sorted);

}  // namespace tenure::bench
