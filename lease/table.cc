#include "lease/table.h"

#include <algorithm>

#include "store/base/error.h"

namespace tenure::lease {
namespace {

/// Ends that are remembered, so that a late holder is told what became of its lease.
constexpr std::size_t kEndedMax = 4'096;

void SortUnique(std::vector<Lsn>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

}  // namespace

const model::LeaseRow* Table::Find(Lsn id) const {
  const auto found = leases_.find(id);
  return found != leases_.end() ? &found->second.row : nullptr;
}

const std::vector<Scope>& Table::ScopesOf(Lsn id) const {
  const auto found = leases_.find(id);
  TENURE_CHECK(found != leases_.end());
  return found->second.scopes;
}

const Table::Ended* Table::FindEnded(Lsn id) const {
  const auto found = ended_.find(id);
  return found != ended_.end() ? &found->second : nullptr;
}

void Table::Add(model::LeaseRow row) {
  std::vector<Scope> scopes;
  for (const std::string& text : row.info.scopes) {
    // From the journal, where only parsed scopes are put: what does not parse covers nothing.
    auto scope = Scope::Parse(text);
    if (!scope.ok()) continue;
    by_scope_[scope->text()].push_back(row.info.id);
    scopes.push_back(std::move(scope).value());
  }
  if (row.slot >= slots_used_.size()) slots_used_.resize(row.slot + 1, false);
  slots_used_[row.slot] = true;
  const Lsn id = row.info.id;
  ended_.erase(id);
  leases_.insert_or_assign(id, Lease{std::move(row), std::move(scopes)});
}

Table::Lease Table::TakeOut(Lsn id) {
  const auto found = leases_.find(id);
  TENURE_CHECK(found != leases_.end());
  Lease lease = std::move(found->second);
  leases_.erase(found);
  for (const Scope& scope : lease.scopes) {
    const auto at = by_scope_.find(scope.text());
    std::erase(at->second, id);
    if (at->second.empty()) by_scope_.erase(at);
  }
  slots_used_[lease.row.slot] = false;
  slot_hint_ = std::min<std::size_t>(slot_hint_, lease.row.slot);
  return lease;
}

model::LeaseRow Table::End(Lsn id, model::EffectKind kind) {
  Lease lease = TakeOut(id);
  ended_.insert_or_assign(id, Ended{kind, std::move(lease.scopes)});
  ended_order_.push_back(id);
  while (ended_order_.size() > kEndedMax) {
    ended_.erase(ended_order_.front());
    ended_order_.pop_front();
  }
  return std::move(lease.row);
}

/// Not by assigning a new one: making that allocates, and this is what is done when there is no memory.
void Table::Clear() {
  leases_.clear();
  by_scope_.clear();
  slots_used_.clear();
  slot_hint_ = 0;
  ended_.clear();
  ended_order_.clear();
}

std::optional<std::uint32_t> Table::FreeSlot(const std::function<bool(std::uint32_t slot)>& usable) const {
  std::optional<std::uint32_t> lowest;
  for (std::uint32_t slot = static_cast<std::uint32_t>(slot_hint_); slot < model::kLeasesMax; ++slot) {
    if (slot < slots_used_.size() && slots_used_[slot]) continue;
    if (!usable || usable(slot)) return slot;
    if (!lowest) lowest = slot;
  }
  return lowest;
}

void Table::AppendAt(const std::string& text, std::vector<Lsn>& to) const {
  const auto at = by_scope_.find(text);
  if (at != by_scope_.end()) to.insert(to.end(), at->second.begin(), at->second.end());
}

/// Leases of `scope` itself and of everything that contains it.
void Table::AppendAbove(const Scope& scope, std::vector<Lsn>& to) const {
  if (by_scope_.empty()) return;
  AppendAt(scope.text(), to);
  if (scope.kind() == Scope::Kind::kEverything) return;
  AppendAt("**", to);
  if (scope.kind() == Scope::Kind::kKey || scope.kind() == Scope::Kind::kTag) AppendAt(scope.name(), to);
  const std::string& name = scope.name();
  for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    AppendAt(name.substr(0, slash) + "/**", to);
  }
}

void Table::AppendBelow(const std::string& prefix, std::vector<Lsn>& to) const {
  for (auto at = by_scope_.lower_bound(prefix); at != by_scope_.end() && at->first.starts_with(prefix); ++at) {
    to.insert(to.end(), at->second.begin(), at->second.end());
  }
}

std::vector<Lsn> Table::InTheWay(std::span<const Scope> scopes, LeaseMode mode) const {
  std::vector<Lsn> ids;
  for (const Scope& scope : scopes) {
    AppendAbove(scope, ids);
    switch (scope.kind()) {
      case Scope::Kind::kEverything:
        AppendBelow("", ids);
        break;
      case Scope::Kind::kSubtree:
        AppendBelow(scope.name() + '/', ids);
        break;
      case Scope::Kind::kName:
        AppendBelow(scope.name() + ':', ids);
        AppendBelow(scope.name() + '@', ids);
        break;
      case Scope::Kind::kKey:
      case Scope::Kind::kTag:
        break;
    }
  }
  SortUnique(ids);
  if (mode == LeaseMode::kShared) {
    std::erase_if(ids, [this](Lsn id) { return Find(id)->info.mode == LeaseMode::kShared; });
  }
  return ids;
}

std::vector<Lsn> Table::Covering(const Scope& key) const {
  std::vector<Lsn> ids;
  AppendAbove(key, ids);
  SortUnique(ids);
  return ids;
}

void Table::ForEach(const std::function<void(const model::LeaseRow&)>& visit) const {
  for (const auto& item : leases_) visit(item.second.row);
}

}  // namespace tenure::lease
