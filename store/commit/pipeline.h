// Batches in a row, by the committing thread and, when deciding one takes longer than flushing it, the flusher.
//
//   small batches       gather A, and who comes back ─ write, sync A ─ answer A ─ gather B, and who comes back ─ …
//
//   large batches       committing thread   gather B ─ ─ ─ answer A, gather C ─ ─ ─ answer B, gather D ─ ─ ─
//                       flusher             ── write and sync A ──┤── write and sync B ──┤── write and sync C ──
//
// Writers that wait for each answer come back together when the next batch waits a moment for them (returning.h);
// deciding during the flush would split them into halves, and a thread hand-off costs as much as a small flush. Where
// batches are large, because many operations are outstanding, what counts is that the device is never idle. Everything
// here is the committing thread's, under the commit lease and the group's mutex, from the first Step to the Step, or
// Settle, that leaves nothing on its way.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <functional>

#include "store/commit/committer.h"
#include "store/commit/flusher.h"
#include "store/commit/returning.h"

namespace tenure::commit {

class Pipeline {
 public:
  /// `landed` is called in the flusher's thread behind each landing: the committing thread may sleep.
  Pipeline(base::Env& env, Committer& committer, std::function<void()> landed)
      : env_(env), committer_(committer), flusher_([this](Flight& flight) { Fly(flight); }, std::move(landed)) {}

  enum class Turn : std::uint8_t {
    kWorked,
    kWaiting,  ///< For a flight to land, or for news.
    kNothing,  ///< To do, nothing on its way.
    kFenced,   ///< The lease is lost, and nothing is on its way any more: failure() of the committer says why.
    kBroken,
  };
  static constexpr bool IsLost(Turn turn) { return turn == Turn::kFenced || turn == Turn::kBroken; }

  /// Lands what has landed, then gathers what there is and sends it off. `on_batch` is called behind each landing.
  /// Neither Step nor Settle throws: an exception loses the lease, as kBroken.
  Turn Step(const std::function<void()>& on_batch);
  /// Waits for what is on its way and lands it. kNothing, or lost.
  Turn Settle(const std::function<void()>& on_batch);
  /// A Step would have something to do.
  bool AnyNews() const;
  /// Nothing is on its way.
  bool empty() const { return flights_.empty(); }

 private:
  Turn StepOn(const std::function<void()>& on_batch);
  Turn SettleAll(const std::function<void()>& on_batch);
  Turn LostToException() noexcept;
  Turn LandAll(const std::function<void()>& on_batch);
  Turn Lost(BatchEnd end);
  void Void();
  bool CanGather() const;
  void Open();
  void GatherOnce();
  void AwaitReturning();
  bool Send();
  void Fly(Flight& flight);
  void FlyHere(Flight& flight);
  Flight& Free();

  base::Env& env_;
  Committer& committer_;
  Flusher flusher_;
  Returning returning_;
  /// One lands while one flies and one is gathered.
  std::array<Flight, 3> memory_;
  std::deque<Flight*> flights_;  // on their way, oldest first
  Flight* open_ = nullptr;       // the newest of them, while nobody was told to write it
  bool offered_ = false;         // the newest of them is, or was taken meanwhile
  bool offered_full_ = false;
  std::uint64_t gathering_ns_ = 0;  // spent on the open one
  std::size_t answered_ = 0;        // journaled operations answered since the last one that flew alone
};

}  // namespace tenure::commit
