// Waiting until a lease of somebody else may be over: one place in shared memory, one sleeping thread, no polling.
//
// The place is a ticket of the queue (to acquire), or only a bell (to write). The thread wakes up when
//   a committer is about to publish the end or the grant of a lease in its way      a call, through the cell's futex
//   the lease in its way expires                                                   its own clock
//   the process that holds the lease, or the request before it, dies               DeathWatch
//   a request before it was called and does not come                               its own clock
// and then asks a committer again, who alone decides. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "lease/wait_graph.h"
#include "store/base/env.h"
#include "store/death_watch.h"
#include "store/ingest/lease_cells.h"
#include "store/ingest/wait_cells.h"

namespace tenure {

class LeaseWait {
 public:
  /// `patience_ms`: how long a request before it may be called and not come.
  LeaseWait(base::Env& env, ingest::Membership& member, std::uint64_t patience_ms, std::uint64_t wait_ms);
  /// Leaves the queue, and tells those behind.
  ~LeaseWait();
  LeaseWait(const LeaseWait&) = delete;
  LeaseWait& operator=(const LeaseWait&) = delete;

  /// Takes a place. kLeasesExhausted when there is none.
  Status Begin(ingest::WaitState state, lease::Waiter waiter);
  const ingest::WaitCells::Place& place() const { return *place_; }
  /// Before each attempt: what happens from now on ends the next Sleep.
  void Arm() { turn_ = waits_.Turn(*place_); }
  /// After an attempt that `refusal` ended: sleeps until it is worth trying again. False: the time is over, or
  /// `interrupted` (may be empty) says so: it is asked before each sleep and behind each signal.
  bool Sleep(const Error& refusal, const std::function<bool()>& interrupted = {});

 private:
  struct Blocked {
    std::uint64_t until_ms = 0;  ///< CLOCK_BOOTTIME.
    std::uint64_t owner = 0;     ///< OwnerWord of the process whose death would change it; 0: none.
  };
  std::optional<Blocked> WhatBlocks() const;
  std::optional<ingest::WaitCells::Seen> Before(bool called_only) const;
  void CallConflicting();
  /// False: it cannot be watched.
  bool WatchOwner(std::uint64_t owner);

  base::Env& env_;
  ingest::Membership& member_;
  ingest::LeaseCells cells_;
  ingest::WaitCells waits_;
  const std::uint64_t patience_ms_;
  const std::uint64_t give_up_ms_;
  lease::Waiter waiter_;
  std::optional<ingest::WaitCells::Place> place_;
  std::uint32_t turn_ = 0;
  Lsn holder_ = 0;  // the lease that was in the way last; 0: none
  std::optional<std::uint32_t> holder_slot_;
  std::optional<DeathWatch> watch_;
};

}  // namespace tenure
