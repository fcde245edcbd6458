// Power losses of a recorded run: a disk is rebuilt as the loss may have left it, and a store on it
// must open and keep every promise.
//
// SQLite does its own I/O. Of a run that was traced with TracedSqlite everything is rebuilt, index, WAL and checkpoints
// as torn as the journal. Otherwise the trace has only the names of SQLite's files, which must be taken out: a rebuilt
// disk has no index then, or an older one if the caller gives a copy. Shared memory never survives a loss; its file
// may, with any content.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/history.h"

namespace tenure::sim {

/// Takes out what SQLite wrote (index files, checkpoints), which the trace knows only by name.
base::Trace WithoutSqlite(const base::Trace& trace);

/// A hash of everything that a trace says, with paths relative to `source`.
std::uint64_t TraceHash(const base::Trace& trace, const std::string& source);

/// Loss number `number`: where, with what seed, torn how. Half of them fall next to a change of names,
/// where rare states are; none before step `first`.
base::PowerLoss PickLoss(const base::Trace& trace, std::uint64_t number, std::size_t first = 0);

struct LossCheck {
  bool large = false;        ///< Of the run's transactions.
  bool sqlite = false;       ///< The trace has what SQLite did; recoveries and further losses have it too.
  bool deep = false;         ///< Compares every row with those of a replay.
  std::string index_copy;    ///< A directory with an index of an earlier moment to find there; empty: none.
  std::uint64_t losses = 0;  ///< So many further losses while this one is recovered from.
  std::uint8_t boot = 2;     ///< Of the machine when it comes up again.
};
/// Plays one loss in `target` (made and removed) and checks everything.
Violations CheckLoss(const base::Trace& trace, const std::string& source, const base::PowerLoss& loss,
                     const std::string& target, const LossCheck& check);

}  // namespace tenure::sim
