#include "store/commit/lease_desk.h"

#include <algorithm>
#include <iterator>

#include "store/base/failpoint.h"

namespace tenure::commit {

using ingest::LeaseCellState;
using lease::Standing;

LeaseDesk::LeaseDesk(const Context& context)
    : context_(context),
      cells_(context.member),
      waits_(context.member),
      standing_([this](const model::LeaseRow& row) { return StandingOf(row); }) {}

void LeaseDesk::TakeOver(std::uint64_t epoch, const lease::Table& table) {
  std::vector<std::uint64_t> held;
  table.ForEach([&held](const model::LeaseRow& row) {
    if (held.size() <= row.slot) held.resize(row.slot + std::size_t{1});
    held[row.slot] = row.info.id;
  });
  cells_.TakeOver(epoch, held);
}

void LeaseDesk::Begin(std::uint64_t epoch, std::uint64_t boottime_ms, TimeMs time_ms, const lease::Table& table) {
  epoch_ = epoch;
  now_ms_ = boottime_ms;
  time_ms_ = time_ms;
  touched_.clear();
  closed_.clear();
  ends_.clear();
  judged_ = false;
  if (cells_.area().ready.load(std::memory_order_acquire) == 0) Prepare(table);
}

/// After shared memory was made anew: nobody knows when a lease was renewed last, so each gets one full time to live.
/// Processes that a lease was bound to had the store open, and shared memory is made only when nobody has: they are
/// dead. A committer that comes late to this finds cells of its successor's, and changes none.
void LeaseDesk::Prepare(const lease::Table& table) {
  table.ForEach([this](const model::LeaseRow& row) {
    if (!cells_.At(row.slot, row.info.id))
      Put(row, 0, row.info.bound ? LeaseCellState::kClosed : LeaseCellState::kOpen);
  });
  TENURE_FAIL_POINT("lease.prepared");
  cells_.area().ready.store(1, std::memory_order_release);
}

void LeaseDesk::Put(const model::LeaseRow& row, std::uint64_t owner, LeaseCellState state) {
  // False: a higher epoch was there, so this committer was superseded, and will find out before it publishes.
  (void)cells_.Publish(row.slot, row.info.id, epoch_, now_ms_ + row.info.ttl_ms, state, owner);
}

Standing LeaseDesk::StandingOf(const model::LeaseRow& row) {
  judged_ = true;
  if (TENURE_SEEDED_BUG("lease_never_expires")) return Standing::kOpen;
  const std::uint64_t id = row.info.id;
  auto cell = cells_.At(row.slot, id);
  if (!cell) return Standing::kExpired;  // another lease was given the cell, which came to nothing: this one is over
  const bool orphaned = row.info.bound && (cell->owner == 0 || cells_.IsDead(cell->owner));
  if (cell->state == LeaseCellState::kEnding) {
    cells_.Reopen(row.slot, id, epoch_);
    cell->state = LeaseCellState::kOpen;
  }
  if (cell->state == LeaseCellState::kOpen) {
    if (orphaned) {
      (void)cells_.Close(row.slot, id, epoch_, LeaseCellState::kClosed);
    } else if (!cells_.Close(row.slot, id, epoch_, LeaseCellState::kClosed, now_ms_)) {
      return Standing::kOpen;
    }
  }
  return orphaned ? Standing::kOrphaned : Standing::kExpired;
}

bool LeaseDesk::SecretFits(const model::LeaseRow& row, const lease::Secret& secret) {
  if (TENURE_SEEDED_BUG("accept_any_secret")) return true;
  Fitted& kept = fitted_[row.info.id % fitted_.size()];
  if (kept.id == row.info.id && kept.secret == secret && kept.hash == row.secret_hash) return true;
  if (lease::HashOf(secret) != row.secret_hash) return false;
  kept = {row.info.id, secret, row.secret_hash};
  return true;
}

lease::Presented LeaseDesk::Check(const lease::Table& table, const PresentedLease& presented) {
  const model::LeaseRow* row = table.Find(presented.id);
  return {presented.id, row != nullptr && SecretFits(*row, presented.secret), presented.ambient};
}

LeaseInfo LeaseDesk::Describe(const model::LeaseRow& row) const {
  LeaseInfo info = row.info;
  info.age_ms = static_cast<std::uint64_t>(std::max<TimeMs>(0, time_ms_ - info.granted_at_ms));
  const auto cell = cells_.At(row.slot, row.info.id);
  if (cell && cell->state == LeaseCellState::kOpen && cell->deadline_ms > now_ms_) {
    info.left_ms = cell->deadline_ms - now_ms_;
  }
  return info;
}

void LeaseDesk::Install(const model::LeaseRow& row, std::uint64_t owner) {
  judged_ = true;
  Put(row, owner, LeaseCellState::kOpen);
}

bool LeaseDesk::CloseForEnding(const model::LeaseRow& row) {
  judged_ = true;
  const auto cell = cells_.At(row.slot, row.info.id);
  if (!cell) return false;
  // An end that was decided before and came to nothing is decided again.
  if (cell->state != LeaseCellState::kEnding) {
    if (cell->state != LeaseCellState::kOpen || cell->deadline_ms <= now_ms_) return false;
    (void)cells_.Close(row.slot, row.info.id, epoch_, LeaseCellState::kEnding);
  }
  closed_.push_back({row.slot, row.info.id});
  return true;
}

std::uint64_t LeaseDesk::Before(std::uint64_t ticket, std::span<const lease::Scope> scopes, LeaseMode mode) {
  if (!waits_.Any()) return 0;
  lease::Waiter mine;
  mine.scopes.assign(scopes.begin(), scopes.end());
  mine.mode = mode;
  const std::uint64_t patience_ms = context_.commit_ttl_ns / 1'000'000;
  std::uint64_t before = 0;
  waits_.ForEach([&](const ingest::WaitCells::Seen& seen) {
    if (seen.state != ingest::WaitState::kQueued || (ticket != 0 && seen.place.ticket >= ticket)) return true;
    // Called, and it does not come: it keeps its place, but holds nobody up.
    if (seen.called && seen.called_ms + patience_ms <= now_ms_) return true;
    const auto other = lease::DecodeWaiter(seen.body);
    if (other && lease::Conflict(mine, *other) && !waits_.IsDead(seen.owner)) ++before;
    return true;
  });
  return before;
}

std::optional<std::string> LeaseDesk::Queue(const lease::Table& table, const ingest::WaitCells::Place& place) {
  if (!waits_.Mark(place, ingest::WaitState::kQueued)) return std::nullopt;
  return FindCircle(table, place);
}

std::optional<std::string> LeaseDesk::Watch(const lease::Table& table, const ingest::WaitCells::Place& place) {
  if (!waits_.Mark(place, ingest::WaitState::kWatching)) return std::nullopt;
  return FindCircle(table, place);
}

std::optional<std::string> LeaseDesk::FindCircle(const lease::Table& table, const ingest::WaitCells::Place& place) {
  std::vector<lease::Waiter> waiters;
  waits_.ForEach([&](const ingest::WaitCells::Seen& seen) {
    if (seen.state == ingest::WaitState::kAnnounced || waits_.IsDead(seen.owner)) return true;
    auto waiter = lease::DecodeWaiter(seen.body);
    if (!waiter) return true;
    waiter->ticket = seen.place.ticket;
    waiters.push_back(std::move(*waiter));
    return true;
  });
  auto circle = lease::FindCircle(table, waiters, place.ticket, standing_);
  // Out of the queue at once: the next one to look must not see the same circle.
  if (circle) (void)waits_.Mark(place, ingest::WaitState::kRefused);
  return circle;
}

void LeaseDesk::Touch(std::span<const lease::Scope> scopes) {
  touched_.insert(touched_.end(), scopes.begin(), scopes.end());
}

void LeaseDesk::TakeTouched(std::vector<lease::Scope>& scopes) {
  scopes.insert(scopes.end(), std::make_move_iterator(touched_.begin()), std::make_move_iterator(touched_.end()));
  touched_.clear();
}

void LeaseDesk::NoteEnd(Lsn id) {
  const auto closed = std::find_if(closed_.begin(), closed_.end(), [id](const End& end) { return end.id == id; });
  if (closed != closed_.end()) ends_.push_back(*closed);
}

void LeaseDesk::TakeEnds(std::vector<End>& ends) {
  ends.insert(ends.end(), ends_.begin(), ends_.end());
  ends_.clear();
}

void LeaseDesk::ConfirmEnds(std::span<const End> ends) {
  for (const End& end : ends) cells_.ConfirmEnd(end.slot, end.id);
}

void LeaseDesk::Call(std::span<const lease::Scope> scopes, std::uint64_t now_ms) const {
  if (scopes.empty() || !waits_.Any()) return;
  waits_.ForEach([&](const ingest::WaitCells::Seen& seen) {
    const auto waiter = lease::DecodeWaiter(seen.body);
    if (waiter && lease::Conflict(std::span<const lease::Scope>(waiter->scopes), scopes)) {
      waits_.Call(seen.place, now_ms);
    }
    return true;
  });
}

}  // namespace tenure::commit
