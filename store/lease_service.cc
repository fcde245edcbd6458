#include "store/lease_service.h"

#include <algorithm>
#include <utility>

#include "lease/messages.h"
#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/guarded.h"
#include "store/commit/write_guard.h"
#include "store/lease_wait.h"
#include "store/model/lease.h"
#include "store/model/refusal.h"
#include "store/model/validate.h"

namespace tenure {
namespace {

Status CheckText(const std::string& text, const char* what, std::size_t bytes_max) {
  if (text.size() > bytes_max) return model::TooLarge(what, text.size(), bytes_max);
  const bool control =
      std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (!control && model::IsValidUtf8(text)) return {};
  return model::Invalid(std::string(what) + " " + model::Shown(text) + " is not plain UTF-8 text");
}

Status CheckTtl(std::chrono::milliseconds ttl) {
  const auto ms = ttl.count();
  if (ms >= static_cast<std::int64_t>(model::kLeaseTtlMinMs) &&
      ms <= static_cast<std::int64_t>(model::kLeaseTtlMaxMs)) {
    return {};
  }
  return model::Invalid("a time to live of " + std::to_string(ms) + " ms is out of range", "100ms to 24h");
}

Error NotOfThisStore(Lsn id) {
  return base::MakeError(ErrorCode::kLeaseUnknown, "lease " + std::to_string(id) + " was granted by another store",
                         "name the store that granted it (-C DIR), or acquire a lease of this one");
}

Error Waited(Error error, std::chrono::milliseconds wait) {
  if (error.code != ErrorCode::kLeaseHeld) return error;
  error.message += "; waited " + lease::Duration(static_cast<std::uint64_t>(wait.count()));
  return error;
}

}  // namespace

Result<Receipt> LeaseService::Submit(commit::LeaseAction action, const std::string& writer,
                                     std::vector<commit::PresentedLease> presented) {
  auto pending = group_.NewPending();
  pending->request.writer = writer.empty() ? context_.default_writer : writer;
  pending->request.uid = context_.uid;
  pending->request.leases = std::move(presented);
  pending->request.lease_action = std::make_shared<const commit::LeaseAction>(std::move(action));
  pending->work.request = &pending->request;
  auto answer = group_.Commit(pending);
  group_.Recycle(std::move(pending));
  return answer;
}

Result<lease::Token> LeaseService::OwnToken(const std::string& text) const {
  TENURE_ASSIGN(const lease::Token token, lease::ParseToken(text));
  if (token.store != StoreTag()) return NotOfThisStore(token.id);
  return token;
}

/// The leases that a request says its caller holds: of other stores, they are nothing to this one.
Result<std::vector<commit::PresentedLease>> LeaseService::Held(const AcquireOptions& options) const {
  std::vector<commit::PresentedLease> held;
  for (const std::string& text : options.held_tokens) {
    TENURE_ASSIGN(const lease::Token token, lease::ParseToken(text));
    if (token.store == StoreTag()) held.push_back({token.id, token.secret, true});
  }
  for (const Lsn id : keeper_.HeldByThisThread()) held.push_back({id, {}, true});
  if (held.size() > commit::kPresentedMax) held.resize(commit::kPresentedMax);
  return held;
}

Result<std::shared_ptr<KeptLease>> LeaseService::Acquire(const AcquireOptions& options) {
  TENURE_ASSIGN(const std::vector<lease::Scope> scopes, lease::ParseScopes(options.scopes));
  TENURE_RETURN_IF_ERROR(CheckTtl(options.ttl));
  TENURE_RETURN_IF_ERROR(CheckText(options.purpose, "the purpose", model::kLeasePurposeBytesMax));
  if (!options.writer.empty()) TENURE_RETURN_IF_ERROR(model::ValidateWriter(options.writer));
  const base::HostInfo& host = context_.env.Host();
  lease::Token token;
  token.store = StoreTag();
  context_.env.Random(token.secret);
  commit::LeaseAction action;
  LeaseInfo& info = action.row.info;
  info.scopes = options.scopes;
  info.mode = options.mode;
  info.bound = options.bound;
  info.ttl_ms = static_cast<std::uint64_t>(options.ttl.count());
  info.host = host.host.substr(0, model::kLeaseHostBytesMax);
  info.pid = host.pid;
  info.process_start = host.process_start;
  info.purpose = options.purpose;
  action.row.secret_hash = lease::HashOf(token.secret);
  if (options.bound) action.owner = context_.member.word();
  TENURE_ASSIGN(const Receipt receipt, AcquireOrWait(options, scopes, action));
  token.id = receipt.lsn;
  auto kept = base::Guarded([&] { return MakeKept(options, info, token, receipt); });
  if (!kept.ok() && kept.error().code == ErrorCode::kOutOfMemory) {
    // Granted, and nobody can hold it: given back, if there is memory for that. Else it ends by its time.
    (void)base::Guarded([&] { return ReleaseToken(token); });
  }
  return kept;
}

Result<std::shared_ptr<KeptLease>> LeaseService::MakeKept(const AcquireOptions& options, const LeaseInfo& info,
                                                          const lease::Token& token, const Receipt& receipt) const {
  auto kept = std::make_shared<KeptLease>();
  kept->info = info;
  kept->info.id = receipt.lsn;
  kept->info.writer = options.writer.empty() ? context_.default_writer : options.writer;
  kept->info.uid = context_.uid;
  kept->info.granted_at_ms = receipt.time_ms;
  kept->token = lease::Print(token);
  kept->incarnation = context_.incarnation;
  kept->acquired_by = std::this_thread::get_id();
  const auto slot = cells_.Find(receipt.lsn);
  if (!slot) return lease::NotHeldError(receipt.lsn, nullptr);  // granted, expired and replaced meanwhile
  kept->slot = *slot;
  (void)Describe(kept->info, *slot);
  return kept;
}

Result<Receipt> LeaseService::AcquireOrWait(const AcquireOptions& options, const std::vector<lease::Scope>& scopes,
                                            commit::LeaseAction action) {
  TENURE_ASSIGN(const std::vector<commit::PresentedLease> held, Held(options));
  if (options.wait.count() <= 0) return Submit(std::move(action), options.writer, held);
  auto answer = Submit(action, options.writer, held);
  if (answer.ok() || answer.error().code != ErrorCode::kLeaseHeld) return answer;
  LeaseWait wait(context_.env, context_.member, PatienceMs(), static_cast<std::uint64_t>(options.wait.count()));
  lease::Waiter waiter;
  waiter.scopes = scopes;
  waiter.mode = options.mode;
  for (const commit::PresentedLease& lease : held) waiter.holds.push_back(lease.id);
  waiter.name = "pid " + std::to_string(action.row.info.pid) +
                (options.purpose.empty() ? std::string() : " (" + options.purpose + ")");
  TENURE_RETURN_IF_ERROR(wait.Begin(ingest::WaitState::kAnnounced, std::move(waiter)));
  action.ticket = wait.place().ticket;
  action.cell = wait.place().cell;
  for (;;) {
    wait.Arm();
    answer = Submit(action, options.writer, held);
    if (answer.ok() || answer.error().code != ErrorCode::kLeaseHeld) return answer;
    if (!wait.Sleep(answer.error())) return Waited(std::move(answer).error(), options.wait);
  }
}

bool LeaseService::Describe(LeaseInfo& info, std::uint32_t slot) const {
  const auto cell = cells_.At(slot, info.id);
  const std::uint64_t now = context_.env.BoottimeMs();
  info.age_ms = static_cast<std::uint64_t>(std::max<TimeMs>(0, context_.env.WallMs() - info.granted_at_ms));
  // One whose end is being decided is held; the end may come to nothing.
  if (!cell || cell->state == ingest::LeaseCellState::kClosed || cell->deadline_ms <= now) return false;
  if (info.bound && (cell->owner == 0 || cells_.IsDead(cell->owner))) return false;
  info.left_ms = cell->deadline_ms - now;
  return true;
}

Result<LeaseInfo> LeaseService::Renew(const std::string& text, std::optional<std::chrono::milliseconds> ttl) {
  TENURE_ASSIGN(const lease::Token token, OwnToken(text));
  if (ttl) TENURE_RETURN_IF_ERROR(CheckTtl(*ttl));
  // An acquire that nothing could grant finds out whether the token is right, and what it is for, in commit order.
  commit::LeaseAction look;
  look.what = commit::LeaseDo::kLook;
  look.id = token.id;
  look.secret = token.secret;
  for (;;) {
    TENURE_ASSIGN(const Receipt receipt, Submit(look, {}));
    TENURE_FAIL_POINT("lease.before_renewal");
    LeaseInfo info;
    info.id = token.id;
    info.ttl_ms = receipt.lsn;  // see DecideLease
    const auto slot = cells_.Find(token.id);
    const std::uint64_t ttl_ms = ttl ? static_cast<std::uint64_t>(ttl->count()) : info.ttl_ms;
    if (slot && cells_.Renew(*slot, token.id, context_.env.BoottimeMs(), ttl_ms)) {
      (void)Describe(info, *slot);
      return info;
    }
    // It ended since that look, or is about to: the next one comes behind whatever ends it, and says what that was. A
    // release or a break that comes to nothing opens it again.
  }
}

Result<Receipt> LeaseService::Release(const std::string& text) {
  TENURE_ASSIGN(const lease::Token token, OwnToken(text));
  return ReleaseToken(token);
}

Result<Receipt> LeaseService::ReleaseToken(const lease::Token& token) {
  commit::LeaseAction action;
  action.what = commit::LeaseDo::kRelease;
  action.id = token.id;
  action.secret = token.secret;
  return Submit(std::move(action), {});
}

Result<Receipt> LeaseService::Break(Lsn id, const std::string& reason) {
  TENURE_RETURN_IF_ERROR(CheckText(reason, "the reason", model::kLeaseReasonBytesMax));
  if (reason.empty()) return model::Invalid("breaking a lease needs a reason", "--reason WHY");
  commit::LeaseAction action;
  action.what = commit::LeaseDo::kBreak;
  action.id = id;
  action.reason = reason;
  return Submit(std::move(action), {});
}

Status LeaseService::Reap() {
  commit::Pending pending;
  pending.request.writer = context_.default_writer;
  pending.request.uid = context_.uid;
  commit::LeaseAction action;
  action.what = commit::LeaseDo::kReap;
  pending.request.lease_action = std::make_shared<const commit::LeaseAction>(std::move(action));
  pending.work.request = &pending.request;
  const auto done = group_.CommitAlone(pending);
  return done.ok() ? Status() : Status(done.error());
}

Result<std::vector<commit::PresentedLease>> LeaseService::Presented(const CommitOptions& options) const {
  std::vector<commit::PresentedLease> presented;
  const auto add = [&](const std::string& text, bool ambient) -> Status {
    TENURE_ASSIGN(const lease::Token token, lease::ParseToken(text));
    if (token.store == StoreTag()) {
      presented.push_back({token.id, token.secret, ambient});
    } else if (!ambient) {
      return NotOfThisStore(token.id);
    }
    return {};
  };
  if (options.lease != nullptr) TENURE_RETURN_IF_ERROR(add(options.lease->token(), false));
  for (const std::string& text : options.lease_tokens) TENURE_RETURN_IF_ERROR(add(text, false));
  for (const std::string& text : options.ambient_lease_tokens) TENURE_RETURN_IF_ERROR(add(text, true));
  if (presented.size() <= commit::kPresentedMax) return presented;
  return base::MakeError(ErrorCode::kTooLarge,
                         "a transaction presents at most " + std::to_string(commit::kPresentedMax) + " leases");
}

Result<Receipt> LeaseService::RetryWhileHeld(const commit::Request& request, const CommitOptions& options,
                                             const std::function<Result<Receipt>()>& attempt) {
  const std::uint64_t wait_ms = options.wait_ms;
  auto answer = attempt();
  if (answer.ok() || answer.error().code != ErrorCode::kLeaseHeld || wait_ms == 0) return answer;
  LeaseWait wait(context_.env, context_.member, PatienceMs(), wait_ms);
  lease::Waiter waiter;
  waiter.kind = lease::WaiterKind::kWrite;
  waiter.name = "pid " + std::to_string(context_.env.Host().pid) + " (to write)";
  for (const commit::PresentedLease& lease : request.leases) waiter.presents.push_back(lease.id);
  waiter.holds = waiter.presents;
  for (const Lsn id : keeper_.HeldByThisThread()) {
    if (waiter.holds.size() < commit::kPresentedMax) waiter.holds.push_back(id);
  }
  std::size_t bytes = 0;
  for (const Operation& op : request.operations) {
    if (auto scope = commit::ScopeOf(op)) {
      bytes += scope->text().size();
      waiter.scopes.push_back(std::move(*scope));
      if (waiter.scopes.size() <= model::kLeaseScopesMax && bytes <= model::kLeaseScopeBytesMax) continue;
    }
    // Too many to tell, or a conflict's: any change of leases may be the one.
    TENURE_ASSIGN(const lease::Scope everything, lease::Scope::Parse("**"));
    waiter.scopes.assign(1, everything);
    waiter.kind = lease::WaiterKind::kBell;
    break;
  }
  const bool may_be_in_a_circle = waiter.kind == lease::WaiterKind::kWrite;
  TENURE_RETURN_IF_ERROR(wait.Begin(ingest::WaitState::kWatching, std::move(waiter)));
  if (may_be_in_a_circle) {
    commit::LeaseAction ask;
    ask.what = commit::LeaseDo::kWait;
    ask.ticket = wait.place().ticket;
    ask.cell = wait.place().cell;
    TENURE_RETURN_IF_ERROR(Submit(std::move(ask), {}));
  }
  for (;;) {
    wait.Arm();
    answer = attempt();
    if (answer.ok() || answer.error().code != ErrorCode::kLeaseHeld) return answer;
    if (wait.Sleep(answer.error(), options.interrupted)) continue;
    if (options.interrupted && options.interrupted()) return std::move(answer).error();
    return Waited(std::move(answer).error(), std::chrono::milliseconds(wait_ms));
  }
}

}  // namespace tenure
