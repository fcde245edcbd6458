// Where the subjects keep their files: one temporary directory, a fresh subdirectory for each run,
// removed afterwards. Durable figures of a file system in memory mean nothing, so those are refused.
#pragma once

#include <string>

#include "tenure/result.h"

namespace tenure::bench {

class Workspace {
 public:
  /// Makes `parent`/tenure-bench-XXXXXX (and `parent` itself when missing). kUnsupported on tmpfs and ramfs.
  static Result<Workspace> Make(const std::string& parent, bool keep);
  Workspace(Workspace&& other) noexcept;
  Workspace& operator=(Workspace&&) = delete;
  /// Removes everything, unless asked to keep it.
  ~Workspace();

  const std::string& path() const { return path_; }
  /// An empty subdirectory of that name; whatever was there is removed first.
  Result<std::string> Fresh(const std::string& name) const;
  /// Removes a subdirectory made by Fresh, unless asked to keep files.
  void Discard(const std::string& dir) const;
  /// Waits until the file system has nothing left to write, so that a run does not pay for the one before.
  Status Quiesce() const;

 private:
  Workspace(std::string path, bool keep) : path_(std::move(path)), keep_(keep) {}
  std::string path_;
  bool keep_;
};

}  // namespace tenure::bench
