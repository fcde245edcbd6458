// A store: a directory that any number of processes write to at once.
//
// Store is a shared handle: copies name the same open store, all its functions may be called from
// any thread, and the last copy to go closes it. One open store per directory per process is enough.
// A handle is unusable in a forked child: every function answers kClosed there. Nothing is thrown: kOutOfMemory when
// there is no memory, kInternal for what a visitor throws.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tenure/conflict.h"
#include "tenure/export.h"
#include "tenure/options.h"
#include "tenure/result.h"
#include "tenure/transaction.h"
#include "tenure/types.h"

namespace tenure {

class Lease;
struct AcquireOptions;
class StoreImpl;
class Watch;
struct WatchOptions;
struct StoreDiagnosis;
struct TicketState;

/// The answer to a submitted transaction, when it comes. Copyable; thread-safe.
class TENURE_API Ticket {
 public:
  /// True when the answer is there; never waits.
  bool Poll() const;
  /// Waits for the answer: the receipt, or why the transaction was rejected.
  Result<Receipt> Wait() const;
  explicit Ticket(std::shared_ptr<TicketState> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<TicketState> state_;
};

/// What opening had to do after a crash or a loss of shared memory.
struct RecoveryNote {
  bool took_over = false;             ///< A committer had died; its epoch was sealed.
  std::uint64_t epoch = 0;            ///< The epoch now in force.
  std::uint64_t set_aside_bytes = 0;  ///< Bytes behind the sealed end that are not data and were kept.
  std::string set_aside_path;
  std::uint64_t set_aside_offset = 0;
  /// Where nothing can be written: bytes of an unfinished commit that were passed over. They stay where they are, until
  /// somebody opens the store for writing.
  std::uint64_t passed_over_bytes = 0;
  std::string passed_over_path;
  std::uint64_t passed_over_offset = 0;
};

struct StoreStats {
  std::string path;
  std::string store_id;
  std::uint64_t incarnation = 0;
  std::uint64_t epoch = 0;
  Lsn durable_lsn = 0;
  Lsn applied_lsn = 0;
  Lsn oldest_log_lsn = 0;      ///< First LSN that `log` can show.
  Lsn oldest_history_lsn = 0;  ///< First LSN that `--at` can show.
  TimeMs last_commit_ms = 0;
  std::uint64_t entries = 0;
  std::uint64_t tombstones = 0;
  std::uint64_t tags = 0;
  std::uint64_t history_rows = 0;
  std::uint64_t request_ids = 0;
  std::uint64_t policies = 0;
  std::uint64_t parked_conflicts = 0;
  std::uint64_t members = 0;  ///< Processes that have the store open now, this one included.
  std::uint64_t segments = 0;
  std::uint64_t journal_bytes = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t checkpoints = 0;
  std::string state_hash;  ///< Hex, at durable_lsn.
  std::string chain_hash;  ///< Hex, at durable_lsn.
  std::string index_path;
  std::string sqlite_version;
};

struct CompactOptions {
  /// Drop superseded revisions and log below this LSN. 0 keeps all history in the index and trims
  /// only journal that the new checkpoint covers.
  Lsn before_lsn = 0;
  bool dry_run = false;
};

struct CompactReport {
  Lsn checkpoint_lsn = 0;
  Lsn before_lsn = 0;
  std::uint64_t history_rows_removed = 0;
  std::uint64_t request_ids_removed = 0;
  std::uint64_t segments_removed = 0;
  std::uint64_t bytes_freed = 0;
  /// The cursor that still needs journal which would have gone otherwise; empty when none does.
  std::string held_by;
  Lsn held_lsn = 0;  ///< The first LSN that it needs.
  std::uint64_t segments_held = 0;
};

class TENURE_API Store {
 public:
  /// Makes `dir`/.tenure. Fails with kAlreadyAStore where there is one.
  static Result<Store> Create(const std::string& dir, const CreateOptions& create = {}, const OpenOptions& open = {});
  /// Opens `path` (a directory that holds .tenure, or the .tenure directory itself); recovers first
  /// when its last committer died. kCorruption names file and offset and changes nothing.
  static Result<Store> Open(const std::string& path, const OpenOptions& options = {});

  /// Waits until the transaction is durable, or says why it was rejected. Rejections leave no trace
  /// and use no LSN.
  Result<Receipt> Commit(const Transaction& txn, const CommitOptions& options = {});
  /// Queues the transaction and returns at once; waits only when the queue is full.
  /// Transactions of one thread commit in the order submitted. One that was refused while its committer died is decided
  /// again for its answer; it is kChangedSince when nothing stands against it any more, but later ones of its thread
  /// may have been committed.
  Result<Ticket> Submit(const Transaction& txn, const CommitOptions& options = {});
  /// What became of a request id: its receipt, or kNotFound after journaling the id as cancelled, so
  /// that a transaction with that id that is still on its way can no longer apply.
  Result<Receipt> OutcomeOf(const std::string& request_id);

  /// Leases scopes, all or none; waits for its turn as long as `options.wait` says. See tenure/lease.h.
  /// kLeaseHeld names the holder; kDeadlock, kLeasesExhausted, kInvalidArgument.
  Result<Lease> Acquire(const AcquireOptions& options);
  /// By token, for leases without a handle. Prolongs it by its time to live, or to `ttl` from now.
  Result<LeaseInfo> RenewLease(const std::string& token, std::optional<std::chrono::milliseconds> ttl = std::nullopt);
  Result<Receipt> ReleaseLease(const std::string& token);
  /// Takes a lease away, whoever holds it: its holder's writes are refused from the LSN of the receipt on.
  Result<Receipt> BreakLease(Lsn id, const std::string& reason);
  /// The leases that are held, by id.
  Result<std::vector<LeaseInfo>> Leases() const;

  /// `ref`: "name" (when one version is live), "name:version", "name@tag" or "name@sha256:<hex>".
  Result<ArtifactEntry> Get(const std::string& ref, const ReadOptions& options = {}) const;
  /// Entries ordered by name, then version (bytewise). The callback form streams; returning false ends it.
  Result<std::vector<ArtifactEntry>> List(const ListOptions& options = {}) const;
  Status ForEach(const ListOptions& options, const std::function<bool(const ArtifactEntry&)>& visit) const;
  /// Every retained revision of "name:version", newest first, tombstones included.
  Result<std::vector<ArtifactEntry>> History(const std::string& ref, const ReadOptions& options = {}) const;
  /// Tags of names that match `glob` (empty means all), ordered by name, then tag.
  Result<std::vector<TagEntry>> Tags(const std::string& glob = {}, const ReadOptions& options = {}) const;
  Result<TagEntry> GetTag(const std::string& name, const std::string& tag, const ReadOptions& options = {}) const;
  Result<std::vector<TagEntry>> TagHistory(const std::string& name, const std::string& tag) const;

  /// Committed effects from `from` (at least 1) to `to` (0 means the durable LSN at the call), in
  /// order. kCompacted when `from` is no longer retained. Returning false ends it.
  Status Log(Lsn from, Lsn to, const std::function<bool(const Event&)>& visit) const;
  /// The same without an end, as it is committed: see tenure/watch.h.
  Result<tenure::Watch> Watch(const WatchOptions& options) const;
  /// Cursors of watches, ordered by name.
  Result<std::vector<CursorEntry>> Cursors() const;
  /// kNotFound when there is none. A watch that still runs makes it again with its next move.
  Result<Lsn> RemoveCursor(const std::string& name);
  /// Resolves a time to the last LSN committed at or before it.
  Result<Lsn> LsnAt(TimeMs time_ms) const;
  /// The inverse of transaction `lsn`, as a transaction with the bases of that LSN.
  Result<Transaction> Inverse(Lsn lsn) const;

  /// Ordered by glob.
  Result<std::vector<Policy>> Policies() const;
  /// Short ways to commit one operation on policies or on a parked conflict; see Transaction.
  Result<Receipt> SetPolicy(PolicySpec spec, const CommitOptions& options = {});
  Result<Receipt> RemovePolicy(const std::string& glob, const CommitOptions& options = {});
  /// Conflicts that are parked and not resolved, oldest first, of keys that match `glob` (empty means all).
  Result<std::vector<ParkedConflict>> Conflicts(const std::string& glob = {}) const;
  /// kNotFound when it was resolved, or never was.
  Result<ParkedConflict> Conflict(const ConflictId& id) const;
  Result<Receipt> Resolve(const ConflictId& id, Take take, const CommitOptions& options = {});

  /// Applies everything durable to the index and waits for it.
  Status CatchUp() const;
  Result<StoreStats> Stats() const;
  /// Who has the store open and what they are at: see tenure/doctor.h, which can also look at a store that does not
  /// open. Changes nothing and waits for nobody, unlike Stats.
  Result<StoreDiagnosis> Diagnose() const;
  Result<CompactReport> Compact(const CompactOptions& options = {});
  /// Copies the store, as of one LSN, to `dir`/.tenure, with a new store id and incarnation.
  Result<Lsn> Backup(const std::string& dir) const;

  const RecoveryNote& recovery() const;
  const std::string& path() const;  ///< The .tenure directory.

  explicit Store(std::shared_ptr<StoreImpl> impl) : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<StoreImpl> impl_;
};

}  // namespace tenure
