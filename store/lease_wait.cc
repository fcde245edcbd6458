#include "store/lease_wait.h"

#include <algorithm>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/guarded.h"

namespace tenure {
namespace {

/// Where the death of a process cannot be seen, it is looked after this often.
constexpr std::uint64_t kBlindMs = 1'000;

}  // namespace

LeaseWait::LeaseWait(base::Env& env, ingest::Membership& member, std::uint64_t patience_ms, std::uint64_t wait_ms)
    : env_(env),
      member_(member),
      cells_(member),
      waits_(member),
      patience_ms_(patience_ms),
      give_up_ms_(env.BoottimeMs() + wait_ms) {}

LeaseWait::~LeaseWait() {
  watch_.reset();  // it calls the place
  if (!place_) return;
  waits_.Leave(*place_);
  base::Attempt([this] { CallConflicting(); });  // who is not called looks after its own clock
}

Status LeaseWait::Begin(ingest::WaitState state, lease::Waiter waiter) {
  base::Bytes body;
  lease::EncodeWaiter(waiter, body);
  TENURE_ASSIGN(place_, waits_.Claim(state, body));
  waiter_ = std::move(waiter);
  waiter_.ticket = place_->ticket;
  watch_.emplace([this] { waits_.Call(*place_, env_.BoottimeMs()); });
  Arm();
  return {};
}

/// The nearest queued request before this one that conflicts with it.
std::optional<ingest::WaitCells::Seen> LeaseWait::Before(bool called_only) const {
  std::optional<ingest::WaitCells::Seen> nearest;
  waits_.ForEach([&](const ingest::WaitCells::Seen& seen) {
    if (seen.state != ingest::WaitState::kQueued || seen.place.ticket >= waiter_.ticket) return true;
    if (called_only && (!seen.called || seen.called_ms + patience_ms_ <= env_.BoottimeMs())) return true;
    if (nearest && nearest->place.ticket > seen.place.ticket) return true;
    const auto other = lease::DecodeWaiter(seen.body);
    if (other && lease::Conflict(waiter_, *other) && !waits_.IsDead(seen.owner)) nearest = seen;
    return true;
  });
  return nearest;
}

/// Nothing: a committer may decide otherwise now than it did the last time.
std::optional<LeaseWait::Blocked> LeaseWait::WhatBlocks() const {
  const auto cell = holder_slot_ ? cells_.At(*holder_slot_, holder_) : std::nullopt;
  const bool dead = cell && cell->owner != 0 && cells_.IsDead(cell->owner);
  if (cell && cell->state == ingest::LeaseCellState::kOpen && cell->deadline_ms > env_.BoottimeMs() && !dead) {
    // Whoever comes next looks after the holder; everybody else after the one before.
    const auto before = Before(false);
    return Blocked{cell->deadline_ms, before ? before->owner : cell->owner};
  }
  if (const auto before = Before(true)) return Blocked{before->called_ms + patience_ms_, before->owner};
  return std::nullopt;
}

bool LeaseWait::WatchOwner(std::uint64_t owner) {
  const std::uint32_t slot = ingest::OwnerSlot(owner);
  if (owner == 0 || owner == member_.word() || slot >= ingest::kMemberSlots) {
    (void)watch_->Watch(0, 0);
    return true;
  }
  const ingest::MemberRow& row = member_.segment().member(slot);
  const std::uint32_t pid = row.pid.load(std::memory_order_acquire);
  if (pid == 0) return false;
  return watch_->Watch(pid, row.process_start.load(std::memory_order_relaxed));
}

bool LeaseWait::Sleep(const Error& refusal, const std::function<bool()>& interrupted) {
  const Lsn holder = refusal.holder ? refusal.holder->id : 0;
  if (holder != holder_) {
    holder_ = holder;
    holder_slot_ = holder != 0 ? cells_.Find(holder) : std::nullopt;
  }
  if (holder == 0) {
    // Only requests stand before this one: they are to come, or to be passed by.
    if (const auto before = Before(false); before && !before->called) waits_.Call(before->place, env_.BoottimeMs());
  }
  for (;;) {
    TENURE_FAIL_POINT("wait.before_sleep");
    const std::uint64_t now = env_.BoottimeMs();
    if (now >= give_up_ms_ || (interrupted && interrupted())) return false;
    const auto blocked = WhatBlocks();
    if (!blocked) return true;
    // Not before: whoever was called, and stops on its way to a committer, must look as if it did not come.
    waits_.Answer(*place_, turn_);
    std::uint64_t until = std::min(give_up_ms_, blocked->until_ms);
    if (!WatchOwner(blocked->owner)) {
      if (cells_.IsDead(blocked->owner)) return true;
      until = std::min(until, now + kBlindMs);
    }
    const std::chrono::nanoseconds timeout = std::chrono::milliseconds(until > now ? until - now : 0);
    waits_.Sleep(*place_, turn_, timeout);
    turn_ = waits_.Turn(*place_);
  }
}

void LeaseWait::CallConflicting() {
  waits_.ForEach([&](const ingest::WaitCells::Seen& seen) {
    if (seen.state != ingest::WaitState::kQueued || seen.place.ticket <= waiter_.ticket) return true;
    const auto other = lease::DecodeWaiter(seen.body);
    if (other && lease::Conflict(waiter_, *other)) waits_.Call(seen.place, env_.BoottimeMs());
    return true;
  });
}

}  // namespace tenure
