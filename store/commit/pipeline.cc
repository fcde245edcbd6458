#include "store/commit/pipeline.h"

#include <sched.h>

#include <algorithm>
#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"

namespace tenure::commit {
namespace {

/// Looks around while waiting for who comes back, however the clock goes.
constexpr int kLooksMax = 1'000;

}  // namespace

Flight& Pipeline::Free() {
  const auto unused = std::find_if(memory_.begin(), memory_.end(), [this](const Flight& flight) {
    return std::find(flights_.begin(), flights_.end(), &flight) == flights_.end();
  });
  TENURE_CHECK(unused != memory_.end());
  return *unused;
}

/// Everything that was decided behind what did not land is void: nothing of it was written, and it is still in its
/// lanes.
void Pipeline::Void() {
  if (open_ != nullptr || (offered_ && flusher_.TakeBack())) flights_.pop_back();
  open_ = nullptr;
  offered_ = false;
  // At most one more, which the flusher had taken before.
  for (const Flight* flight : flights_) flusher_.Await(*flight);
  flights_.clear();
  flusher_.Resume();
  committer_.Forget();
}

Pipeline::Turn Pipeline::Lost(BatchEnd end) {
  Void();
  return end == BatchEnd::kBroken ? Turn::kBroken : Turn::kFenced;
}

Pipeline::Turn Pipeline::LandAll(const std::function<void()>& on_batch) {
  Turn turn = Turn::kNothing;
  while (!flights_.empty() && flights_.front()->landed.load(std::memory_order_seq_cst)) {
    Flight& flight = *flights_.front();
    flights_.pop_front();
    if (flights_.empty()) offered_ = false;
    const BatchEnd end = committer_.Land(flight, nullptr);
    if (end == BatchEnd::kFenced || end == BatchEnd::kBroken) return Lost(end);
    if (end == BatchEnd::kVoid) {
      Void();
    } else {
      // Who lost a race comes back too, but a flush for few winners is best soon over.
      answered_ += std::min<std::size_t>(flight.frame.count, flight.haul.size());
      if (flight.frame.count != 0) returning_.Flushed(flight.flown_ns);
    }
    if (on_batch) on_batch();
    turn = Turn::kWorked;
  }
  return turn;
}

/// Not when the newest batch is full and still waits, nor while the index is being switched.
bool Pipeline::CanGather() const {
  if (!committer_.IsReady()) return false;
  if (open_ != nullptr) return !committer_.IsFull(*open_);
  if (offered_) return !offered_full_;
  return flights_.size() < memory_.size();
}

/// The newest batch, if nobody writes it yet; else another one.
void Pipeline::Open() {
  if (open_ != nullptr) return;
  const bool taken_back = offered_ && flusher_.TakeBack();
  offered_ = false;
  if (taken_back) {
    open_ = flights_.back();
    return;
  }
  Flight& next = Free();
  committer_.Begin(next, flights_.empty() ? nullptr : flights_.back());
  flights_.push_back(&next);
  open_ = &next;  // only now: Void relies on it being the newest on its way
  gathering_ns_ = 0;
}

void Pipeline::GatherOnce() {
  const std::uint64_t began_ns = env_.MonotonicNs();
  committer_.Gather(*open_);
  gathering_ns_ += env_.MonotonicNs() - began_ns;
}

/// Gathers until as many have come as were answered just now, beyond those that were there, or the window is over.
void Pipeline::AwaitReturning() {
  const std::size_t there = open_->haul.size();
  const std::size_t expected = returning_.Expected(answered_);
  if (expected != 0) TENURE_FAIL_POINT("commit.returning");
  const std::uint64_t began_ns = env_.MonotonicNs();
  for (int looks = 0; open_->haul.size() < there + expected && !committer_.IsFull(*open_); ++looks) {
    if (committer_.AnyNews()) {
      const std::size_t before = open_->haul.size();
      GatherOnce();
      if (open_->haul.size() == before) break;  // not to be had: see Step
      continue;
    }
    if (looks >= kLooksMax || env_.MonotonicNs() - began_ns >= returning_.WindowNs()) break;
    (void)::sched_yield();  // to them, when they wait for this processor
  }
  if (expected != 0) returning_.Came(expected, open_->haul.size() - there);
  answered_ = 0;
}

/// In this thread or the flusher's.
void Pipeline::Fly(Flight& flight) {
  const std::uint64_t began_ns = env_.MonotonicNs();
  committer_.Fly(flight);
  flight.flown_ns = env_.MonotonicNs() - began_ns;
}

void Pipeline::FlyHere(Flight& flight) {
  Fly(flight);
  flight.landed.store(true, std::memory_order_seq_cst);
}

/// True when the open batch is written, or will be without further ado.
bool Pipeline::Send() {
  const bool alone = flights_.size() == 1;
  if (alone) AwaitReturning();
  if (open_->haul.empty()) {
    open_ = nullptr;
    flights_.pop_back();
    return false;
  }
  const bool slow = returning_.FlushNs() != 0 && gathering_ns_ > returning_.FlushNs();
  const bool large = slow || committer_.IsFull(*open_);
  if (!alone && !large) return false;
  Flight& flight = *open_;
  flight.waited = !alone;
  // Whatever is asked of it behind the offer may be asked while it flies.
  const bool full = committer_.IsFull(flight);
  if (large && flusher_.Offer(flight)) {
    open_ = nullptr;
    offered_full_ = full;
    offered_ = true;
    return true;
  }
  if (!alone) return false;  // what is before it has landed here: there is no other thread
  open_ = nullptr;
  FlyHere(flight);
  return true;
}

/// For the exception that is being handled. What flies ends first: it uses what the committer forgets.
Pipeline::Turn Pipeline::LostToException() noexcept {
  Void();
  committer_.NoteException();
  return Turn::kBroken;
}

Pipeline::Turn Pipeline::Step(const std::function<void()>& on_batch) {
  try {
    return StepOn(on_batch);
  } catch (...) {
    return LostToException();
  }
}

Pipeline::Turn Pipeline::Settle(const std::function<void()>& on_batch) {
  try {
    return SettleAll(on_batch);
  } catch (...) {
    return LostToException();
  }
}

Pipeline::Turn Pipeline::StepOn(const std::function<void()>& on_batch) {
  Turn turn = LandAll(on_batch);
  if (IsLost(turn)) return turn;
  if (flights_.empty() && !committer_.MakeReady()) {
    return Lost(committer_.failure().code == ErrorCode::kClosed ? BatchEnd::kFenced : BatchEnd::kBroken);
  }
  const bool may_return = flights_.empty() && answered_ != 0;
  if (CanGather() && (may_return || committer_.AnyNews())) {
    Open();
    GatherOnce();
  }
  if (open_ != nullptr && Send()) turn = Turn::kWorked;
  if (turn == Turn::kWorked) return turn;
  if (!flights_.empty()) return Turn::kWaiting;
  return committer_.OwnsLease() ? Turn::kNothing : Lost(BatchEnd::kFenced);
}

Pipeline::Turn Pipeline::SettleAll(const std::function<void()>& on_batch) {
  while (!flights_.empty()) {
    if (flights_.front() == open_) FlyHere(*std::exchange(open_, nullptr));
    flusher_.Await(*flights_.front());
    const Turn turn = LandAll(on_batch);
    if (IsLost(turn)) return turn;
  }
  return Turn::kNothing;
}

bool Pipeline::AnyNews() const {
  if (!flights_.empty() && flights_.front()->landed.load(std::memory_order_seq_cst)) return true;
  return CanGather() && committer_.AnyNews();
}

}  // namespace tenure::commit
