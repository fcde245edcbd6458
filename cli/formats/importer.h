// Puts records into a store: in transactions of many, several in flight, none lost and nothing
// overwritten, however many importers run at the same time.
//
//   Add ──▶ batch ──full──▶ plan from the index as applied ──▶ Submit ──▶ in flight (at most `window`)
//                                                                            │ answered, in order
//                       committed: counted, acknowledged ◀──────────────────┤
//                       rejected, somebody was faster: plan anew from everything committed, and commit;
//                       after a few rounds in halves, down to single entries ◀┘
//
// A plan from an index that lags is at worst rejected: every write names the revision it was decided on.
// One thread, the main one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "cli/formats/ack_log.h"
#include "cli/formats/formats.h"
#include "cli/formats/import_plan.h"
#include "tenure/store.h"

namespace tenure::cli {

struct ImporterOptions {
  std::size_t batch = 2'000;  ///< Entries in a transaction.
  std::size_t window = 4;     ///< Transactions in flight.
  CommitOptions commit;  ///< For every transaction: leases that it presents, how long it waits for those of others.
  /// How entries that the store has otherwise are settled, one by one. Transactions of many are decided again
  /// instead when another writer was faster.
  ConflictStrategy on_conflict = ConflictStrategy::kReject;
  AckLog* acks = nullptr;  ///< Optional; outlives the importer.
  /// Told about each conflict and each invalid record, in words.
  std::function<void(const std::string&)> complain;
};

struct ImportCounts {
  std::uint64_t records = 0;  ///< Read, invalid ones included.
  std::uint64_t added = 0, updated = 0, unchanged = 0, conflicts = 0, invalid = 0;
  std::uint64_t parked = 0;        ///< Of the conflicts: kept as parked conflicts.
  std::uint64_t transactions = 0;  ///< Committed.
  std::uint64_t retries = 0;       ///< Transactions decided again: another writer was faster, or had leased a key.
  Lsn last_lsn = 0;                ///< Of the last of them; 0: nothing was written.
};

class Importer {
 public:
  Importer(Store& store, ImporterOptions options) : store_(store), options_(std::move(options)) {}

  /// Takes one record; fails when the store cannot be written, and is of no more use then.
  Status Add(Record record, const std::string& where);
  /// Counts a record that its parser refused.
  void Refuse(const std::string& where, const Error& why);
  /// Waits for everything that was submitted, and writes what was not.
  Status Finish();
  /// After a failure of Add or Finish: what was submitted is still waited for and counted.
  void Abandon();
  const ImportCounts& counts() const { return counts_; }

 private:
  /// Records of one kind, each key once.
  struct Batch {
    std::vector<ImportItem> items;
    std::unordered_set<std::string> keys;
    std::size_t bytes = 0;
  };
  struct InFlight {
    std::vector<ImportItem> items;
    ImportPlan plan;
    Ticket ticket;
  };

  void Complain(const std::string& what) {
    if (options_.complain) options_.complain(what);
  }
  Status AddTo(Batch& batch, ImportItem item);
  Status Flush(Batch& batch);
  Status FlushTags();
  Status Drain();
  Status SettleOldest();
  Status Settle(const ImportPlan& plan, const Receipt* receipt);
  Status SettleConflict(const ImportPlan::Conflict& conflict);
  void RefuseItem(const ImportItem& item, const Error& why);
  Status Resolve(const std::vector<ImportItem>& items, std::size_t begin, std::size_t end);

  Store& store_;
  ImporterOptions options_;
  Batch entries_;
  Batch tags_;  ///< Wait for their entries.
  std::deque<InFlight> in_flight_;
  ImportCounts counts_;
};

}  // namespace tenure::cli
