// Applies committed frames to the index, behind the acknowledgements.
//
// Whoever has the turn to apply reads the journal from the index's own mark up to the durable LSN and
// writes large SQLite transactions. This is the same path that recovery takes: replay and live
// operation cannot differ. Only a backlog that is most of the store is not applied: the next generation is
// built from the journal instead, and switched to. A process that dies in it leaves an unfinished SQLite transaction,
// which rolls back; a late or repeated apply does nothing. A process that stops in it is passed by: the next generation
// is built beside it. So is one that stopped with SQLite's locks and without the turn, while it opened the index.
// Thread-safe.
#pragma once

#include <memory>
#include <mutex>

#include "store/commit/context.h"
#include "store/commit/index_access.h"
#include "store/index/index.h"
#include "store/journal/reader.h"

namespace tenure::commit {

/// Of a journal that does not reach what was acknowledged.
Error JournalEndsEarly(const std::string& journal_dir, Lsn end, Lsn acknowledged);

class Applier {
 public:
  Applier(const Context& context, IndexPool& pool) : context_(context), pool_(pool) {}

  /// Whether the shared hint of what is applied is believed. It may run ahead of a generation that was just switched
  /// to.
  enum class Trust : std::uint8_t { kHint, kNothing };

  /// Returns when the index has applied `lsn`, by this process or another one. kBusy when another process has the
  /// turn, works, and does not get there within the bound. A process that stopped in its turn is passed by.
  /// Not `patient`: returns, with success, as soon as nothing moves any more.
  Status WaitApplied(Lsn lsn, bool patient = true);
  /// Like WaitApplied, but gives up at once, with success, when another process has the turn.
  Status TryApply(Lsn lsn, Trust trust = Trust::kHint, bool may_build = true);
  /// Runs `work` with the index writer, everything up to the durable LSN applied, nobody else applying.
  Status WithWriter(const std::function<Status(index::IndexWriter&)>& work);

 private:
  Status ApplyLocked(Lsn lsn);
  bool BuildWhenFarBehind(Lsn lsn);
  Status PassByWhenStuck(bool may_build);
  Status PassByLocked(bool may_build);
  bool IsStuck();
  bool WasPassedBy(const index::Generation& mine) const;
  void NoteProgress();
  /// How long nothing may move before an applier counts as stopped.
  std::uint64_t StuckNs() const { return 2 * context_.commit_ttl_ns; }
  Status OpenLocked();
  Status ApplyFrames(Lsn lsn);
  Status ApplySmall(Lsn lsn);
  Status ApplyLarge(Lsn lsn);

  const Context& context_;
  IndexPool& pool_;
  std::mutex mutex_;  // guards everything below, and the apply turn within this process
  std::unique_ptr<index::IndexWriter> writer_;
  index::Generation generation_;
  std::unique_ptr<journal::Reader> reader_;
  struct Progress {
    std::uint64_t epoch = 0;
    std::uint64_t number = 0;
    Lsn applied = 0;
    std::uint64_t counter = 0;
    friend bool operator==(const Progress&, const Progress&) = default;
  };
  Progress seen_;                      // of another process's turn
  std::uint64_t seen_since_ns_ = 0;    // 0: not watching
  std::uint64_t locked_since_ns_ = 0;  // 0: SQLite's locks are not in the way of this process's turn
  bool build_failed_ = false;          // once is enough: applying does it too
};

}  // namespace tenure::commit
