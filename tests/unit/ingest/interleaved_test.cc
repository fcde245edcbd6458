// What comes between a look at a word of shared memory and its compare-and-swap: the word is changed from exactly what
// was seen, or the one who looked finds out. One test per function that swaps.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "store/base/error.h"
#include "store/base/recording_env.h"
#include "store/ingest/lease_cells.h"
#include "store/ingest/wait_cells.h"
#include "tests/support/interleave.h"
#include "tests/unit/ingest/double_buffer_testing.h"
#include "tests/unit/ingest/segment_testing.h"

namespace tenure::ingest {
namespace {

using base::Pair64;
using testing::BeforeLoad;
using testing::BeforeSwap;
using testing::Set;
using Steps = DoubleBufferSteps;

constexpr std::uint64_t kElse = OwnerWord(9, 2);
constexpr std::uint64_t kOldEpoch = 2;
constexpr std::uint64_t kNewEpoch = 3;
constexpr std::uint64_t kUntilMs = 10'000;

// --- Writer slots
// -----------------------------------------------------------------------------------------------------

class InterleavedSlot : public ::testing::Test {
 protected:
  InterleavedSlot() : registry_(segment_.RegistryOf(kThisProcess)) {}
  base::Atomic128& WordOf(std::uint32_t slot) { return registry_->entry(slot).word; }
  /// The slot that the next claim looks at first.
  std::uint32_t NextSlot() {
    const SlotClaim claim = registry_->Claim().value();
    registry_->Activate(claim);
    registry_->Release(claim);
    return claim.slot;
  }

  TestSegment segment_;
  std::unique_ptr<Registry> registry_;
};

TEST_F(InterleavedSlot, OfTwoThatClaimOneOnlyOneGetsIt) {
  const std::uint32_t slot = NextSlot();
  const Pair64 theirs{SlotWord(50, SlotState::kActive), kElse};
  SlotClaim claim;
  {
    const BeforeSwap faster(WordOf(slot), [&] { Set(WordOf(slot), theirs); });
    claim = registry_->Claim().value();
  }
  EXPECT_NE(claim.slot, slot);
  EXPECT_EQ(WordOf(slot).Load(), theirs);
  EXPECT_EQ(WordOf(claim.slot).Load(), (Pair64{SlotWord(claim.generation, SlotState::kClaimed), kThisProcess}));
}

TEST_F(InterleavedSlot, AClaimKeepsTheStampThatATakeoverPutsOnItsHead) {
  const std::uint32_t slot = NextSlot();
  base::Atomic128& head = registry_->entry(slot).head;
  const std::uint64_t before = LaneHead::Unpack(head.Load()).sequence;
  SlotClaim claim;
  {
    const BeforeSwap takeover(head, [&] { ASSERT_TRUE(RestampHeads(*registry_, 7)); });
    claim = registry_->Claim().value();
  }
  ASSERT_EQ(claim.slot, slot);
  EXPECT_EQ(LaneHead::Unpack(head.Load()).epoch, 7u);
  EXPECT_EQ(LaneHead::Unpack(head.Load()).sequence, before + kWindow);
  EXPECT_EQ(claim.first_sequence, before + kWindow);
}

TEST_F(InterleavedSlot, WhoeverWasTakenForDeadGivesNothingBack) {
  const SlotClaim claim = registry_->Claim().value();
  registry_->Activate(claim);
  const Pair64 theirs{SlotWord(claim.generation + 1, SlotState::kActive), kElse};
  {
    const BeforeSwap taken(WordOf(claim.slot), [&] { Set(WordOf(claim.slot), theirs); });
    registry_->Release(claim);
  }
  EXPECT_EQ(WordOf(claim.slot).Load(), theirs);
  bool drained = false;
  registry_->ForEachActive([&](std::uint32_t slot) { drained |= slot == claim.slot; });
  EXPECT_TRUE(drained) << "what the new owner submits must be found";
}

/// In a process of its own, from the start: shared memory is not inherited.
TEST_F(InterleavedSlot, WhoeverWasTakenForDeadDoesNotActivate) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const SlotClaim claim = registry_->Claim().value();
  Set(WordOf(claim.slot), {SlotWord(claim.generation + 1, SlotState::kActive), kElse});
  EXPECT_DEATH(registry_->Activate(claim), "CompareExchange");
}

TEST_F(InterleavedSlot, AClaimThatComesToNothingIsGivenBack) {
  const SlotClaim claim = registry_->Claim().value();
  registry_->Release(claim);  // as WriterSlot::Open does when memory runs out
  EXPECT_EQ(StateOf(WordOf(claim.slot).Load().first), SlotState::kFree);
}

/// A slot whose pages cannot be had is given back, unless somebody took its process for dead meanwhile.
TEST(InterleavedSlotOnAFullDisk, IsGivenBackByWhoHasIt) {
  testing::Scratch scratch;
  base::RecordingEnv env(base::Env::Posix());
  const auto segment =
      SharedSegment::Create(env, scratch / "ingest.shm", {}, 1, [](CommitArea&) { return Status(); }).value();
  Registry registry(*segment, kThisProcess, [](std::uint64_t) { return false; });
  env.SetFaultPlan([](std::uint64_t, base::TraceStep::Kind call, const std::string& path) -> Status {
    if (call != base::TraceStep::Kind::kAllocate) return {};
    return base::MakeError(ErrorCode::kNoSpace, path + ": injected by the test");
  });
  base::Atomic128& word = registry.entry(0).word;
  EXPECT_EQ(registry.Claim().error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(StateOf(word.Load().first), SlotState::kFree);
  const Pair64 theirs{SlotWord(50, SlotState::kActive), kElse};
  {
    std::optional<BeforeSwap> gives_back;
    const BeforeSwap claims(word, [&] { gives_back.emplace(word, [&] { Set(word, theirs); }); });
    EXPECT_FALSE(registry.Claim().ok());
  }
  EXPECT_EQ(word.Load(), theirs);
}

TEST_F(InterleavedSlot, AStampKeepsWhatIsPoppedJustBeforeIt) {
  const auto writer = OpenSlot(*registry_);
  ASSERT_TRUE(Push(*writer, "x"));
  SlotReader old(*registry_, writer->slot());
  QueuedOperation operation;
  ASSERT_TRUE(old.Begin());
  ASSERT_EQ(old.Next(operation), SlotReader::Step::kOperation);
  base::Atomic128& head = writer->entry().head;
  {
    const BeforeSwap pops(head, [&] { EXPECT_TRUE(old.Pop(1)); });
    ASSERT_TRUE(RestampHeads(*registry_, 2));
  }
  EXPECT_EQ(LaneHead::Unpack(head.Load()).epoch, 2u);
  EXPECT_TRUE(writer->Drained()) << "what is popped stays popped";
}

TEST_F(InterleavedSlot, AStampGivesWayToALaterOne) {
  base::Atomic128& head = registry_->entry(1).head;
  {
    const BeforeSwap successor(head, [&] { ASSERT_TRUE(RestampHeads(*registry_, 9)); });
    EXPECT_FALSE(RestampHeads(*registry_, 8));
  }
  EXPECT_EQ(LaneHead::Unpack(head.Load()).epoch, 9u);
}

TEST_F(InterleavedSlot, NobodyPopsBehindAStamp) {
  const auto writer = OpenSlot(*registry_);
  ASSERT_TRUE(Push(*writer, "x"));
  SlotReader old(*registry_, writer->slot());
  QueuedOperation operation;
  ASSERT_TRUE(old.Begin());
  ASSERT_EQ(old.Next(operation), SlotReader::Step::kOperation);
  {
    const BeforeSwap takeover(writer->entry().head, [&] { ASSERT_TRUE(RestampHeads(*registry_, 2)); });
    EXPECT_FALSE(old.Pop(1));
  }
  EXPECT_FALSE(writer->Drained()) << "the successor commits it";
}

TEST_F(InterleavedSlot, ASupersededCommitterQuarantinesNothing) {
  const auto writer = OpenSlot(*registry_);
  SlotReader reader(*registry_, writer->slot());
  ASSERT_TRUE(reader.Begin());
  base::Atomic128& quarantine = writer->entry().quarantine;
  {
    const BeforeSwap successor(quarantine, [&] { Set(quarantine, {9, 0}); });
    EXPECT_FALSE(reader.Quarantine(8));
  }
  EXPECT_FALSE(writer->Quarantined());
  EXPECT_TRUE(reader.Quarantine(9));
  EXPECT_TRUE(writer->Quarantined());
}

TEST_F(InterleavedSlot, ASupersededCommitterWritesNoPartOfAnAnswer) {
  const auto writer = OpenSlot(*registry_);
  std::uint64_t sequence = 0;
  ASSERT_TRUE(Push(*writer, "x", &sequence));
  const ReplyBank bank = registry_->memory(writer->slot()).replies;
  CompletionCell& cell = bank.cells[sequence % kWindow];
  for (base::Atomic128* value : {&cell.lsn, &cell.revision, &cell.time_ms}) {
    {
      const BeforeSwap successor(*value, [&] { Set(*value, {9, 77}); });
      EXPECT_FALSE(Complete(bank, sequence, 8, CommittedAt(1)));
    }
    EXPECT_EQ(value->Load(), (Pair64{9, 77}));
    EXPECT_TRUE(writer->IsPending(sequence));
    Set(*value, {});
  }
}

/// What looks like a higher epoch's is one's only when there has been one.
TEST_F(InterleavedSlot, WhatIsWrittenOverIsNotTakenForASuccessors) {
  const auto writer = OpenSlot(*registry_);
  std::uint64_t sequence = 0;
  ASSERT_TRUE(Push(*writer, "x", &sequence));
  const ReplyBank bank = registry_->memory(writer->slot()).replies;
  CompletionCell& cell = bank.cells[sequence % kWindow];
  base::Atomic128 owner;
  for (base::Atomic128* value : {&cell.lsn, &cell.revision, &cell.time_ms}) {
    Set(owner, {8, 5});
    Set(*value, {9, 77});
    {
      // A successor that takes over, and writes, behind the look at the owner.
      const BeforeSwap successor(*value, [&] {
        Set(owner, {9, 6});
        Set(*value, {9, 78});
      });
      EXPECT_FALSE(Complete(bank, sequence, 8, CommittedAt(1), &owner));
    }
    EXPECT_EQ(value->Load(), (Pair64{9, 78}));
    EXPECT_TRUE(writer->IsPending(sequence));
    Set(*value, {});
  }
  Set(owner, {8, 5});
  for (base::Atomic128* value : {&cell.lsn, &cell.revision, &cell.time_ms}) Set(*value, {9, 77});
  EXPECT_TRUE(Complete(bank, sequence, 8, CommittedAt(1), &owner));
  const Reply reply = ReadReply(bank, sequence);
  EXPECT_EQ(reply.state, AnswerState::kCommitted);
  EXPECT_TRUE(reply.whole);
  EXPECT_EQ(reply.lsn, 1u);
}

TEST_F(InterleavedSlot, AnAnswerThatComesLateIsNotTheNextOperations) {
  const auto writer = OpenSlot(*registry_);
  std::uint64_t sequence = 0;
  ASSERT_TRUE(Push(*writer, "x", &sequence));
  const ReplyBank bank = registry_->memory(writer->slot()).replies;
  CompletionCell& cell = bank.cells[sequence % kWindow];
  {
    // Answered by a successor, read, and the cell used again.
    const BeforeSwap reused(cell.completion, [&] { MarkPending(bank, sequence + kWindow, {0, 8}); });
    EXPECT_TRUE(Complete(bank, sequence, 1, CommittedAt(1)));
  }
  EXPECT_TRUE(IsPending(bank, sequence + kWindow));
  EXPECT_EQ(ReadReply(bank, sequence + kWindow).state, AnswerState::kPending);
}

// --- Leases
// -----------------------------------------------------------------------------------------------------------

class InterleavedLease : public ::testing::Test {
 protected:
  InterleavedLease()
      : member_(*Membership::Join(base::Env::Posix(), scratch_ / "members.lock", scratch_ / "ingest.shm", {}, 2,
                                  [](CommitArea&) { return Status(); })),
        cells_(*member_),
        waits_(*member_) {
    EXPECT_TRUE(cells_.Publish(0, 7, kOldEpoch, kUntilMs, LeaseCellState::kOpen, member_->word()));
  }
  LeaseCell& cell() { return member_->segment().lease_cell(0); }
  LeaseCellState State() { return cells_.At(0, 7) ? cells_.At(0, 7)->state : LeaseCellState::kNever; }
  WaitCell& WaitCellOf(const WaitCells::Place& place) { return member_->segment().wait_cell(place.cell); }

  testing::Scratch scratch_;
  std::unique_ptr<Membership> member_;
  LeaseCells cells_;
  WaitCells waits_;
};

TEST_F(InterleavedLease, NobodyIsToldRenewedBehindAClose) {
  {
    const BeforeSwap closes(cell().word, [&] { EXPECT_TRUE(cells_.Close(0, 7, kOldEpoch, LeaseCellState::kClosed)); });
    EXPECT_FALSE(cells_.Renew(0, 7, 5'000, 20'000));
  }
  EXPECT_EQ(State(), LeaseCellState::kClosed);
}

TEST_F(InterleavedLease, ARenewalInTimeIsNotDecidedExpired) {
  {
    const BeforeSwap renews(cell().word, [&] { EXPECT_TRUE(cells_.Renew(0, 7, kUntilMs - 1, 20'000)); });
    EXPECT_FALSE(cells_.Close(0, 7, kOldEpoch, LeaseCellState::kClosed, kUntilMs));
  }
  EXPECT_EQ(State(), LeaseCellState::kOpen);
}

TEST_F(InterleavedLease, ACloseKeepsTheDeadlineThatARenewalHasMoved) {
  {
    const BeforeSwap renews(cell().word, [&] { EXPECT_TRUE(cells_.Renew(0, 7, 5'000, 20'000)); });
    EXPECT_TRUE(cells_.Close(0, 7, kOldEpoch, LeaseCellState::kEnding));
  }
  EXPECT_EQ(cells_.At(0, 7)->deadline_ms, 25'000u);
}

TEST_F(InterleavedLease, ASupersededGrantTakesNoCell) {
  const std::vector<std::uint64_t> held = {7};
  for (base::Atomic128* word : {&cell().owner, &cell().word}) {
    {
      const BeforeSwap takeover(*word, [&] { cells_.TakeOver(kNewEpoch, held); });
      EXPECT_FALSE(cells_.Publish(0, 22, kOldEpoch, kUntilMs, LeaseCellState::kOpen, 0));
    }
    EXPECT_EQ(State(), LeaseCellState::kOpen);
    EXPECT_EQ(cell().owner.Load().first, 7u);
    // Published again as it was, for the second word.
    Set(cell().owner, {7, PackLeaseOwner(member_->word(), kOldEpoch)});
    Set(cell().word, {7, LeaseWord(kUntilMs, kOldEpoch, LeaseCellState::kOpen)});
  }
}

TEST_F(InterleavedLease, AnEndThatCameToNothingIsUndoneOnlyWhileItIsThat) {
  ASSERT_TRUE(cells_.Close(0, 7, kOldEpoch, LeaseCellState::kEnding));
  {
    const BeforeSwap published(cell().word, [&] { cells_.ConfirmEnd(0, 7); });
    cells_.Reopen(0, 7, kOldEpoch);
  }
  EXPECT_EQ(State(), LeaseCellState::kClosed);
}

TEST_F(InterleavedLease, AStampGivesWayToALaterOne) {
  const std::vector<std::uint64_t> held = {7};
  for (base::Atomic128* word : {&cell().owner, &cell().word}) {
    {
      const BeforeSwap successor(*word, [&] { cells_.TakeOver(kNewEpoch + 1, held); });
      cells_.TakeOver(kNewEpoch, held);
    }
    EXPECT_EQ(LeaseOwnerEpoch(cell().owner.Load().second), kNewEpoch + 1);
    EXPECT_EQ(LeaseEpoch(cell().word.Load().second), kNewEpoch + 1);
    EXPECT_EQ(State(), LeaseCellState::kOpen);
    Set(cell().owner, {7, PackLeaseOwner(member_->word(), kOldEpoch)});
    Set(cell().word, {7, LeaseWord(kUntilMs, kOldEpoch, LeaseCellState::kOpen)});
  }
}

TEST_F(InterleavedLease, AStampKeepsARenewal) {
  const std::vector<std::uint64_t> held = {7};
  {
    const BeforeSwap renews(cell().word, [&] { EXPECT_TRUE(cells_.Renew(0, 7, 5'000, 20'000)); });
    cells_.TakeOver(kNewEpoch, held);
  }
  EXPECT_EQ(cells_.At(0, 7)->deadline_ms, 25'000u);
}

TEST_F(InterleavedLease, OfTwoThatWaitEachHasACellOfItsOwn) {
  WaitCell& first = member_->segment().wait_cell(0);
  const Pair64 theirs{WaitWord(50, WaitState::kAnnounced), kElse};
  {
    const BeforeSwap faster(first.word, [&] { Set(first.word, theirs); });
    const auto place = waits_.Claim(WaitState::kAnnounced, base::AsBytes("a request"));
    ASSERT_TRUE(place.ok());
    EXPECT_EQ(place->cell, 1u);
  }
  EXPECT_EQ(first.word.Load(), theirs);
}

TEST_F(InterleavedLease, AWaiterThatLeavesTakesOnlyItsOwnTicketAway) {
  const auto place = waits_.Claim(WaitState::kAnnounced, base::AsBytes("a request"));
  ASSERT_TRUE(place.ok());
  const Pair64 theirs{WaitWord(place->ticket + 1, WaitState::kAnnounced), kElse};
  {
    const BeforeSwap reused(WaitCellOf(*place).word, [&] { Set(WaitCellOf(*place).word, theirs); });
    waits_.Leave(*place);
  }
  EXPECT_EQ(WaitCellOf(*place).word.Load(), theirs);
}

TEST_F(InterleavedLease, AWaiterThatIsQueuedMeanwhileLeavesAllTheSame) {
  const auto place = waits_.Claim(WaitState::kAnnounced, base::AsBytes("a request"));
  ASSERT_TRUE(place.ok());
  {
    const BeforeSwap queued(WaitCellOf(*place).word, [&] { EXPECT_TRUE(waits_.Mark(*place, WaitState::kQueued)); });
    waits_.Leave(*place);
  }
  EXPECT_EQ(WaitStateOf(WaitCellOf(*place).word.Load().first), WaitState::kFree);
}

TEST_F(InterleavedLease, WhoHasLeftIsNotQueued) {
  const auto place = waits_.Claim(WaitState::kAnnounced, base::AsBytes("a request"));
  ASSERT_TRUE(place.ok());
  {
    const BeforeSwap leaves(WaitCellOf(*place).word, [&] { waits_.Leave(*place); });
    EXPECT_FALSE(waits_.Mark(*place, WaitState::kQueued));
  }
  EXPECT_EQ(WaitStateOf(WaitCellOf(*place).word.Load().first), WaitState::kFree);
}

/// In a process of its own, from the start: shared memory is not inherited.
TEST_F(InterleavedLease, ARequestIsAnnouncedOnlyByWhoHasTheCell) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  WaitCell& first = member_->segment().wait_cell(0);
  const auto taken_for_dead_while_it_claims = [&] {
    std::optional<BeforeSwap> announces;
    const BeforeSwap claims(first.word, [&] {
      announces.emplace(first.word, [&] { Set(first.word, {WaitWord(50, WaitState::kAnnounced), kElse}); });
    });
    (void)waits_.Claim(WaitState::kAnnounced, base::AsBytes("a request"));
  };
  EXPECT_DEATH(taken_for_dead_while_it_claims(), "CompareExchange");
}

// --- The double buffer
// ------------------------------------------------------------------------------------------------

class InterleavedBuffer : public ::testing::Test {
 protected:
  InterleavedBuffer() { EXPECT_TRUE(old_.TakeOver()); }
  base::Atomic128& WordOf(std::uint32_t number) { return Steps::CellAt(small_.buffer, number).word; }
  std::vector<Drain::Collected> CollectAll(Drain& drain) {
    std::vector<Drain::Collected> copies;
    drain.Collect(0, kBound, NobodyIsDead, [&](const Drain::Collected& got) { copies.push_back(got); });
    return copies;
  }

  SmallBuffer small_;
  Drain old_{small_.buffer, 1};
  Drain successor_{small_.buffer, 2};
};

TEST_F(InterleavedBuffer, OneOfTwoGetsACellAndTheOtherTheNext) {
  Steps::Claim first, second;
  {
    const BeforeSwap faster(WordOf(0), [&] {
      ASSERT_EQ(Steps::ClaimCell(small_.buffer, {5, 1}, first), WriteResult::kOk);
    });
    ASSERT_EQ(Steps::ClaimCell(small_.buffer, kMe, second), WriteResult::kOk);
  }
  EXPECT_EQ(first.number, 0u);
  EXPECT_EQ(second.number, 1u);
  EXPECT_EQ(OwnerOf(WordOf(0).Load()), (CellOwner{5, 1}));
}

/// Whoever found a cell taken helps `next` on, but only from where it was when it looked.
TEST_F(InterleavedBuffer, ALateHelperDoesNotTurnTheNextCellBack) {
  Steps::Claim others[3], mine;
  const std::uint32_t round = Steps::Round(small_.buffer);
  {
    const BeforeSwap faster(WordOf(0), [&] {
      for (Steps::Claim& claim : others) ASSERT_TRUE(Steps::TryClaim(small_.buffer, round, {5, 1}, claim));
    });
    EXPECT_FALSE(Steps::TryClaim(small_.buffer, round, kMe, mine));
  }
  EXPECT_EQ(TwoWords::Of(small_.control().next[round & 1].word.load()).low, 3u);
}

TEST_F(InterleavedBuffer, APublicationKeepsAStampThatComesInBetween) {
  Steps::Claim claim;
  ASSERT_EQ(Steps::ClaimCell(small_.buffer, kMe, claim), WriteResult::kOk);
  Steps::Fill(claim, 1, 7, base::AsBytes("x"));
  {
    const BeforeSwap takeover(WordOf(claim.number), [&] { ASSERT_TRUE(successor_.TakeOver()); });
    EXPECT_TRUE(Steps::Publish(claim));
  }
  EXPECT_EQ(StampOf(WordOf(claim.number).Load()), 2u);
  EXPECT_EQ(StateOf(WordOf(claim.number).Load()), CellState::kPublished);
}

TEST_F(InterleavedBuffer, AStampKeepsAPublicationThatComesInBetween) {
  Steps::Claim claim;
  ASSERT_EQ(Steps::ClaimCell(small_.buffer, kMe, claim), WriteResult::kOk);
  Steps::Fill(claim, 1, 7, base::AsBytes("x"));
  {
    const BeforeSwap publishes(WordOf(claim.number), [&] { EXPECT_TRUE(Steps::Publish(claim)); });
    ASSERT_TRUE(successor_.TakeOver());
  }
  EXPECT_EQ(StateOf(WordOf(claim.number).Load()), CellState::kPublished);
  EXPECT_EQ(StampOf(WordOf(claim.number).Load()), 2u);
}

TEST_F(InterleavedBuffer, AStampGivesWayToALaterOne) {
  Drain last(small_.buffer, 3);
  {
    const BeforeSwap later(WordOf(0), [&] { ASSERT_TRUE(last.TakeOver()); });
    EXPECT_FALSE(successor_.TakeOver());
  }
  EXPECT_EQ(StampOf(WordOf(0).Load()), 3u);
}

TEST_F(InterleavedBuffer, ATakeoverKeepsASwapThatComesInBetween) {
  const std::uint32_t round = Steps::Round(small_.buffer);
  {
    const BeforeSwap swaps(WordOf(0), [&] { EXPECT_EQ(old_.Swap(), Drain::Swapped::kYes); });
    ASSERT_TRUE(successor_.TakeOver());
  }
  EXPECT_EQ(Steps::Round(small_.buffer), round + 1);
  EXPECT_EQ(TwoWords::Of(small_.control().turn.load()).high, 2u);
}

TEST_F(InterleavedBuffer, ADrainThatIsSupersededInsideASwapDoesNotSwap) {
  const std::uint32_t round = Steps::Round(small_.buffer);
  {
    const BeforeLoad takeover(WordOf(2 * SmallBuffer::kCells - 1), [&] { ASSERT_TRUE(successor_.TakeOver()); });
    EXPECT_EQ(old_.Swap(), Drain::Swapped::kSuperseded);
  }
  EXPECT_EQ(small_.control().turn.load(), (TwoWords{2, round}.word()));
}

/// An atomic that something happens to between a look at it and what follows.
struct InterruptedWord {
  std::atomic<std::uint64_t> word{0};
  std::function<void()> between;

  std::uint64_t load(std::memory_order order) {
    const std::uint64_t seen = word.load(order);
    if (const auto now = std::exchange(between, nullptr)) now();
    return seen;
  }
  void store(std::uint64_t value) { word.store(value); }
  bool compare_exchange_weak(std::uint64_t& seen, std::uint64_t to, std::memory_order order) {
    return word.compare_exchange_weak(seen, to, order);
  }
  bool compare_exchange_strong(std::uint64_t& seen, std::uint64_t to, std::memory_order order) {
    return word.compare_exchange_strong(seen, to, order);
  }
};

TEST(InterleavedHalf, ADrainThatComesLateTakesNoClaimsBack) {
  InterruptedWord next;
  next.word = TwoWords{4, 3}.word();
  next.between = [&] { next.word = TwoWords{6, 2}.word(); };  // prepared by a successor, and claimed in
  EXPECT_TRUE(Steps::MoveOn(next, 5));
  EXPECT_EQ(next.word.load(), (TwoWords{6, 2}.word()));
  next.word = TwoWords{4, 3}.word();
  next.between = [&] { next.word = TwoWords{8, 1}.word(); };
  EXPECT_FALSE(Steps::MoveOn(next, 5));
  EXPECT_EQ(next.word.load(), (TwoWords{8, 1}.word()));
}

TEST_F(InterleavedBuffer, AClaimThatIsPublishedInTheLastMomentIsNotGivenUp) {
  for (const bool dead : {false, true}) {
    SmallBuffer small;
    Drain drain(small.buffer, 1);
    ASSERT_TRUE(drain.TakeOver());
    Steps::Claim claim;
    ASSERT_EQ(Steps::ClaimCell(small.buffer, kMe, claim), WriteResult::kOk);
    Steps::Fill(claim, 1, 7, base::AsBytes("x"));
    ASSERT_EQ(drain.Swap(), Drain::Swapped::kYes);
    const auto is_dead = [&](CellOwner) { return dead; };
    Emptier got{drain, {}, {}};
    EXPECT_EQ(got.Collect(0), 1u);
    {
      const BeforeSwap publishes(Steps::CellAt(small.buffer, claim.number).word,
                                 [&] { EXPECT_TRUE(Steps::Publish(claim)); });
      EXPECT_EQ(got.Collect(2 * kBound, is_dead), 1u);
    }
    EXPECT_EQ(drain.counters().abandoned + drain.counters().reclaimed, 0u);
    EXPECT_EQ(got.Collect(2 * kBound, is_dead), 0u);
    EXPECT_EQ(got.numbers, std::vector<std::uint64_t>{7}) << "it is collected the next time";
  }
}

TEST_F(InterleavedBuffer, NothingIsReleasedBehindAStamp) {
  ASSERT_EQ(small_.Write(7), WriteResult::kOk);
  ASSERT_EQ(old_.Swap(), Drain::Swapped::kYes);
  const std::vector<Drain::Collected> copies = CollectAll(old_);
  ASSERT_EQ(copies.size(), 1u);
  {
    const BeforeSwap takeover(WordOf(copies[0].cell), [&] { ASSERT_TRUE(successor_.TakeOver()); });
    EXPECT_FALSE(old_.Release(copies[0].cell, copies[0].word));
  }
  EXPECT_EQ(StateOf(WordOf(copies[0].cell).Load()), CellState::kPublished);
}

}  // namespace
}  // namespace tenure::ingest
