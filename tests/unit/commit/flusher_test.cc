// The thread that writes batches, with batches that are written nowhere.
#include "store/commit/flusher.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <vector>

namespace tenure::commit {
namespace {

TEST(Flusher, FliesInOrderAndHandsBack) {
  std::vector<Lsn> flown;  // the flusher's until landed
  std::atomic<int> landed{0};
  Flusher flusher([&](Flight& flight) { flown.push_back(flight.frame.first_lsn); }, [&] { ++landed; });
  std::array<Flight, 3> flights;
  for (Lsn lsn = 1; lsn <= 3'000; ++lsn) {
    Flight& flight = flights[lsn % 3];
    flight.frame.first_lsn = lsn;
    flight.landed.store(false);
    flusher.Offer(flight);
    flusher.Await(flight);
    ASSERT_EQ(flown.size(), lsn);
  }
  for (Lsn lsn = 1; lsn <= 3'000; ++lsn) ASSERT_EQ(flown[lsn - 1], lsn);
}

TEST(Flusher, WhatIsTakenBackDoesNotFly) {
  std::atomic<std::uint64_t> flown{0};
  Flusher flusher([&](Flight& flight) { flown += flight.frame.count; }, [] {});
  Flight flight;
  std::uint64_t sent = 0;
  for (int i = 0; i < 20'000; ++i) {
    flight.frame.count = 1;
    flight.landed.store(false);
    flusher.Offer(flight);
    if (i % 3 != 0 && flusher.TakeBack()) {
      ASSERT_FALSE(flight.landed.load());
      flight.frame.count = 2;  // ours again: it may change
      flusher.Offer(flight);
    }
    flusher.Await(flight);
    sent += flight.frame.count;
  }
  EXPECT_EQ(flown.load(), sent) << "each batch flew once, as it was when it was taken";
}

TEST(Flusher, NothingFliesBehindAFailureUntilResume) {
  std::atomic<int> flown{0};
  Flusher flusher(
      [&](Flight& flight) {
        ++flown;
        flight.end = flight.frame.count == 7 ? BatchEnd::kBroken : BatchEnd::kDone;
      },
      [] {});
  Flight bad;
  Flight next;
  for (int i = 0; i < 500; ++i) {
    bad.frame.count = 7;
    bad.landed.store(false);
    next.frame.count = 1;
    next.landed.store(false);
    const int before = flown.load();
    flusher.Offer(bad);
    flusher.Await(bad);
    ASSERT_EQ(bad.end, BatchEnd::kBroken);
    flusher.Offer(next);
    ASSERT_TRUE(flusher.TakeBack()) << "decided on what did not happen";
    ASSERT_EQ(flown.load(), before + 1);
    flusher.Resume();
    flusher.Offer(next);
    flusher.Await(next);
    ASSERT_EQ(next.end, BatchEnd::kDone);
  }
}

}  // namespace
}  // namespace tenure::commit
