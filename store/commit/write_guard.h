// What leases say of a write, asked once for the whole transaction and once for each of its operations.
//
// Look comes first: a write that its leases forbid is told nothing else. A write whose own lease is over may still be
// parked, where its strategy or a policy's says so: then Look lets it go on as kLost, and TakeRefused has the reason.
// One transaction, between Heads::Begin and Accept or Rollback of the caller.
#pragma once

#include <optional>
#include <vector>

#include "conflict/rules.h"
#include "lease/table.h"
#include "store/commit/decide_lease.h"

namespace tenure::commit {

/// What the operation itself says it writes; nullopt: a policy, which is nobody's key, or a resolution, whose key its
/// conflict names.
std::optional<lease::Scope> ScopeOf(const Operation& op);

class WriteGuard {
 public:
  WriteGuard(Heads& heads, LeaseDesk& desk, const Request& request) : heads_(heads), desk_(desk), request_(request) {}

  /// False: refused, for the reason that TakeRefused gives. A failed Result: the index could not be read.
  Result<bool> Look();
  LeaseDecision TakeRefused() { return std::move(decision_); }
  /// The lease that the write needed is over, and so the transaction can only be parked.
  bool lost() const { return lost_; }
  /// Leases that were over and cover what is written: their ends come first in its transaction, once they are staged.
  const std::vector<model::Effect>& ended() const { return decision_.effects; }
  /// For what policies ask of an operation.
  conflict::LeaseState StateOf(const Operation& op) const;

 private:
  Result<std::vector<lease::Scope>> Keys() const;

  Heads& heads_;
  LeaseDesk& desk_;
  const Request& request_;
  std::vector<lease::Presented> presented_;
  LeaseDecision decision_;
  bool lost_ = false;
};

}  // namespace tenure::commit
