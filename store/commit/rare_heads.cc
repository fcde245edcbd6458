#include "store/commit/rare_heads.h"

#include "store/base/error.h"

namespace tenure::commit {
namespace {

/// Parked conflicts may be large: few are kept beyond those that the index still lacks.
constexpr std::size_t kCachedConflictsMax = 64;

}  // namespace

Status RareHeads::Load(const ViewOf& view) {
  if (policies_) return {};
  TENURE_ASSIGN(index::IndexReader * reader, view());
  TENURE_ASSIGN(const Lsn applied, reader->AppliedLsn());
  TENURE_ASSIGN(std::vector<Policy> rows, reader->Policies());
  std::map<std::string, Policy> policies;
  for (Policy& row : rows) {
    std::string glob = row.glob;
    policies.emplace(std::move(glob), std::move(row));
  }
  for (PolicyChange& change : replayed_) {
    if (change.lsn <= applied) continue;
    policies.erase(change.glob);
    if (change.after) policies.emplace(change.glob, std::move(*change.after));
  }
  replayed_.clear();
  policies_ = std::move(policies);
  compiled_.reset();
  return {};
}

Result<const conflict::PolicySet*> RareHeads::Policies(const ViewOf& view) {
  TENURE_RETURN_IF_ERROR(Load(view));
  if (!compiled_) {
    std::vector<Policy> all;
    for (const auto& item : *policies_) all.push_back(item.second);
    compiled_.emplace(all);
  }
  return const_cast<const conflict::PolicySet*>(&*compiled_);
}

Result<const Policy*> RareHeads::PolicyOf(const std::string& glob, const ViewOf& view) {
  TENURE_RETURN_IF_ERROR(Load(view));
  const auto found = policies_->find(glob);
  return found == policies_->end() ? static_cast<const Policy*>(nullptr) : &found->second;
}

Result<std::size_t> RareHeads::PolicyCount(const ViewOf& view) {
  TENURE_RETURN_IF_ERROR(Load(view));
  return policies_->size();
}

Result<ParkedPtr> RareHeads::Parked(const ConflictId& id, const ViewOf& view) {
  if (const auto found = parked_.find(id); found != parked_.end()) return found->second.row;
  TENURE_ASSIGN(index::IndexReader * reader, view());
  TENURE_ASSIGN(auto row, reader->GetConflict(id));
  return row ? std::make_shared<const ParkedConflict>(std::move(*row)) : ParkedPtr();
}

void RareHeads::Put(const std::string& glob, std::optional<Policy> policy) {
  policies_->erase(glob);
  if (policy) policies_->emplace(glob, std::move(*policy));
  compiled_.reset();
}

void RareHeads::Put(const ConflictId& id, ParkedSlot slot) { parked_[id] = std::move(slot); }

void RareHeads::SetPolicy(Policy policy, base::Hash128& sum) {
  TENURE_CHECK(policies_.has_value());
  UndoPolicy undo{policy.glob, std::nullopt};
  if (const auto old = policies_->find(policy.glob); old != policies_->end()) {
    sum -= model::RowHash(old->second);
    undo.before = old->second;
  }
  sum += model::RowHash(policy);
  undo_.emplace_back(std::move(undo));
  const std::string glob = policy.glob;
  Put(glob, std::move(policy));
}

void RareHeads::DeletePolicy(const std::string& glob, base::Hash128& sum) {
  TENURE_CHECK(policies_.has_value());
  const auto old = policies_->find(glob);
  TENURE_CHECK(old != policies_->end());
  sum -= model::RowHash(old->second);
  undo_.emplace_back(UndoPolicy{glob, old->second});
  Put(glob, std::nullopt);
}

void RareHeads::Park(ParkedConflict conflict, base::Hash128& sum) {
  sum += model::RowHash(conflict);
  const ConflictId id = conflict.id;
  undo_.emplace_back(UndoParked{id, std::nullopt});
  Put(id, {id.lsn, std::make_shared<const ParkedConflict>(std::move(conflict))});
}

void RareHeads::Resolve(const ParkedConflict& conflict, Lsn lsn, base::Hash128& sum) {
  sum -= model::RowHash(conflict);
  UndoParked undo{conflict.id, std::nullopt};
  if (const auto old = parked_.find(conflict.id); old != parked_.end()) undo.before = old->second;
  const ConflictId id = conflict.id;
  undo_.emplace_back(std::move(undo));
  Put(id, {lsn, nullptr});
}

void RareHeads::Rollback() {
  while (!undo_.empty()) {
    if (auto* policy = std::get_if<UndoPolicy>(&undo_.back())) {
      Put(policy->glob, std::move(policy->before));
    } else {
      auto& parked = std::get<UndoParked>(undo_.back());
      parked.before ? Put(parked.id, std::move(*parked.before)) : static_cast<void>(parked_.erase(parked.id));
    }
    undo_.pop_back();
  }
}

void RareHeads::Replay(const model::CommittedTxn& txn, std::size_t index) {
  const model::Effect& effect = txn.effects[index];
  switch (effect.kind) {
    case model::EffectKind::kSetPolicy:
    case model::EffectKind::kDeletePolicy: {
      std::optional<Policy> after;
      if (effect.kind == model::EffectKind::kSetPolicy) after = model::PolicyAfter(txn, index);
      const std::string& glob = effect.rare->policy.glob;
      policies_ ? Put(glob, std::move(after)) : replayed_.push_back({txn.lsn, glob, std::move(after)});
      break;
    }
    case model::EffectKind::kPark: {
      ParkedConflict parked = model::ParkedAfter(txn, index);
      const ConflictId id = parked.id;
      Put(id, {txn.lsn, std::make_shared<const ParkedConflict>(std::move(parked))});
      break;
    }
    case model::EffectKind::kResolve:
      Put(effect.rare->resolved, {txn.lsn, nullptr});
      break;
    default:
      break;
  }
}

void RareHeads::Reset() {
  policies_.reset();
  compiled_.reset();
  replayed_.clear();
  parked_.clear();
  undo_.clear();
}

void RareHeads::DropApplied(Lsn applied) {
  if (parked_.size() <= kCachedConflictsMax) return;
  std::erase_if(parked_, [&](const auto& item) { return item.second.lsn <= applied; });
}

}  // namespace tenure::commit
