// Histories of one lease scope that are right, and ones that are not.
#include <gtest/gtest.h>

#include <vector>

#include "tests/linear/lease_model.h"
#include "tests/linear/wgl.h"

namespace tenure::linear {
namespace {

using Do = LeaseModel::Do;
using Answer = LeaseModel::Answer;
using Event = Call<LeaseModel>;
using History = std::vector<Event>;

Event Of(Do what, std::uint64_t called, std::uint64_t returned, std::uint64_t lease, Answer answer) {
  return {lease, called, returned, {what, lease}, LeaseModel::Output{answer}};
}
Event Grant(std::uint64_t called, std::uint64_t returned, std::uint64_t lease, std::uint64_t token,
            std::uint64_t deadline = 1'000) {
  return {lease, called, returned, {Do::kAcquire, lease, deadline}, LeaseModel::Output{Answer::kOk, token}};
}
Event Busy(std::uint64_t called, std::uint64_t returned, std::uint64_t lease) {
  return Of(Do::kAcquire, called, returned, lease, Answer::kBusy);
}
Event Renew(std::uint64_t called, std::uint64_t returned, std::uint64_t lease, std::uint64_t deadline) {
  return {lease, called, returned, {Do::kRenew, lease, deadline}, LeaseModel::Output{Answer::kOk}};
}
Event Release(std::uint64_t called, std::uint64_t returned, std::uint64_t lease, Answer answer = Answer::kOk) {
  return Of(Do::kRelease, called, returned, lease, answer);
}
Event Break(std::uint64_t called, std::uint64_t returned, std::uint64_t lease, Answer answer = Answer::kOk) {
  return Of(Do::kBreak, called, returned, lease, answer);
}
Event Write(std::uint64_t called, std::uint64_t returned, std::uint64_t lease, Answer answer = Answer::kOk) {
  return Of(Do::kWrite, called, returned, lease, answer);
}
Event Expiry(std::uint64_t lease, std::uint64_t deadline) {
  return {0, deadline, kNever, {Do::kExpire, lease, deadline}};
}

bool Right(const History& history) {
  const Verdict verdict = Check(history);
  EXPECT_TRUE(verdict.decided);
  return verdict.linearizable;
}

TEST(LinearLease, OneAfterTheOther) {
  EXPECT_TRUE(Right({Write(1, 2, 0), Grant(3, 4, 7, 10), Write(5, 6, 7), Write(5, 6, 0, Answer::kBusy), Busy(7, 8, 8),
                     Release(9, 10, 7), Write(11, 12, 7, Answer::kLost), Grant(13, 14, 8, 20), Break(15, 16, 8),
                     Write(17, 18, 8, Answer::kLost), Write(19, 20, 0), Break(21, 22, 8, Answer::kLost)}));
}

TEST(LinearLease, ExpiryLetsTheNextOneIn) {
  EXPECT_TRUE(Right({Grant(1, 2, 7, 10, 100), Expiry(7, 100), Grant(90, 101, 8, 20, 300), Expiry(8, 300),
                     Write(105, 106, 7, Answer::kLost), Write(105, 106, 8)}));
  EXPECT_TRUE(Right({Grant(1, 2, 7, 10, 100), Expiry(7, 100), Write(150, 151, 7)})) << "it may expire, it need not";
}

TEST(LinearLease, RenewalPutsExpiryOff) {
  EXPECT_TRUE(Right({Grant(1, 2, 7, 10, 100), Expiry(7, 100), Renew(50, 51, 7, 150), Expiry(7, 150), Write(120, 121, 7),
                     Grant(155, 156, 8, 20)}));
}

TEST(LinearLease, WhatIsOverMayBeBrokenUntilSomebodyElseComes) {
  const History over{Grant(1, 2, 7, 10, 100), Expiry(7, 100), Release(110, 111, 7, Answer::kLost)};
  History broken = over;
  broken.push_back(Break(120, 121, 7));
  EXPECT_TRUE(Right(broken));
  broken.insert(broken.begin(), Grant(112, 113, 8, 20));
  EXPECT_FALSE(Right(broken));
}

TEST(LinearLease, AnAcquireOfUnknownOutcomeMayHold) {
  const Event unknown{7, 1, kNever, {Do::kAcquire, 7, 1'000}};
  EXPECT_TRUE(Right({unknown, Busy(2, 3, 8), Break(4, 5, 7), Grant(6, 7, 8, 20)}));
  EXPECT_TRUE(Right({unknown, Grant(6, 7, 8, 20), Release(8, 9, 8), Busy(10, 11, 9)})) << "granted long afterwards";
  EXPECT_FALSE(Right({unknown, Busy(2, 3, 8), Grant(6, 7, 8, 20)})) << "and nothing ended it";
}

TEST(LinearLease, AQueueKeepsOthersAwayFromAFreeScope) {
  EXPECT_TRUE(Right({Of(Do::kAcquire, 1, 2, 7, Answer::kQueued), Grant(3, 4, 8, 10)}));
}

TEST(LinearLeaseRefuses, TwoHoldersAtOnce) { EXPECT_FALSE(Right({Grant(1, 2, 7, 10), Grant(3, 4, 8, 11)})); }
TEST(LinearLeaseRefuses, TokenGoingBack) {
  EXPECT_FALSE(Right({Grant(1, 2, 7, 10), Release(3, 4, 7), Grant(5, 6, 8, 9)}));
}
TEST(LinearLeaseRefuses, TokenTwice) {
  EXPECT_FALSE(Right({Grant(1, 2, 7, 10), Release(3, 4, 7), Grant(5, 6, 8, 10)}));
}
TEST(LinearLeaseRefuses, WriteOfAFencedHolder) {
  EXPECT_FALSE(Right({Grant(1, 2, 7, 10, 100), Expiry(7, 100), Grant(150, 151, 8, 20), Write(152, 153, 7)}));
}
TEST(LinearLeaseRefuses, WriteAfterRelease) {
  EXPECT_FALSE(Right({Grant(1, 2, 7, 10), Release(3, 4, 7), Write(5, 6, 7)}));
}
TEST(LinearLeaseRefuses, WriteAfterBreak) { EXPECT_FALSE(Right({Grant(1, 2, 7, 10), Break(3, 4, 7), Write(5, 6, 7)})); }
TEST(LinearLeaseRefuses, WriteBesideAHolder) { EXPECT_FALSE(Right({Grant(1, 2, 7, 10), Write(3, 4, 0)})); }
TEST(LinearLeaseRefuses, ExpiryBeforeTheDeadline) {
  EXPECT_FALSE(Right({Grant(1, 2, 7, 10, 100), Expiry(7, 100), Grant(90, 99, 8, 20)}));
}
TEST(LinearLeaseRefuses, ExpiryInSpiteOfRenewal) {
  EXPECT_FALSE(
      Right({Grant(1, 2, 7, 10, 100), Expiry(7, 100), Renew(50, 51, 7, 150), Expiry(7, 150), Grant(120, 121, 8, 20)}));
}
TEST(LinearLeaseRefuses, RenewedAfterAnotherWasGranted) {
  EXPECT_FALSE(Right({Grant(1, 2, 7, 10, 100), Expiry(7, 100), Grant(110, 111, 8, 20), Renew(112, 113, 7, 300)}));
}
TEST(LinearLeaseRefuses, LostAndThenHeldAgain) {
  EXPECT_FALSE(Right({Grant(1, 2, 7, 10, 100), Expiry(7, 100), Write(110, 111, 7, Answer::kLost), Write(112, 113, 7)}));
}
TEST(LinearLeaseRefuses, LostWithoutReason) {
  EXPECT_FALSE(Right({Grant(1, 2, 7, 10), Write(3, 4, 7, Answer::kLost), Release(5, 6, 7)}));
}
TEST(LinearLeaseRefuses, BusyWithNobodyThere) { EXPECT_FALSE(Right({Busy(1, 2, 7)})); }
TEST(LinearLeaseRefuses, ReleasedTwice) {
  EXPECT_FALSE(Right({Grant(1, 2, 7, 10), Release(3, 4, 7), Release(5, 6, 7)}));
}
TEST(LinearLeaseRefuses, ReleaseThatDidNotHappen) {
  EXPECT_FALSE(Right({Grant(1, 2, 7, 10), Release(3, 4, 7), Busy(5, 6, 8)}));
}
TEST(LinearLeaseRefuses, GrantThatDidNotHappen) {
  EXPECT_FALSE(Right({Grant(1, 2, 7, 10), Write(3, 4, 0), Release(5, 6, 7)}));
}

}  // namespace
}  // namespace tenure::linear
