#include "store/ingest/lease_cells.h"

#include <algorithm>
#include <climits>

#include "store/base/futex.h"

namespace tenure::ingest {
namespace {

void Raise(std::atomic<std::uint32_t>& to, std::uint32_t at_least) {
  std::uint32_t seen = to.load(std::memory_order_relaxed);
  while (seen < at_least && !to.compare_exchange_weak(seen, at_least, std::memory_order_seq_cst)) {
  }
}

}  // namespace

std::optional<LeaseCells::Look> LeaseCells::At(std::uint32_t slot, std::uint64_t id) const {
  if (slot >= kLeaseCells) return std::nullopt;
  const base::Pair64 word = cell(slot).word.Load();
  if (word.first != id) return std::nullopt;
  const base::Pair64 owner = cell(slot).owner.Load();
  return Look{LeaseStateOf(word.second), LeaseDeadline(word.second), owner.first == id ? owner.second : 0};
}

std::optional<std::uint32_t> LeaseCells::Find(std::uint64_t id) const {
  const std::uint32_t used = std::min(area().lease_cells_used.load(std::memory_order_acquire), kLeaseCells);
  for (std::uint32_t slot = 0; slot < used; ++slot) {
    if (cell(slot).word.LoadFirst() == id) return slot;
  }
  return std::nullopt;
}

bool LeaseCells::Renew(std::uint32_t slot, std::uint64_t id, std::uint64_t now_ms, std::uint64_t ttl_ms) {
  base::Atomic128& word = cell(slot).word;
  // Two halves, read one by one: the compare-and-swap says whether they belong together.
  base::Pair64 seen{word.LoadFirst(), word.LoadSecond()};
  for (;;) {
    if (seen.first != id || LeaseStateOf(seen.second) != LeaseCellState::kOpen) return false;
    const std::uint64_t deadline = LeaseDeadline(seen.second);
    if (deadline <= now_ms) return false;
    const std::uint64_t until = std::max(deadline, now_ms + ttl_ms);
    if (word.CompareExchange(seen, {id, LeaseWord(until, LeaseCellState::kOpen)})) return true;
  }
}

bool LeaseCells::Publish(std::uint32_t slot, std::uint64_t id, std::uint64_t deadline_ms, LeaseCellState state,
                         std::uint64_t owner) {
  Raise(area().lease_cells_used, slot + 1);
  base::Atomic128& owner_word = cell(slot).owner;
  base::Pair64 before = owner_word.Load();
  while (before.first <= id && before != base::Pair64{id, owner}) {
    if (owner_word.CompareExchange(before, {id, owner})) break;
  }
  base::Atomic128& word = cell(slot).word;
  base::Pair64 seen = word.Load();
  while (seen.first <= id) {
    // The same id, open: what a committer that was superseded put there before its batch came to nothing.
    if (seen.first == id && LeaseStateOf(seen.second) != LeaseCellState::kOpen) return true;
    const std::uint64_t until = seen.first == id ? std::max(LeaseDeadline(seen.second), deadline_ms) : deadline_ms;
    if (word.CompareExchange(seen, {id, LeaseWord(until, state)})) return true;
  }
  return false;
}

bool LeaseCells::Close(std::uint32_t slot, std::uint64_t id, LeaseCellState state,
                       std::optional<std::uint64_t> expired_at_ms) {
  base::Atomic128& word = cell(slot).word;
  base::Pair64 seen = word.Load();
  for (;;) {
    if (seen.first != id || LeaseStateOf(seen.second) != LeaseCellState::kOpen) return true;
    const std::uint64_t deadline = LeaseDeadline(seen.second);
    if (expired_at_ms && deadline > *expired_at_ms) return false;
    if (word.CompareExchange(seen, {id, LeaseWord(deadline, state)})) break;
  }
  const base::Pair64 owner = cell(slot).owner.Load();
  if (owner.first != id || owner.second == 0) return true;
  const std::uint32_t holder = OwnerSlot(owner.second);
  if (holder >= kMemberSlots) return true;
  MemberRow& row = segment_.member(holder);
  row.lease_turn.fetch_add(1, std::memory_order_seq_cst);
  if (row.lease_asleep.load(std::memory_order_seq_cst) != 0) base::FutexWake(row.lease_turn, INT_MAX);
  return true;
}

std::optional<std::uint64_t> LeaseCells::EarliestDeadline() const {
  std::optional<std::uint64_t> earliest;
  const std::uint32_t used = std::min(area().lease_cells_used.load(std::memory_order_acquire), kLeaseCells);
  for (std::uint32_t slot = 0; slot < used; ++slot) {
    const std::uint64_t word = cell(slot).word.LoadSecond();
    if (LeaseStateOf(word) != LeaseCellState::kOpen) continue;
    if (!earliest || LeaseDeadline(word) < *earliest) earliest = LeaseDeadline(word);
  }
  return earliest;
}

}  // namespace tenure::ingest
