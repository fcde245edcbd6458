#include "store/commit/commit_lease.h"

#include <algorithm>
#include <climits>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/futex.h"

namespace tenure::commit {

using base::Pair64;

namespace {

/// Sets {lower epoch, x} to {epoch, value}; false when a higher epoch is there.
bool Stamp(base::Atomic128& word, std::uint64_t epoch, std::uint64_t value) {
  Pair64 seen = word.Load();
  do {
    if (seen.first > epoch) return false;
  } while (!word.CompareExchange(seen, {epoch, value}));
  return true;
}

constexpr std::uint64_t kTtlDoublingsMax = 6;

}  // namespace

std::optional<Claim> CommitLease::TryClaim() {
  Pair64 owner = area_.owner.Load();
  if (owner.second != 0) return std::nullopt;
  if (!area_.owner.CompareExchange(owner, {owner.first, member_.word()})) return std::nullopt;
  TENURE_FAIL_POINT("turn.claimed");
  // The append position comes from the durable word, under the same epoch: what this process remembers counts
  // only if it is that.
  const Pair64 durable = area_.durable.Load();
  if (durable.first != owner.first) return std::nullopt;  // taken over from us already
  return Claim{owner.first, durable.second, false};
}

std::optional<Claim> CommitLease::TakeOver(const Pair64& seen, std::uint64_t epoch_min) {
  Pair64 owner = seen;
  // Asked before the claim: afterwards its slot may be somebody else's.
  const bool died = seen.second != ingest::kAbandoned && member_.IsDead(seen.second);
  const std::uint64_t epoch = std::max({seen.first + 1, area_.durable.Load().first + 1, epoch_min});
  if (!area_.owner.CompareExchange(owner, {epoch, member_.word()})) return std::nullopt;
  TENURE_FAIL_POINT("takeover.claimed");
  const Pair64 takeovers = area_.takeovers.Load();
  (void)Stamp(area_.takeovers, epoch, takeovers.second + (died ? 0 : 1));
  (void)Stamp(area_.heartbeat, epoch, 0);
  // Re-stamp: from here on nothing of an older epoch can be published.
  Pair64 durable = area_.durable.Load();
  do {
    if (durable.first > epoch) return std::nullopt;
  } while (!area_.durable.CompareExchange(durable, {epoch, durable.second}));
  Pair64 resolved = area_.resolved.Load();
  do {
    if (resolved.first > epoch) return std::nullopt;
  } while (!area_.resolved.CompareExchange(resolved, {epoch, resolved.second}));
  TENURE_FAIL_POINT("takeover.restamped");
  return Claim{epoch, area_.durable.Load().second, true};
}

bool CommitLease::Beat(std::uint64_t epoch) {
  Pair64 seen = area_.heartbeat.Load();
  do {
    if (seen.first > epoch) return false;
  } while (!area_.heartbeat.CompareExchange(seen, {epoch, seen.second + 1}));
  return true;
}

bool CommitLease::Publish(std::uint64_t epoch, Lsn from, Lsn to) {
  Pair64 expected{epoch, from};
  bool published = area_.durable.CompareExchange(expected, {epoch, to});
  while (!published && TENURE_SEEDED_BUG("publish_any_epoch")) {
    published = area_.durable.CompareExchange(expected, {expected.first, to});
  }
  if (published && area_.takeovers.LoadSecond() != 0) (void)Stamp(area_.takeovers, epoch, 0);
  return published;
}

bool CommitLease::Resolve(std::uint64_t epoch, Lsn to) { return Stamp(area_.resolved, epoch, to); }

void CommitLease::Release(std::uint64_t epoch) {
  TENURE_FAIL_POINT("turn.before_release");
  Pair64 mine{epoch, member_.word()};
  // From exactly one's own word: a store would free the lease of a successor.
  const bool released = area_.owner.CompareExchange(mine, {epoch, 0});
  if (!released || area_.wanted_by.exchange(0, std::memory_order_seq_cst) == 0) return;
  area_.released_turn.fetch_add(1, std::memory_order_seq_cst);
  base::FutexWake(area_.released_turn, INT_MAX);
}

void CommitLease::Abandon(std::uint64_t epoch) {
  Pair64 mine{epoch, member_.word()};
  (void)area_.owner.CompareExchange(mine, {epoch, ingest::kAbandoned});
}

void CommitLease::AskFor() {
  const std::uint32_t turn = area_.released_turn.load(std::memory_order_seq_cst);
  area_.wanted_by.store(member_.word(), std::memory_order_seq_cst);
  // The owner may sleep for lack of work.
  if (area_.work.exchange(ingest::kBusy, std::memory_order_seq_cst) == ingest::kIdle) {
    base::FutexWake(area_.work, INT_MAX);
  }
  if (!IsFree()) base::FutexWait(area_.released_turn, turn, std::chrono::milliseconds(5));
}

std::uint64_t CommitLease::TtlNs(std::uint64_t base_ns) const {
  return base_ns << std::min(area_.takeovers.LoadSecond(), kTtlDoublingsMax);
}

bool OwnerWatch::IsStale(const Pair64& owner, const Pair64& heartbeat, std::uint64_t now_ns, std::uint64_t ttl_ns) {
  if (TENURE_SEEDED_BUG("wait_for_stopped_owner")) return false;
  if (!watching_ || !(owner == owner_) || !(heartbeat == heartbeat_)) {
    owner_ = owner;
    heartbeat_ = heartbeat;
    since_ns_ = now_ns;
    watching_ = true;
    return false;
  }
  return now_ns - since_ns_ >= ttl_ns;
}

}  // namespace tenure::commit
