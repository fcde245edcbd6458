// The SQLite projection of the journal: rows as of `applied_lsn`, deletable and rebuildable.
//
// One file is one generation, `<epoch>-<n>.db`; `CURRENT` names the live one as a hint. WAL mode,
// synchronous=NORMAL; the rows, applied position and state hash change in one SQLite transaction.
// schemas/index.sql is the schema, compiled in, readable by any SQLite client.
//
// IndexWriter: one per store at a time (the applier's turn guards it), one thread. Only it writes,
// only it checkpoints: PASSIVE, while its second connection holds BEGIN IMMEDIATE, so that no other
// writer can race a checkpoint (SQLite 3.7.0 to 3.51.2 can lose commits otherwise).
// IndexReader: read-only connection with prepared statements; one thread at a time. Automatic and
// on-close checkpoints are off on every connection, so the WAL survives the last close.
// Nothing else in a process may open the index files: closing any other descriptor drops SQLite's locks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/base/env.h"
#include "store/model/effect.h"
#include "store/model/position.h"
#include "tenure/options.h"
#include "tenure/result.h"

namespace tenure::index {

/// What the index file says of itself.
struct Mark {
  model::JournalPosition position;  ///< Everything up to position.last_lsn is applied.
  Lsn oldest_history_lsn = 0;       ///< `--at` answers from here on (0: from the beginning).
  std::uint64_t format_version = 0;
  std::string store_id_hex;
};

/// A frame ready to be applied.
struct AppliedFrame {
  std::vector<model::CommittedTxn> txns;
  model::JournalPosition after;
};

struct Counts {
  std::uint64_t entries = 0, tombstones = 0, tags = 0, tag_tombstones = 0, history_rows = 0, request_ids = 0;
  std::uint64_t policies = 0, conflicts = 0;
};

struct Listing {
  std::string name_prefix;                ///< Names that begin with these bytes.
  std::string after_name, after_version;  ///< Continue behind this key; empty: from the start.
  bool include_deleted = false;
};

class IndexWriter {
 public:
  /// Makes an empty index (kExists when the file is there), written through once so that later
  /// commits sync nothing.
  static Result<std::unique_ptr<IndexWriter>> Create(const std::string& path, const std::string& store_id_hex,
                                                     const model::JournalPosition& at);
  static Result<std::unique_ptr<IndexWriter>> Open(const std::string& path);
  ~IndexWriter();

  /// Applies frames in one SQLite transaction. Does nothing, successfully, for frames at or below the
  /// applied LSN; kInternal when the first new frame does not continue it.
  Status Apply(std::span<const AppliedFrame> frames);
  /// Apply for very many frames: keeps their rows, sorted together, until CommitGathered writes them all in one
  /// SQLite transaction. Frames need not outlive the call. A failure forgets everything gathered.
  Status Gather(std::span<const AppliedFrame> frames);
  Status CommitGathered();
  /// Memory that gathered rows take; the caller bounds it.
  std::size_t gathered_bytes() const;
  /// For building from nothing: like Apply, into an index that nobody reads, faster (rows are collected, up to
  /// some 400 MiB, sorted by key and inserted in order; call FinishBulk once at the end).
  Status ApplyBulk(std::span<const AppliedFrame> frames);
  Status FinishBulk();
  /// FinishBulk without syncs, for a caller that closes the writer, removes what is beside the file, and
  /// syncs the file itself. Of no other use afterwards.
  Status FinishBulkUnsynced();
  Result<Mark> ReadMark() const;
  /// Checkpoints the WAL into the file when it is larger than `wal_bytes_max` (0: always), and restarts it
  /// unless a reader is still in it: then it goes on growing, and the next call tries again. kBusy when
  /// another connection holds the write or the checkpoint lock. Whoever opens an index first reads its
  /// whole WAL, 2 ms for 8 MiB: checkpoint before leaving.
  Status Checkpoint(std::uint64_t wal_bytes_max);
  /// Makes durable what was applied. Otherwise only checkpoints do, as far as readers let them: until then power loss
  /// may set the index back to an earlier LSN.
  Status Sync();
  /// A synced copy at the current mark, by SQLite's backup API, at `target` (must not exist; no WAL beside it). Its
  /// name is the caller's to sync.
  Status CopyTo(const std::string& target);

 private:
  struct State;
  explicit IndexWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class IndexReader {
 public:
  /// `immutable`: the medium is read-only and nobody writes (SQLite's immutable=1).
  static Result<std::unique_ptr<IndexReader>> Open(const std::string& path, bool immutable = false);
  ~IndexReader();

  /// A consistent view: everything read between Begin and End is of one applied LSN. Functions below
  /// may also be called outside, each then has its own view.
  Status BeginSnapshot();
  void EndSnapshot();
  /// False: a view is still open, because SQLite had no memory to end it. Only destruction does.
  bool IsIdle() const;
  Result<Mark> ReadMark() const;
  /// Just the applied LSN: cheap, for polling a bound.
  Result<Lsn> AppliedLsn() const;
  /// Whether every view from now on has applied `lsn`. Asks the file only when an earlier answer does not say.
  Result<bool> HasApplied(Lsn lsn) const;

  /// The newest row of a key, tombstones included; nullopt when there never was one.
  Result<std::optional<ArtifactEntry>> GetEntry(std::string_view name, std::string_view version) const;
  /// The same as of `lsn`.
  Result<std::optional<ArtifactEntry>> GetEntryAt(std::string_view name, std::string_view version, Lsn lsn) const;
  Result<std::optional<TagEntry>> GetTag(std::string_view name, std::string_view tag) const;
  Result<std::optional<TagEntry>> GetTagAt(std::string_view name, std::string_view tag, Lsn lsn) const;
  /// Live tags of `name` that point to `version`.
  Result<std::vector<TagEntry>> TagsOf(std::string_view name, std::string_view version) const;
  Result<std::optional<model::RequestRow>> GetRequest(std::string_view request_id) const;
  /// One revision of a key, current or superseded; nullopt when it never was, or is no longer retained.
  Result<std::optional<ArtifactEntry>> GetEntryRevision(std::string_view name, std::string_view version,
                                                        Revision revision) const;
  Result<std::optional<TagEntry>> GetTagRevision(std::string_view name, std::string_view tag, Revision revision) const;
  /// Ordered by glob.
  Result<std::vector<Policy>> Policies() const;
  Result<std::optional<ParkedConflict>> GetConflict(const ConflictId& id) const;
  /// In the order in which they were parked.
  Status ForEachConflict(const std::function<bool(const ParkedConflict&)>& visit) const;
  /// Ordered by name, then version, bytewise. Returning false ends it. With `at`, as of that LSN.
  Status ForEachEntry(const Listing& listing, std::optional<Lsn> at,
                      const std::function<bool(const ArtifactEntry&)>& visit) const;
  Status ForEachTag(const Listing& listing, std::optional<Lsn> at,
                    const std::function<bool(const TagEntry&)>& visit) const;
  /// Every retained revision, newest first.
  Result<std::vector<ArtifactEntry>> History(std::string_view name, std::string_view version) const;
  Result<std::vector<TagEntry>> TagHistory(std::string_view name, std::string_view tag) const;
  Status ForEachHistory(const std::function<bool(const ArtifactEntry&)>& visit) const;  ///< Superseded revisions only.
  Status ForEachTagHistory(const std::function<bool(const TagEntry&)>& visit) const;
  /// Request ids recorded below `lsn`, for the pruning decision.
  Status ForEachRequest(Lsn below, const std::function<bool(const model::RequestRow&)>& visit) const;
  /// Leases that were granted and not ended, by id.
  Status ForEachLease(const std::function<bool(const model::LeaseRow&)>& visit) const;
  Result<std::optional<CursorEntry>> GetCursor(std::string_view name) const;
  Result<std::vector<CursorEntry>> Cursors() const;  ///< Ordered by name.
  Result<Counts> Count() const;
  /// Superseded revisions (of entries and tags) that trimming below `lsn` would drop.
  Result<std::uint64_t> CountHistoryBelow(Lsn lsn, const std::vector<model::KeepRule>& keep = {}) const;
  /// Size of the index file in bytes, as SQLite counts its pages.
  Result<std::uint64_t> FileBytes() const;

  /// A copy of what this reader sees, at `target` (must not exist), by SQLite's backup API. Nothing is synced.
  Status CopyTo(const std::string& target) const;
  /// Recomputes the state hash from the rows (not from the stored sum).
  Result<base::Hash128> ComputeStateHash() const;
  /// PRAGMA integrity_check; kCorruption with its first lines.
  Status CheckIntegrity() const;

 private:
  struct State;
  explicit IndexReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// ComputeStateHash of a finished file that nobody changes meanwhile, on two threads.
Result<base::Hash128> ComputeStateHashOf(const std::string& path);

std::string SqliteVersion();

}  // namespace tenure::index
