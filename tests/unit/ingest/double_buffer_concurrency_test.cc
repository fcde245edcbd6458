// Many writers and drains that succeed one another; random histories against a plain list; hostile memory.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <mutex>
#include <thread>

#include "tests/unit/ingest/double_buffer_testing.h"

namespace tenure::ingest {
namespace {

using Steps = DoubleBufferSteps;
constexpr std::uint32_t kWriters = 4;
constexpr std::uint64_t kEach = 6'000;

/// Writes numbers 0 … kEach - 1, each until it is taken.
void WriteAll(DoubleBuffer& buffer, std::uint32_t writer) {
  for (std::uint64_t i = 0; i < kEach; ++i) {
    while (buffer.Write({writer, 1}, 1, i, Payload(i + writer, 1 + i % 60)) != WriteResult::kOk) {
      std::this_thread::yield();
    }
  }
}

TEST(DoubleBufferStress, EveryWriteArrivesOnceAndEachWritersInOrder) {
  SmallBuffer small;
  std::vector<std::thread> writers;
  for (std::uint32_t w = 0; w < kWriters; ++w) writers.emplace_back([&, w] { WriteAll(small.buffer, w); });
  Drain drain(small.buffer, 1);
  ASSERT_TRUE(drain.TakeOver());
  std::uint64_t expected[kWriters] = {};
  std::uint64_t wrong = 0;
  std::uint64_t got = 0;
  while (got < kWriters * kEach) {
    drain.Collect(0, kBound, NobodyIsDead, [&](const Drain::Collected& one) {
      if (one.fault != ReadFault::kNone || one.header.timestamp_ns != expected[one.owner.slot]++) ++wrong;
      const base::Bytes should = Payload(one.header.timestamp_ns + one.owner.slot, 1 + one.header.timestamp_ns % 60);
      if (!std::equal(one.payload.begin(), one.payload.end(), should.begin(), should.end())) ++wrong;
      if (!drain.Release(one.cell, one.word)) ++wrong;
      ++got;
    });
    drain.Swap();
    std::this_thread::yield();
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(drain.counters().abandoned, 0u);
  EXPECT_FALSE(drain.Pending());
}

// Drains that take over from one another at any moment, while writers are given up as slow all the time
// (the bound is zero): still every write that was said to be taken is released exactly once.
TEST(DoubleBufferStress, SucceedingDrainsLoseNothingAndReleaseNothingTwice) {
  SmallBuffer small;
  std::atomic<std::uint32_t> epoch{0};
  std::atomic<std::uint64_t> released{0};
  std::atomic<std::uint64_t> faults{0};
  std::mutex mutex;
  std::map<std::pair<std::uint32_t, std::uint64_t>, int> count;
  std::vector<std::thread> threads;
  for (std::uint32_t w = 0; w < kWriters; ++w) threads.emplace_back([&, w] { WriteAll(small.buffer, w); });
  for (int d = 0; d < 2; ++d) {
    threads.emplace_back([&] {
      std::uint64_t now_ns = 0;
      while (released.load() < kWriters * kEach) {
        Drain drain(small.buffer, epoch.fetch_add(1) + 1);
        if (!drain.TakeOver()) continue;
        for (int turn = 0; turn < 50; ++turn) {
          drain.Collect(++now_ns, 2, NobodyIsDead, [&](const Drain::Collected& one) {
            if (one.fault != ReadFault::kNone) ++faults;
            if (!drain.Release(one.cell, one.word)) return;
            const std::lock_guard lock(mutex);
            ++count[{one.owner.slot, one.header.timestamp_ns}];
            ++released;
          });
          if (drain.Swap() == Drain::Swapped::kSuperseded) break;
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(released.load(), kWriters * kEach);
  EXPECT_EQ(faults.load(), 0u);
  EXPECT_EQ(count.size(), kWriters * kEach);
}

/// A writer of the model, possibly half-way through a write.
struct ModelWriter {
  bool claimed = false;
  Steps::Claim claim;
  std::uint64_t number = 0;
};

void RunDrainHistory() {
  SmallBuffer small;
  std::uint32_t epoch = 1;
  auto drain = std::make_unique<Drain>(small.buffer, epoch);
  RC_ASSERT(drain->TakeOver());
  std::map<std::uint64_t, std::uint64_t> taken;  // number -> its sequence
  std::set<std::uint64_t> released;
  std::set<std::uint32_t> dead;
  std::map<std::uint32_t, ModelWriter> writers;
  std::uint64_t number = 0;
  std::uint32_t next_slot = 0;
  std::uint64_t now_ns = 0;
  const auto collect = [&] {
    drain->Collect(
        now_ns, kBound, [&](CellOwner owner) { return dead.count(owner.slot) > 0; },
        [&](const Drain::Collected& one) {
          RC_ASSERT(one.fault == ReadFault::kNone);
          const auto found = taken.find(one.header.timestamp_ns);
          RC_ASSERT(found != taken.end());
          RC_ASSERT(found->second == one.sequence);
          const base::Bytes should = Payload(found->first, 1 + found->first % 90);
          RC_ASSERT(base::Bytes(one.payload.begin(), one.payload.end()) == should);
          RC_ASSERT(drain->Release(one.cell, one.word));
          RC_ASSERT(released.insert(one.sequence).second);
        });
  };
  const int steps = *rc::gen::inRange(1, 200);
  for (int i = 0; i < steps; ++i) {
    switch (*rc::gen::weightedElement<int>({{6, 0}, {4, 1}, {5, 2}, {1, 3}, {5, 4}, {4, 5}, {2, 6}, {1, 7}})) {
      case 0: {
        std::uint64_t sequence = 0;
        const auto result = small.buffer.Write({1000, 1}, 1, number, Payload(number, 1 + number % 90), &sequence);
        if (result == WriteResult::kOk) taken[number] = sequence;
        ++number;
        break;
      }
      case 1: {
        ModelWriter& writer = writers[next_slot];
        writer.claimed = Steps::ClaimCell(small.buffer, {next_slot, 1}, writer.claim) == WriteResult::kOk;
        if (!writer.claimed) writers.erase(next_slot);
        ++next_slot;
        break;
      }
      case 2: {  // the oldest or the newest of those that are half-way goes on
        if (writers.empty()) break;
        const auto which = *rc::gen::arbitrary<bool>() ? writers.begin() : std::prev(writers.end());
        Steps::Fill(which->second.claim, 1, number, Payload(number, 1 + number % 90));
        const bool published = Steps::Publish(which->second.claim);
        if (published) taken[number] = Steps::SequenceOf(which->second.claim);
        ++number;
        writers.erase(which);
        break;
      }
      case 3:  // it dies instead
        if (writers.empty()) break;
        dead.insert(writers.begin()->first);
        writers.erase(writers.begin());
        break;
      case 4:
        collect();
        break;
      case 5:
        RC_ASSERT(drain->Swap() != Drain::Swapped::kSuperseded);
        break;
      case 6:
        now_ns += *rc::gen::inRange<std::uint64_t>(1, 2 * kBound);
        break;
      default: {
        auto successor = std::make_unique<Drain>(small.buffer, ++epoch);
        RC_ASSERT(successor->TakeOver());
        RC_ASSERT(drain->Swap() == Drain::Swapped::kSuperseded);
        drain = std::move(successor);
      }
    }
  }
  // Those half-way never come back; the rest must all be there.
  for (const auto& [slot, writer] : writers) dead.insert(slot);
  for (int i = 0; i < 3; ++i) {
    collect();
    RC_ASSERT(drain->Swap() == Drain::Swapped::kYes);
  }
  RC_ASSERT(released.size() == taken.size());
  for (std::uint32_t half = 0; half < 2; ++half) {  // and every cell can be written again
    for (std::uint32_t i = 0; i < SmallBuffer::kCells; ++i) {
      RC_ASSERT(small.Write(i) == WriteResult::kOk);
    }
    RC_ASSERT(small.Write(0) == WriteResult::kFull);
    RC_ASSERT(drain->Swap() == (half == 0 ? Drain::Swapped::kYes : Drain::Swapped::kNotDrained));
  }
}

TEST(DoubleBufferProperties, NothingIsLostAndNothingTwice) {
  // On failure rapidcheck prints the seed; RC_PARAMS="seed=…" repeats it, "max_success=…" runs more.
  EXPECT_TRUE(rc::check("what was taken is released exactly once, whoever drains", RunDrainHistory));
}

TEST(DoubleBufferHostile, RandomContentsNeitherCrashNorHangNorReachOutside) {
  const char* given = std::getenv("TENURE_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE("TENURE_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    const std::size_t bytes = DoubleBuffer::BytesFor(4, 100);
    GuardedMemory memory(bytes, false);
    DoubleBuffer buffer = DoubleBuffer::Create(memory.span(), 4, 100).value();
    Drain drain(buffer, 5);
    for (int step = 0; step < 6; ++step) {
      for (int words = static_cast<int>(random() % 12); words > 0; --words) {
        // Anywhere behind the constants, which Attach judges; mostly small values.
        const std::size_t at = 64 + random() % (bytes - 64 - 8) / 8 * 8;
        const std::uint64_t word = random() % 3 == 0 ? random() : random() % 1024;
        std::memcpy(memory.data() + at, &word, sizeof word);
      }
      (void)drain.TakeOver();
      (void)buffer.Write(kMe, 1, 1, Payload(random(), 1 + random() % 100));
      drain.Collect(
          random() % 3000, kBound, [&](CellOwner owner) { return owner.slot % 2 == 1; },
          [&](const Drain::Collected& one) {
            EXPECT_LE(one.payload.size(), 100u);
            (void)drain.Release(one.cell, one.word);
          });
      (void)drain.Swap();
      (void)drain.Pending();
      (void)drain.Release(static_cast<std::uint32_t>(random()), {random(), random()});
    }
    for (std::size_t at = 0; at < 24; at += 8) {
      const std::uint64_t word = random();
      std::memcpy(memory.data() + at, &word, sizeof word);
      (void)DoubleBuffer::Attach(memory.span());
    }
  }
}

TEST(DoubleBufferHostile, ADamagedCellIsReportedAndTheOthersAreUnharmed) {
  SmallBuffer small;
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_EQ(small.Write(20 + i), WriteResult::kOk);
  Steps::CellAt(small.buffer, 1).record()[30] ^= std::byte{1};   // content
  Steps::CellAt(small.buffer, 2).record()[3] = std::byte{0x7F};  // size
  base::Pair64 word = Steps::CellAt(small.buffer, 3).word.Load();
  ASSERT_TRUE(Steps::CellAt(small.buffer, 3).word.CompareExchange(word, {word.first | 0x8, word.second}));  // state
  Drain drain(small.buffer, 1);
  ASSERT_TRUE(drain.TakeOver());
  ASSERT_EQ(drain.Swap(), Drain::Swapped::kYes);
  std::vector<ReadFault> faults;
  drain.Collect(0, kBound, NobodyIsDead, [&](const Drain::Collected& one) {
    faults.push_back(one.fault);
    EXPECT_EQ(one.owner, kMe);
    EXPECT_EQ(one.payload.empty(), one.fault != ReadFault::kNone);
    EXPECT_TRUE(drain.Release(one.cell, one.word));
  });
  EXPECT_EQ(faults,
            (std::vector<ReadFault>{ReadFault::kNone, ReadFault::kChecksum, ReadFault::kSize, ReadFault::kType}));
  EXPECT_EQ(drain.counters().faults, 3u);
  ASSERT_EQ(drain.Swap(), Drain::Swapped::kYes);
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(small.Write(i), WriteResult::kOk);
}

}  // namespace
}  // namespace tenure::ingest
