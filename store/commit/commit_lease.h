// The commit lease: whose turn it is to commit, for all processes of a store, and the one publication point.
//
//                TryClaim (CAS, same epoch)
//     released ─────────────────────────────▶ owned {epoch, process}
//        ▲  ▲                                   │   │  │ Abandon: a write or a sync failed
//        │  └───────── Release (CAS) ───────────┘   │  ▼
//        │                                          │ abandoned {epoch}
//        │        TakeOver (CAS to a higher epoch):  │  │
//        └── owned {epoch + n, successor} ◀──────────┴──┘ owner dead, stale, or abandoned
//
// Time bounds it, progress keeps it, the epoch fences it: the committing thread moves the heartbeat at every
// phase; whoever has watched it stand still for the time to live may take over, and then nothing of the old
// epoch can be published, popped or answered any more. Taking over from an owner that was merely slow is safe.
//
// Release needs nothing in flight, and every thread of the process out of the commit (store/commit/group.h
// sees to it with one mutex). One claim per process at a time; claims, releases and Resolve are called under that
// mutex, Beat and Publish also by the thread that writes for the one that holds it.
#pragma once

#include <cstdint>
#include <optional>

#include "store/base/env.h"
#include "store/ingest/membership.h"
#include "tenure/result.h"

namespace tenure::commit {

struct Claim {
  std::uint64_t epoch = 0;
  Lsn durable_lsn = 0;
  /// The epoch is new: nothing may be appended before its segment has been sealed at durable_lsn, and what the
  /// lanes have in flight must be resolved.
  bool took_over = false;
};

class CommitLease {
 public:
  explicit CommitLease(ingest::Membership& member) : member_(member), area_(member.segment().commit()) {}

  /// {epoch, owner} as it is now.
  base::Pair64 Look() const { return area_.owner.Load(); }
  /// One load that leaves the line shared.
  bool IsFree() const { return area_.owner.LoadSecond() == 0; }
  bool IsAbandoned() const { return area_.owner.LoadSecond() == ingest::kAbandoned; }
  /// Somebody else's, alive or not: there is nothing to claim.
  bool IsOthers() const {
    const std::uint64_t owner = area_.owner.LoadSecond();
    return owner != 0 && owner != ingest::kAbandoned && owner != member_.word();
  }
  bool IsMine() const { return area_.owner.LoadSecond() == member_.word(); }

  /// The lease if it was released cleanly.
  std::optional<Claim> TryClaim();
  /// Takes over from `seen`, which the caller found dead, stale or abandoned: to an epoch above it, above the
  /// durable word's, and at least `epoch_min` (what the journal's file names show, plus one). nullopt: somebody
  /// else was faster.
  std::optional<Claim> TakeOver(const base::Pair64& seen, std::uint64_t epoch_min);
  /// Moves the heartbeat. False: superseded.
  bool Beat(std::uint64_t epoch);
  /// Moves the durable word from {epoch, from} to {epoch, to}. False: fenced by a higher epoch.
  bool Publish(std::uint64_t epoch, Lsn from, Lsn to);
  /// Everything up to `to` is popped and answered. False: fenced.
  bool Resolve(std::uint64_t epoch, Lsn to);
  Lsn ResolvedLsn() const { return area_.resolved.Load().second; }
  /// {epoch, owner}, for whoever has to know whether there has been a higher epoch.
  const base::Atomic128& owner_word() const { return area_.owner; }
  /// Ends the turn with nothing in flight. Wakes who asked for the lease.
  void Release(std::uint64_t epoch);
  /// Ends the turn after a failure: the next owner takes over at once.
  void Abandon(std::uint64_t epoch);

  /// Asks the owner to release soon, and waits a moment for it.
  void AskFor();
  /// True when somebody asked: the owner should release after the batch.
  bool IsWanted() const { return area_.wanted_by.load(std::memory_order_relaxed) != 0; }

  /// The time to live in force: doubles with every takeover from a living owner since the last publication, so that a
  /// disk that stalls everybody causes no storm of takeovers. One that died says nothing about the disk.
  std::uint64_t TtlNs(std::uint64_t base_ns) const;
  base::Pair64 Heartbeat() const { return area_.heartbeat.Load(); }
  Lsn DurableLsn() const { return area_.durable.LoadSecond(); }

 private:
  ingest::Membership& member_;
  ingest::CommitArea& area_;
};

/// Watches an owner for a process that waits: pure bookkeeping, one per waiting thread.
class OwnerWatch {
 public:
  /// True when owner and heartbeat have been unchanged for `ttl_ns` of this observer's own watching.
  bool IsStale(const base::Pair64& owner, const base::Pair64& heartbeat, std::uint64_t now_ns, std::uint64_t ttl_ns);

 private:
  base::Pair64 owner_;
  base::Pair64 heartbeat_;
  std::uint64_t since_ns_ = 0;
  bool watching_ = false;
};

}  // namespace tenure::commit
