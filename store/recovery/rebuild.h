// Builds the index again from the newest usable checkpoint and the journal.
//
// One thread; the journal may grow meanwhile. Whatever fails, nothing is published and the unfinished
// file is removed. kCorruption names file and offset of the journal, or what the rows fail to add up
// to; kNotFound an LSN that is not there yet; kCompacted one that is older than what is retained.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/index/generations.h"
#include "store/recovery/verify.h"

namespace tenure::recovery {

struct RebuildOptions {
  std::optional<Lsn> to_lsn;   ///< Stop behind this LSN; default: everything durable.
  std::optional<Lsn> durable;  ///< Known durable LSN; else the last valid frame.
  Progress progress;
};
struct RebuildReport {
  Lsn from_checkpoint_lsn = 0;  ///< 0: from the first frame.
  Lsn applied_lsn = 0;
  std::uint64_t transactions = 0;
  std::string path;        ///< The finished file.
  std::string state_hash;  ///< Recomputed from the rows and equal to the journal's.
  /// to_lsn lies within a batch: the rows are exactly those of that LSN, but the journal has no position
  /// there to continue from, so the file is for looking at and cannot become a store's index.
  bool inside_batch = false;
  std::vector<std::string> skipped;  ///< Checkpoints that were not usable, and why.
};
/// Builds into `target` (must not exist), verifies the state hash against the last frame applied, syncs.
/// An index that has applied more than the journal holds is kCorruption, never a silent rebuild.
Result<RebuildReport> BuildIndex(base::Env& env, const Layout& layout, const std::string& target,
                                 const RebuildOptions& options);
/// BuildIndex, then Publish as the next generation of `epoch`. Others that have the old one open go on with it.
Result<RebuildReport> RebuildIndex(base::Env& env, const Layout& layout, std::uint64_t epoch,
                                   const RebuildOptions& options, index::Generation* published);

}  // namespace tenure::recovery
