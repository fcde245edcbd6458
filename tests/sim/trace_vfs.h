// SQLite's own I/O on the trace of a simulation.
//
// A SQLite VFS over "unix", the default one from its first use on. What SQLite does to files below a traced directory
// (writes, syncs, truncations, removals, files that it makes, directories that it syncs) passes through that
// directory's RecordingEnv, which records it in one order with what the store does itself, and may make it fail. So a
// disk can be rebuilt on which journal and index have each lost something else.
//
// A -shm file is memory and leaves no trace: after a power loss there is none. SQLite's temporary files are nobody's.
// Randomness (the salts of a WAL) comes from the traced environment, so that a run with one thread is repeatable.
#pragma once

#include <string>

#include "store/base/recording_env.h"

namespace tenure::sim {

/// Traces what SQLite does below `dir` while it lives; `env` and this must outlive the connections opened meanwhile.
/// Directories of several at a time must not lie in one another. Thread-safe but for the randomness.
class TracedSqlite {
 public:
  TracedSqlite(base::RecordingEnv& env, std::string dir);
  ~TracedSqlite();
  TracedSqlite(const TracedSqlite&) = delete;
  TracedSqlite& operator=(const TracedSqlite&) = delete;

 private:
  const std::string dir_;
};

}  // namespace tenure::sim
