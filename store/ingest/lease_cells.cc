#include "store/ingest/lease_cells.h"

#include <algorithm>
#include <climits>

#include "store/base/futex.h"
#include "store/base/raise.h"

namespace tenure::ingest {

std::optional<LeaseCells::Look> LeaseCells::At(std::uint32_t slot, std::uint64_t id) const {
  if (slot >= kLeaseCells) return std::nullopt;
  const base::Pair64 word = cell(slot).word.Load();
  if (word.first != id) return std::nullopt;
  const base::Pair64 owner = cell(slot).owner.Load();
  // Owners are written first: that of a later epoch is about to get its word.
  const bool of_it = owner.first == id && MayOverwrite(LeaseEpoch(word.second), LeaseOwnerEpoch(owner.second));
  return Look{LeaseStateOf(word.second), LeaseDeadline(word.second), of_it ? LeaseOwnerOf(owner.second) : 0};
}

std::optional<std::uint32_t> LeaseCells::Find(std::uint64_t id) const {
  const std::uint32_t used = std::min(area().lease_cells_used.load(std::memory_order_acquire), kLeaseCells);
  std::optional<std::uint32_t> found;
  std::uint64_t epoch = 0;
  for (std::uint32_t slot = 0; slot < used; ++slot) {
    if (cell(slot).word.LoadFirst() != id) continue;
    // A batch that came to nothing may have left the same id elsewhere. The later epoch's is the one that was granted;
    // of one epoch, the first: grants take the lowest slot, and the later batch overwrites what is below.
    const std::uint64_t of_cell = LeaseEpoch(cell(slot).word.LoadSecond());
    if (found && (of_cell == epoch || !MayOverwrite(epoch, of_cell))) continue;
    found = slot;
    epoch = of_cell;
  }
  return found;
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
    const std::uint64_t renewed = LeaseWord(until, LeaseEpoch(seen.second), LeaseCellState::kOpen);
    if (word.CompareExchange(seen, {id, renewed})) return true;
  }
}

bool LeaseCells::Publish(std::uint32_t slot, std::uint64_t id, std::uint64_t epoch, std::uint64_t deadline_ms,
                         LeaseCellState state, std::uint64_t owner) {
  base::Raise(area().lease_cells_used, slot + 1);
  // The owner first: who sees the new word finds its owner.
  base::Atomic128& owner_word = cell(slot).owner;
  base::Pair64 before = owner_word.Load();
  do {
    if (before != base::Pair64{} && !MayOverwrite(LeaseOwnerEpoch(before.second), epoch)) return false;
  } while (!owner_word.CompareExchange(before, {id, PackLeaseOwner(owner, epoch)}));
  base::Atomic128& word = cell(slot).word;
  base::Pair64 seen = word.Load();
  do {
    if (seen != base::Pair64{} && !MayOverwrite(LeaseEpoch(seen.second), epoch)) return false;
  } while (!word.CompareExchange(seen, {id, LeaseWord(deadline_ms, epoch, state)}));
  return true;
}

bool LeaseCells::Close(std::uint32_t slot, std::uint64_t id, std::uint64_t epoch, LeaseCellState state,
                       std::optional<std::uint64_t> expired_at_ms) {
  base::Atomic128& word = cell(slot).word;
  base::Pair64 seen = word.Load();
  for (;;) {
    if (seen.first != id || LeaseStateOf(seen.second) != LeaseCellState::kOpen) return true;
    if (!MayOverwrite(LeaseEpoch(seen.second), epoch)) return false;
    const std::uint64_t deadline = LeaseDeadline(seen.second);
    if (expired_at_ms && deadline > *expired_at_ms) return false;
    if (word.CompareExchange(seen, {id, LeaseWord(deadline, LeaseEpoch(seen.second), state)})) break;
  }
  const base::Pair64 owner = cell(slot).owner.Load();
  const std::uint64_t process = LeaseOwnerOf(owner.second);
  if (owner.first != id || process == 0) return true;
  const std::uint32_t holder = OwnerSlot(process);
  if (holder >= kMemberSlots) return true;
  MemberRow& row = segment_.member(holder);
  row.lease_turn.fetch_add(1, std::memory_order_seq_cst);
  if (row.lease_asleep.load(std::memory_order_seq_cst) != 0) base::FutexWake(row.lease_turn, INT_MAX);
  return true;
}

bool LeaseCells::IsSettled(std::uint32_t slot, std::uint64_t now_ms) const {
  if (slot >= kLeaseCells) return true;
  const std::uint64_t word = cell(slot).word.Load().second;
  return LeaseStateOf(word) != LeaseCellState::kEnding || LeaseDeadline(word) <= now_ms;
}

void LeaseCells::Decide(std::uint32_t slot, std::uint64_t id, LeaseCellState state,
                        std::optional<std::uint64_t> epoch) {
  base::Atomic128& word = cell(slot).word;
  base::Pair64 seen = word.Load();
  while (seen.first == id && LeaseStateOf(seen.second) == LeaseCellState::kEnding) {
    if (epoch && !MayOverwrite(LeaseEpoch(seen.second), *epoch)) return;
    const std::uint64_t decided = LeaseWord(LeaseDeadline(seen.second), LeaseEpoch(seen.second), state);
    if (word.CompareExchange(seen, {id, decided})) return;
  }
}

void LeaseCells::TakeOver(std::uint64_t epoch, std::span<const std::uint64_t> held) {
  const std::uint32_t used = std::min(area().lease_cells_used.load(std::memory_order_acquire), kLeaseCells);
  for (std::uint32_t slot = 0; slot < used; ++slot) {
    const std::uint64_t id = slot < held.size() ? held[slot] : 0;
    // The owner first, as in Publish.
    base::Atomic128& owner = cell(slot).owner;
    base::Pair64 before = owner.Load();
    while (MayOverwrite(LeaseOwnerEpoch(before.second), epoch)) {
      const std::uint64_t process = before.first == id ? LeaseOwnerOf(before.second) : 0;
      if (owner.CompareExchange(before, {id, PackLeaseOwner(process, epoch)})) break;
    }
    base::Atomic128& word = cell(slot).word;
    base::Pair64 seen = word.Load();
    while (MayOverwrite(LeaseEpoch(seen.second), epoch)) {
      const bool mine = id != 0 && seen.first == id;
      const base::Pair64 stamped{mine ? id : 0,
                                 mine ? LeaseWord(LeaseDeadline(seen.second), epoch, LeaseStateOf(seen.second))
                                      : LeaseWord(0, epoch, LeaseCellState::kClosed)};
      if (word.CompareExchange(seen, stamped)) break;
    }
  }
}

void LeaseCells::CloseExpired(std::uint64_t now_ms, std::uint64_t epoch) {
  const std::uint32_t used = std::min(area().lease_cells_used.load(std::memory_order_acquire), kLeaseCells);
  for (std::uint32_t slot = 0; slot < used; ++slot) {
    const std::uint64_t word = cell(slot).word.LoadSecond();
    if (LeaseStateOf(word) != LeaseCellState::kOpen || LeaseDeadline(word) > now_ms) continue;
    (void)Close(slot, cell(slot).word.LoadFirst(), epoch, LeaseCellState::kClosed, now_ms);
  }
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
