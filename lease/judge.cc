// The decisions: may this lease be granted, may this transaction write.
#include <algorithm>

#include "lease/table.h"

namespace tenure::lease {
namespace {

using Kind = WriteVerdict::Kind;

Ending EndingOf(Lsn id, Standing standing) {
  return {id, standing == Standing::kOrphaned ? model::EffectKind::kOrphanLease : model::EffectKind::kExpireLease};
}

bool AnyCovered(std::span<const Scope> scopes, std::span<const Scope> keys) {
  return std::any_of(keys.begin(), keys.end(), [&](const Scope& key) {
    return std::any_of(scopes.begin(), scopes.end(), [&](const Scope& scope) { return scope.Covers(key); });
  });
}

/// One transaction being judged.
class Judging {
 public:
  Judging(const Table& table, std::span<const Scope> keys, std::span<const Presented> presented,
          const StandingOf& standing)
      : table_(table), keys_(keys), presented_(presented), standing_(standing) {}

  WriteVerdict Run() {
    for (const Presented& lease : presented_) {
      if (!CheckPresented(lease)) return std::move(verdict_);
    }
    for (const Scope& key : keys_) {
      if (!CheckKey(key)) return std::move(verdict_);
    }
    return std::move(verdict_);
  }

 private:
  bool Refuse(Kind kind, Lsn id, const std::string& key = {}, Lsn other = 0) {
    verdict_.endings.clear();
    verdict_.kind = kind;
    verdict_.id = id;
    verdict_.other = other;
    verdict_.key = key;
    return false;
  }

  bool CheckPresented(const Presented& lease) {
    const model::LeaseRow* row = table_.Find(lease.id);
    if (row == nullptr) return CheckEnded(lease);
    if (!lease.secret_fits) return Refuse(Kind::kUnknown, lease.id);
    const std::vector<Scope>& scopes = table_.ScopesOf(lease.id);
    // One that does not apply here may have ended as it likes.
    if (lease.ambient && !AnyCovered(scopes, keys_)) return true;
    if (standing_(*row) != Standing::kOpen) return Refuse(Kind::kExpired, lease.id);
    valid_.push_back({lease.id, row, &scopes, lease.ambient});
    return true;
  }

  bool CheckEnded(const Presented& lease) {
    const Table::Ended* ended = table_.FindEnded(lease.id);
    if (ended == nullptr) return Refuse(Kind::kUnknown, lease.id);
    if (lease.ambient && !AnyCovered(ended->scopes, keys_)) return true;
    if (ended->kind == model::EffectKind::kBreakLease) return Refuse(Kind::kBroken, lease.id);
    if (ended->kind == model::EffectKind::kReleaseLease) return Refuse(Kind::kUnknown, lease.id);
    for (const Scope& key : keys_) {
      for (const Lsn id : table_.Covering(key)) {
        if (standing_(*table_.Find(id)) == Standing::kOpen) return Refuse(Kind::kFenced, lease.id, key.text(), id);
      }
    }
    return Refuse(Kind::kExpired, lease.id);
  }

  bool CheckKey(const Scope& key) {
    bool covered = false;
    bool must_be_covered = false;
    Lsn shared = 0;
    for (const Valid& lease : valid_) {
      must_be_covered = must_be_covered || !lease.ambient;
      const bool covers = std::any_of(lease.scopes->begin(), lease.scopes->end(),
                                      [&](const Scope& scope) { return scope.Covers(key); });
      if (!covers) continue;
      if (lease.row->info.mode == LeaseMode::kShared) shared = lease.id;
      covered = covered || lease.row->info.mode == LeaseMode::kExclusive;
    }
    if (covered) return true;
    if (shared != 0) return Refuse(Kind::kShared, shared, key.text());
    for (const Lsn id : table_.Covering(key)) {
      const Standing standing = standing_(*table_.Find(id));
      if (standing == Standing::kOpen) return Refuse(Kind::kHeld, id, key.text());
      AddEnding(EndingOf(id, standing));
    }
    if (must_be_covered) return Refuse(Kind::kNotCovering, valid_.front().id, key.text());
    return true;
  }

  void AddEnding(const Ending& ending) {
    auto& endings = verdict_.endings;
    if (std::find(endings.begin(), endings.end(), ending) == endings.end()) endings.push_back(ending);
  }

  struct Valid {
    Lsn id;
    const model::LeaseRow* row;
    const std::vector<Scope>* scopes;
    bool ambient;
  };
  const Table& table_;
  const std::span<const Scope> keys_;
  const std::span<const Presented> presented_;
  const StandingOf& standing_;
  std::vector<Valid> valid_;
  WriteVerdict verdict_;
};

}  // namespace

AcquireVerdict JudgeAcquire(const Table& table, std::span<const Scope> scopes, LeaseMode mode,
                            const StandingOf& standing) {
  AcquireVerdict verdict;
  for (const Lsn id : table.InTheWay(scopes, mode)) {
    const Standing now = standing(*table.Find(id));
    if (now == Standing::kOpen) {
      verdict.held_by = id;
      verdict.endings.clear();
      return verdict;
    }
    verdict.endings.push_back(EndingOf(id, now));
  }
  return verdict;
}

WriteVerdict JudgeWrite(const Table& table, std::span<const Scope> keys, std::span<const Presented> presented,
                        const StandingOf& standing) {
  if (table.empty() && presented.empty()) return {};
  return Judging(table, keys, presented, standing).Run();
}

bool CoveredExclusively(const Table& table, const Scope& key, std::span<const Presented> presented,
                        const StandingOf& standing) {
  return std::any_of(presented.begin(), presented.end(), [&](const Presented& lease) {
    const model::LeaseRow* row = table.Find(lease.id);
    if (row == nullptr || !lease.secret_fits || row->info.mode != LeaseMode::kExclusive) return false;
    const auto& scopes = table.ScopesOf(lease.id);
    const bool covers = std::any_of(scopes.begin(), scopes.end(), [&](const Scope& s) { return s.Covers(key); });
    return covers && standing(*row) == Standing::kOpen;
  });
}

}  // namespace tenure::lease
