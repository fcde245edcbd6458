#include "store/commit/returning.h"

#include <gtest/gtest.h>

namespace tenure::commit {
namespace {

constexpr std::uint64_t kFlushNs = 200'000;

TEST(Returning, WaitsForNobodyBeforeItKnowsAFlush) {
  Returning returning;
  EXPECT_EQ(returning.Expected(16), 0u);
  EXPECT_EQ(returning.WindowNs(), 0u);
  returning.Flushed(kFlushNs);
  EXPECT_EQ(returning.Expected(16), 16u);
  EXPECT_EQ(returning.Expected(0), 0u);
}

TEST(Returning, TheWindowFollowsTheFlushAndIsShorterThanIt) {
  Returning returning;
  returning.Flushed(kFlushNs);
  EXPECT_LT(returning.WindowNs(), kFlushNs);
  EXPECT_GE(returning.WindowNs(), kFlushNs / 2);
  for (int i = 0; i < 100; ++i) returning.Flushed(10 * kFlushNs);
  EXPECT_GT(returning.FlushNs(), 9 * kFlushNs);
  EXPECT_LE(returning.WindowNs(), 1'000'000u) << "a slow disk holds nobody up for long";
}

TEST(Returning, WritersThatReturnAreAlwaysWaitedFor) {
  Returning returning;
  returning.Flushed(kFlushNs);
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(returning.Expected(8), 8u) << i;
    // A straggler in every batch, and none at all now and then.
    returning.Came(8, i % 10 == 0 ? 0 : 7);
  }
}

TEST(Returning, WritersThatDoNotReturnCostATryNowAndThen) {
  Returning returning;
  returning.Flushed(kFlushNs);
  int waited = 0;
  for (int i = 0; i < 1'000; ++i) {
    const std::size_t expected = returning.Expected(8);
    if (expected == 0) continue;
    ++waited;
    returning.Came(expected, 0);
  }
  EXPECT_GT(waited, 10);
  EXPECT_LT(waited, 60);
}

TEST(Returning, TheyAreWaitedForAgainOnceTheyReturn) {
  Returning returning;
  returning.Flushed(kFlushNs);
  for (int i = 0; i < 20; ++i) returning.Came(8, 0);
  ASSERT_EQ(returning.Expected(8), 0u);
  int batches = 0;
  while (returning.Expected(8) == 0 || returning.Expected(8) == 0) {
    ASSERT_LT(++batches, 1'000);
    returning.Came(8, 8);
  }
  EXPECT_EQ(returning.Expected(8), 8u);
}

}  // namespace
}  // namespace tenure::commit
