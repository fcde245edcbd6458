// A writer slot from both ends: what is pushed comes out once, whole and in order, across rings and committers.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/ingest/segment_testing.h"

namespace tenure::ingest {
namespace {

std::string BodyOf(std::uint64_t i, std::size_t bytes) {
  std::string body = std::to_string(i) + ":";
  body.resize(std::max(body.size(), bytes), static_cast<char>('a' + i % 26));
  return body;
}

class Slot : public ::testing::Test {
 protected:
  Slot()
      : registry_(segment_.RegistryOf(kThisProcess)), slot_(OpenSlot(*registry_)), reader_(*registry_, slot_->slot()) {}

  /// Takes up to `count` operations, and pops them under `epoch`.
  std::vector<std::string> TakeAndPop(std::size_t count, std::uint32_t epoch = 1) {
    std::vector<std::string> bodies;
    QueuedOperation operation;
    EXPECT_TRUE(reader_.Begin());
    while (bodies.size() < count && reader_.Next(operation) == SlotReader::Step::kOperation) {
      bodies.emplace_back(base::AsText(operation.body));
      taken_.push_back(operation.sequence);
    }
    EXPECT_TRUE(reader_.Pop(epoch));
    return bodies;
  }
  void AnswerTaken() {
    for (const std::uint64_t sequence : taken_) {
      EXPECT_TRUE(reader_.Answer(sequence, 1, CommittedAt(sequence)));
      slot_->Retire(sequence);
    }
    taken_.clear();
  }

  TestSegment segment_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<WriterSlot> slot_;
  SlotReader reader_;
  std::vector<std::uint64_t> taken_;
};

TEST_F(Slot, AFullLaneIsBackPressureAndLosesNothing) {
  std::uint64_t pushed = 0;
  while (Push(*slot_, BodyOf(pushed, 4'000))) ++pushed;
  EXPECT_GT(pushed, 3 * 64u * 1024 / 4'100) << "all four rings were filled";
  EXPECT_FALSE(Push(*slot_, BodyOf(pushed, 4'000)));
  std::uint64_t expected = 0;
  for (const std::string& body : TakeAndPop(1'000)) EXPECT_EQ(body, BodyOf(expected++, 4'000));
  EXPECT_EQ(expected, pushed);
  EXPECT_TRUE(slot_->Drained());
  AnswerTaken();
  EXPECT_TRUE(Push(*slot_, "there is room again"));
}

/// Whoever had the slot before wrote over its answers, and died.
TEST_F(Slot, AnswersReachWhoeverHasItNext) {
  base::Pair64 nobody = segment_->commit().owner.Load();
  ASSERT_TRUE(segment_->commit().owner.CompareExchange(nobody, {1, kThisProcess}));
  const ReplyBank bank = registry_->memory(slot_->slot()).replies;
  const auto spoil = [](base::Atomic128& word) {
    base::Pair64 seen = word.Load();
    while (!word.CompareExchange(seen, {~std::uint64_t{0}, 7})) {
    }
  };
  for (CompletionCell& cell : bank.cells) {
    for (base::Atomic128* word : {&cell.completion, &cell.lsn, &cell.revision, &cell.time_ms}) spoil(*word);
  }
  for (base::Atomic128& word : bank.words) spoil(word);
  slot_.reset();
  slot_ = OpenSlot(*registry_);
  for (std::uint64_t i = 0; i < 2 * kWindow; ++i) {
    std::uint64_t sequence = 0;
    ASSERT_TRUE(Push(*slot_, "x", &sequence, /*reply_bytes=*/40));
    ASSERT_EQ(TakeAndPop(1).size(), 1u);
    Reply reply = CommittedAt(i);
    reply.detail = base::Bytes(40, std::byte{3});
    ASSERT_TRUE(reader_.Answer(sequence, 1, reply)) << i;
    const Reply got = slot_->Read(sequence);
    ASSERT_EQ(got.state, AnswerState::kCommitted) << i;
    ASSERT_TRUE(got.whole) << i;
    ASSERT_EQ(got.lsn, i);
    ASSERT_EQ(got.detail, reply.detail);
    slot_->Retire(sequence);
    taken_.clear();
  }
}

/// Sizes and amounts by a seeded die; a new committer goes on from the head at any time.
TEST_F(Slot, ManyRecordsKeepTheirOrderOverTurnsAndCommitters) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 dice(seed);
  std::uint64_t pushed = 0, taken = 0;
  std::vector<std::size_t> sizes;
  while (taken < 20'000) {
    for (std::uint64_t n = dice() % 200; n > 0; --n) {
      // Some travel in the detail lane.
      const std::size_t bytes = dice() % 50 == 0 ? 9'000 + dice() % 20'000 : 10 + dice() % 2'000;
      if (!Push(*slot_, BodyOf(pushed, bytes))) break;
      sizes.push_back(bytes);
      ++pushed;
    }
    if (dice() % 10 == 0) {
      // A committer that read and never popped: it was superseded.
      SlotReader other(*registry_, slot_->slot());
      QueuedOperation operation;
      ASSERT_TRUE(other.Begin());
      for (int i = 0; i < 5 && other.Next(operation) == SlotReader::Step::kOperation; ++i) {
        ASSERT_EQ(base::AsText(operation.body), BodyOf(taken + i, sizes[taken + i]));
      }
    }
    for (const std::string& body : TakeAndPop(dice() % 150)) {
      ASSERT_EQ(body, BodyOf(taken, sizes[taken])) << "operation " << taken;
      ++taken;
    }
    AnswerTaken();
  }
}

TEST_F(Slot, TheWindowBoundsWhatIsInFlight) {
  for (std::uint32_t i = 0; i < 300; ++i) ASSERT_TRUE(Push(*slot_, "x")) << i;
  EXPECT_LE(slot_->in_flight(), kWindow);
  while (Push(*slot_, "x")) {
  }
  const std::uint64_t most = slot_->in_flight();
  EXPECT_LE(most, kWindow);
  // Popped is not enough: the answers have not been read.
  (void)TakeAndPop(1'000);
  EXPECT_FALSE(Push(*slot_, "x"));
  AnswerTaken();
  EXPECT_TRUE(Push(*slot_, "x"));
}

TEST_F(Slot, AnswersArriveWithTheirOperation) {
  std::uint64_t first = 0, second = 0;
  ASSERT_TRUE(Push(*slot_, "first", &first));
  ASSERT_TRUE(Push(*slot_, "second", &second));
  (void)TakeAndPop(2);
  EXPECT_TRUE(reader_.Answer(second, 1, CommittedAt(8)));
  EXPECT_TRUE(slot_->IsPending(first));
  const Reply reply = slot_->Read(second);
  EXPECT_EQ(reply.state, AnswerState::kCommitted);
  EXPECT_TRUE(reply.whole);
  EXPECT_EQ(reply.lsn, 8u);
  EXPECT_EQ(reply.revision, 108u);
  EXPECT_EQ(reply.time_ms, 1008);
  EXPECT_EQ(slot_->Read(first).state, AnswerState::kPending);
}

TEST_F(Slot, ADetailIsCutToTheSpaceReserved) {
  std::uint64_t sequence = 0;
  ASSERT_TRUE(Push(*slot_, "x", &sequence));
  (void)TakeAndPop(1);
  Reply reply;
  reply.state = AnswerState::kRejected;
  reply.detail.assign(10'000, std::byte{'d'});
  EXPECT_TRUE(reader_.Answer(sequence, 1, reply));
  const Reply read = slot_->Read(sequence);
  EXPECT_EQ(read.state, AnswerState::kRejected);
  EXPECT_EQ(read.detail, base::Bytes(kRefusalBytes, std::byte{'d'}));
}

TEST_F(Slot, AHigherEpochFencesPopAndAnswer) {
  std::uint64_t sequence = 0;
  ASSERT_TRUE(Push(*slot_, "x", &sequence));
  QueuedOperation operation;
  ASSERT_TRUE(reader_.Begin());
  ASSERT_EQ(reader_.Next(operation), SlotReader::Step::kOperation);
  ASSERT_TRUE(RestampHeads(*registry_, 9));
  EXPECT_FALSE(reader_.Pop(1)) << "epoch 9 has been here";
  EXPECT_FALSE(slot_->Drained());
  SlotReader successor(*registry_, slot_->slot());
  ASSERT_TRUE(successor.Begin());
  ASSERT_EQ(successor.Next(operation), SlotReader::Step::kOperation) << "the operation is still there";
  EXPECT_TRUE(successor.Pop(9));
  EXPECT_TRUE(successor.Answer(sequence, 9, CommittedAt(1)));
  EXPECT_TRUE(reader_.Answer(sequence, 1, CommittedAt(2))) << "harmless: it is resolved";
  EXPECT_EQ(slot_->Read(sequence).lsn, 1u);
  EXPECT_FALSE(RestampHeads(*registry_, 8));
}

/// It wakes up between two batches, when the successor has stamped the heads long ago.
TEST_F(Slot, AnOldEpochCannotPopAHeadThatItReadUnderANewOne) {
  ASSERT_TRUE(Push(*slot_, "x"));
  ASSERT_TRUE(RestampHeads(*registry_, 9));
  QueuedOperation operation;
  ASSERT_TRUE(reader_.Begin());
  ASSERT_EQ(reader_.Next(operation), SlotReader::Step::kOperation);
  EXPECT_FALSE(reader_.Pop(8));
  EXPECT_FALSE(slot_->Drained());
  EXPECT_EQ(LaneHead::Unpack(slot_->entry().head.Load()).epoch, 9u);
  EXPECT_TRUE(reader_.Pop(9));
}

/// A superseded committer wrote its values over those of its successor's, between values and completion word.
TEST_F(Slot, ValuesOfTwoCommittersAreNotMixed) {
  std::uint64_t sequence = 0;
  ASSERT_TRUE(Push(*slot_, "x", &sequence));
  (void)TakeAndPop(1);
  ASSERT_TRUE(reader_.Answer(sequence, 4, CommittedAt(1)));
  const ReplyBank bank = registry_->memory(slot_->slot()).replies;
  base::Pair64 lsn = bank.cells[sequence % kWindow].lsn.Load();
  ASSERT_TRUE(bank.cells[sequence % kWindow].lsn.CompareExchange(lsn, {6, 77}));
  const Reply reply = slot_->Read(sequence);
  EXPECT_EQ(reply.state, AnswerState::kCommitted);
  EXPECT_FALSE(reply.whole);
}

TEST_F(Slot, WhatIsNoRecordGivesUpTheSlotAlone) {
  const auto other_registry = segment_.RegistryOf(OwnerWord(5, 1));
  const auto other = OpenSlot(*other_registry);
  ASSERT_TRUE(Push(*other, "sound"));
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 dice(seed);
  std::uint64_t sequence = 0;
  ASSERT_TRUE(Push(*slot_, "damaged", &sequence));
  // The writer's own part: lanes, reply positions, what it says it has submitted. The committer's words stay.
  std::byte* lanes = registry_->memory(slot_->slot()).index_lane;
  for (std::uint64_t i = 0; i < LaneBytes(kIndexRings); ++i) lanes[i] = static_cast<std::byte>(dice());
  slot_->entry().submitted.store(dice(), std::memory_order_seq_cst);
  QueuedOperation operation;
  ASSERT_TRUE(reader_.Begin());
  EXPECT_EQ(reader_.Next(operation), SlotReader::Step::kBad);
  EXPECT_TRUE(reader_.Quarantine(1));
  EXPECT_TRUE(slot_->Quarantined());
  EXPECT_EQ(slot_->Read(sequence).state, AnswerState::kBadRecord);
  EXPECT_FALSE(reader_.Begin()) << "nothing is read from it any more";
  SlotReader of_other(*registry_, other->slot());
  ASSERT_TRUE(of_other.Begin());
  EXPECT_EQ(of_other.Next(operation), SlotReader::Step::kOperation);
  EXPECT_EQ(base::AsText(operation.body), "sound");
}

}  // namespace
}  // namespace tenure::ingest
