#include "store/base/atomic128.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base_testing.h"

namespace tenure::base {
namespace {

TEST(Atomic128, SwapsOnlyWhatWasExpected) {
  Atomic128 word;
  EXPECT_EQ(word.Load(), (Pair64{0, 0}));
  Pair64 expected{0, 0};
  EXPECT_TRUE(word.CompareExchange(expected, {1, 2}));
  EXPECT_EQ(word.Load(), (Pair64{1, 2}));
  for (const Pair64 wrong : {Pair64{1, 3}, Pair64{3, 2}, Pair64{2, 1}, Pair64{0, 0}}) {
    expected = wrong;
    EXPECT_FALSE(word.CompareExchange(expected, {9, 9}));
    EXPECT_EQ(expected, (Pair64{1, 2}));
    EXPECT_EQ(word.Load(), (Pair64{1, 2}));
  }
  expected = {1, 2};
  EXPECT_TRUE(word.CompareExchange(expected, {~std::uint64_t{0}, 0}));
  EXPECT_EQ(word.Load(), (Pair64{~std::uint64_t{0}, 0}));
}

constexpr std::uint64_t kRounds = 20'000;

/// Adds one kRounds times; false when a torn pair was ever seen. `second` is always 7 x `first`.
bool Hammer(Atomic128& word) {
  for (std::uint64_t i = 0; i < kRounds; ++i) {
    Pair64 seen = word.Load();
    for (;;) {
      if (seen.second != 7 * seen.first) return false;
      if (word.CompareExchange(seen, {seen.first + 1, 7 * (seen.first + 1)})) break;
    }
  }
  return true;
}

TEST(Atomic128, ThreadsLoseNoUpdate) {
  constexpr int kThreads = 4;
  Atomic128 word;
  bool whole[kThreads] = {};
  std::vector<std::thread> threads;
  for (bool& mine : whole) threads.emplace_back([&word, &mine] { mine = Hammer(word); });
  for (std::thread& thread : threads) thread.join();
  for (const bool each : whole) EXPECT_TRUE(each);
  EXPECT_EQ(word.Load().first, kThreads * kRounds);
}

TEST(Atomic128, ProcessesLoseNoUpdate) {
  SharedValue<Atomic128> word;
  const auto body = [&word] { return Hammer(*word) ? 0 : 1; };
  const pid_t first = StartChild(body);
  const pid_t second = StartChild(body);
  EXPECT_TRUE(ExitedWith(WaitFor(first), 0));
  EXPECT_TRUE(ExitedWith(WaitFor(second), 0));
  EXPECT_EQ(word->Load().first, 2 * kRounds);
}

// What one thread wrote plainly before a swap, another sees after reading the swapped value; under
// ThreadSanitizer this also checks that it is told so.
TEST(Atomic128, PublishesPlainData) {
  constexpr std::uint64_t kMessages = 2'000;
  Atomic128 turn;  // {number of the message, 1 when it is there to be read}
  std::uint64_t message = 0;
  std::thread writer([&] {
    for (std::uint64_t i = 1; i <= kMessages; ++i) {
      message = 3 * i;
      Pair64 empty{i - 1, 0};
      if (!turn.CompareExchange(empty, {i, 1})) std::abort();  // the reader emptied it before this turn
      while (turn.Load().second == 1) std::this_thread::yield();
    }
  });
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 1; i <= kMessages; ++i) {
    while (turn.Load() != Pair64{i, 1}) std::this_thread::yield();
    if (message != 3 * i) ++wrong;
    Pair64 full{i, 1};
    if (!turn.CompareExchange(full, {i, 0})) std::abort();
  }
  writer.join();
  EXPECT_EQ(wrong, 0u);
}

}  // namespace
}  // namespace tenure::base
