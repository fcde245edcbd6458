// Reading a store that cannot be written to: a read-only medium, or files of somebody else.
//
// What the members of a store share (their locks, shared memory) and the index that a reader catches up from the
// journal have to be written. The reader gets its own of them in a temporary directory: the index as it is on the
// medium, its WAL included, and empty shared memory, which is filled by scanning the journal. Journal and checkpoints
// are read where they are.
//
// A copy of files that others are writing would be torn: refused while anybody has the store open.
#pragma once

#include <memory>
#include <string>

#include "store/recovery/config.h"

namespace tenure::recovery {

/// $TMPDIR, or /tmp.
std::string TemporaryDirectory();

class PrivateFiles {
 public:
  /// nullptr when the files of the store can be written to, or cannot be read either (opening it says why). Otherwise
  /// points `layout` to a new directory in $TMPDIR, or /tmp. kBusy when somebody has the store open; kNoSpace and kIo
  /// name the directory.
  static Result<std::unique_ptr<PrivateFiles>> MakeIfNeeded(base::Env& env, Layout& layout);
  /// Removes the directory.
  ~PrivateFiles();
  PrivateFiles(const PrivateFiles&) = delete;
  PrivateFiles& operator=(const PrivateFiles&) = delete;

  /// The index on the medium; empty: there is none.
  const std::string& index_path() const { return index_path_; }

 private:
  explicit PrivateFiles(base::Env& env) : env_(env) {}
  Status CopyIndex(const Layout& from, const std::string& to_dir);
  Status CopyFile(const std::string& from, const std::string& to);

  base::Env& env_;
  std::string root_;  // empty: nothing was made yet
  std::string index_path_;
};

}  // namespace tenure::recovery
