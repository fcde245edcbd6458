#include "store/commit/write_guard.h"

#include "store/base/error.h"
#include "store/model/validate.h"

namespace tenure::commit {
namespace {

/// The writer had a lease, and it is over.
bool IsLoss(ErrorCode code) {
  return code == ErrorCode::kLeaseExpired || code == ErrorCode::kFenced || code == ErrorCode::kLeaseBroken;
}

}  // namespace

std::optional<lease::Scope> ScopeOf(const Operation& op) {
  if (model::OnTag(op.kind)) return lease::Scope::OfTag(op.name, op.tag);
  if (model::OnEntry(op.kind)) return lease::Scope::OfKey(op.name, op.version);
  return std::nullopt;
}

/// Everything that the operations may write, before any of them is looked at.
Result<std::vector<lease::Scope>> WriteGuard::Keys() const {
  std::vector<lease::Scope> keys;
  for (const Operation& op : request_.operations) {
    if (op.kind == OpKind::kResolve) {
      TENURE_ASSIGN(const ParkedPtr parked, heads_.Parked(op.conflict));
      if (!parked) continue;
      keys.push_back(parked->of_tag ? lease::Scope::OfTag(parked->name, parked->rest)
                                    : lease::Scope::OfKey(parked->name, parked->rest));
      continue;
    }
    auto scope = ScopeOf(op);
    if (!scope) continue;
    keys.push_back(std::move(*scope));
    if (op.kind != OpKind::kDelete || !op.with_tags) continue;
    TENURE_ASSIGN(const auto tags, heads_.TagsOf(op.name, op.version));
    for (const TagPtr& tag : tags) keys.push_back(lease::Scope::OfTag(tag->name, tag->tag));
  }
  return keys;
}

Result<bool> WriteGuard::Look() {
  if (heads_.leases().empty() && request_.leases.empty()) return true;
  TENURE_ASSIGN(const auto keys, Keys());
  for (const PresentedLease& lease : request_.leases) presented_.push_back(desk_.Check(heads_.leases(), lease));
  decision_ = GuardWrite(heads_, desk_, presented_, keys);
  if (!decision_.rejected) return true;
  lost_ = IsLoss(decision_.rejected->code);
  return lost_;
}

conflict::LeaseState WriteGuard::StateOf(const Operation& op) const {
  if (lost_) return conflict::LeaseState::kLost;
  if (presented_.empty()) return conflict::LeaseState::kNone;
  const auto scope = ScopeOf(op);
  const bool covered = scope && lease::CoveredExclusively(heads_.leases(), *scope, presented_, desk_.standing());
  return covered ? conflict::LeaseState::kHeld : conflict::LeaseState::kNone;
}

}  // namespace tenure::commit
