#include "store/commit/flusher.h"

#include <utility>

#include "store/base/error.h"
#include "store/base/futex.h"
#include "store/base/guarded.h"
#include "store/base/quiet_thread.h"

namespace tenure::commit {

namespace {
constexpr std::chrono::nanoseconds kUnbounded{-1};
}  // namespace

Flusher::Flusher(std::function<void(Flight&)> fly, std::function<void()> landed)
    : fly_(std::move(fly)), landed_(std::move(landed)) {}

Flusher::~Flusher() {
  TENURE_CHECK(next_.load(std::memory_order_relaxed) == nullptr);
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_seq_cst);
  turn_.fetch_add(1, std::memory_order_seq_cst);
  base::FutexWake(turn_, 1);
  thread_.join();
}

bool Flusher::Offer(Flight& flight) {
  if (!thread_.joinable()) base::Attempt([this] { thread_ = base::StartQuietThread([this] { Main(); }); });
  if (!thread_.joinable()) return false;
  Flight* const before = next_.exchange(&flight, std::memory_order_seq_cst);
  TENURE_CHECK(before == nullptr);
  // seq_cst: pairs with Sleep's {asleep := true; look at next}. A busy flusher costs no system call.
  if (!asleep_.load(std::memory_order_seq_cst)) return true;
  turn_.fetch_add(1, std::memory_order_seq_cst);
  base::FutexWake(turn_, 1);
  return true;
}

bool Flusher::TakeBack() { return next_.exchange(nullptr, std::memory_order_seq_cst) != nullptr; }

void Flusher::Await(const Flight& flight) {
  if (flight.landed.load(std::memory_order_seq_cst)) return;
  awaited_.store(true, std::memory_order_seq_cst);
  for (;;) {
    const std::uint32_t seen = landings_.load(std::memory_order_seq_cst);
    if (flight.landed.load(std::memory_order_seq_cst)) break;
    (void)base::FutexWait(landings_, seen, kUnbounded);
  }
  awaited_.store(false, std::memory_order_relaxed);
}

void Flusher::Resume() {
  halted_.store(false, std::memory_order_seq_cst);
  turn_.fetch_add(1, std::memory_order_seq_cst);
  base::FutexWake(turn_, 1);
}

void Flusher::Sleep() {
  const std::uint32_t turn = turn_.load(std::memory_order_seq_cst);
  asleep_.store(true, std::memory_order_seq_cst);
  const bool wanted = !halted_.load(std::memory_order_seq_cst) && next_.load(std::memory_order_seq_cst) != nullptr;
  if (!wanted && !stopping_.load(std::memory_order_seq_cst)) (void)base::FutexWait(turn_, turn, kUnbounded);
  asleep_.store(false, std::memory_order_relaxed);
}

void Flusher::Main() {
  while (!stopping_.load(std::memory_order_seq_cst)) {
    Flight* const flight =
        halted_.load(std::memory_order_seq_cst) ? nullptr : next_.exchange(nullptr, std::memory_order_seq_cst);
    if (flight == nullptr) {
      Sleep();
      continue;
    }
    fly_(*flight);
    if (flight->end != BatchEnd::kDone) halted_.store(true, std::memory_order_seq_cst);
    // Hands it back: from here on it is the committing thread's.
    flight->landed.store(true, std::memory_order_seq_cst);
    landings_.fetch_add(1, std::memory_order_seq_cst);
    if (awaited_.load(std::memory_order_seq_cst)) base::FutexWake(landings_, 1);
    landed_();
  }
}

}  // namespace tenure::commit
