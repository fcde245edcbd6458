// Leases of the public API: handles, and what Store does with tokens.
#include "tenure/lease.h"

#include <utility>

#include "lease/messages.h"
#include "store/base/error.h"
#include "store/base/guarded.h"
#include "store/journal/reader.h"
#include "store/lease_keeper.h"
#include "store/store_impl.h"

namespace tenure {
namespace {

/// A refusal is worth reading some tens of milliseconds of journal.
constexpr Lsn kExplainedWithin = 100'000;

/// How lease `id` ended, if this transaction ended it.
std::optional<lease::Table::Ended> EndIn(const model::CommittedTxn& txn, Lsn id) {
  for (const model::Effect& effect : txn.effects) {
    if (!model::IsLease(effect.kind) || effect.kind == model::EffectKind::kGrantLease) continue;
    if (effect.lease.front().row.info.id == id) return lease::Table::Ended{effect.kind, {}};
  }
  return std::nullopt;
}

}  // namespace

Error StoreImpl::Explained(Error error) const {
  if (error.code != ErrorCode::kLeaseUnknown || !error.lsn) return error;
  const Lsn id = *error.lsn;
  const Lsn durable = context->DurableLsn();
  const auto reader = JournalAt(id);
  if (!reader.ok() || id == 0 || id > durable) return error;
  for (bool granted = false;;) {
    const auto step = (*reader)->Next(durable, durable);
    if (!step.ok() || step->stop != journal::Stop::kFrame) return error;
    for (const model::CommittedTxn& txn : step->frame.txns) {
      if (txn.lsn < id) continue;
      if (txn.lsn > id + kExplainedWithin) return error;
      if (txn.lsn == id) {
        for (const model::Effect& effect : txn.effects) granted |= effect.kind == model::EffectKind::kGrantLease;
      }
      if (!granted) return error;
      const auto ended = EndIn(txn, id);
      if (!ended) continue;
      Error explained = lease::NotHeldError(id, &*ended);
      explained.message += " at lsn " + std::to_string(txn.lsn);
      explained.key = error.key;
      return explained;
    }
  }
}

Result<Receipt> StoreImpl::Explained(Result<Receipt> answer) const {
  if (answer.ok()) return answer;
  return Explained(std::move(answer).error());
}

Result<Lease> Store::Acquire(const AcquireOptions& options) try {
  TENURE_RETURN_IF_ERROR(impl_->CheckWritable());
  TENURE_RETURN_IF_ERROR(impl_->LimitLag());
  TENURE_ASSIGN(auto kept, impl_->leases->Acquire(options));
  Lease lease(impl_, kept);  // released when it cannot be kept
  impl_->leases->keeper().Keep(kept);
  return lease;
}
TENURE_CATCH_ALL

Result<LeaseInfo> Store::RenewLease(const std::string& token, std::optional<std::chrono::milliseconds> ttl) try {
  TENURE_RETURN_IF_ERROR(impl_->CheckWritable());
  auto renewed = impl_->leases->Renew(token, ttl);
  if (renewed.ok()) return renewed;
  return impl_->Explained(std::move(renewed).error());
}
TENURE_CATCH_ALL

Result<Receipt> Store::ReleaseLease(const std::string& token) try {
  TENURE_RETURN_IF_ERROR(impl_->CheckWritable());
  return impl_->Explained(impl_->leases->Release(token));
}
TENURE_CATCH_ALL

Result<Receipt> Store::BreakLease(Lsn id, const std::string& reason) try {
  TENURE_RETURN_IF_ERROR(impl_->CheckWritable());
  return impl_->leases->Break(id, reason);
}
TENURE_CATCH_ALL

Result<std::vector<LeaseInfo>> Store::Leases() const try {
  TENURE_ASSIGN(auto view, impl_->ViewFor({}));
  std::vector<LeaseInfo> held;
  TENURE_RETURN_IF_ERROR(view.reader->ForEachLease([&](const model::LeaseRow& row) {
    LeaseInfo info = row.info;
    if (impl_->leases->Describe(info, row.slot)) held.push_back(std::move(info));
    return true;
  }));
  return held;
}
TENURE_CATCH_ALL

Lease::Lease(std::shared_ptr<StoreImpl> store, std::shared_ptr<KeptLease> kept)
    : store_(std::move(store)), kept_(std::move(kept)) {}

Lease::Lease(Lease&&) noexcept = default;

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  if (kept_ && store_->CheckUsable().ok()) (void)Release();
  store_ = std::move(other.store_);
  kept_ = std::move(other.kept_);
  return *this;
}

Lease::~Lease() {
  // In a forked child it is the parent's still.
  if (kept_ && !kept_->settled.load() && store_->CheckUsable().ok()) (void)Release();
}

std::uint64_t Lease::fencing_token() const { return kept_->info.id; }
std::uint64_t Lease::incarnation() const { return kept_->incarnation; }
const std::string& Lease::token() const { return kept_->token; }
const LeaseInfo& Lease::info() const { return kept_->info; }
bool Lease::held() const { return !kept_->over.load(std::memory_order_acquire); }

bool Lease::WaitLost(std::chrono::milliseconds timeout) const {
  std::unique_lock lock(kept_->mutex);
  return kept_->changed.wait_for(lock, timeout, [this] { return kept_->over.load(std::memory_order_acquire); });
}

Status Lease::Renew() try {
  if (store_->leases->keeper().Renew(*kept_)) return {};
  return base::MakeError(
      ErrorCode::kLeaseExpired,
      "lease " + std::to_string(kept_->info.id) + " is over: it was released, broken, or has expired",
      "acquire a new one; nothing that was written under it before is lost");
}
TENURE_CATCH_ALL

Status Lease::Release() try {
  TENURE_RETURN_IF_ERROR(store_->CheckUsable());
  if (kept_->settled.exchange(true)) {
    return base::MakeError(ErrorCode::kLeaseUnknown,
                           "lease " + std::to_string(kept_->info.id) + " was released or detached before");
  }
  store_->leases->keeper().Drop(*kept_);
  auto released = base::Guarded([this] { return store_->leases->Release(kept_->token); });
  if (!released.ok() && released.error().code == ErrorCode::kOutOfMemory) {
    kept_->settled.store(false);  // nobody was asked yet: it can be tried again
  } else {
    kept_->SetOver();
  }
  return released.ok() ? Status() : Status(std::move(released).error());
}
TENURE_CATCH_ALL

void Lease::Detach() {
  if (!kept_->settled.exchange(true)) store_->leases->keeper().Drop(*kept_);
}

}  // namespace tenure
