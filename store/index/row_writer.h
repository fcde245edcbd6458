// Writes collected changes into the tables of an index, inside a transaction that the caller holds.
//
// It applies, it does not decide; but it refuses to write what cannot follow from the rows that are
// there (a revision that does not continue the last one, a request id recorded twice): such an index
// has lost or gained rows, and building on it would hide that. kCorruption, naming the key.
#pragma once

#include <vector>

#include "store/index/changes.h"
#include "store/index/keyed_table.h"
#include "store/index/rare_rows.h"
#include "store/index/sqlite.h"

namespace tenure::index {

class RowWriter {
 public:
  explicit RowWriter(Connection& connection);
  Status Write(const Changes& changes);
  /// Drops superseded revisions that were replaced below `below_lsn`.
  Status TrimHistory(Lsn below_lsn);
  /// The same, but what the rules keep stays.
  Status TrimHistory(Lsn below_lsn, const std::vector<model::KeepRule>& keep);
  /// Forgets request ids recorded below `below_lsn`.
  Status PruneRequests(Lsn below_lsn);
  /// Effect number `index` of `txn`, which concerns a policy, a parked conflict or a cursor.
  Status WriteRare(const model::CommittedTxn& txn, std::size_t index);

 private:
  Status RaiseOldest(Lsn below_lsn);
  Status WriteRequests(const std::vector<model::RequestRow>& rows);
  Status WriteLeases(const std::map<Lsn, std::optional<model::LeaseRow>>& leases);
  Status InsertLease(const model::LeaseRow& row);
  Connection& connection_;
  RowSource source_;
  KeyedTable<EntryView> entries_;
  KeyedTable<TagView> tags_;
  RareRows rare_;
  LazyStatement insert_request_, prune_requests_, raise_oldest_, insert_lease_, delete_lease_;
};

}  // namespace tenure::index
