// When a takeover may say "not applied" of a buffered operation: only when it was published and popped.
#include "store/ingest/answer_bank.h"

#include <gtest/gtest.h>

#include "tests/unit/ingest/double_buffer_testing.h"

namespace tenure::ingest {
namespace {

using Steps = DoubleBufferSteps;

/// As a file's pages are when they are allocated.
std::byte* Zeroed(GuardedMemory& memory) {
  std::fill(memory.span().begin(), memory.span().end(), std::byte{0});
  return memory.data();
}

class Place : public ::testing::Test {
 protected:
  Place() : bank_(AnswerBank::At(Zeroed(memory_))) { EXPECT_TRUE(drain_.TakeOver()); }
  bool Popped() {
    Drain successor(small_.buffer, ++epoch_);
    EXPECT_TRUE(successor.TakeOver());
    return WasPopped(bank_, kCell, successor);
  }
  /// By whoever is the committer now.
  void PopAll() {
    Drain drain(small_.buffer, ++epoch_);
    ASSERT_TRUE(drain.TakeOver());
    drain.Look([&](const Drain::Collected& got) { EXPECT_TRUE(drain.Release(got.cell, got.word)); });
  }
  /// The committer's turn up to giving up what was claimed.
  void GiveUpClaims() {
    Drain drain(small_.buffer, ++epoch_);
    ASSERT_TRUE(drain.TakeOver());
    ASSERT_EQ(drain.Swap(), Drain::Swapped::kYes);
    Emptier got{drain, {}, {}};
    EXPECT_EQ(got.Collect(0), 1u);
    EXPECT_EQ(got.Collect(kBound), 0u);
    EXPECT_EQ(drain.counters().abandoned, 1u);
  }
  WriteResult Write() { return small_.buffer.Write(kMe, 1, 0, Payload(1, 20), nullptr, &place()); }
  std::atomic<std::uint64_t>& place() { return bank_.places[kCell]; }

  static constexpr std::uint32_t kCell = 5;
  GuardedMemory memory_{kBankBytes};
  AnswerBank bank_;
  SmallBuffer small_;
  Drain drain_{small_.buffer, 1};
  std::uint32_t epoch_ = 1;
};

TEST_F(Place, OfNothingWrittenIsNotPopped) { EXPECT_FALSE(Popped()); }

TEST_F(Place, OfAPublishedWriteIsPoppedOnceItsCellIsReleased) {
  ASSERT_EQ(Write(), WriteResult::kOk);
  EXPECT_FALSE(Popped());
  PopAll();
  EXPECT_TRUE(Popped());
  // And when the cell has long been used again.
  Drain drain(small_.buffer, ++epoch_);
  ASSERT_TRUE(drain.TakeOver());
  ASSERT_EQ(drain.Swap(), Drain::Swapped::kYes);
  for (int round = 0; round < 6; ++round) {
    for (std::uint64_t i = 0; i < SmallBuffer::kCells; ++i) ASSERT_EQ(small_.Write(i), WriteResult::kOk);
    EXPECT_TRUE(Popped());
    PopAll();
    Drain next(small_.buffer, ++epoch_);
    ASSERT_TRUE(next.TakeOver());
    ASSERT_EQ(next.Swap(), Drain::Swapped::kYes);
  }
}

TEST_F(Place, OfAClaimIsNotPoppedUntilItIsPublished) {
  Steps::Claim claim;
  ASSERT_EQ(Steps::ClaimCell(small_.buffer, kMe, claim), WriteResult::kOk);
  EXPECT_FALSE(Popped());
  place().store(Steps::PlaceOf(claim));
  EXPECT_FALSE(Popped());
  Steps::Fill(claim, 1, 0, Payload(1, 20));
  EXPECT_FALSE(Popped());
  ASSERT_TRUE(Steps::Publish(claim, &place()));
  EXPECT_FALSE(Popped());
  PopAll();
  EXPECT_TRUE(Popped());
}

TEST_F(Place, OfAClaimThatWasGivenUpIsNeverPopped) {
  Steps::Claim claim;
  ASSERT_EQ(Steps::ClaimCell(small_.buffer, kMe, claim), WriteResult::kOk);
  place().store(Steps::PlaceOf(claim));
  GiveUpClaims();
  EXPECT_FALSE(Popped());
  EXPECT_FALSE(Steps::Publish(claim, &place()));
  EXPECT_EQ(place().load(), 0u);  // before the cell was freed
  EXPECT_FALSE(Popped());
}

TEST_F(Place, ADamagedOneReachesNowhere) {
  ASSERT_EQ(Write(), WriteResult::kOk);
  Drain drain(small_.buffer, ++epoch_);
  ASSERT_TRUE(drain.TakeOver());
  EXPECT_TRUE(drain.Holds(place().load()));
  EXPECT_FALSE(drain.Holds(~std::uint64_t{0}));
  EXPECT_FALSE(drain.Holds(CellPlace(2 * SmallBuffer::kCells, 1)));
}

TEST(AnswerBank, IsLaidOutAsItsPicture) {
  GuardedMemory memory(kBankBytes);
  const AnswerBank bank = AnswerBank::At(Zeroed(memory));
  EXPECT_EQ(bank.replies.cells.size(), kBufferedWindow);
  EXPECT_EQ(bank.replies.spaces.size(), kBufferedWindow);
  EXPECT_EQ(bank.replies.words.size(), kBufferedWindow * kBufferedReplyWords);
  const auto at = [&](const void* part) { return static_cast<const std::byte*>(part) - memory.data(); };
  EXPECT_EQ(at(bank.replies.cells.data()), 0);
  EXPECT_EQ(at(bank.replies.spaces.data()), 4'096);
  EXPECT_EQ(at(bank.replies.words.data()), 4'608);
  EXPECT_EQ(at(bank.places.data()), 70'144);
}

TEST(AnswerBank, CarriesAnAnswerOfTheLongestKind) {
  GuardedMemory memory(kBankBytes);
  const AnswerBank bank = AnswerBank::At(Zeroed(memory));
  for (std::uint32_t cell = 0; cell < kBufferedWindow; ++cell) {
    MarkPending(bank.replies, 3 * kBufferedWindow + cell, {cell * kBufferedReplyWords, kBufferedReplyWords});
  }
  for (std::uint32_t cell = 0; cell < kBufferedWindow; ++cell) {
    Reply reply;
    reply.state = AnswerState::kCommitted;
    reply.lsn = 100 + cell;
    reply.detail = Payload(cell, kBufferedReplyBytesMax);
    // An answer to the operation before, and one to the operation after, change nothing.
    EXPECT_TRUE(Complete(bank.replies, 2 * kBufferedWindow + cell, 9, reply));
    EXPECT_TRUE(Complete(bank.replies, 4 * kBufferedWindow + cell, 9, reply));
    EXPECT_TRUE(IsPending(bank.replies, 3 * kBufferedWindow + cell));
    EXPECT_TRUE(Complete(bank.replies, 3 * kBufferedWindow + cell, 1, reply));
  }
  for (std::uint32_t cell = 0; cell < kBufferedWindow; ++cell) {
    const Reply reply = ReadReply(bank.replies, 3 * kBufferedWindow + cell);
    EXPECT_TRUE(reply.whole);
    EXPECT_EQ(reply.lsn, 100 + cell);
    EXPECT_EQ(reply.detail, Payload(cell, kBufferedReplyBytesMax)) << cell;
  }
}

}  // namespace
}  // namespace tenure::ingest
