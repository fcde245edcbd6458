#include "tests/torture/group_steps.h"

#include <algorithm>
#include <utility>

namespace tenure::torture {

using Do = linear::GroupModel::Do;

bool GroupSteps::Step() {
  if (OneIn(2)) {
    StepLeased();
    return true;
  }
  return StepFree();
}

bool GroupSteps::StepFree() {
  const std::uint64_t dice = Below(10);
  if (dice < 4) {
    Look(0);
  } else if (dice < 9) {
    Transact(0, linear::GroupModel::kAll, 0);
  } else {
    std::vector<std::vector<CellOp>> transactions;
    for (std::uint64_t n = 2 + Below(3); n > 0; --n) transactions.push_back(AnyOps(0, linear::GroupModel::kAll));
    return driver_.TransactBurst(0, transactions);
  }
  return true;
}

void GroupSteps::WriteAll() {
  const bool conditional = OneIn(2);
  if (conditional) {
    Note(driver_.LookEntries(0, kCommitted));
    Note(driver_.LookTags(0, kCommitted));
  }
  std::vector<CellOp> ops;
  for (std::uint32_t cell = 0; cell < kCells; ++cell) {
    CellOp& op = ops.emplace_back();
    op.cell = cell;
    op.what = cell < kEntries ? Do::kPut : Do::kSetTag;
    if (op.what == Do::kSetTag) op.target = 1 + Below(kTaggable);
    if (!conditional) continue;
    op.condition = kBase;
    op.seen = seen_[0].cells[cell].revision;
  }
  const Record done = driver_.Transact(0, std::move(ops), 0);
  if (done.code == "ok") last_lsn_ = std::max(last_lsn_, done.lsn);
}

std::vector<std::uint64_t> GroupSteps::HeldLeases() {
  std::vector<std::uint64_t> leases;
  for (const auto& [lease, held] : driver_.held()) {
    if (DomainOf(held.scope) == DomainOf(kScopes)) leases.push_back(lease);
  }
  return leases;
}

void GroupSteps::StepLeased() {
  const std::vector<std::uint64_t> leases = HeldLeases();
  const std::uint64_t dice = Below(10);
  if (dice < 2) return Look(kLeasedGroup);
  if (dice < 4) return (void)Transact(kLeasedGroup, linear::GroupModel::kAll, 0);
  if (leases.empty() || dice < 6) {
    const bool bound = OneIn(2);
    const auto scope = static_cast<std::uint32_t>(kScopes + Below(kAllScopes - kScopes));
    driver_.Acquire(scope, bound ? 20'000 : 200 + Below(500), bound, OneIn(3) ? 20 + Below(200) : 0, OneIn(3));
    return;
  }
  // The newest one, mostly: the others may be over, and must be of no use then.
  UseLease(OneIn(3) ? leases[Below(leases.size())] : leases.back());
}

void GroupSteps::UseLease(std::uint64_t lease) {
  const std::uint64_t dice = Below(10);
  const std::uint32_t covered = PartsOf(driver_.held().at(lease).scope);
  if (dice < 6) {
    const std::string code = Transact(kLeasedGroup, OneIn(6) ? linear::GroupModel::kAll : covered, lease);
    if (IsLeaseLoss(code) && OneIn(2)) driver_.held().erase(lease);
    return;
  }
  if (dice < 7) return (void)driver_.Renew(lease);
  driver_.Release(lease);
  if (HeldLeases().size() > 2) driver_.held().erase(HeldLeases().front());
}

/// With a condition on what was last seen, which the others have often changed.
CellOp GroupSteps::AnyOp(std::uint32_t group, std::uint32_t cell, bool conditional) {
  CellOp op;
  op.cell = cell;
  const linear::GroupModel::Cell& seen = seen_[group].cells[cell];
  if (cell >= kEntries) {
    op.what = OneIn(4) ? Do::kDeleteTag : Do::kSetTag;
    if (op.what == Do::kSetTag) op.target = 1 + Below(kTaggable);
    if (!conditional) return op;
    const bool by_version = op.what == Do::kSetTag && seen.value != 0 && !OneIn(3);
    op.condition = by_version ? kIfVersion : kBase;
    op.seen = by_version ? seen.value : seen.revision;
    return op;
  }
  op.what = !OneIn(6) ? Do::kPut : group != kLeasedGroup && OneIn(2) ? Do::kDeleteWithTags : Do::kDelete;
  if (!conditional) return op;
  const bool absent = seen.value == 0 && op.what == Do::kPut && OneIn(2);
  op.condition = absent ? kIfAbsent : OneIn(3) ? kBase : kIfRevision;
  // Of what is not there the condition names revision 0, the base that of the tombstone.
  op.seen = op.condition == kIfRevision && seen.value == 0 ? 0 : seen.revision;
  return op;
}

/// One to five, of which two may be on the same cell: entries first, more often than not, so that tags find them.
std::vector<CellOp> GroupSteps::AnyOps(std::uint32_t group, std::uint32_t cells) {
  const bool conditional = OneIn(2);
  std::vector<CellOp> ops;
  for (std::uint64_t n = 1 + Below(5); n > 0; --n) {
    std::uint32_t cell = 0;
    do {
      cell = static_cast<std::uint32_t>(Below(kCells));
    } while ((cells >> cell & 1) == 0);
    ops.push_back(AnyOp(group, cell, conditional && !OneIn(5)));
  }
  if (!OneIn(3)) std::stable_partition(ops.begin(), ops.end(), [](const CellOp& op) { return op.cell < kEntries; });
  return ops;
}

std::string GroupSteps::Transact(std::uint32_t group, std::uint32_t cells, std::uint64_t lease) {
  if (OneIn(3)) Look(group);
  const Record done = driver_.Transact(group, AnyOps(group, cells), lease);
  if (done.code == "ok") last_lsn_ = std::max(last_lsn_, done.lsn);
  return done.code;
}

void GroupSteps::Look(std::uint32_t group) {
  const std::uint64_t dice = Below(10);
  if (dice < 3) return Note(driver_.LookEntries(group, kCommitted));
  if (dice < 5) return Note(driver_.LookTags(group, kCommitted));
  if (dice < 7) return Note(driver_.LookCell(group, static_cast<std::uint32_t>(Below(kCells))));
  const Level level = last_lsn_ != 0 && OneIn(2) ? kAtLsn : kAsApplied;
  const Lsn at = level == kAtLsn ? last_lsn_ : 0;
  OneIn(3) ? driver_.LookTags(group, level, at) : driver_.LookEntries(group, level, at);
}

void GroupSteps::Note(const Record& read) {
  if (read.code != "ok") return;
  auto seen = read.seen.begin();
  for (std::uint32_t cell = 0; cell < kCells; ++cell) {
    if ((CellsOf(read) >> cell & 1) == 0) continue;
    seen_[read.object].cells[cell] = {seen->revision, seen->value};
    ++seen;
  }
}

}  // namespace tenure::torture
