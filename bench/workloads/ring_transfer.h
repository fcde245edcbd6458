// One way of moving 64-byte items from a thread to another, measured: shared by the subjects of `ring`.
//
// A Channel has `std::size_t Send(const Item*, std::size_t)`, which says how many went in, and
// `std::size_t Receive(Item*, std::size_t)`, which says how many came out into the array.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "bench/common/clock.h"
#include "bench/common/failure.h"
#include "store/base/cores.h"

namespace tenure::bench {

/// What is transferred: a number that the receiver checks, and more words that make it 64 bytes.
struct alignas(8) Item {
  std::uint64_t words[8];
};
static_assert(sizeof(Item) == 64);

/// What both sides of every subject do when the other is behind: wait on the spot, and let another process
/// have the core only when that takes long (somebody else computes on the machine).
class Patience {
 public:
  void Wait() {
    if (++waits_ % 4096 != 0) {
      base::Relax();
    } else {
      std::this_thread::yield();
    }
  }

 private:
  std::uint32_t waits_ = 0;
};

/// Items per second from this thread to another, each on its core, in calls of up to `Batch` items.
template <std::size_t Batch, typename Channel>
Result<double> TransferRate(Channel& channel, std::uint64_t items, const std::vector<int>& cores) {
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<bool> ready{false};
  std::thread receiver([&] {
    if (cores.size() > 1) base::PinThisThread(cores[1]);
    ready.store(true, std::memory_order_release);
    Item got[Batch];
    Patience patience;
    std::uint64_t bad = 0;
    for (std::uint64_t expected = 0; expected < items;) {
      const std::size_t count = channel.Receive(got, Batch);
      if (count == 0) patience.Wait();
      for (std::size_t i = 0; i < count; ++i, ++expected) {
        bad += got[i].words[0] != expected || got[i].words[7] != ~expected ? 1 : 0;
      }
    }
    wrong.store(bad, std::memory_order_relaxed);
  });
  if (cores.size() > 1) base::PinThisThread(cores[0]);
  while (!ready.load(std::memory_order_acquire)) base::Relax();
  const std::uint64_t begin_ns = NowNs();
  Item given[Batch] = {};
  Patience patience;
  for (std::uint64_t next = 0; next < items;) {
    const std::size_t count = std::min<std::uint64_t>(Batch, items - next);
    for (std::size_t i = 0; i < count; ++i) {
      given[i].words[0] = next + i;
      given[i].words[7] = ~(next + i);
    }
    for (std::size_t sent = 0; sent < count;) {
      const std::size_t now = channel.Send(given + sent, count - sent);
      if (now == 0) patience.Wait();
      sent += now;
    }
    next += count;
  }
  receiver.join();
  const std::uint64_t spent_ns = NowNs() - begin_ns;
  if (wrong.load() != 0) return Fail(std::to_string(wrong.load()) + " items arrived changed or out of order");
  return static_cast<double>(items) * 1e9 / static_cast<double>(spent_ns);
}

}  // namespace tenure::bench
