// The registry: slots are given out once, come back, and outlive their processes without a trace.
#include <gtest/gtest.h>

#include <latch>
#include <mutex>
#include <thread>

#include "tests/unit/ingest/segment_testing.h"

namespace tenure::ingest {
namespace {

/// As if its process had been killed: never destroyed, and known to the leak checker.
WriterSlot* LeaveBehind(std::unique_ptr<WriterSlot> slot) {
  static auto& left = *new std::vector<WriterSlot*>();
  left.push_back(slot.release());
  return left.back();
}

TEST(Registry, SixtyFourThreadsAtOnceGetDistinctSlotsAndTheNextNone) {
  TestSegment segment(64);
  const auto registry = segment.RegistryOf(kThisProcess);
  std::latch start(64);
  std::mutex mutex;
  std::vector<std::unique_ptr<WriterSlot>> slots;
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      auto slot = OpenSlot(*registry);
      const std::lock_guard lock(mutex);
      slots.push_back(std::move(slot));
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<std::uint32_t> distinct;
  for (const auto& slot : slots) distinct.insert(slot->slot());
  EXPECT_EQ(distinct.size(), 64u);
  EXPECT_EQ(registry->Claim().error().code, ErrorCode::kBusy);
  slots.pop_back();
  EXPECT_TRUE(registry->Claim().ok()) << "one was given back";
}

TEST(Registry, SequencesAndGenerationsAreNeverUsedTwice) {
  TestSegment segment(1);
  const auto registry = segment.RegistryOf(kThisProcess);
  std::uint64_t next_sequence = 0;
  std::uint32_t last_generation = 0;
  for (int i = 0; i < 20; ++i) {
    auto slot = OpenSlot(*registry);
    EXPECT_GT(slot->generation(), last_generation);
    last_generation = slot->generation();
    SlotReader reader(*registry, slot->slot());
    for (int n = 0; n < 3; ++n) {
      std::uint64_t sequence = 0;
      ASSERT_TRUE(Push(*slot, "x", &sequence));
      EXPECT_GE(sequence, next_sequence);
      next_sequence = sequence + 1;
      QueuedOperation operation;
      ASSERT_TRUE(reader.Begin());
      ASSERT_EQ(reader.Next(operation), SlotReader::Step::kOperation);
      ASSERT_TRUE(reader.Pop(1));
      slot->Retire(sequence);
    }
  }
}

TEST(Registry, ASlotWithSomethingInFlightIsNotGivenBack) {
  TestSegment segment(1);
  const auto registry = segment.RegistryOf(kThisProcess);
  auto slot = OpenSlot(*registry);
  ASSERT_TRUE(Push(*slot, "x"));
  slot.reset();
  EXPECT_EQ(registry->Claim().error().code, ErrorCode::kBusy);
}

TEST(Registry, ADeadProcessLeavesNoSlotBehindAStoppedOneKeepsIts) {
  TestSegment segment(2);
  const std::uint64_t victim = OwnerWord(7, 3);
  const auto victims = segment.RegistryOf(victim);
  const auto mine = segment.RegistryOf(kThisProcess);
  WriterSlot* drained = LeaveBehind(OpenSlot(*victims));
  WriterSlot* queued = LeaveBehind(OpenSlot(*victims));
  ASSERT_TRUE(Push(*queued, "submitted before it died"));
  EXPECT_EQ(mine->Claim().error().code, ErrorCode::kBusy) << "it has only stopped, as far as anybody knows";
  segment.dead.insert(victim);
  const auto claim = mine->Claim();
  ASSERT_TRUE(claim.ok()) << claim.error().message;
  EXPECT_EQ(claim->slot, drained->slot());
  EXPECT_GT(claim->generation, drained->generation());
  EXPECT_EQ(mine->Claim().error().code, ErrorCode::kBusy) << "the other one has to be drained first";
  SlotReader reader(*mine, queued->slot());
  QueuedOperation operation;
  ASSERT_TRUE(reader.Begin());
  ASSERT_EQ(reader.Next(operation), SlotReader::Step::kOperation);
  EXPECT_EQ(base::AsText(operation.body), "submitted before it died");
  ASSERT_TRUE(reader.Pop(1));
  EXPECT_TRUE(mine->Claim().ok());
}

TEST(Registry, AnswersOfAnEarlierOwnerGoNowhere) {
  TestSegment segment(1);
  const std::uint64_t victim = OwnerWord(7, 3);
  const auto victims = segment.RegistryOf(victim);
  WriterSlot* old = LeaveBehind(OpenSlot(*victims));
  std::uint64_t sequence = 0;
  ASSERT_TRUE(Push(*old, "x", &sequence));
  SlotReader reader(*victims, old->slot());
  QueuedOperation operation;
  ASSERT_TRUE(reader.Begin());
  ASSERT_EQ(reader.Next(operation), SlotReader::Step::kOperation);
  ASSERT_TRUE(reader.Pop(1));
  segment.dead.insert(victim);
  const auto mine = segment.RegistryOf(kThisProcess);
  const auto slot = OpenSlot(*mine);
  std::uint64_t first = 0;
  ASSERT_TRUE(Push(*slot, "y", &first));
  for (std::uint64_t s = first; s % kWindow != sequence % kWindow; ++s) ASSERT_TRUE(Push(*slot, "y", &first) || s > 0);
  ASSERT_TRUE(reader.Answer(sequence, 1, CommittedAt(1)));
  EXPECT_EQ(slot->Read(first).state, AnswerState::kPending);
}

TEST(Registry, MemoryThatSaysSomethingElseIsRefused) {
  testing::Scratch scratch;
  const std::string path = scratch / "ingest.shm";
  auto made = SharedSegment::Create(base::Env::Posix(), path, {}, 4, [](CommitArea&) { return Status(); });
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(SharedSegment::Attach(base::Env::Posix(), path, {}).ok());
  for (const std::uint64_t at : {0u, 8u, 12u, 16u, 24u, 48u, 56u, 64u, 80u, 84u}) {
    auto file = base::Env::Posix().Open(path, base::OpenMode::kReadWrite);
    std::byte byte{};
    ASSERT_TRUE((*file)->ReadAt(at, {&byte, 1}).ok());
    const std::byte changed = byte ^ std::byte{0x41};
    ASSERT_TRUE((*file)->WriteAt(at, {&changed, 1}).ok());
    const auto attached = SharedSegment::Attach(base::Env::Posix(), path, {});
    ASSERT_FALSE(attached.ok()) << "byte " << at;
    EXPECT_EQ(attached.error().code, ErrorCode::kForeignSegment) << attached.error().message;
    ASSERT_TRUE((*file)->WriteAt(at, {&byte, 1}).ok());
  }
  EXPECT_TRUE(SharedSegment::Attach(base::Env::Posix(), path, {}).ok());
}

}  // namespace
}  // namespace tenure::ingest
