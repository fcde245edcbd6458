// Histories of lease scopes, one or several that overlap, that are right, and ones that are not.
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

/// Of some parts, as bits: 0b11 is the scope that contains 0b01 and 0b10.
Event GrantOf(std::uint64_t called, std::uint64_t returned, std::uint64_t lease, std::uint64_t token,
              std::uint64_t parts, bool shared = false, std::uint64_t deadline = 1'000) {
  Event event = Grant(called, returned, lease, token, deadline);
  event.input.parts = parts;
  event.input.shared = shared;
  return event;
}
Event BusyOf(std::uint64_t called, std::uint64_t returned, std::uint64_t lease, std::uint64_t parts,
             bool shared = false) {
  Event event = Busy(called, returned, lease);
  event.input.parts = parts;
  event.input.shared = shared;
  return event;
}
Event WriteOf(std::uint64_t called, std::uint64_t returned, std::uint64_t lease, std::uint64_t parts,
              Answer answer = Answer::kOk) {
  Event event = Write(called, returned, lease, answer);
  event.input.parts = parts;
  return event;
}
/// A grant or renewal that lasts until `latest` at most, and a write that was decided at `called` at the earliest.
Event Until(Event event, std::uint64_t latest) {
  event.input.latest = latest;
  return event;
}
Event InTime(Event write) {
  write.input.at = write.called;
  return write;
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

TEST(LinearLease, SharedOnesGoTogether) {
  EXPECT_TRUE(Right({GrantOf(1, 2, 7, 10, 1, true), GrantOf(3, 4, 8, 11, 1, true), BusyOf(5, 6, 9, 1),
                     WriteOf(7, 8, 7, 1, Answer::kNotCovering), WriteOf(7, 8, 0, 1, Answer::kBusy), Release(9, 10, 7),
                     BusyOf(11, 12, 9, 1), Release(13, 14, 8), GrantOf(15, 16, 9, 20, 1), BusyOf(17, 18, 6, 1, true)}));
}

TEST(LinearLease, ScopesThatShareNoPartDoNotMeet) {
  EXPECT_TRUE(Right({GrantOf(1, 2, 7, 10, 0b001), GrantOf(3, 4, 8, 11, 0b010), WriteOf(5, 6, 7, 0b001),
                     WriteOf(5, 6, 8, 0b010), WriteOf(7, 8, 0, 0b100), WriteOf(9, 10, 7, 0b011, Answer::kBusy),
                     WriteOf(9, 10, 7, 0b101, Answer::kNotCovering), BusyOf(11, 12, 9, 0b110)}));
}

TEST(LinearLease, OneThatContainsOthersComesBehindThemAll) {
  EXPECT_TRUE(Right({GrantOf(1, 2, 7, 10, 0b01, false, 100), Expiry(7, 100), GrantOf(3, 4, 8, 11, 0b10),
                     BusyOf(5, 6, 9, 0b11), Release(105, 106, 8), GrantOf(107, 108, 9, 20, 0b11),
                     WriteOf(109, 110, 9, 0b11), WriteOf(111, 112, 7, 0b01, Answer::kLost)}));
}

TEST(LinearLease, AWriteInTime) {
  EXPECT_TRUE(Right({Until(Grant(1, 2, 7, 10, 100), 102), Expiry(7, 100), Until(Renew(50, 51, 7, 150), 151),
                     Expiry(7, 150), InTime(Write(151, 160, 7))}));
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
TEST(LinearLeaseRefuses, ContainedInOneThatIsHeld) {
  EXPECT_FALSE(Right({GrantOf(1, 2, 7, 10, 0b11), GrantOf(3, 4, 8, 11, 0b01)}));
}
TEST(LinearLeaseRefuses, ContainingOneThatIsHeld) {
  EXPECT_FALSE(Right({GrantOf(1, 2, 7, 10, 0b01), GrantOf(3, 4, 8, 11, 0b11)}));
}
TEST(LinearLeaseRefuses, ExclusiveBesideShared) {
  EXPECT_FALSE(Right({GrantOf(1, 2, 7, 10, 0b11, true), GrantOf(3, 4, 8, 11, 0b01)}));
}
TEST(LinearLeaseRefuses, SharedBesideExclusive) {
  EXPECT_FALSE(Right({GrantOf(1, 2, 7, 10, 0b01), GrantOf(3, 4, 8, 11, 0b11, true)}));
}
TEST(LinearLeaseRefuses, ExclusiveWhenOneOfTheSharedIsLeft) {
  EXPECT_FALSE(
      Right({GrantOf(1, 2, 7, 10, 1, true), GrantOf(3, 4, 8, 11, 1, true), Release(5, 6, 7), GrantOf(7, 8, 9, 12, 1)}));
}
TEST(LinearLeaseRefuses, WriteUnderASharedLease) {
  EXPECT_FALSE(Right({GrantOf(1, 2, 7, 10, 1, true), WriteOf(3, 4, 7, 1)}));
}
TEST(LinearLeaseRefuses, WriteBesideASharedLease) {
  EXPECT_FALSE(Right({GrantOf(1, 2, 7, 10, 0b11, true), WriteOf(3, 4, 0, 0b01)}));
}
TEST(LinearLeaseRefuses, WriteBesideAHolderOfMore) {
  EXPECT_FALSE(Right({GrantOf(1, 2, 7, 10, 0b11), WriteOf(3, 4, 0, 0b10)}));
}
TEST(LinearLeaseRefuses, WriteOfWhichOnePartIsSomebodyElses) {
  EXPECT_FALSE(Right({GrantOf(1, 2, 7, 10, 0b01), GrantOf(3, 4, 8, 11, 0b10), WriteOf(5, 6, 7, 0b11)}));
}
TEST(LinearLeaseRefuses, WriteOfMoreThanTheLeaseCovers) {
  EXPECT_FALSE(Right({GrantOf(1, 2, 7, 10, 0b01), WriteOf(3, 4, 7, 0b11)}));
}
TEST(LinearLeaseRefuses, BusyBesideALeaseThatSharesNothing) {
  EXPECT_FALSE(Right({GrantOf(1, 2, 7, 10, 0b01), BusyOf(3, 4, 8, 0b10)}));
}
TEST(LinearLeaseRefuses, BusyForASharedOneAmongShared) {
  EXPECT_FALSE(Right({GrantOf(1, 2, 7, 10, 0b11, true), BusyOf(3, 4, 8, 0b01, true)}));
}
TEST(LinearLeaseRefuses, NotCoveringWithoutReason) {
  EXPECT_FALSE(Right({GrantOf(1, 2, 7, 10, 0b11), WriteOf(3, 4, 7, 0b01, Answer::kNotCovering)}));
}
TEST(LinearLeaseRefuses, WriteAfterTheLatestDeadline) {
  EXPECT_FALSE(Right({Until(Grant(1, 2, 7, 10, 100), 102), Expiry(7, 100), InTime(Write(103, 110, 7))}));
  EXPECT_FALSE(Right({Until(Grant(1, 2, 7, 10, 100), 102), Expiry(7, 100), Until(Renew(50, 51, 7, 150), 151),
                      Expiry(7, 150), InTime(Write(152, 160, 7))}));
}
TEST(LinearLeaseRefuses, ExpiredAndThenBesideItsSuccessor) {
  EXPECT_FALSE(Right(
      {GrantOf(1, 2, 7, 10, 0b01, false, 100), Expiry(7, 100), GrantOf(110, 111, 8, 20, 0b11), Release(112, 113, 7)}));
}

}  // namespace
}  // namespace tenure::linear
