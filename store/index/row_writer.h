// Writes collected changes into the tables of an index, inside a transaction that the caller holds.
//
// It applies, it does not decide; but it refuses to write what cannot follow from the rows that are
// there (a revision that does not continue the last one, a request id recorded twice): such an index
// has lost or gained rows, and building on it would hide that. kCorruption, naming the key.
#pragma once

#include <cstdint>
#include <span>

#include "store/index/changes.h"
#include "store/index/sqlite.h"

namespace tenure::index {

/// The statements of one kind of keyed row. `View` is EntryView or TagView.
template <typename View>
class KeyedTable {
 public:
  struct Sql {
    const char* kind;    ///< For messages: "entry" or "tag".
    const char* find;    ///< ?1 name, ?2 rest of key -> id, revision
    const char* insert;  ///< ?1 name, ?2 rest, payload from ?3
    const char* update;  ///< ?1 id, payload from ?2
    const char* move;    ///< ?1 id, ?2 until_lsn: copies the current row to the history
    const char* keep;    ///< ?1 id, ?2 until_lsn, payload from ?3: a row straight to the history
    const char* trim;    ///< ?1: below this until_lsn
  };
  explicit KeyedTable(const Sql& sql)
      : kind_(sql.kind),
        find_(sql.find),
        insert_(sql.insert),
        update_(sql.update),
        move_(sql.move),
        keep_(sql.keep),
        trim_(sql.trim) {}

  Status Write(Connection& connection, const std::vector<View>& rows);
  Status Trim(Connection& connection, Lsn below_lsn);

 private:
  /// All revisions of one key in this batch, oldest first.
  Status WriteKey(Connection& connection, const std::vector<View>& rows, std::span<const SortKey> revisions);
  Result<std::int64_t> InsertFirst(Connection& connection, const View& first, const View& last);
  Result<std::int64_t> ReplaceCurrent(Connection& connection, const View& first, const View& last);

  const char* kind_;
  LazyStatement find_, insert_, update_, move_, keep_, trim_;
  std::uint64_t written_ = 0;  // counted for the seeded bug "apply_lost_row"
};

class RowWriter {
 public:
  explicit RowWriter(Connection& connection);
  Status Write(const Changes& changes);
  /// Drops superseded revisions that were replaced below `below_lsn`.
  Status TrimHistory(Lsn below_lsn);
  /// Forgets request ids recorded below `below_lsn`.
  Status PruneRequests(Lsn below_lsn);

 private:
  Status WriteRequests(const std::vector<model::RequestRow>& rows);
  Connection& connection_;
  KeyedTable<EntryView> entries_;
  KeyedTable<TagView> tags_;
  LazyStatement insert_request_, prune_requests_, raise_oldest_;
};

}  // namespace tenure::index
