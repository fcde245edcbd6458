#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/ingest/double_buffer_testing.h"

namespace tenure::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Steps = DoubleBufferSteps;
using Swapped = Drain::Swapped;

TEST(DoubleBuffer, WhatWasWrittenIsCollectedInOrderAfterTheHalvesChangePlaces) {
  SmallBuffer small;
  Drain drain(small.buffer, 1);
  ASSERT_TRUE(drain.TakeOver());
  Emptier got{drain, {}, {}};
  std::vector<std::uint64_t> sequences(3);
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_EQ(small.Write(i, &sequences[i]), WriteResult::kOk);
  EXPECT_TRUE(drain.Pending());
  EXPECT_EQ(got.Collect(0), 0u);
  EXPECT_THAT(got.numbers, IsEmpty());  // still the writers' half
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  EXPECT_FALSE(drain.Pending());
  EXPECT_EQ(got.Collect(0), 0u);
  EXPECT_THAT(got.numbers, ElementsAre(0, 1, 2));
  EXPECT_EQ(got.sequences, sequences);
  EXPECT_EQ(got.Collect(0), 0u);
  EXPECT_EQ(got.numbers.size(), 3u);
}

TEST(DoubleBuffer, ContentArrivesUnchanged) {
  SmallBuffer small;
  Drain drain(small.buffer, 1);
  ASSERT_TRUE(drain.TakeOver());
  const base::Bytes payload = Payload(5, SmallBuffer::kPayload);
  ASSERT_EQ(small.buffer.Write({9, 8}, 77, 12345, payload), WriteResult::kOk);
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  int calls = 0;
  drain.Collect(0, kBound, NobodyIsDead, [&](const Drain::Collected& got) {
    ++calls;
    EXPECT_EQ(got.owner, (CellOwner{9, 8}));
    EXPECT_EQ(got.header.type, 77);
    EXPECT_EQ(got.header.timestamp_ns, 12345u);
    EXPECT_EQ(base::Bytes(got.payload.begin(), got.payload.end()), payload);
  });
  EXPECT_EQ(calls, 1);
}

TEST(DoubleBuffer, AFullHalfIsTemporary) {
  SmallBuffer small;
  Drain drain(small.buffer, 1);
  ASSERT_TRUE(drain.TakeOver());
  Emptier got{drain, {}, {}};
  std::uint64_t next = 0;
  for (int round = 0; round < 50; ++round) {
    for (std::uint32_t i = 0; i < SmallBuffer::kCells; ++i) ASSERT_EQ(small.Write(next++), WriteResult::kOk);
    EXPECT_EQ(small.Write(next), WriteResult::kFull);
    ASSERT_EQ(drain.Swap(), Swapped::kYes);
    if (round == 0) {  // the other half is there at once
      ASSERT_EQ(small.Write(next++), WriteResult::kOk);
      EXPECT_EQ(drain.Swap(), Swapped::kNotDrained);
    }
    EXPECT_EQ(got.Collect(0), 0u);
    if (round == 0) {
      ASSERT_EQ(drain.Swap(), Swapped::kYes);
      EXPECT_EQ(got.Collect(0), 0u);
    }
  }
  ASSERT_EQ(got.numbers.size(), next);
  for (std::uint64_t i = 0; i < next; ++i) EXPECT_EQ(got.numbers[i], i);
  std::sort(got.sequences.begin(), got.sequences.end());
  EXPECT_EQ(std::unique(got.sequences.begin(), got.sequences.end()), got.sequences.end());
}

TEST(DoubleBuffer, InvalidWritesAreRefusedAndLeaveNothing) {
  SmallBuffer small;
  const base::Bytes payload = Payload(1, SmallBuffer::kPayload + 1);
  EXPECT_EQ(small.buffer.Write(kMe, 1, 0, {}), WriteResult::kInvalid);
  EXPECT_EQ(small.buffer.Write(kMe, 1, 0, base::ByteView(payload).first(0)), WriteResult::kInvalid);
  EXPECT_EQ(small.buffer.Write(kMe, 1, 0, payload), WriteResult::kInvalid);
  EXPECT_EQ(small.buffer.Write(kMe, 0, 0, base::ByteView(payload).first(9)), WriteResult::kInvalid);
  EXPECT_EQ(small.buffer.Write(kMe, 1, 0, base::ByteView(payload).first(100)), WriteResult::kOk);
  EXPECT_EQ(static_cast<int>(WriteResult::kFull), -1);
  EXPECT_EQ(static_cast<int>(WriteResult::kInvalid), -2);
  Drain drain(small.buffer, 1);
  ASSERT_TRUE(drain.TakeOver());
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  Emptier got{drain, {}, {}};
  got.Collect(0);
  EXPECT_EQ(got.numbers.size(), 1u);
}

TEST(DoubleBuffer, ASlowWriterIsPassedOverThenGivenUpAndWritesAgain) {
  SmallBuffer small;
  Drain drain(small.buffer, 1);
  ASSERT_TRUE(drain.TakeOver());
  Emptier got{drain, {}, {}};
  Steps::Claim slow;
  ASSERT_EQ(Steps::ClaimCell(small.buffer, kMe, slow), WriteResult::kOk);
  ASSERT_EQ(small.Write(1), WriteResult::kOk);
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  EXPECT_EQ(got.Collect(5000), 1u);
  EXPECT_THAT(got.numbers, ElementsAre(1));
  EXPECT_EQ(drain.Swap(), Swapped::kNotDrained);
  EXPECT_EQ(got.Collect(5000 + kBound - 1), 1u);
  EXPECT_EQ(drain.counters().abandoned, 0u);
  EXPECT_EQ(got.Collect(5000 + kBound), 0u);
  EXPECT_EQ(drain.counters().abandoned, 1u);
  // The halves may change places, but that cell is nobody's: its writer may still be copying into it.
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  for (std::uint64_t i = 2; i < 5; ++i) ASSERT_EQ(small.Write(i), WriteResult::kOk);
  EXPECT_EQ(small.Write(9), WriteResult::kFull);
  Steps::Fill(slow, 1, 99, Payload(1, 50));
  EXPECT_FALSE(Steps::Publish(slow));  // and frees it
  ASSERT_EQ(got.Collect(6000), 0u);
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  EXPECT_EQ(got.Collect(6000), 0u);
  EXPECT_THAT(got.numbers, ElementsAre(1, 2, 3, 4));
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  for (std::uint64_t i = 5; i < 9; ++i) ASSERT_EQ(small.Write(i), WriteResult::kOk);  // all four again
}

TEST(DoubleBuffer, AWriterThatPublishesWithinTheBoundIsCollected) {
  SmallBuffer small;
  Drain drain(small.buffer, 1);
  ASSERT_TRUE(drain.TakeOver());
  Emptier got{drain, {}, {}};
  Steps::Claim slow;
  ASSERT_EQ(Steps::ClaimCell(small.buffer, kMe, slow), WriteResult::kOk);
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  EXPECT_EQ(got.Collect(10), 1u);
  Steps::Fill(slow, 1, 42, Payload(1, 50));
  EXPECT_TRUE(Steps::Publish(slow));
  EXPECT_EQ(got.Collect(10 + kBound), 0u);
  EXPECT_THAT(got.numbers, ElementsAre(42));
  EXPECT_EQ(drain.counters().abandoned, 0u);
}

TEST(DoubleBuffer, TheCellsOfADeadProcessAreReclaimedAtOnce) {
  SmallBuffer small;
  Drain drain(small.buffer, 1);
  ASSERT_TRUE(drain.TakeOver());
  Emptier got{drain, {}, {}};
  Steps::Claim claimed, abandoned;
  ASSERT_EQ(Steps::ClaimCell(small.buffer, {5, 1}, abandoned), WriteResult::kOk);
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  EXPECT_EQ(got.Collect(1), 1u);
  EXPECT_EQ(got.Collect(1 + kBound), 0u);
  EXPECT_EQ(drain.counters().abandoned, 1u);
  ASSERT_EQ(small.buffer.Write({5, 1}, 1, 7, Payload(1, 9)), WriteResult::kOk);  // published before it died
  ASSERT_EQ(Steps::ClaimCell(small.buffer, {5, 1}, claimed), WriteResult::kOk);
  ASSERT_EQ(small.buffer.Write({5, 2}, 1, 8, Payload(1, 9)), WriteResult::kOk);  // its successor in the slot
  const auto dead = [](CellOwner owner) { return owner == CellOwner{5, 1}; };
  EXPECT_EQ(got.Collect(2 + kBound, dead), 0u);
  EXPECT_EQ(drain.counters().reclaimed, 1u);  // the abandoned one
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  EXPECT_EQ(got.Collect(2 + kBound, dead), 0u);
  EXPECT_EQ(drain.counters().reclaimed, 2u);
  EXPECT_THAT(got.numbers, ElementsAre(7, 8));
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  // Declared dead, and yet it goes on: its cell is somebody else's by now, and it changes nothing.
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_EQ(small.Write(i), WriteResult::kOk);
  EXPECT_FALSE(Steps::Publish(claimed));
  EXPECT_FALSE(Steps::Publish(abandoned));
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  EXPECT_EQ(got.Collect(3 + kBound), 0u);
  EXPECT_THAT(got.numbers, ElementsAre(7, 8, 0, 1, 2, 3));
}

TEST(DoubleBuffer, AProcessKilledBetweenClaimAndPublishHoldsNobodyUp) {
  const std::size_t bytes = DoubleBuffer::BytesFor(4, 100);
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(at, MAP_FAILED);
  const std::span<std::byte> memory(static_cast<std::byte*>(at), bytes);
  DoubleBuffer buffer = DoubleBuffer::Create(memory, 4, 100).value();
  const pid_t child = fork();
  if (child == 0) {
    auto mine = DoubleBuffer::Attach(memory);
    Steps::Claim claim;
    if (!mine.ok() || mine->Write({1, 1}, 1, 10, Payload(1, 9)) != WriteResult::kOk) _exit(1);
    if (Steps::ClaimCell(*mine, {1, 1}, claim) != WriteResult::kOk) _exit(1);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(buffer.Write({2, 1}, 1, 11, Payload(1, 9)), WriteResult::kOk);
  Drain drain(buffer, 1);
  ASSERT_TRUE(drain.TakeOver());
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  Emptier got{drain, {}, {}};
  EXPECT_EQ(got.Collect(0, [](CellOwner owner) { return owner.slot == 1; }), 0u);
  EXPECT_THAT(got.numbers, ElementsAre(10, 11));
  EXPECT_EQ(drain.Swap(), Swapped::kYes);
  munmap(at, bytes);
}

TEST(DoubleBuffer, OnlyTheHighestEpochSwaps) {
  SmallBuffer small;
  Drain old(small.buffer, 4);
  Drain successor(small.buffer, 5);
  ASSERT_TRUE(old.TakeOver());
  EXPECT_TRUE(old.TakeOver());
  ASSERT_EQ(small.Write(1), WriteResult::kOk);
  EXPECT_EQ(successor.Swap(), Swapped::kSuperseded);  // has not taken over yet
  ASSERT_TRUE(successor.TakeOver());
  EXPECT_FALSE(old.TakeOver());
  EXPECT_EQ(old.Swap(), Swapped::kSuperseded);
  EXPECT_EQ(successor.Swap(), Swapped::kYes);
  EXPECT_FALSE(Drain(small.buffer, 3).TakeOver());
}

TEST(DoubleBuffer, ADrainThatWasStoppedInsideASwapChangesNothingLater) {
  SmallBuffer small;
  Drain old(small.buffer, 1);
  ASSERT_TRUE(old.TakeOver());
  const std::uint32_t round = Steps::Round(small.buffer);
  Drain successor(small.buffer, 2);
  ASSERT_TRUE(successor.TakeOver());
  for (int i = 0; i < 3; ++i) ASSERT_EQ(successor.Swap(), Swapped::kYes);
  ASSERT_EQ(small.Write(1), WriteResult::kOk);
  const std::uint64_t next = small.control().next[1].word.load();
  EXPECT_FALSE(Steps::PrepareNext(old, round));
  EXPECT_EQ(small.control().next[1].word.load(), next);
  ASSERT_EQ(small.Write(2), WriteResult::kOk);
  Emptier got{successor, {}, {}};
  ASSERT_EQ(successor.Swap(), Swapped::kYes);
  EXPECT_EQ(got.Collect(0), 0u);
  EXPECT_THAT(got.numbers, ElementsAre(1, 2));
}

TEST(DoubleBuffer, ASuccessorFinishesTheHalfAndEachCellIsReleasedOnce) {
  SmallBuffer small;
  Drain old(small.buffer, 1);
  ASSERT_TRUE(old.TakeOver());
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_EQ(small.Write(i), WriteResult::kOk);
  ASSERT_EQ(old.Swap(), Swapped::kYes);
  std::vector<Drain::Collected> copies;
  old.Collect(0, kBound, NobodyIsDead, [&](const Drain::Collected& got) { copies.push_back(got); });
  ASSERT_EQ(copies.size(), 3u);
  EXPECT_TRUE(old.Release(copies[0].cell, copies[0].word));
  Drain successor(small.buffer, 2);
  ASSERT_TRUE(successor.TakeOver());
  EXPECT_EQ(successor.Swap(), Swapped::kNotDrained);
  Emptier got{successor, {}, {}};
  EXPECT_EQ(got.Collect(0), 0u);
  EXPECT_THAT(got.numbers, ElementsAre(1, 2));
  for (const Drain::Collected& copy : copies) EXPECT_FALSE(old.Release(copy.cell, copy.word));
  ASSERT_EQ(successor.Swap(), Swapped::kYes);
  ASSERT_EQ(small.Write(7), WriteResult::kOk);  // into a cell that the old drain knows under another sequence
  for (const Drain::Collected& copy : copies) EXPECT_FALSE(old.Release(copy.cell, copy.word));
  EXPECT_FALSE(old.Release(1000, copies[0].word));
}

TEST(DoubleBuffer, AfterATakeoverNoLowerEpochChangesACell) {
  SmallBuffer small;
  Drain old(small.buffer, 1);
  ASSERT_TRUE(old.TakeOver());
  Steps::Claim slow, of_the_dead;
  ASSERT_EQ(Steps::ClaimCell(small.buffer, kMe, slow), WriteResult::kOk);
  ASSERT_EQ(Steps::ClaimCell(small.buffer, {5, 1}, of_the_dead), WriteResult::kOk);
  ASSERT_EQ(small.Write(1), WriteResult::kOk);
  ASSERT_EQ(old.Swap(), Swapped::kYes);
  std::vector<Drain::Collected> copies;
  const auto keep = [&](const Drain::Collected& got) { copies.push_back(got); };
  EXPECT_EQ(old.Collect(0, kBound, NobodyIsDead, keep), 2u);
  ASSERT_EQ(copies.size(), 1u);
  Drain successor(small.buffer, 2);
  ASSERT_TRUE(successor.TakeOver());
  EXPECT_FALSE(old.Release(copies[0].cell, copies[0].word));
  // Neither given up nor reclaimed; and what is written from now on carries the new stamp from the start.
  const auto dead = [](CellOwner owner) { return owner.slot == 5; };
  EXPECT_EQ(old.Collect(2 * kBound, kBound, dead, keep), 2u);
  EXPECT_EQ(old.counters().abandoned + old.counters().reclaimed, 0u);
  ASSERT_EQ(small.Write(2), WriteResult::kOk);
  old.Look(keep);
  for (const Drain::Collected& copy : copies) {
    // Only the first copy is from before the takeover.
    EXPECT_EQ(StampOf(copy.word), &copy == &copies[0] ? 1u : 2u);
    EXPECT_FALSE(old.Release(copy.cell, copy.word));
  }
  Emptier got{successor, {}, {}};
  EXPECT_EQ(got.Collect(0, dead), 1u);
  EXPECT_THAT(got.numbers, ElementsAre(1));
  EXPECT_EQ(successor.counters().reclaimed, 1u);
}

TEST(DoubleBuffer, AWriterPublishesAndTakesBackThroughAStamp) {
  SmallBuffer small;
  Drain first(small.buffer, 1);
  ASSERT_TRUE(first.TakeOver());
  Steps::Claim published, given_up;
  ASSERT_EQ(Steps::ClaimCell(small.buffer, kMe, published), WriteResult::kOk);
  ASSERT_EQ(Steps::ClaimCell(small.buffer, kMe, given_up), WriteResult::kOk);
  Drain second(small.buffer, 2);
  ASSERT_TRUE(second.TakeOver());
  Steps::Fill(published, 1, 7, Payload(7, 20));
  EXPECT_TRUE(Steps::Publish(published));
  ASSERT_EQ(second.Swap(), Swapped::kYes);
  Emptier got{second, {}, {}};
  EXPECT_EQ(got.Collect(0), 1u);
  EXPECT_EQ(got.Collect(kBound), 0u);  // gives the other one up
  EXPECT_THAT(got.numbers, ElementsAre(7));
  Drain third(small.buffer, 3);
  ASSERT_TRUE(third.TakeOver());
  Steps::Fill(given_up, 1, 8, Payload(8, 20));
  EXPECT_FALSE(Steps::Publish(given_up));
  for (std::uint32_t i = 0; i < 2 * SmallBuffer::kCells; ++i) {
    EXPECT_EQ(StateOf(Steps::CellAt(small.buffer, i).word.Load()), CellState::kFree) << i;
    EXPECT_EQ(StampOf(Steps::CellAt(small.buffer, i).word.Load()), 3u) << i;
  }
}

TEST(DoubleBuffer, ReadyMeansThatADrainWouldFindSomething) {
  SmallBuffer small;
  Drain drain(small.buffer, 1);
  ASSERT_TRUE(drain.TakeOver());
  Emptier got{drain, {}, {}};
  EXPECT_FALSE(small.buffer.AnyReady());
  Steps::Claim slow;
  ASSERT_EQ(Steps::ClaimCell(small.buffer, kMe, slow), WriteResult::kOk);
  EXPECT_FALSE(small.buffer.AnyReady());  // nothing published
  ASSERT_EQ(small.Write(1), WriteResult::kOk);
  EXPECT_TRUE(small.buffer.AnyReady());
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  EXPECT_TRUE(small.buffer.AnyReady());
  EXPECT_EQ(got.Collect(0), 1u);
  EXPECT_FALSE(small.buffer.AnyReady());
  ASSERT_EQ(small.Write(2), WriteResult::kOk);
  EXPECT_FALSE(small.buffer.AnyReady());  // the slow one keeps the halves where they are
  Steps::Fill(slow, 1, 3, Payload(3, 20));
  ASSERT_TRUE(Steps::Publish(slow));
  EXPECT_TRUE(small.buffer.AnyReady());
  EXPECT_EQ(got.Collect(0), 0u);
  EXPECT_TRUE(small.buffer.AnyReady());
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  EXPECT_EQ(got.Collect(0), 0u);
  EXPECT_FALSE(small.buffer.AnyReady());
  EXPECT_THAT(got.numbers, ElementsAre(1, 3, 2));
}

TEST(DoubleBuffer, ALateClaimInTheWrongHalfIsTakenBack) {
  SmallBuffer small;
  Drain drain(small.buffer, 1);
  ASSERT_TRUE(drain.TakeOver());
  Emptier got{drain, {}, {}};
  ASSERT_EQ(small.Write(1), WriteResult::kOk);
  const std::uint32_t round = Steps::Round(small.buffer);
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  EXPECT_EQ(got.Collect(0), 0u);
  // Saw the turn, was stopped, claims now: what it wrote would be collected after later writes of the same thread.
  Steps::Claim late;
  EXPECT_FALSE(Steps::TryClaim(small.buffer, round, kMe, late));
  EXPECT_EQ(StateOf(Steps::CellAt(small.buffer, 1).word.Load()), CellState::kFree);
  EXPECT_EQ(got.Collect(0), 0u);
  EXPECT_EQ(drain.Swap(), Swapped::kYes);
  // And after the half's turn has come round again.
  EXPECT_FALSE(Steps::TryClaim(small.buffer, round, kMe, late));
  for (std::uint64_t i = 2; i < 6; ++i) ASSERT_EQ(small.Write(i), WriteResult::kOk);
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  EXPECT_EQ(got.Collect(0), 0u);
  EXPECT_THAT(got.numbers, ElementsAre(1, 2, 3, 4, 5));
}

TEST(DoubleBuffer, AClaimThatWillBeTakenBackIsWaitedFor) {
  SmallBuffer small;
  Drain drain(small.buffer, 1);
  ASSERT_TRUE(drain.TakeOver());
  Emptier got{drain, {}, {}};
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  Cell& cell = Steps::CellAt(small.buffer, 2);
  base::Pair64 word = cell.word.Load();
  const base::Pair64 claimed = CellWord(SequenceOf(word) + 8, CellState::kClaimed, kMe, StampOf(word));
  ASSERT_TRUE(cell.word.CompareExchange(word, claimed));
  EXPECT_EQ(got.Collect(0), 1u);
  EXPECT_EQ(drain.Swap(), Swapped::kNotDrained);
  word = claimed;
  ASSERT_TRUE(cell.word.CompareExchange(word, CellWord(SequenceOf(word), CellState::kFree, {}, StampOf(word))));
  EXPECT_EQ(got.Collect(0), 0u);
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_EQ(small.Write(i), WriteResult::kOk);
}

TEST(DoubleBuffer, AttachFindsWhatIsThereAndRefusesTheRest) {
  SmallBuffer small;
  ASSERT_EQ(small.Write(6), WriteResult::kOk);
  auto other = DoubleBuffer::Attach(small.memory.span());
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->cells_per_half(), SmallBuffer::kCells);
  EXPECT_EQ(other->max_payload(), SmallBuffer::kPayload);
  Drain drain(*other, 1);
  ASSERT_TRUE(drain.TakeOver());
  ASSERT_EQ(drain.Swap(), Swapped::kYes);
  Emptier got{drain, {}, {}};
  got.Collect(0);
  EXPECT_THAT(got.numbers, ElementsAre(6));
  const auto refused = [&](const char* why, ErrorCode code) {
    auto attached = DoubleBuffer::Attach(small.memory.span());
    ASSERT_FALSE(attached.ok()) << why;
    EXPECT_EQ(attached.error().code, code);
    EXPECT_THAT(attached.error().message, HasSubstr(why));
  };
  small.control().cells_per_half.store(5);
  refused("2 x 5 cells of 100 bytes needs", ErrorCode::kCorruption);
  small.control().cells_per_half.store(0);
  refused("1 to 65,536 cells", ErrorCode::kCorruption);
  small.control().cells_per_half.store(4);
  small.control().payload_bytes.store(0xFFFFFFFF);
  refused("1 to 65,536 cells", ErrorCode::kCorruption);
  small.control().payload_bytes.store(100);
  small.control().layout_version.store(9);
  refused("layout version 9", ErrorCode::kUnsupported);
  small.control().magic.store(1);
  refused("there is no double buffer", ErrorCode::kUnsupported);
  EXPECT_FALSE(DoubleBuffer::Create(small.memory.span(), 0, 100).ok());
  EXPECT_FALSE(DoubleBuffer::Create(small.memory.span(), 4, 0).ok());
  EXPECT_FALSE(DoubleBuffer::Create(small.memory.span(), 5, 100).ok());
  EXPECT_FALSE(DoubleBuffer::Create(small.memory.span().subspan(8), 1, 1).ok());
  EXPECT_FALSE(DoubleBuffer::Create({}, 1, 1).ok());
}

}  // namespace
}  // namespace tenure::ingest
