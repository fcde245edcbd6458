// A thread that writes and syncs batches, so that the next one is decided meanwhile.
//
//   Offer ──▶ [one flight] ──▶ flying ──▶ landed
//      ▲           │
//      └─ TakeBack ┘            a flight that did not land well: nothing is taken until Resume
//
// The slot between the two threads is one atomic pointer: whoever exchanges it for null has the flight. So the flusher
// goes on at once with what was decided during its last sync, without waiting for anybody; and the committing thread
// may add to a batch until the moment that it flies.
//
// Offer, TakeBack, Await, Resume: the committing thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include "store/commit/flight.h"

namespace tenure::commit {

class Flusher {
 public:
  /// `fly` sets Flight::end; `landed` is called behind each landing. Both in the flusher's thread; they throw nothing.
  Flusher(std::function<void(Flight&)> fly, std::function<void()> landed);
  /// Nothing may be on its way.
  ~Flusher();
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;

  /// The slot must be empty. Starts the thread when it is the first. False: there is no thread, or no memory for one,
  /// and the flight is still the caller's. Throws nothing.
  bool Offer(Flight& flight);
  /// True: what was offered was not taken, and is the caller's again.
  bool TakeBack();
  /// Sleeps until it has landed. It must have been offered and not taken back.
  void Await(const Flight& flight);
  /// Behind a flight that did not land well.
  void Resume();

 private:
  void Main();
  void Sleep();

  const std::function<void(Flight&)> fly_;
  const std::function<void()> landed_;
  std::atomic<Flight*> next_{nullptr};
  std::atomic<bool> halted_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> awaited_{false};
  std::atomic<std::uint32_t> turn_{0};      // futex of the flusher
  std::atomic<std::uint32_t> landings_{0};  // futex of Await
  std::thread thread_;
};

}  // namespace tenure::commit
