#include "store/ingest/feed_bell.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace tenure::ingest {
namespace {

constexpr std::chrono::nanoseconds kForever{-1};

/// As a follower that looks once more and finds something, or dies there: it has said that it is about to sleep.
void AboutToSleep(FeedBell& bell) {
  bell.Sleep(kForever, [] { return true; });
}

TEST(FeedBell, RingsForNobodyWithoutASystemCall) {
  FeedWords words{};
  FeedBell bell(words);
  for (int i = 0; i < 3; ++i) bell.Ring();
  EXPECT_EQ(words.turn.load(), 0u) << "the word changes only before a wake-up call";
}

TEST(FeedBell, AFollowerThatDiedCostsOneNeedlessCall) {
  FeedWords words{};
  FeedBell bell(words);
  AboutToSleep(bell);
  bell.Ring();
  EXPECT_EQ(words.turn.load(), 1u);
  for (int i = 0; i < 3; ++i) bell.Ring();
  EXPECT_EQ(words.turn.load(), 1u);
  AboutToSleep(bell);
  bell.Ring();
  EXPECT_EQ(words.turn.load(), 2u) << "but the next one is heard";
}

TEST(FeedBell, ARingerThatDiedLeavesTheRestToTheNext) {
  FeedWords words{};
  FeedBell bell(words);
  AboutToSleep(bell);
  words.turn.fetch_add(1);  // one got here, and no further
  bell.Ring();
  EXPECT_EQ(words.turn.load(), 2u);
  EXPECT_EQ(words.woken.load(), 2u);
  // One that was stopped behind its call goes on: what it says is old, and changes nothing.
  AboutToSleep(bell);
  bell.Ring();
  EXPECT_EQ(words.woken.load(), 3u);
}

TEST(FeedBell, DoesNotSleepWhenThereIsSomething) {
  FeedWords words{};
  FeedBell bell(words);
  int asked = 0;
  bell.Sleep(kForever, [&] { return ++asked > 0; });
  EXPECT_EQ(asked, 1);
  // Rung between its look and its sleep: the futex itself refuses.
  bell.Sleep(kForever, [&] {
    bell.Ring();
    return false;
  });
}

TEST(FeedBell, WakesWithoutAPublication) {
  FeedWords words{};
  FeedBell bell(words);
  std::atomic<bool> stop{false};
  std::thread sleeper([&] {
    while (!stop.load()) bell.Sleep(kForever, [&] { return stop.load(); });
  });
  stop.store(true);
  bell.WakeAll();
  sleeper.join();
}

/// Followers sleep untimed until they have seen the last value: one missed wake-up, and this never ends. The words wrap
/// on the way.
TEST(FeedBell, NobodySleepsThroughAPublication) {
  for (const std::uint32_t start : {0u, ~0u - 100u, (1u << 31) - 100u}) {
    FeedWords words{};
    words.turn = words.wanted = words.woken = start;
    constexpr std::uint64_t kPublications = 20'000;
    std::atomic<std::uint64_t> published{0};
    std::vector<std::thread> threads;
    for (int f = 0; f < 2; ++f) {
      threads.emplace_back([&] {
        FeedBell bell(words);
        for (std::uint64_t seen = 0; seen < kPublications;) {
          if (published.load() == seen) bell.Sleep(kForever, [&] { return published.load() != seen; });
          seen = published.load();
        }
      });
    }
    for (int r = 0; r < 2; ++r) {
      threads.emplace_back([&] {
        FeedBell bell(words);
        for (std::uint64_t i = 0; i < kPublications / 2; ++i) {
          published.fetch_add(1);
          bell.Ring();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace tenure::ingest
