// Blocks that come and go nearly in order: what they hold stays, and their memory goes.
#include "store/base/block_log.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <utility>

#include "store/base/large_block.h"

namespace tenure::base {
namespace {

struct Kept {
  BlockLog::Block block;
  std::size_t bytes = 0;
  unsigned char fill = 0;

  bool Whole() const {
    for (std::size_t i = 0; i < bytes; ++i) {
      if (block.get()[i] != std::byte{fill}) return false;
    }
    return true;
  }
};

Kept Filled(BlockLog& log, std::size_t bytes, unsigned char fill) {
  Kept kept{log.Take(bytes), bytes, fill};
  std::memset(kept.block.get(), fill, bytes);
  return kept;
}

TEST(BlockLog, BlocksAreTheirOwnersAloneWhateverTheOrderInWhichTheyGo) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  BlockLog log;
  std::deque<Kept> kept;
  for (int step = 0; step < 20'000; ++step) {
    // Most are small, some have a chunk of their own; the window grows over what small chunks hold.
    const std::size_t bytes = random() % 100 == 0 ? random() % 100'000 : random() % 700;
    kept.push_back(Filled(log, bytes, static_cast<unsigned char>(random())));
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(kept.back().block.get()) % 8, 0u);
    while (kept.size() > 8'000 || (!kept.empty() && random() % 3 == 0)) {
      const std::size_t at = random() % 4 == 0 ? random() % kept.size() : 0;
      ASSERT_TRUE(kept[at].Whole()) << step;
      kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  for (const Kept& each : kept) ASSERT_TRUE(each.Whole());
}

TEST(BlockLog, MemoryIsThatOfTheWindowHoweverManyPassThrough) {
  BlockLog log;
  std::deque<Kept> kept;
  constexpr std::size_t kWindow = 10'000;
  constexpr std::size_t kBytes = 392;
  for (int i = 0; i < 300'000; ++i) {
    kept.push_back({log.Take(kBytes), kBytes, 0});
    if (kept.size() > kWindow) kept.pop_front();
  }
  // With a link each, and at both ends of the window a chunk that is not full.
  EXPECT_LE(log.memory_bytes(), kWindow * (kBytes + 8) + 2 * LargeBlock::kBytes);
  kept.clear();
  EXPECT_LE(log.memory_bytes(), LargeBlock::kBytes) << "one chunk is kept to go on with";
}

TEST(BlockLog, FewBlocksTakeASmallChunkOnceTheyHaveComeAndGone) {
  BlockLog log;
  for (int i = 0; i < 10'000; ++i) (void)log.Take(300);
  EXPECT_EQ(log.memory_bytes(), BlockLog::kSmallChunkBytes);
}

TEST(BlockLog, AnOversizedBlockHasMemoryOfItsOwnAndGivesItBackAtOnce) {
  BlockLog log;
  const BlockLog::Block small = log.Take(100);
  {
    const Kept large = Filled(log, 3u << 20, 7);
    EXPECT_GE(log.memory_bytes(), 3u << 20);
    EXPECT_TRUE(large.Whole());
  }
  EXPECT_EQ(log.memory_bytes(), BlockLog::kSmallChunkBytes);
}

TEST(BlockLog, ABlockOfNoLogIsJustMemory) {
  Kept alone{BlockLog::TakeAlone(100), 100, 9};
  std::memset(alone.block.get(), 9, 100);
  const Kept moved = std::move(alone);
  EXPECT_TRUE(moved.Whole());
}

TEST(LargeBlock, IsAlignedAndItsOwnersAlone) {
  LargeBlock first = LargeBlock::Map();
  LargeBlock second = LargeBlock::Map();
  for (const LargeBlock* block : {&first, &second}) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block->data()) % LargeBlock::kBytes, 0u);
  }
  std::memset(first.data(), 1, LargeBlock::kBytes);
  std::memset(second.data(), 2, LargeBlock::kBytes);
  EXPECT_EQ(first.data()[LargeBlock::kBytes - 1], std::byte{1});
  first = std::move(second);
  EXPECT_EQ(first.data()[0], std::byte{2});
  EXPECT_FALSE(LargeBlock());
}

}  // namespace
}  // namespace tenure::base
