// Whose turn it is to commit, and the one publication point.
//
// The committer asks for the turn, appends to the journal under the epoch it was given, publishes by
// moving the durable word from exactly the LSN it started from, and releases. Two implementations are
// meant to fit: a kernel lock (here), whose holder the kernel releases when it dies; and a
// time-bounded, epoch-fenced word. Callers serialise themselves within a process.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "store/base/env.h"
#include "store/ingest/membership.h"
#include "tenure/result.h"

namespace tenure::commit {

struct Claim {
  std::uint64_t epoch = 0;
  Lsn durable_lsn = 0;
  /// The last owner died, or failed a write, inside its turn: the epoch is new, and nothing may be
  /// appended before its segment has been sealed at durable_lsn and a new segment begun.
  bool took_over = false;
};

class Ownership {
 public:
  virtual ~Ownership() = default;
  /// Waits for the turn.
  virtual Result<Claim> Acquire() = 0;
  /// The turn if it is free now.
  virtual Result<std::optional<Claim>> TryAcquire() = 0;
  /// Moves the durable word from {epoch, from} to {epoch, to}. False: fenced by a higher epoch.
  virtual bool Publish(std::uint64_t epoch, Lsn from, Lsn to) = 0;
  /// Ends the turn. `clean`: nothing is in flight and the journal ends at the durable word; else the
  /// next owner takes over with a new epoch.
  virtual void Release(bool clean) = 0;
  /// The durable word's LSN; any thread, any time.
  virtual Lsn DurableLsn() const = 0;
};

/// The turn as an OFD lock on one byte of members.lock.
std::unique_ptr<Ownership> MakeKernelLockOwnership(ingest::Membership& member);

}  // namespace tenure::commit
