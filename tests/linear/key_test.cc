// Histories of one key that are right, and ones that are not.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/linear/key_model.h"
#include "tests/linear/wgl.h"

namespace tenure::linear {
namespace {

using Key = Call<KeyModel>;
using Answer = KeyModel::Answer;
using History = std::vector<Key>;

Key Put(std::uint64_t called, std::uint64_t returned, std::uint64_t value, std::uint64_t revision) {
  return {1, called, returned, {KeyModel::Do::kPut, value}, KeyModel::Output{Answer::kDone, revision}};
}
Key PutIf(std::uint64_t called, std::uint64_t returned, std::uint64_t seen, std::uint64_t value,
          std::optional<std::uint64_t> revision) {
  const auto output = revision ? KeyModel::Output{Answer::kDone, *revision} : KeyModel::Output{Answer::kConflict};
  return {2, called, returned, {KeyModel::Do::kPut, value, seen}, output};
}
Key PutUnknown(std::uint64_t called, std::uint64_t value) { return {3, called, kNever, {KeyModel::Do::kPut, value}}; }
Key Delete(std::uint64_t called, std::uint64_t returned, std::optional<std::uint64_t> revision) {
  const auto output = revision ? KeyModel::Output{Answer::kDone, *revision} : KeyModel::Output{Answer::kNotFound};
  return {4, called, returned, {KeyModel::Do::kDelete}, output};
}
Key Read(std::uint64_t called, std::uint64_t returned, std::uint64_t revision, std::uint64_t value) {
  return {5, called, returned, {KeyModel::Do::kRead}, KeyModel::Output{Answer::kValue, revision, value}};
}
Key ReadNothing(std::uint64_t called, std::uint64_t returned) {
  return {5, called, returned, {KeyModel::Do::kRead}, KeyModel::Output{Answer::kNotFound}};
}

bool Good(const History& history) {
  const Verdict verdict = Check(history);
  EXPECT_TRUE(verdict.decided);
  return verdict.linearizable;
}

TEST(LinearKey, OneAfterTheOther) {
  EXPECT_TRUE(Good({}));
  EXPECT_TRUE(Good({ReadNothing(1, 2), Put(3, 4, 70, 1), Read(5, 6, 1, 70), Delete(7, 8, 2), Read(9, 10, 2, 0),
                    Put(11, 12, 71, 3), PutIf(13, 14, 3, 72, 4), PutIf(15, 16, 3, 73, std::nullopt)}));
}

TEST(LinearKey, OverlappingCallsMayTakeEffectInAnyOrder) {
  EXPECT_TRUE(Good({Put(1, 10, 70, 2), Put(2, 9, 71, 1), Read(11, 12, 2, 70)}));
  EXPECT_TRUE(Good({Put(1, 10, 70, 1), Read(2, 3, 1, 70), ReadNothing(2, 3)}));
  EXPECT_TRUE(Good({Put(1, 4, 70, 1), Read(4, 5, 0, 0)})) << "a call at the time of a return overlaps with it";
}

TEST(LinearKey, WhatNobodyKnowsMayHaveHappenedOrNot) {
  EXPECT_TRUE(Good({PutUnknown(1, 70), ReadNothing(2, 3), Put(4, 5, 71, 1)}));
  EXPECT_TRUE(Good({PutUnknown(1, 70), ReadNothing(2, 3), Read(4, 5, 1, 70), Put(6, 7, 71, 2)}));
  EXPECT_TRUE(Good({PutUnknown(1, 70), PutUnknown(1, 71), Put(2, 3, 72, 1), Read(4, 5, 3, 70)})) << "long afterwards";
}

TEST(LinearKey, ConditionsOnWhatIsNotThere) {
  EXPECT_TRUE(Good({PutIf(1, 2, 0, 70, 1), PutIf(3, 4, 0, 71, std::nullopt), Delete(5, 6, 2), PutIf(7, 8, 0, 72, 3)}));
  EXPECT_TRUE(Good({Delete(1, 2, std::nullopt), Put(3, 4, 70, 1)}));
  EXPECT_TRUE(Good({Put(1, 2, 70, 1), Put(3, 4, 70, 1)})) << "the same again changes nothing";
}

TEST(LinearKey, ATombstoneIsABase) {
  Key revive = PutIf(5, 6, 0, 71, 3);
  revive.input.if_revision.reset();
  revive.input.base = 2;
  EXPECT_TRUE(Good({Put(1, 2, 70, 1), Delete(3, 4, 2), revive}));
  revive.input.base = 1;
  EXPECT_FALSE(Good({Put(1, 2, 70, 1), Delete(3, 4, 2), revive}));
}

TEST(LinearKeyRefuses, LostUpdate) {
  EXPECT_FALSE(Good({Put(1, 2, 70, 1), PutIf(3, 6, 1, 71, 2), PutIf(4, 5, 1, 72, 2)}));
}
TEST(LinearKeyRefuses, StaleBaseApplied) {
  EXPECT_FALSE(Good({Put(1, 2, 70, 1), Put(3, 4, 71, 2), PutIf(5, 6, 1, 72, 3)}));
}
TEST(LinearKeyRefuses, StaleRead) { EXPECT_FALSE(Good({Put(1, 2, 70, 1), Put(3, 4, 71, 2), Read(5, 6, 1, 70)})); }
TEST(LinearKeyRefuses, ReadsThatGoBack) {
  EXPECT_FALSE(Good({Put(1, 2, 70, 1), Put(3, 20, 71, 2), Read(4, 5, 2, 71), Read(6, 7, 1, 70)}));
}
TEST(LinearKeyRefuses, RevisionGap) { EXPECT_FALSE(Good({Put(1, 2, 70, 1), Put(3, 4, 71, 3)})); }
TEST(LinearKeyRefuses, RevisionTwice) { EXPECT_FALSE(Good({Put(1, 4, 70, 1), Put(2, 3, 71, 1)})); }
TEST(LinearKeyRefuses, RevisionReusedAfterDelete) {
  EXPECT_FALSE(Good({Put(1, 2, 70, 1), Delete(3, 4, 2), Put(5, 6, 71, 1)}));
}
TEST(LinearKeyRefuses, AcknowledgedAndNeverThere) {
  EXPECT_FALSE(Good({Put(1, 2, 70, 1), ReadNothing(3, 4), Put(5, 6, 71, 1)}));
}
TEST(LinearKeyRefuses, ValueThatNobodyWrote) { EXPECT_FALSE(Good({Put(1, 2, 70, 1), Read(3, 4, 1, 99)})); }
TEST(LinearKeyRefuses, ReadOfTheFuture) { EXPECT_FALSE(Good({Read(1, 2, 1, 70), Put(3, 4, 70, 1)})); }
TEST(LinearKeyRefuses, RejectedAndYetApplied) {
  EXPECT_FALSE(Good({Put(1, 2, 70, 1), PutIf(3, 4, 0, 71, std::nullopt), Read(5, 6, 2, 71)}));
}
TEST(LinearKeyRefuses, RejectedWithoutReason) {
  EXPECT_FALSE(Good({Put(1, 2, 70, 1), PutIf(3, 4, 1, 71, std::nullopt)}));
}
TEST(LinearKeyRefuses, UnknownOutcomeTwice) {
  EXPECT_FALSE(Good({PutUnknown(1, 70), Read(2, 3, 1, 70), Put(4, 5, 71, 2), Read(6, 7, 3, 70)}));
}
TEST(LinearKeyRefuses, UnknownOutcomeBeforeItsCall) { EXPECT_FALSE(Good({Read(1, 2, 1, 70), PutUnknown(3, 70)})); }
TEST(LinearKeyRefuses, DeletedButStillFound) {
  EXPECT_FALSE(Good({Put(1, 2, 70, 1), Delete(3, 4, 2), Read(5, 6, 1, 70)}));
}

/// Calls that commute must not make the search try all their orders.
TEST(LinearKey, ManyOverlappingCallsAreJudgedFast) {
  History history;
  for (std::uint64_t i = 0; i < 200; ++i) {
    for (std::uint64_t reader = 0; reader < 20; ++reader)
      history.push_back(Read(i * 10, i * 10 + 9, i, i == 0 ? 0 : i));
    history.push_back(Put(i * 10 + 1, i * 10 + 8, i + 1, i + 1));
  }
  EXPECT_TRUE(Good(history));
  history.push_back(Read(3'000, 3'001, 9, 9));
  EXPECT_FALSE(Good(history));
}

TEST(LinearKey, ASearchThatIsTooLongSaysSo) {
  const Verdict verdict = Check<KeyModel>({Put(1, 9, 70, 2), Put(1, 9, 71, 1)}, {}, 1);
  EXPECT_FALSE(verdict.linearizable);
  EXPECT_FALSE(verdict.decided);
}

TEST(LinearKey, AFailureIsMadeSmall) {
  History history;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    history.push_back(Put(i * 10, i * 10 + 2, i, i));
    history.push_back(Read(i * 10 + 4, i * 10 + 5, i, i));
  }
  history.push_back(Read(507, 508, 12, 12));
  const History small = Shrink(history);
  EXPECT_FALSE(Good(small));
  EXPECT_LE(small.size(), 3u) << Text(small);
  EXPECT_NE(Text(small).find("read -> revision 12, value 12"), std::string::npos) << Text(small);
}

}  // namespace
}  // namespace tenure::linear
