#include "store/commit/decide_lease.h"

#include <algorithm>

#include "lease/messages.h"
#include "store/base/error.h"
#include "store/base/failpoint.h"

namespace tenure::commit {
namespace {

using model::Effect;
using model::EffectKind;

/// Leases that one transaction ends beyond those in its way.
constexpr std::size_t kReapMax = 1'000;

Effect EndEffect(Lsn id, EffectKind kind, std::string reason = {}) {
  Effect effect;
  effect.kind = kind;
  model::LeaseChange& change = effect.lease.emplace_back();
  change.row.info.id = id;
  change.reason = std::move(reason);
  return effect;
}

void End(Heads& heads, const std::vector<lease::Ending>& endings, std::vector<Effect>& effects) {
  for (const lease::Ending& ending : endings) {
    heads.EndLease(ending.id, ending.kind);
    effects.push_back(EndEffect(ending.id, ending.kind));
  }
}

std::vector<lease::Ending> FindOver(const Heads& heads, LeaseDesk& desk) {
  std::vector<lease::Ending> over;
  heads.leases().ForEach([&](const model::LeaseRow& row) {
    if (over.size() == kReapMax) return;
    const lease::Standing standing = desk.StandingOf(row);
    if (standing == lease::Standing::kOpen) return;
    over.push_back(
        {row.info.id, standing == lease::Standing::kOrphaned ? EffectKind::kOrphanLease : EffectKind::kExpireLease});
  });
  return over;
}

std::string Joined(const std::vector<std::string>& scopes) {
  std::string text;
  for (const std::string& scope : scopes) text += (text.empty() ? "" : " ") + scope;
  return text;
}

bool IsOwn(const Request& request, const LeaseInfo& holder, const LeaseInfo& wanted) {
  const auto presents = [&](const PresentedLease& lease) { return lease.id == holder.id; };
  return std::any_of(request.leases.begin(), request.leases.end(), presents) ||
         (wanted.pid != 0 && holder.pid == wanted.pid && holder.process_start == wanted.process_start &&
          holder.host == wanted.host);
}

Error Deadlock(const std::string& waiting, const std::string& circle) {
  return base::MakeError(ErrorCode::kDeadlock, waiting + " would never end: " + circle,
                         "release what you hold, then acquire everything in one request");
}

class Acquiring {
 public:
  Acquiring(Heads& heads, LeaseDesk& desk, const Request& request, const LeaseAction& action)
      : heads_(heads), desk_(desk), request_(request), action_(action) {}

  LeaseDecision Run(Lsn lsn, TimeMs time_ms) {
    auto scopes = lease::ParseScopes(action_.row.info.scopes);
    if (!scopes.ok()) return Rejected(std::move(scopes).error());
    const LeaseMode mode = action_.row.info.mode;
    const lease::AcquireVerdict verdict = lease::JudgeAcquire(heads_.leases(), *scopes, mode, desk_.standing());
    const std::uint64_t before = desk_.Before(action_.ticket, *scopes, mode);
    if (verdict.held_by || before > 0) return Wait(verdict.held_by, before);
    LeaseDecision decision;
    End(heads_, verdict.endings, decision.effects);
    if (heads_.leases().size() >= model::kLeasesMax) End(heads_, FindOver(heads_, desk_), decision.effects);
    const auto slot = heads_.leases().FreeSlot([this](std::uint32_t free) { return desk_.MayInstall(free); });
    if (!slot) return Rejected(lease::ExhaustedError(heads_.leases().size()));
    Grant(*slot, lsn, time_ms, decision);
    return decision;
  }

 private:
  static LeaseDecision Rejected(Error error) { return {std::move(error), {}}; }

  /// Refused for now. A request with a ticket gets its place, unless that would close a circle.
  LeaseDecision Wait(const std::optional<Lsn>& held_by, std::uint64_t before) {
    const std::string what = Joined(action_.row.info.scopes);
    if (action_.ticket != 0) {
      if (const auto circle = desk_.Queue(heads_.leases(), {action_.cell, action_.ticket})) {
        return Rejected(Deadlock("waiting for " + what, *circle));
      }
    }
    if (!held_by) return Rejected(lease::QueuedError(what, before));
    LeaseInfo holder = desk_.Describe(*heads_.leases().Find(*held_by));
    holder.waiters = before;
    const bool own = IsOwn(request_, holder, action_.row.info);
    return Rejected(lease::HeldError(what, std::move(holder), own));
  }

  void Grant(std::uint32_t slot, Lsn lsn, TimeMs time_ms, LeaseDecision& decision) {
    model::LeaseRow row = action_.row;
    row.slot = slot;
    Effect& effect = decision.effects.emplace_back();
    effect.kind = EffectKind::kGrantLease;
    effect.lease.emplace_back().row = row;
    row.info.id = lsn;
    row.info.writer = request_.writer;
    row.info.uid = request_.uid;
    row.info.granted_at_ms = time_ms;
    desk_.Install(row, action_.owner);
    heads_.GrantLease(std::move(row));
  }

  Heads& heads_;
  LeaseDesk& desk_;
  const Request& request_;
  const LeaseAction& action_;
};

/// The end of a lease that does not stand any more; nullopt: it stands.
std::optional<Effect> EndOfOver(const Heads& heads, LeaseDesk& desk, Lsn id) {
  const lease::Standing standing = desk.StandingOf(*heads.leases().Find(id));
  if (standing == lease::Standing::kOpen) return std::nullopt;
  return EndEffect(id, standing == lease::Standing::kOrphaned ? EffectKind::kOrphanLease : EffectKind::kExpireLease);
}

/// Rejected, unless the secret is right and the lease stands.
LeaseDecision CheckHeld(Heads& heads, LeaseDesk& desk, const LeaseAction& action, bool stands) {
  const model::LeaseRow* row = heads.leases().Find(action.id);
  if (row == nullptr) return {lease::NotHeldError(action.id, heads.leases().FindEnded(action.id)), {}};
  if (!desk.SecretFits(*row, action.secret)) return {lease::NotHeldError(action.id, nullptr), {}};
  if (stands) return {};
  LeaseDecision decision;
  const lease::Table::Ended expired{EffectKind::kExpireLease, {}};
  decision.rejected = lease::NotHeldError(action.id, &expired);
  if (auto end = EndOfOver(heads, desk, action.id)) decision.effects.push_back(std::move(*end));
  StageEnds(heads, decision.effects);
  return decision;
}

LeaseDecision Release(Heads& heads, LeaseDesk& desk, const LeaseAction& action) {
  const model::LeaseRow* row = heads.leases().Find(action.id);
  const bool mine = row != nullptr && desk.SecretFits(*row, action.secret);
  LeaseDecision decision = CheckHeld(heads, desk, action, mine && desk.CloseForEnding(*row));
  if (decision.rejected) return decision;
  heads.EndLease(action.id, EffectKind::kReleaseLease);
  decision.effects.push_back(EndEffect(action.id, EffectKind::kReleaseLease));
  return decision;
}

LeaseDecision Look(Heads& heads, LeaseDesk& desk, const LeaseAction& action) {
  const model::LeaseRow* row = heads.leases().Find(action.id);
  return CheckHeld(heads, desk, action, row != nullptr && desk.StandingOf(*row) == lease::Standing::kOpen);
}

LeaseDecision Wait(const Heads& heads, LeaseDesk& desk, const LeaseAction& action) {
  LeaseDecision decision;
  if (const auto circle = desk.Watch(heads.leases(), {action.cell, action.ticket})) {
    decision.rejected = Deadlock("waiting to write", *circle);
  }
  return decision;
}

LeaseDecision Break(Heads& heads, LeaseDesk& desk, const LeaseAction& action) {
  const model::LeaseRow* row = heads.leases().Find(action.id);
  if (row == nullptr) {
    Error error = base::MakeError(ErrorCode::kNotFound, "lease " + std::to_string(action.id) + " is not held",
                                  "'tenure lease list' shows the leases that are");
    error.lsn = action.id;
    return {std::move(error), {}};
  }
  (void)desk.CloseForEnding(*row);
  LeaseDecision decision;
  heads.EndLease(action.id, EffectKind::kBreakLease);
  decision.effects.push_back(EndEffect(action.id, EffectKind::kBreakLease, action.reason));
  return decision;
}

}  // namespace

LeaseDecision DecideLease(Heads& heads, LeaseDesk& desk, const Request& request, Lsn lsn, TimeMs time_ms) {
  const LeaseAction& action = *request.lease_action;
  switch (action.what) {
    case LeaseDo::kAcquire:
      return Acquiring(heads, desk, request, action).Run(lsn, time_ms);
    case LeaseDo::kRelease:
      return Release(heads, desk, action);
    case LeaseDo::kBreak:
      return Break(heads, desk, action);
    case LeaseDo::kLook:
      return Look(heads, desk, action);
    case LeaseDo::kWait:
      return Wait(heads, desk, action);
    case LeaseDo::kReap:
      break;
  }
  LeaseDecision decision;
  End(heads, FindOver(heads, desk), decision.effects);
  desk.CloseExpired();
  return decision;
}

void StageEnds(Heads& heads, const std::vector<Effect>& ends) {
  for (const Effect& end : ends) heads.EndLease(end.lease.front().row.info.id, end.kind);
}

LeaseDecision GuardWrite(const Heads& heads, LeaseDesk& desk, std::span<const lease::Presented> presented,
                         const std::vector<lease::Scope>& keys) {
  if (TENURE_SEEDED_BUG("ignore_leases")) return {};
  const lease::Table& table = heads.leases();
  lease::WriteVerdict verdict = lease::JudgeWrite(table, keys, presented, desk.standing());
  LeaseDecision decision;
  switch (verdict.kind) {
    case lease::WriteVerdict::Kind::kAllowed:
      for (const lease::Ending& ending : verdict.endings) decision.effects.push_back(EndEffect(ending.id, ending.kind));
      break;
    case lease::WriteVerdict::Kind::kHeld:
      decision.rejected = lease::HeldError(verdict.key, desk.Describe(*table.Find(verdict.id)), false);
      decision.rejected->key = verdict.key;
      break;
    default: {
      const model::LeaseRow* other = verdict.other != 0 ? table.Find(verdict.other) : nullptr;
      decision.rejected = lease::LostError(verdict, other != nullptr ? &other->info : nullptr);
      if (verdict.kind != lease::WriteVerdict::Kind::kExpired || table.Find(verdict.id) == nullptr) break;
      if (auto end = EndOfOver(heads, desk, verdict.id)) decision.effects.push_back(std::move(*end));
      break;
    }
  }
  return decision;
}

void TouchLeases(const Heads& heads, LeaseDesk& desk, const model::CommittedTxn& txn) {
  for (const Effect& effect : txn.effects) {
    if (!model::IsLease(effect.kind)) continue;
    if (effect.kind == EffectKind::kGrantLease) {
      if (heads.leases().Find(txn.lsn) != nullptr) desk.Touch(heads.leases().ScopesOf(txn.lsn));
      continue;
    }
    desk.NoteEnd(effect.lease.front().row.info.id);
    const auto* ended = heads.leases().FindEnded(effect.lease.front().row.info.id);
    if (ended != nullptr) desk.Touch(ended->scopes);
  }
}

}  // namespace tenure::commit
