// What a committer may do to the cells of leases once another one has taken over.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "store/ingest/lease_cells.h"
#include "tests/support/scratch.h"

namespace tenure::ingest {
namespace {

constexpr std::uint64_t kOld = 2;
constexpr std::uint64_t kNew = 3;
constexpr std::uint64_t kDeadline = 10'000;

class LeaseCellsTest : public ::testing::Test {
 protected:
  LeaseCellsTest()
      : member_(*Membership::Join(base::Env::Posix(), scratch_ / "members.lock", scratch_ / "ingest.shm", {}, 2,
                                  [](CommitArea&) { return Status(); })),
        cells_(*member_) {}

  /// Leases 7 and 8, granted by the old committer.
  void Grant() {
    EXPECT_TRUE(cells_.Publish(0, 7, kOld, kDeadline, LeaseCellState::kOpen, member_->word()));
    EXPECT_TRUE(cells_.Publish(1, 8, kOld, kDeadline, LeaseCellState::kOpen, 0));
  }
  LeaseCellState StateOf(std::uint32_t slot, std::uint64_t id) {
    const auto cell = cells_.At(slot, id);
    return cell ? cell->state : LeaseCellState::kNever;
  }

  testing::Scratch scratch_;
  std::unique_ptr<Membership> member_;
  LeaseCells cells_;
};

TEST_F(LeaseCellsTest, AfterATakeoverLeasesAreWhatTheyWere) {
  Grant();
  const std::vector<std::uint64_t> held = {7, 8};
  cells_.TakeOver(kNew, held);
  const auto bound = cells_.At(0, 7);
  ASSERT_TRUE(bound);
  EXPECT_EQ(bound->state, LeaseCellState::kOpen);
  EXPECT_EQ(bound->deadline_ms, kDeadline);
  EXPECT_EQ(bound->owner, member_->word());
  EXPECT_EQ(cells_.Find(8), 1u);
  EXPECT_TRUE(cells_.Renew(1, 8, 5'000, 20'000));
  EXPECT_EQ(cells_.At(1, 8)->deadline_ms, 25'000u);
}

// Found by the simulation: a superseded committer that went on deciding granted a lease, which came to nothing, in the
// cell of one that was held. Its successor took that one for over, long before its time.
TEST_F(LeaseCellsTest, ASupersededCommitterGivesNoCellAway) {
  Grant();
  const std::vector<std::uint64_t> held = {7, 8};
  cells_.TakeOver(kNew, held);
  EXPECT_FALSE(cells_.Publish(0, 22, kOld, kDeadline, LeaseCellState::kOpen, 0));
  EXPECT_EQ(StateOf(0, 7), LeaseCellState::kOpen);
  EXPECT_EQ(cells_.At(0, 7)->owner, member_->word());
}

TEST_F(LeaseCellsTest, ASupersededCommitterClosesAndOpensNothing) {
  Grant();
  const std::vector<std::uint64_t> held = {7, 8};
  cells_.TakeOver(kNew, held);
  EXPECT_FALSE(cells_.Close(0, 7, kOld, LeaseCellState::kEnding));
  EXPECT_FALSE(cells_.Close(0, 7, kOld, LeaseCellState::kClosed, 2 * kDeadline));
  EXPECT_EQ(StateOf(0, 7), LeaseCellState::kOpen);
  EXPECT_TRUE(cells_.Close(0, 7, kNew, LeaseCellState::kEnding));
  cells_.Reopen(0, 7, kOld);
  EXPECT_EQ(StateOf(0, 7), LeaseCellState::kEnding);
  cells_.Reopen(0, 7, kNew);
  EXPECT_EQ(StateOf(0, 7), LeaseCellState::kOpen);
}

TEST_F(LeaseCellsTest, WhatAnUnpublishedGrantLeftIsNobodysAfterATakeover) {
  Grant();
  EXPECT_TRUE(cells_.Publish(2, 9, kOld, kDeadline, LeaseCellState::kOpen, 0));
  const std::vector<std::uint64_t> held = {7, 8};
  cells_.TakeOver(kNew, held);
  EXPECT_FALSE(cells_.Find(9));
  EXPECT_TRUE(cells_.Publish(0, 9, kNew, kDeadline, LeaseCellState::kOpen, 0));  // 7 had ended
  EXPECT_EQ(cells_.Find(9), 0u);
}

TEST_F(LeaseCellsTest, OfTwoGrantsOfOneIdTheOneThatCountsIsFound) {
  // The first batch came to nothing: in its place another one granted fewer leases before this one.
  EXPECT_TRUE(cells_.Publish(0, 8, kOld, kDeadline, LeaseCellState::kOpen, 0));
  EXPECT_TRUE(cells_.Publish(1, 9, kOld, kDeadline, LeaseCellState::kOpen, 0));
  EXPECT_TRUE(cells_.Publish(0, 9, kOld, kDeadline, LeaseCellState::kOpen, 0));
  EXPECT_EQ(cells_.Find(9), 0u);
  EXPECT_TRUE(cells_.Publish(2, 9, kNew, kDeadline, LeaseCellState::kOpen, 0));
  EXPECT_EQ(cells_.Find(9), 2u);
}

TEST_F(LeaseCellsTest, AnOwnerOfALaterEpochIsBelieved) {
  Grant();
  // Half of a stamp, or of a grant.
  base::Atomic128& owner = member_->segment().lease_cell(0).owner;
  base::Pair64 seen = owner.Load();
  ASSERT_TRUE(owner.CompareExchange(seen, {7, PackLeaseOwner(member_->word(), kNew)}));
  EXPECT_EQ(cells_.At(0, 7)->owner, member_->word());
}

}  // namespace
}  // namespace tenure::ingest
