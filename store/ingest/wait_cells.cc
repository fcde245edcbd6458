#include "store/ingest/wait_cells.h"

#include <algorithm>
#include <climits>
#include <cstring>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/futex.h"
#include "store/base/raise.h"
#include "store/ingest/changing_copy.h"

namespace tenure::ingest {

/// The first cell that is free or whose process is dead; taken, with a ticket above all before.
std::optional<WaitCells::Place> WaitCells::ClaimCell() {
  for (std::uint32_t i = 0; i < kWaitCells; ++i) {
    WaitCell& cell = segment_.wait_cell(i);
    base::Pair64 seen = cell.word.Load();
    const bool free = WaitStateOf(seen.first) == WaitState::kFree || member_.IsDead(seen.second);
    if (!free) continue;
    const std::uint64_t ticket = area().last_ticket.fetch_add(1, std::memory_order_seq_cst) + 1;
    if (!cell.word.CompareExchange(seen, {WaitWord(ticket, WaitState::kClaimed), member_.word()})) continue;
    base::Raise(area().wait_cells_used, i + 1);
    return Place{i, ticket};
  }
  return std::nullopt;
}

Result<WaitCells::Place> WaitCells::Claim(WaitState state, base::ByteView body) {
  if (body.size() > kWaitBodyBytes) {
    return base::MakeError(ErrorCode::kTooLarge, "the request for a lease is too large to wait with",
                           "lease a subtree (prefix/**) instead of many scopes");
  }
  const auto place = ClaimCell();
  if (!place) {
    return base::MakeError(ErrorCode::kLeasesExhausted,
                           std::to_string(kWaitCells) + " requests wait for leases of this store, which is the limit",
                           "try again later, without waiting");
  }
  WaitCell& mine = cell(*place);
  if (mine.allocated.load(std::memory_order_acquire) == 0) {
    if (Status status = segment_.AllocateWaitBody(place->cell); !status.ok()) {
      Leave(*place);
      return std::move(status).error();
    }
    mine.allocated.store(1, std::memory_order_release);
  }
  std::memcpy(segment_.wait_body(place->cell), body.data(), body.size());
  mine.bytes.store(static_cast<std::uint32_t>(body.size()), std::memory_order_relaxed);
  mine.answered.store(mine.turn.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
  mine.asleep.store(0, std::memory_order_relaxed);
  base::Pair64 claimed{WaitWord(place->ticket, WaitState::kClaimed), member_.word()};
  // Publishes the body: whoever sees the state sees the bytes.
  TENURE_CHECK(mine.word.CompareExchange(claimed, {WaitWord(place->ticket, state), member_.word()}));
  TENURE_FAIL_POINT("lease.announced");
  return *place;
}

void WaitCells::Leave(const Place& place) {
  base::Pair64 seen = cell(place).word.Load();
  while (TicketOf(seen.first) == place.ticket && seen.second == member_.word()) {
    if (cell(place).word.CompareExchange(seen, {WaitWord(place.ticket, WaitState::kFree), 0})) return;
  }
}

bool WaitCells::Mark(const Place& place, WaitState state) {
  if (place.cell >= kWaitCells) return false;
  base::Pair64 seen = cell(place).word.Load();
  for (;;) {
    const WaitState now = WaitStateOf(seen.first);
    if (TicketOf(seen.first) != place.ticket) return false;
    if (now == state) return true;
    if (now < WaitState::kAnnounced) return false;
    if (cell(place).word.CompareExchange(seen, {WaitWord(place.ticket, state), seen.second})) return true;
  }
}

void WaitCells::ForEach(const std::function<bool(const Seen&)>& visit) const {
  const std::uint32_t used = std::min(area().wait_cells_used.load(std::memory_order_acquire), kWaitCells);
  for (std::uint32_t i = 0; i < used; ++i) {
    WaitCell& cell = segment_.wait_cell(i);
    const base::Pair64 word = cell.word.Load();
    Seen seen;
    seen.place = {i, TicketOf(word.first)};
    seen.state = WaitStateOf(word.first);
    seen.owner = word.second;
    if (seen.state != WaitState::kAnnounced && seen.state != WaitState::kQueued && seen.state != WaitState::kWatching) {
      continue;
    }
    const std::uint32_t bytes = std::min(cell.bytes.load(std::memory_order_relaxed), kWaitBodyBytes);
    if (cell.allocated.load(std::memory_order_acquire) == 0) continue;
    // The cell may change hands meanwhile: see below.
    seen.body.resize(bytes);
    CopyChanging(seen.body.data(), segment_.wait_body(i), bytes);
    seen.called_ms = cell.called_ms.load(std::memory_order_relaxed);
    seen.called = cell.turn.load(std::memory_order_seq_cst) != cell.answered.load(std::memory_order_seq_cst);
    // Whose bytes were they? A cell that changed hands meanwhile says so; a change of state alone does not matter.
    const base::Pair64 after = cell.word.Load();
    if (TicketOf(after.first) != seen.place.ticket || after.second != word.second) continue;
    if (!visit(seen)) return;
  }
}

void WaitCells::Call(const Place& place, std::uint64_t now_ms) const {
  WaitCell& waiter = cell(place);
  const bool first = waiter.turn.load(std::memory_order_seq_cst) == waiter.answered.load(std::memory_order_seq_cst);
  if (first) waiter.called_ms.store(now_ms, std::memory_order_relaxed);
  // seq_cst: pairs with Sleep's {asleep += 1; the kernel compares turn}.
  waiter.turn.fetch_add(1, std::memory_order_seq_cst);
  if (waiter.asleep.load(std::memory_order_seq_cst) != 0) base::FutexWake(waiter.turn, INT_MAX);
}

void WaitCells::Sleep(const Place& place, std::uint32_t turn, std::chrono::nanoseconds timeout) {
  WaitCell& mine = cell(place);
  mine.asleep.store(1, std::memory_order_seq_cst);
  if (mine.turn.load(std::memory_order_seq_cst) == turn) (void)base::FutexWait(mine.turn, turn, timeout);
  mine.asleep.store(0, std::memory_order_seq_cst);
}

}  // namespace tenure::ingest
