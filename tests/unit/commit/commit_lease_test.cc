// The commit lease when somebody comes in between: each word is changed from exactly what was seen, or not at all.
#include "store/commit/commit_lease.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/support/interleave.h"
#include "tests/support/scratch.h"

namespace tenure::commit {
namespace {

using base::Pair64;
using testing::BeforeSwap;
using testing::Set;

constexpr std::uint64_t kEpoch = 5;
constexpr std::uint64_t kSuccessors = 6;
constexpr Lsn kDurable = 40;
constexpr std::uint64_t kOther = ingest::OwnerWord(9, 1);

class CommitLeaseTest : public ::testing::Test {
 protected:
  CommitLeaseTest() : member_(Join()), area_(member_->segment().commit()), lease_(*member_) {}

  std::unique_ptr<ingest::Membership> Join() const {
    return *ingest::Membership::Join(base::Env::Posix(), scratch_ / "members.lock", scratch_ / "ingest.shm", {}, 2,
                                     [](ingest::CommitArea& area) {
                                       Set(area.owner, {kEpoch, 0});
                                       Set(area.heartbeat, {kEpoch, 7});
                                       Set(area.durable, {kEpoch, kDurable});
                                       Set(area.resolved, {kEpoch, kDurable - 1});
                                       return Status();
                                     });
  }
  /// All that a successor does in a takeover.
  void SuccessorTakesOver() {
    Set(area_.owner, {kSuccessors, kOther});
    Set(area_.heartbeat, {kSuccessors, 0});
    Set(area_.durable, {kSuccessors, area_.durable.LoadSecond()});
    Set(area_.resolved, {kSuccessors, area_.resolved.LoadSecond()});
  }
  void ExpectTheSuccessors() {
    EXPECT_EQ(area_.owner.Load(), (Pair64{kSuccessors, kOther}));
    EXPECT_EQ(area_.heartbeat.Load(), (Pair64{kSuccessors, 0}));
    EXPECT_EQ(area_.durable.Load().first, kSuccessors);
    EXPECT_EQ(area_.resolved.Load().first, kSuccessors);
  }

  testing::Scratch scratch_;
  std::unique_ptr<ingest::Membership> member_;
  ingest::CommitArea& area_;
  CommitLease lease_;
};

TEST_F(CommitLeaseTest, IsClaimedPublishedUnderAndReleased) {
  const auto claim = lease_.TryClaim();
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->epoch, kEpoch);
  EXPECT_EQ(claim->durable_lsn, kDurable);
  EXPECT_TRUE(lease_.IsMine());
  EXPECT_FALSE(lease_.TryClaim()) << "it is taken";
  EXPECT_TRUE(lease_.Beat(kEpoch));
  EXPECT_EQ(lease_.Heartbeat(), (Pair64{kEpoch, 8}));
  EXPECT_TRUE(lease_.Publish(kEpoch, kDurable, kDurable + 3));
  EXPECT_EQ(lease_.DurableLsn(), kDurable + 3);
  EXPECT_FALSE(lease_.Publish(kEpoch, kDurable, kDurable + 4)) << "from another LSN than the durable one";
  EXPECT_TRUE(lease_.Resolve(kEpoch, kDurable + 3));
  EXPECT_EQ(lease_.ResolvedLsn(), kDurable + 3);
  lease_.Release(kEpoch);
  EXPECT_TRUE(lease_.IsFree());
}

TEST_F(CommitLeaseTest, OneOfTwoGetsIt) {
  {
    const BeforeSwap other(area_.owner, [&] { Set(area_.owner, {kEpoch, kOther}); });
    EXPECT_FALSE(lease_.TryClaim());
  }
  EXPECT_EQ(area_.owner.Load(), (Pair64{kEpoch, kOther}));
  {
    const BeforeSwap other(area_.owner, [&] { Set(area_.owner, {kSuccessors, kOther}); });
    EXPECT_FALSE(lease_.TakeOver({kEpoch, kOther}, 0)) << "somebody else was faster";
  }
  EXPECT_EQ(area_.owner.Load(), (Pair64{kSuccessors, kOther}));
  EXPECT_EQ(area_.durable.Load(), (Pair64{kEpoch, kDurable})) << "and nothing else was touched";
}

TEST_F(CommitLeaseTest, ATakeoverFencesEveryWord) {
  const auto other = Join();
  Set(area_.owner, {kEpoch, other->word()});
  const auto claim = lease_.TakeOver({kEpoch, other->word()}, kEpoch + 4);
  ASSERT_TRUE(claim);
  EXPECT_TRUE(claim->took_over);
  EXPECT_EQ(claim->epoch, kEpoch + 4);
  EXPECT_EQ(claim->durable_lsn, kDurable);
  EXPECT_TRUE(lease_.IsMine());
  for (const base::Atomic128* word :
       {&area_.owner, &area_.heartbeat, &area_.takeovers, &area_.durable, &area_.resolved})
    EXPECT_EQ(word->Load().first, kEpoch + 4);
  EXPECT_EQ(area_.resolved.Load().second, kDurable - 1);
  EXPECT_EQ(area_.takeovers.Load().second, 1u);
  EXPECT_FALSE(lease_.Beat(kEpoch));
  EXPECT_FALSE(lease_.Publish(kEpoch, kDurable, kDurable + 1));
  EXPECT_FALSE(lease_.Resolve(kEpoch, kDurable));
}

/// Whoever is taken over from may publish and resolve until its words are stamped: that counts.
TEST_F(CommitLeaseTest, WhatTheOldOwnerPublishedJustBeforeTheStampIsKept) {
  Set(area_.owner, {kEpoch, kOther});
  std::optional<Claim> claim;
  {
    const BeforeSwap publishes(area_.durable, [&] {
      Set(area_.durable, {kEpoch, kDurable + 3});
      Set(area_.resolved, {kEpoch, kDurable});
    });
    claim = lease_.TakeOver({kEpoch, kOther}, 0);
  }
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->durable_lsn, kDurable + 3);
  EXPECT_EQ(lease_.DurableLsn(), kDurable + 3);
  EXPECT_EQ(lease_.ResolvedLsn(), kDurable);

  Set(area_.owner, {claim->epoch, kOther});
  {
    const BeforeSwap resolves(area_.resolved, [&] { Set(area_.resolved, {claim->epoch, kDurable + 3}); });
    claim = lease_.TakeOver({claim->epoch, kOther}, 0);
  }
  ASSERT_TRUE(claim);
  EXPECT_EQ(lease_.ResolvedLsn(), kDurable + 3);
}

TEST_F(CommitLeaseTest, ATakeoverThatIsSupersededStampsNothingMore) {
  for (base::Atomic128* word : {&area_.durable, &area_.resolved, &area_.heartbeat}) {
    Set(area_.owner, {kEpoch, kOther});
    Set(area_.heartbeat, {kEpoch, 7});
    Set(area_.durable, {kEpoch, kDurable});
    Set(area_.resolved, {kEpoch, kDurable});
    Set(area_.takeovers, {kEpoch, 0});
    {
      // Its own epoch is the successor's too, less one: both saw the same owner.
      const BeforeSwap superseded(*word, [&] {
        SuccessorTakesOver();
        Set(area_.owner, {kSuccessors + 1, kOther});
        for (base::Atomic128* stamped : {&area_.heartbeat, &area_.durable, &area_.resolved})
          Set(*stamped, {kSuccessors + 1, stamped->Load().second});
      });
      EXPECT_FALSE(lease_.TakeOver({kEpoch, kOther}, 0));
    }
    EXPECT_EQ(area_.durable.Load(), (Pair64{kSuccessors + 1, kDurable}));
    EXPECT_EQ(area_.resolved.Load(), (Pair64{kSuccessors + 1, kDurable}));
    EXPECT_EQ(area_.heartbeat.Load(), (Pair64{kSuccessors + 1, 0}));
  }
}

/// Stopped just before its compare-and-swap, and woken up when a successor has taken over.
TEST_F(CommitLeaseTest, ASupersededOwnerChangesNothing) {
  ASSERT_TRUE(lease_.TryClaim());
  {
    const BeforeSwap superseded(area_.heartbeat, [&] { SuccessorTakesOver(); });
    EXPECT_FALSE(lease_.Beat(kEpoch));
  }
  ExpectTheSuccessors();
  const auto back = [&] {
    Set(area_.owner, {kEpoch, member_->word()});
    Set(area_.heartbeat, {kEpoch, 7});
    Set(area_.durable, {kEpoch, kDurable});
    Set(area_.resolved, {kEpoch, kDurable});
  };
  back();
  {
    const BeforeSwap superseded(area_.durable, [&] { SuccessorTakesOver(); });
    EXPECT_FALSE(lease_.Publish(kEpoch, kDurable, kDurable + 1));
  }
  ExpectTheSuccessors();
  EXPECT_EQ(lease_.DurableLsn(), kDurable);
  back();
  {
    const BeforeSwap superseded(area_.resolved, [&] { SuccessorTakesOver(); });
    EXPECT_FALSE(lease_.Resolve(kEpoch, kDurable + 1));
  }
  ExpectTheSuccessors();
  back();
  {
    const BeforeSwap superseded(area_.owner, [&] { SuccessorTakesOver(); });
    lease_.Release(kEpoch);
  }
  ExpectTheSuccessors();
  back();
  {
    const BeforeSwap superseded(area_.owner, [&] { SuccessorTakesOver(); });
    lease_.Abandon(kEpoch);
  }
  ExpectTheSuccessors();
}

TEST_F(CommitLeaseTest, AnAbandonedOneIsTakenOverAtOnce) {
  ASSERT_TRUE(lease_.TryClaim());
  lease_.Abandon(kEpoch);
  EXPECT_TRUE(lease_.IsAbandoned());
  EXPECT_FALSE(lease_.TryClaim());
  const auto claim = lease_.TakeOver(lease_.Look(), 0);
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->epoch, kEpoch + 1);
}

TEST_F(CommitLeaseTest, TheTimeToLiveDoublesUntilSomethingIsPublished) {
  for (std::uint64_t n = 1; n <= 3; ++n) {
    ASSERT_TRUE(lease_.TakeOver(lease_.Look(), 0));
    EXPECT_EQ(lease_.TtlNs(1'000), 1'000u << n);
  }
  EXPECT_TRUE(lease_.Publish(lease_.Look().first, kDurable, kDurable + 1));
  EXPECT_EQ(lease_.TtlNs(1'000), 1'000u);
}

/// Who is killed in a takeover, again and again, makes nobody wait longer: only what a slow disk does, doubles.
TEST_F(CommitLeaseTest, ADeadOwnerDoesNotDoubleTheTimeToLive) {
  std::uint64_t dead = 0;
  for (int n = 0; n < 3; ++n) {
    dead = Join()->word();  // and leaves
    Set(area_.owner, {lease_.Look().first, dead});
    ASSERT_TRUE(lease_.TakeOver(lease_.Look(), 0));
    EXPECT_EQ(lease_.TtlNs(1'000), 1'000u);
  }
  const auto living = Join();
  Set(area_.owner, {lease_.Look().first, living->word()});
  ASSERT_TRUE(lease_.TakeOver(lease_.Look(), 0));
  EXPECT_EQ(lease_.TtlNs(1'000), 2'000u);
  Set(area_.owner, {lease_.Look().first, dead});
  ASSERT_TRUE(lease_.TakeOver(lease_.Look(), 0));
  EXPECT_EQ(lease_.TtlNs(1'000), 2'000u) << "nor halve it";
}

}  // namespace
}  // namespace tenure::commit
