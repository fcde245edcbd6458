// The bell that wakes those who follow the change feed: three words of shared memory, no polling.
//
// A follower that has seen everything durable sleeps on `turn`; whoever publishes rings, which is a system call only
// when somebody sleeps. A follower that died or stopped costs at most one needless call: what it left in `wanted` lies
// behind `woken` as soon as somebody rang for it. A ringer that died anywhere costs nothing either: `woken` moves after
// the call, so the next one rings again for everybody it left asleep.
//
//   follower                                   ringer
//   F1  t = turn                               R1  publish (the durable word)
//   F2  raise wanted to t + 1                  R2  read wanted; nothing to do unless it is beyond woken
//   F3  read the durable word                  R3  turn += 1, to t
//   F4  sleep while turn is t                  R4  wake all sleepers
//                                              R5  raise woken to t
//
// All of them are sequentially consistent. F2, F3 and R1, R2 pair: either F3 sees what was published, or R2 sees that
// somebody is about to sleep. R3 comes before R4: who reads `turn` before it is woken or does not fall asleep. R5 says
// only what is true for ever after, so that a ringer may be stopped before it for any time.
//
// Thread-safe; a view of memory that outlives it.
#pragma once

#include <chrono>
#include <functional>

#include "store/ingest/layout.h"

namespace tenure::ingest {

class FeedBell {
 public:
  explicit FeedBell(FeedWords& words) : words_(words) {}

  /// Behind a publication. Two loads while nobody sleeps.
  void Ring();
  /// Sleeps until somebody rings, at most `timeout`; not at all when `anything`, which is asked once (F3), is true.
  /// May return early. Negative: no bound.
  void Sleep(std::chrono::nanoseconds timeout, const std::function<bool()>& anything);
  /// Wakes everybody who sleeps, so that they look again at what they wait for. Safe in a signal handler.
  void WakeAll();

 private:
  FeedWords& words_;
};

}  // namespace tenure::ingest
