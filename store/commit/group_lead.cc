// The leading half of Group: who owns the lease, and what the owner does.
#include <climits>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/futex.h"
#include "store/base/guarded.h"
#include "store/base/quiet_thread.h"
#include "store/commit/group.h"
#include "store/commit/resolve.h"
#include "store/ingest/done_bell.h"
#include "store/journal/segments.h"

namespace tenure::commit {
namespace {

/// How long an owner without work keeps the lease: about the time that a writer needs to come back.
constexpr std::chrono::microseconds kLinger{500};
/// Batches that a process without a committing thread does for others before it leaves.
constexpr int kBatchesForOthersMax = 4;
/// How often it is said that nobody can commit.
constexpr std::uint64_t kSayAgainNs = 5'000'000'000;

void WakeAllWaiters(ingest::CommitArea& area) {
  ingest::DoneBell bell(area);
  bell.AddAll();
  bell.Ring();
}

}  // namespace

void SetBusy(ingest::CommitArea& area) {
  if (area.work.exchange(ingest::kBusy, std::memory_order_seq_cst) == ingest::kIdle) {
    base::FutexWake(area.work, INT_MAX);
  }
}

/// True when this process owns the lease and may commit.
Result<bool> Group::ClaimLocked() {
  if (held_) return true;
  const auto claim = lease_.TryClaim();
  if (!claim) return false;
  Status entered = committer_.Enter(*claim);
  if (!entered.ok()) {
    lease_.Release(claim->epoch);
    // Superseded is not a failure: somebody else is at it.
    if (entered.error().code == ErrorCode::kClosed) return false;
    return std::move(entered).error();
  }
  held_ = true;
  return true;
}

/// Commits in this thread if the lease is free, or this process has it and nobody is committing.
Result<bool> Group::TryLead(Work* work) {
  const std::unique_lock lock(commit_mutex_, std::try_to_lock);
  if (!lock.owns_lock() || stopped_) return false;
  TENURE_ASSIGN(const bool mine, ClaimLocked());
  if (mine) LeadLocked(work);
  return mine;
}

std::string Group::LastFailure() {
  const std::lock_guard lock(commit_mutex_);
  return committer_.failure().message;
}

/// One batch. False when the lease is gone.
bool Group::CommitOneLocked(Work* work) {
  const BatchEnd end = committer_.CommitBatch(work);
  if (end != BatchEnd::kDone) {
    GiveUpLocked(end == BatchEnd::kBroken);
    return false;
  }
  if (on_batch_) on_batch_();
  return true;
}

void Group::GiveUpLocked(bool broken) {
  base::Attempt([this] {
    context_.Say("warning", "the commit lease of epoch " + std::to_string(committer_.epoch()) +
                                " was given up: " + committer_.failure().message);
  });
  if (broken) write_failures_.fetch_add(1, std::memory_order_relaxed);
  lease_.Abandon(committer_.epoch());
  held_ = false;
  WakeAllWaiters(context_.shared());  // one of them takes over
}

void Group::LeadLocked(Work* work) {
  // The committing thread's, if there is any work. Else one batch: it frees what dead or stopped writers claimed of the
  // double buffer.
  if (work == nullptr && keep_lease_ && committer_.AnyWork() && WakeLoop()) return;
  int batches = 0;
  do {
    if (!CommitOneLocked(work)) return;
    ++batches;
  } while (work != nullptr ? !work->answer : (!keep_lease_ && batches < kBatchesForOthersMax && committer_.AnyWork()));
  LeaveLocked();
}

/// Behind an in-line commit: the committing thread goes on when there is more, else the lease is free again.
void Group::LeaveLocked() noexcept {
  while (held_) {
    const bool wanted = lease_.IsWanted();
    const bool stays = keep_lease_ && !wanted && !closing_.load(std::memory_order_relaxed);
    const bool more = stays && committer_.AnyWork();
    if (more && WakeLoop()) return;
    ReleaseLocked();
    // Looked at again after the release: who pushed before it woke nobody.
    if (!committer_.AnyWork()) return;
    if (!stays || more) {
      WakeAllWaiters(context_.shared());  // one of them claims it
      return;
    }
    // A failure shows again to whoever needs the lease next.
    (void)ClaimLocked().ok();
  }
}

void Group::ReleaseLocked() {
  held_ = false;
  lease_.Release(committer_.epoch());
}

Status Group::TakeOver(const base::Pair64& seen) {
  const std::unique_lock lock(commit_mutex_, std::try_to_lock);
  if (!lock.owns_lock() || held_ || stopped_) return {};
  TENURE_ASSIGN(const journal::Chain chain,
                journal::ReadChain(context_.env, context_.journal_dir, context_.journal_id, context_.trimmed_below));
  const auto claim = lease_.TakeOver(seen, chain.highest_epoch + 1);
  if (!claim) return {};
  Status entered = committer_.Enter(*claim);
  if (!entered.ok()) {
    lease_.Abandon(claim->epoch);
    // Superseded is not a failure: somebody else is at it.
    return entered.error().code == ErrorCode::kClosed ? Status() : entered;
  }
  held_ = true;
  LeaveLocked();
  return {};
}

Status Group::RecoverIfNeeded(RecoveryNote& note) {
  const base::Pair64 owner = lease_.Look();
  note.epoch = owner.first;
  if (owner.second == 0) return {};
  if (owner.second != ingest::kAbandoned && !context_.member.IsDead(owner.second)) return {};
  TENURE_RETURN_IF_ERROR(TakeOver(owner));
  const std::lock_guard lock(commit_mutex_);
  if (committer_.note().took_over) note = committer_.note();
  return {};
}

/// False: there is no committing thread, and none to be had.
bool Group::WakeLoop() noexcept {
  if (!keep_lease_) return false;
  const std::lock_guard lock(loop_mutex_);
  if (loop_stopping_) return false;
  if (!loop_.joinable()) base::Attempt([this] { loop_ = base::StartQuietThread([this] { LoopMain(); }); });
  if (!loop_.joinable()) return false;
  loop_woken_ = true;
  loop_wake_.notify_one();
  return true;
}

/// Nobody waits for what was submitted: the committing thread does.
Status Group::LookAfterAsynchronous(Waiting& waiting) {
  CommitUntilIdle();
  return HasAsynchronous() ? CheckOwner(waiting) : Status();
}

/// Sleeps untimed while there is nothing to do; timed only while this process has asynchronous operations in lanes
/// that another process should be committing.
void Group::LoopMain() {
  Waiting waiting;
  std::uint64_t said_ns = 0;  // 0: nothing yet
  std::unique_lock lock(loop_mutex_);
  while (!loop_stopping_) {
    // Looked at behind each word: an operation pushed before that was seen woke nobody.
    loop_sleep_.store(LoopSleep::kUntimed, std::memory_order_seq_cst);
    const bool watching = HasAsynchronous();
    if (watching) loop_sleep_.store(LoopSleep::kWatching, std::memory_order_seq_cst);
    const bool left = watching && lease_.IsFree() && committer_.AnyWork();
    const auto woken = [this, left] { return loop_woken_ || loop_stopping_ || left; };
    if (watching) {
      const std::chrono::nanoseconds slice(lease_.TtlNs(context_.commit_ttl_ns) / 4);
      loop_wake_.wait_for(lock, std::min(slice, std::chrono::nanoseconds(20'000'000)), woken);
    } else {
      loop_wake_.wait(lock, woken);
    }
    loop_sleep_.store(LoopSleep::kAwake, std::memory_order_seq_cst);
    loop_woken_ = false;
    lock.unlock();
    const Status checked = base::Guarded([&] { return LookAfterAsynchronous(waiting); });
    const std::uint64_t now_ns = context_.env.MonotonicNs();
    // It is tried every few milliseconds, for as long as the disk refuses.
    if (!checked.ok() && (said_ns == 0 || now_ns - said_ns >= kSayAgainNs)) {
      said_ns = now_ns;
      base::Attempt([&] { context_.Say("error", "taking over the commit lease failed: " + checked.error().message); });
    }
    lock.lock();
  }
}

/// True when the lease is still held.
bool Group::StepLocked() {
  ingest::CommitArea& area = context_.shared();
  const Pipeline::Turn turn = pipeline_.Step(on_batch_);
  if (Pipeline::IsLost(turn)) {
    GiveUpLocked(turn == Pipeline::Turn::kBroken);
    return false;
  }
  if (turn != Pipeline::Turn::kWaiting) return true;
  // The flag first, then another look: pairs with Nudge, and with a landing.
  area.work.store(ingest::kIdle, std::memory_order_seq_cst);
  if (!pipeline_.AnyNews()) {
    const std::chrono::nanoseconds bound(lease_.TtlNs(context_.commit_ttl_ns) / 4);
    (void)base::FutexWait(area.work, ingest::kIdle, bound);
  }
  SetBusy(area);
  return true;
}

/// True when the lease is still held, with nothing on its way.
bool Group::SettleLocked() {
  const Pipeline::Turn turn = pipeline_.Settle(on_batch_);
  if (Pipeline::IsLost(turn)) GiveUpLocked(turn == Pipeline::Turn::kBroken);
  return held_;
}

/// Sleeps a moment without work. False: still none.
bool Group::Linger(std::unique_lock<std::mutex>& lock) {
  ingest::CommitArea& area = context_.shared();
  area.work.store(ingest::kIdle, std::memory_order_seq_cst);
  // The flag first, then the lanes again: pairs with Nudge.
  bool woken = committer_.AnyWork();
  if (!woken) {
    lock.unlock();
    woken = base::FutexWait(area.work, ingest::kIdle, kLinger);
    lock.lock();
  }
  SetBusy(area);
  return woken || committer_.AnyWork();
}

/// Commits for everybody as long as there is work, then lingers once and releases.
void Group::CommitUntilIdle() {
  std::unique_lock lock(commit_mutex_);
  if (stopped_) return;
  if (!held_ && !committer_.AnyWork()) return;
  if (const auto mine = ClaimLocked(); !mine.ok()) {
    context_.Say("error", "the commit lease cannot be used: " + mine.error().message);
    return;
  }
  while (held_ && !stopped_) {
    const bool leaves = lease_.IsWanted() || closing_.load(std::memory_order_relaxed);
    if (!leaves && (committer_.AnyWork() || !pipeline_.empty())) {
      if (!StepLocked()) return;
      continue;
    }
    if (!SettleLocked()) return;
    if (!leaves && Linger(lock)) continue;
    if (held_) LeaveLocked();
    return;
  }
}

/// What was submitted is committed; its answers have no other reader now.
void Group::AwaitSubmitted() {
  for (const auto& use : slots_.All()) {
    std::vector<std::shared_ptr<Pending>> left;
    {
      const std::lock_guard lock(use->mutex);
      for (const auto& pending : use->in_flight) {
        if (pending) left.push_back(pending);
      }
    }
    for (const auto& pending : left) (void)Wait(*pending);
  }
}

void Group::Stop() {
  {
    // Once is enough, and for a second time there is nobody left who commits: what stayed in a lane would be waited for
    // for ever.
    const std::lock_guard lock(commit_mutex_);
    if (stopped_) return;
  }
  // Without memory it stays in its lane: whoever takes the slot over commits it.
  base::Attempt([this] { AwaitSubmitted(); });
  closing_.store(true, std::memory_order_relaxed);
  {
    const std::lock_guard lock(loop_mutex_);
    loop_stopping_ = true;
    loop_wake_.notify_one();
  }
  context_.shared().work.store(ingest::kBusy, std::memory_order_seq_cst);
  base::FutexWake(context_.shared().work, INT_MAX);
  if (loop_.joinable()) loop_.join();
  const std::lock_guard lock(commit_mutex_);
  if (held_) ReleaseLocked();
  stopped_ = true;
}

}  // namespace tenure::commit
