// Applies committed frames to the index, behind the acknowledgements.
//
// Whoever has the turn to apply reads the journal from the index's own mark up to the durable LSN and
// writes large SQLite transactions. This is the same path that recovery takes: replay and live
// operation cannot differ. Only a backlog that is most of the store is not applied: the next generation is
// built from the journal instead, and switched to. A process that dies in it leaves an unfinished SQLite transaction,
// which rolls back; a late or repeated apply does nothing. Thread-safe.
#pragma once

#include <memory>
#include <mutex>

#include "store/commit/context.h"
#include "store/commit/index_access.h"
#include "store/index/index.h"
#include "store/journal/reader.h"

namespace tenure::commit {

class Applier {
 public:
  Applier(const Context& context, IndexPool& pool) : context_(context), pool_(pool) {}

  /// Returns when the index has applied `lsn`, by this process or another one. kBusy when another
  /// process has the turn and does not get there within the bound.
  Status WaitApplied(Lsn lsn);
  /// Like WaitApplied, but gives up at once, with success, when another process has the turn.
  Status TryApply(Lsn lsn);
  /// Runs `work` with the index writer, everything up to the durable LSN applied, nobody else applying.
  Status WithWriter(const std::function<Status(index::IndexWriter&)>& work);

 private:
  Status ApplyLocked(Lsn lsn);
  void BuildWhenFarBehind(Lsn lsn);
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
  bool build_failed_ = false;  // once is enough: applying does it too
};

}  // namespace tenure::commit
