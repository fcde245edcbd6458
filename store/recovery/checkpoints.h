// Checkpoints: synced copies of the index at an LSN, `checkpoints/<lsn>.db` (16 hex digits). Journal
// below the newest complete checkpoint may have been trimmed; checkpoint + retained journal rebuild
// every acknowledged state.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/index/index.h"
#include "store/journal/segments.h"
#include "store/recovery/config.h"

namespace tenure::recovery {

struct Checkpoint {
  Lsn lsn = 0;
  std::string path;
};
/// Complete ones, oldest first.
Result<std::vector<Checkpoint>> ListCheckpoints(base::Env& env, const Layout& layout);
/// The LSN of the newest complete checkpoint, else 0.
Result<Lsn> NewestCheckpointLsn(base::Env& env, const Layout& layout);
/// The same, asked when a chain of segments was read. `env` must outlive it.
journal::TrimmedBelow TrimmedBelowOf(base::Env& env, const Layout& layout);
/// Copies the index at its present mark, under a unique name, synced, then named. Idempotent.
Result<Checkpoint> WriteCheckpoint(base::Env& env, const Layout& layout, index::IndexWriter& writer);
/// Removes all but the newest `keep`, and what others did not finish: nobody may be making one.
Status RemoveOldCheckpoints(base::Env& env, const Layout& layout, std::size_t keep);

}  // namespace tenure::recovery
