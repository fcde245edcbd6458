// Policies, parked conflicts and cursors in the tables of an index: few rows, written one by one.
//
// It applies, it does not decide; but it refuses what cannot follow from the rows that are there (a resolution of
// what is not parked, kCorruption): such an index has lost or gained rows. One thread, inside a transaction of the
// caller, who rolls back after any failure.
#pragma once

#include <vector>

#include "store/index/sqlite.h"
#include "store/model/effect.h"

#define TENURE_POLICY_COLUMNS \
  "glob, immutable, require_lease, on_conflict, schema, keep_history, writer, time_ms, lsn, effect"
#define TENURE_CONFLICT_COLUMNS "lsn, effect, writer, uid, time_ms, body"
#define TENURE_CURSOR_COLUMNS "name, lsn, effects, moved_at_ms, writer"

namespace tenure::index {

class RareRows {
 public:
  explicit RareRows(Connection& connection);
  Status SetPolicy(const Policy& policy);
  Status DeletePolicy(const std::string& glob, Lsn lsn);
  Status Park(const ParkedConflict& conflict);
  Status Resolve(const ConflictId& id, Lsn lsn);
  /// Whatever was there: two watches may use one cursor, and remove it, without having heard of each other.
  Status SetCursor(const CursorEntry& cursor);
  Status DeleteCursor(const std::string& name);
  /// Drops superseded revisions that were replaced below `below_lsn`, but for those that the rules keep.
  Status TrimHistory(Lsn below_lsn, const std::vector<model::KeepRule>& keep);

 private:
  Error Missing(const std::string& what, Lsn lsn) const;
  Connection& connection_;
  LazyStatement set_policy_, delete_policy_, park_, resolve_, set_cursor_, delete_cursor_;
};

/// Reads a row of the columns above. kCorruption when a column cannot be what a writer stored.
Result<Policy> ReadPolicy(const Statement& row);
Result<ParkedConflict> ReadConflict(const Statement& row);
CursorEntry ReadCursor(const Statement& row);

/// Superseded revisions (of entries and tags) that trimming below `lsn` would drop.
Result<std::uint64_t> CountTrimmed(Connection& connection, Lsn below_lsn, const std::vector<model::KeepRule>& keep);

}  // namespace tenure::index
