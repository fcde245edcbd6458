// A run whose trace has what SQLite did too: all that moves rows from one file to another, step by step.
//
// Transactions are numbered through from 0 (see history.h). Whatever cannot be done is thrown as std::runtime_error.
// One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "store/store_impl.h"
#include "tests/sim/power_loss.h"
#include "tests/sim/sim_env.h"
#include "tests/sim/trace_vfs.h"

namespace tenure::sim {

class IndexRun {
 public:
  /// Makes a store in `dir` and opens it.
  explicit IndexRun(const std::string& dir);

  /// Every second transaction is applied at once, and the WAL is copied into the index's file when it holds a few.
  void Commit(int count);
  /// Loses shared memory, so that a new segment begins: what a later compaction can take away lies before it.
  void BeginSegment();
  void Compact();
  /// A reader that stays keeps the compaction's checkpoint of the WAL from finishing: what the copy holds is not all in
  /// the index's own file.
  void CompactBesideAReader();
  /// Builds the next generation of the index and switches to it.
  void BuildGeneration();
  void Close();

  const std::string& dir() const { return dir_; }
  base::Trace trace() const { return env_.CopyTrace(); }
  std::size_t steps() const { return env_.CopyTrace().size(); }
  int submitted() const { return next_; }

 private:
  void Open(bool create);
  void FailOneCommit();

  const std::string dir_;
  SimEnv env_;
  const TracedSqlite traced_;
  OpenOptions options_;
  std::optional<Store> store_;
  std::shared_ptr<StoreImpl> impl_;
  int next_ = 0;
};

/// So many losses of a run, at or behind step `first`; the violations of the first one that has any.
Violations CheckLossesOf(const IndexRun& run, std::size_t first, std::uint64_t losses, const std::string& target);

}  // namespace tenure::sim
