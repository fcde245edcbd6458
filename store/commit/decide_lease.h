// Decides what a request wants of leases, and whether its leases let it write: the requests' half of lease/table.h.
// Everything is staged in the heads, between Begin and Accept or Rollback of the caller.
#pragma once

#include <optional>
#include <vector>

#include "store/commit/decide.h"
#include "store/commit/lease_desk.h"

namespace tenure::commit {

/// What came of a request about leases: effects, or why not. Both: whoever is told that a lease has expired must not
/// find it open again after shared memory was lost, so its end is journaled before that is said.
struct LeaseDecision {
  std::optional<Error> rejected;
  std::vector<model::Effect> effects;
};
LeaseDecision DecideLease(Heads& heads, LeaseDesk& desk, const Request& request, Lsn lsn, TimeMs time_ms);

/// May the request write these keys, under the leases it presents? Effects of leases that end by it come first in
/// its transaction. Fast when there are no leases.
LeaseDecision GuardWrite(Heads& heads, LeaseDesk& desk, const Request& request, const std::vector<lease::Scope>& keys);

/// Scopes of leases that a transaction granted or ended.
void TouchLeases(const Heads& heads, LeaseDesk& desk, const model::CommittedTxn& txn);

}  // namespace tenure::commit
