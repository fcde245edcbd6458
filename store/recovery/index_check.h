// The index and the checkpoints as witnesses: what they say they hold, and whether that is true of
// their own rows. Comparing them with the journal is the caller's part.
//
// One thread. Opens SQLite files through the index room only; changes nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/index/generations.h"
#include "store/index/index.h"
#include "store/recovery/checkpoints.h"

namespace tenure::recovery {

/// The live generation, opened, in one snapshot from before anything else is read: the journal always
/// reaches at least as far as this view.
struct IndexView {
  std::string path;  ///< Empty: there is no index.
  std::unique_ptr<index::IndexReader> reader;
  std::optional<index::Mark> mark;
  std::optional<Error> fault;  ///< Why it cannot be read; path is set.
  Lsn applied_lsn() const { return mark ? mark->position.last_lsn : 0; }
};
/// Fails only when the directory cannot be listed.
Result<IndexView> OpenIndexView(base::Env& env, const Layout& layout);

/// The disk, or memory, did not answer. That says nothing about what the file holds: nobody is told to repair or to
/// restore because of it.
bool IsNoAnswer(const Error& fault);

/// Integrity of the file, rows against the stored state hash, and whose index it is. Empty: sound.
std::vector<Error> CheckRows(const index::IndexReader& reader, const index::Mark& mark, const std::string& path,
                             const std::string& index_id);

/// A checkpoint is never written to, so it is read as an immutable file: nothing appears beside it.
struct CheckpointView {
  std::optional<index::Mark> mark;
  std::vector<Error> faults;
  bool ok() const { return mark && faults.empty(); }
};
CheckpointView CheckCheckpoint(const Checkpoint& checkpoint, const std::string& index_id);

/// A database and what SQLite keeps beside it. Missing ones are fine.
Status RemoveDatabase(base::Env& env, const std::string& path);

}  // namespace tenure::recovery
