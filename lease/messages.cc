#include "lease/messages.h"

#include <memory>
#include <utility>

#include "store/base/error.h"

namespace tenure::lease {
namespace {

std::string Number(std::uint64_t n) { return std::to_string(n); }
std::string LeaseText(Lsn id) { return "lease " + Number(id); }

std::string ScopesText(const LeaseInfo& lease) {
  std::string text;
  for (const std::string& scope : lease.scopes) text += (text.empty() ? "" : " ") + scope;
  return text;
}

std::string HolderText(const LeaseInfo& holder) {
  std::string text = holder.writer + " (pid " + Number(holder.pid);
  if (!holder.host.empty()) text += " on " + holder.host;
  if (!holder.purpose.empty()) text += ", " + holder.purpose;
  return text + ")";
}

constexpr const char* kAcquireAgain = "read what is there now, acquire a new lease, and try again";

}  // namespace

std::string Duration(std::uint64_t ms) {
  const std::uint64_t s = ms / 1'000;
  if (s < 1) return Number(ms) + " ms";
  if (s < 60) return Number(s) + " s";
  if (s < 3'600) return Number(s / 60) + " min" + (s % 60 == 0 ? "" : " " + Number(s % 60) + " s");
  return Number(s / 3'600) + " h" + (s % 3'600 < 60 ? "" : " " + Number(s % 3'600 / 60) + " min");
}

Error HeldError(const std::string& what, LeaseInfo holder, bool by_itself) {
  Error error;
  error.code = ErrorCode::kLeaseHeld;
  const std::string scopes = ScopesText(holder);
  error.message = what + ": " + HolderText(holder) + " has held " +
                  (holder.mode == LeaseMode::kShared ? "the shared " : "") + LeaseText(holder.id) +
                  (scopes == what || scopes.empty() ? "" : " on " + scopes) + " for " + Duration(holder.age_ms) + "; " +
                  Duration(holder.left_ms) + " are left";
  if (holder.waiters > 0) error.message += "; " + Number(holder.waiters) + " wait before you";
  error.hint = "wait for it (--wait 30s), or end it: tenure lease break " + Number(holder.id) + " --reason WHY";
  if (by_itself) {
    error.message += "; it is your own: a holder conflicts with itself";
    error.hint = "release it first, or acquire all scopes in one request";
  }
  error.lsn = holder.id;
  error.retry_after_ms = holder.left_ms;
  error.holder = std::make_shared<const LeaseInfo>(std::move(holder));
  return error;
}

Error QueuedError(const std::string& what, std::uint64_t before) {
  return base::MakeError(ErrorCode::kLeaseHeld,
                         what + ": nobody holds a lease of it, but " + Number(before) + " requests wait before you",
                         "wait in the queue: --wait 30s");
}

Error ExhaustedError(std::size_t held) {
  return base::MakeError(ErrorCode::kLeasesExhausted, Number(held) + " leases are held, which is the limit",
                         "release some, or lease subtrees instead of single keys; 'tenure lease list' shows them");
}

Error LostError(const WriteVerdict& verdict, const LeaseInfo* other) {
  using Kind = WriteVerdict::Kind;
  const std::string lease = LeaseText(verdict.id);
  Error error;
  error.hint = kAcquireAgain;
  switch (verdict.kind) {
    case Kind::kExpired:
      error.code = ErrorCode::kLeaseExpired;
      error.message = lease + " has expired, or the process that held it has died";
      break;
    case Kind::kFenced:
      error.code = ErrorCode::kFenced;
      error.message = lease + " has ended, and " + verdict.key + " is under " + LeaseText(verdict.other) + " now" +
                      (other != nullptr ? ", held by " + HolderText(*other) : "");
      break;
    case Kind::kBroken:
      error.code = ErrorCode::kLeaseBroken;
      error.message =
          lease + " was broken by an administrator; 'tenure log --from " + Number(verdict.id) + "' shows the reason";
      break;
    case Kind::kNotCovering:
      error.code = ErrorCode::kLeaseNotCovering;
      error.message = lease + " does not cover " + verdict.key;
      error.hint = "acquire a lease that covers every key of the transaction, or write without --lease";
      break;
    case Kind::kShared:
      error.code = ErrorCode::kLeaseNotCovering;
      error.message = lease + " is shared, so it entitles nobody to write " + verdict.key;
      error.hint = "acquire an exclusive lease (without --shared)";
      break;
    case Kind::kAllowed:
    case Kind::kHeld:
    case Kind::kUnknown:
      error = NotHeldError(verdict.id, nullptr);
      break;
  }
  if (error.key.empty()) error.key = verdict.key;
  error.lsn = verdict.id;
  return error;
}

Error NotHeldError(Lsn id, const Table::Ended* ended) {
  Error error = base::MakeError(ErrorCode::kLeaseUnknown,
                                LeaseText(id) + " is not held: it was released, has ended, or the token is another's",
                                kAcquireAgain);
  if (ended != nullptr && ended->kind == model::EffectKind::kBreakLease) {
    error.code = ErrorCode::kLeaseBroken;
    error.message = LeaseText(id) + " was broken by an administrator";
    error.hint = "'tenure log --from " + Number(id) + "' shows the reason; acquire a new lease";
  } else if (ended != nullptr && ended->kind != model::EffectKind::kReleaseLease) {
    error.code = ErrorCode::kLeaseExpired;
    error.message = LeaseText(id) + " has expired, or the process that held it has died";
  } else if (ended != nullptr) {
    error.message = LeaseText(id) + " was released";
  }
  error.lsn = id;
  return error;
}

}  // namespace tenure::lease
