// Decides what a request wants of leases, and whether its leases let it write: the requests' half of lease/table.h.
// Everything is staged in the heads, between Begin and Accept or Rollback of the caller.
#pragma once

#include <optional>
#include <span>
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

/// May these keys be written, under the leases that are presented? Its effects are ends of leases that come first in
/// the transaction; they are not staged yet (StageEnds), because what is decided behind them may be rolled back. Fast
/// when there are no leases.
LeaseDecision GuardWrite(const Heads& heads, LeaseDesk& desk, std::span<const lease::Presented> presented,
                         const std::vector<lease::Scope>& keys);

void StageEnds(Heads& heads, const std::vector<model::Effect>& ends);

/// Scopes of leases that a transaction granted or ended.
void TouchLeases(const Heads& heads, LeaseDesk& desk, const model::CommittedTxn& txn);

}  // namespace tenure::commit
