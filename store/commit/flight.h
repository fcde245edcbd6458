// One batch on its way: what it took out of the lanes, what was decided, its frame, and what became of it.
//
//   open ──(gathered into, again and again)──▶ offered ──▶ flying ──▶ landed ──▶ answered: open again
//             ▲                                   │
//             └──────────── taken back ───────────┘
//
// Open, offered, landed: the committing thread's. Flying: the thread's that writes and syncs it. The word `landed`
// hands it back, with everything below it.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "lease/scope.h"
#include "store/commit/drain.h"
#include "store/commit/lease_desk.h"
#include "store/journal/writer.h"
#include "tenure/result.h"

namespace tenure::commit {

/// What became of a batch.
enum class BatchEnd : std::uint8_t {
  kDone,
  kFenced,  ///< Nothing of it was published, or a successor answers what was: the lease is lost.
  kBroken,  ///< A write or a sync failed: abandon the lease.
  kVoid,    ///< Nothing of it was written, and the lease is kept: it is answered with why, or decided again.
};

struct Flight {
  Haul haul;
  journal::Batch frame;
  std::uint64_t began_ns = 0;         // CLOCK_MONOTONIC of what it was judged by
  bool judged_leases = false;         // by the time of the frame
  bool waited = false;                // for another one to be written
  std::vector<lease::Scope> touched;  // scopes of leases granted or ended in it
  std::vector<LeaseDesk::End> ends;   // of leases released or broken in it

  // Set by whoever wrote it.
  bool flown = false;  // it has been tried; `end` says with what success
  BatchEnd end = BatchEnd::kDone;
  Error failure;
  model::JournalPosition after;
  std::uint64_t flown_ns = 0;  // it took so long
  std::atomic<bool> landed{false};

  Lsn last_lsn() const { return frame.first_lsn + frame.count - 1; }
};

}  // namespace tenure::commit
