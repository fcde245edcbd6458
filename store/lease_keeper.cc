#include "store/lease_keeper.h"

#include <algorithm>
#include <climits>
#include <limits>

#include "store/base/futex.h"
#include "store/base/quiet_thread.h"

namespace tenure {
namespace {

constexpr std::uint64_t kRenewalsPerTtl = 3;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

}  // namespace

void KeptLease::SetOver() {
  {
    const std::lock_guard lock(mutex);
    over.store(true, std::memory_order_release);
  }
  changed.notify_all();
}

LeaseKeeper::~LeaseKeeper() {
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_seq_cst);
  Wake();
  thread_.join();
}

std::atomic<std::uint32_t>& LeaseKeeper::turn() const {
  return cells_.member().segment().member(cells_.member().slot()).lease_turn;
}

void LeaseKeeper::Wake() {
  turn().fetch_add(1, std::memory_order_seq_cst);
  base::FutexWake(turn(), INT_MAX);
}

void LeaseKeeper::Keep(const std::shared_ptr<KeptLease>& lease) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t renew_at_ms = env_.BoottimeMs() + lease->info.ttl_ms / kRenewalsPerTtl;
  // The thread first: without one nothing is kept. It waits for the mutex.
  const bool started = !thread_.joinable();
  if (started) thread_ = base::StartQuietThread([this] { Main(); });
  leases_.push_back({lease, renew_at_ms});
  if (!started && renew_at_ms < look_again_ms_) Wake();  // it would sleep too long
}

void LeaseKeeper::Drop(const KeptLease& lease) {
  const std::lock_guard lock(mutex_);
  std::erase_if(leases_, [&](const Entry& entry) { return entry.lease.get() == &lease; });
}

bool LeaseKeeper::Renew(KeptLease& lease) {
  if (lease.over.load(std::memory_order_acquire)) return false;
  if (cells_.Renew(lease.slot, lease.info.id, env_.BoottimeMs(), lease.info.ttl_ms)) return true;
  lease.SetOver();
  return false;
}

std::vector<Lsn> LeaseKeeper::HeldByThisThread() const {
  std::vector<Lsn> held;
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : leases_) {
    if (entry.lease->acquired_by == std::this_thread::get_id()) held.push_back(entry.lease->info.id);
  }
  return held;
}

std::uint64_t LeaseKeeper::RenewDue() {
  const std::lock_guard lock(mutex_);
  const std::uint64_t now = env_.BoottimeMs();
  std::uint64_t next = kNever;
  std::erase_if(leases_, [&](Entry& entry) {
    KeptLease& lease = *entry.lease;
    const auto cell = cells_.At(lease.slot, lease.info.id);
    if (!cell || cell->state != ingest::LeaseCellState::kOpen) {
      lease.SetOver();
      return true;
    }
    if (entry.renew_at_ms <= now) {
      if (!Renew(lease)) return true;
      entry.renew_at_ms = now + lease.info.ttl_ms / kRenewalsPerTtl;
    }
    next = std::min(next, entry.renew_at_ms);
    return false;
  });
  look_again_ms_ = next;
  return next;
}

void LeaseKeeper::Main() {
  ingest::MemberRow& row = cells_.member().segment().member(cells_.member().slot());
  while (!stopping_.load(std::memory_order_seq_cst)) {
    const std::uint32_t seen = turn().load(std::memory_order_seq_cst);
    const std::uint64_t next = RenewDue();
    if (stopping_.load(std::memory_order_seq_cst)) return;
    std::chrono::nanoseconds timeout(-1);
    if (next != kNever) {
      const std::uint64_t now = env_.BoottimeMs();
      timeout = std::chrono::milliseconds(next > now ? next - now : 0);
    }
    // seq_cst: pairs with Close's {turn moves; look at lease_asleep}.
    row.lease_asleep.store(1, std::memory_order_seq_cst);
    (void)base::FutexWait(row.lease_turn, seen, timeout);
    row.lease_asleep.store(0, std::memory_order_seq_cst);
  }
}

}  // namespace tenure
