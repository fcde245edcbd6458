// Histories of a group of entries and tags that transactions change together: right ones, and ones that are not.
#include <gtest/gtest.h>

#include <vector>

#include "tests/linear/group_model.h"
#include "tests/linear/wgl.h"

namespace tenure::linear {
namespace {

using Group = Call<GroupModel>;
using Do = GroupModel::Do;
using Op = GroupModel::Op;
using Cell = GroupModel::Cell;
using Answer = GroupModel::Answer;
using History = std::vector<Group>;

constexpr std::uint32_t kTag = GroupModel::kEntries;

Group Txn(std::uint64_t called, std::uint64_t returned, std::vector<Op> ops, std::vector<std::uint64_t> revisions) {
  GroupModel::Output output;
  for (const std::uint64_t revision : revisions) output.cells.push_back({revision, 0});
  return {1, called, returned, {std::move(ops)}, output};
}
Group Refused(std::uint64_t called, std::uint64_t returned, std::vector<Op> ops, Answer answer) {
  return {2, called, returned, {std::move(ops)}, GroupModel::Output{answer}};
}
Group Unknown(std::uint64_t called, std::vector<Op> ops) { return {3, called, kNever, {std::move(ops)}}; }
Group Read(std::uint64_t called, std::uint64_t returned, std::uint32_t looks, std::vector<Cell> seen) {
  return {4, called, returned, {{}, looks}, GroupModel::Output{Answer::kSeen, std::move(seen)}};
}
Op Put(std::uint32_t cell, std::uint64_t value) { return {Do::kPut, cell, value}; }
Op PutIf(std::uint32_t cell, std::uint64_t value, std::uint64_t revision) { return {Do::kPut, cell, value, revision}; }
Op Delete(std::uint32_t cell, Do what = Do::kDelete) { return {what, cell}; }
Op SetTag(std::uint32_t tag, std::uint64_t to, std::optional<std::uint64_t> from = std::nullopt) {
  return {Do::kSetTag, tag, to, std::nullopt, from};
}

bool Good(const History& history) {
  const Verdict verdict = Check(history);
  EXPECT_TRUE(verdict.decided);
  return verdict.linearizable;
}

TEST(LinearGroup, OneAfterTheOther) {
  EXPECT_TRUE(
      Good({Read(1, 2, 0b11, {{}, {}}), Txn(3, 4, {Put(0, 70), Put(1, 70)}, {1, 1}),
            Txn(5, 6, {PutIf(0, 71, 1), PutIf(1, 71, 1), Delete(1)}, {2, 2, 3}), Read(7, 8, 0b11, {{2, 71}, {3, 0}}),
            Refused(9, 10, {Put(2, 72), Delete(1)}, Answer::kNotFound), Read(11, 12, 0b100, {{}})}));
}

TEST(LinearGroup, OverlappingTransactionsHaveSomeOrder) {
  EXPECT_TRUE(Good({Txn(1, 9, {Put(0, 70), Put(1, 70)}, {2, 2}), Txn(2, 8, {Put(1, 71), Put(0, 71)}, {1, 1}),
                    Read(10, 11, 0b11, {{2, 70}, {2, 70}})}));
}

TEST(LinearGroup, WhatNobodyKnowsHappenedWholeOrNotAtAll) {
  const Group unknown = Unknown(1, {Put(0, 70), Put(1, 70)});
  EXPECT_TRUE(Good({unknown, Read(2, 3, 0b11, {{}, {}}), Txn(4, 5, {Put(0, 71)}, {1})}));
  EXPECT_TRUE(Good({unknown, Read(2, 3, 0b11, {{1, 70}, {1, 70}}), Txn(4, 5, {Put(0, 71)}, {2})}));
  EXPECT_TRUE(Good({unknown, Read(2, 3, 0b01, {{}}), Read(4, 5, 0b10, {{1, 70}})})) << "between the two reads";
}

TEST(LinearGroup, TagsPointToWhatIsThere) {
  EXPECT_TRUE(
      Good({Refused(1, 2, {SetTag(kTag, 1)}, Answer::kNotFound), Txn(3, 4, {Put(0, 70), SetTag(kTag, 1)}, {1, 1}),
            Refused(5, 6, {Put(1, 71), Delete(0)}, Answer::kTagged), Read(7, 8, 1u << kTag, {{1, 1}}),
            Txn(9, 10, {Put(1, 72), SetTag(kTag, 2, 1), Delete(0)}, {1, 2, 2}), Txn(11, 12, {SetTag(kTag, 2)}, {2}),
            Txn(13, 14, {Delete(1, Do::kDeleteWithTags)}, {2}), Read(15, 16, 1u << kTag, {{3, 0}}),
            Refused(17, 18, {Delete(kTag, Do::kDeleteTag)}, Answer::kNotFound)}));
}

TEST(LinearGroup, APlayedTransactionTellsWhatItChanged) {
  GroupModel::State state;
  state.cells[0] = {3, 70};
  state.cells[kTag] = {1, 1};
  const auto played = GroupModel::Play(state, {SetTag(kTag, 1), Delete(0, Do::kDeleteWithTags), Put(1, 71)});
  ASSERT_TRUE(played.after);
  const std::vector<GroupModel::Change> changes{{kTag, {2, 0}}, {0, {4, 0}}, {1, {1, 71}}};
  EXPECT_EQ(played.changes, changes);
  EXPECT_EQ(played.revisions, (std::vector<std::uint64_t>{1, 4, 1}));
}

TEST(LinearGroupRefuses, HalfOfATransactionSeen) {
  EXPECT_FALSE(Good({Txn(1, 9, {Put(0, 70), Put(1, 70)}, {1, 1}), Read(2, 3, 0b11, {{1, 70}, {}})}));
}
TEST(LinearGroupRefuses, HalfOfATransactionDone) {
  EXPECT_FALSE(Good({Txn(1, 2, {Put(0, 70), Put(1, 70)}, {1, 1}), Read(3, 4, 0b10, {{}})}));
}
TEST(LinearGroupRefuses, HalfOfWhatNobodyKnows) {
  EXPECT_FALSE(Good({Unknown(1, {Put(0, 70), Put(1, 70)}), Read(2, 3, 0b01, {{1, 70}}), Read(4, 5, 0b10, {{}})}));
  EXPECT_FALSE(
      Good({Unknown(1, {Put(0, 70), Put(1, 70)}), Txn(2, 3, {Put(0, 71)}, {2}), Txn(4, 5, {Put(1, 71)}, {1})}));
}
TEST(LinearGroupRefuses, TransactionsThatInterleave) {
  EXPECT_FALSE(Good({Txn(1, 9, {Put(0, 70), Put(1, 70)}, {1, 2}), Txn(1, 9, {Put(0, 71), Put(1, 71)}, {2, 1})}));
}
TEST(LinearGroupRefuses, RejectedAndYetHalfApplied) {
  EXPECT_FALSE(Good({Txn(1, 2, {Put(0, 70)}, {1}), Refused(3, 4, {Put(1, 71), PutIf(0, 71, 9)}, Answer::kConflict),
                     Read(5, 6, 0b10, {{1, 71}})}));
}
TEST(LinearGroupRefuses, OneStaleConditionOfSeveral) {
  EXPECT_FALSE(Good({Txn(1, 2, {Put(0, 70), Put(1, 70)}, {1, 1}), Txn(3, 4, {Put(1, 71)}, {2}),
                     Txn(5, 6, {PutIf(0, 72, 1), PutIf(1, 72, 1)}, {2, 3})}));
}
TEST(LinearGroupRefuses, ConflictWithoutReason) {
  EXPECT_FALSE(Good({Txn(1, 2, {Put(0, 70), Put(1, 70)}, {1, 1}),
                     Refused(3, 4, {PutIf(0, 71, 1), PutIf(1, 71, 1)}, Answer::kConflict)}));
}
TEST(LinearGroupRefuses, OperationsThatDoNotSeeTheEarlierOnes) {
  EXPECT_FALSE(Good({Txn(1, 2, {Put(0, 70), PutIf(0, 71, 0)}, {1, 2})}));
  EXPECT_FALSE(Good({Refused(1, 2, {Put(0, 70), SetTag(kTag, 1)}, Answer::kNotFound)}));
}
TEST(LinearGroupRefuses, TwoMovesOfATagFromOnePlace) {
  EXPECT_FALSE(Good({Txn(1, 2, {Put(0, 70), Put(1, 70), SetTag(kTag, 1)}, {1, 1, 1}),
                     Txn(3, 6, {SetTag(kTag, 2, 1)}, {2}), Txn(4, 5, {SetTag(kTag, 2, 1)}, {3})}));
}
TEST(LinearGroupRefuses, ATagMovedOnAStaleView) {
  EXPECT_FALSE(Good({Txn(1, 2, {Put(0, 70), Put(1, 70), SetTag(kTag, 1)}, {1, 1, 1}), Txn(3, 4, {SetTag(kTag, 2)}, {2}),
                     Txn(5, 6, {SetTag(kTag, 1, 1)}, {3})}));
}
TEST(LinearGroupRefuses, ATagThatPointsToNothing) {
  EXPECT_FALSE(Good({Txn(1, 2, {Put(0, 70)}, {1}), Txn(3, 4, {Delete(0)}, {2}), Txn(5, 6, {SetTag(kTag, 1)}, {1})}));
}
TEST(LinearGroupRefuses, DeletedUnderItsTag) {
  EXPECT_FALSE(Good({Txn(1, 2, {Put(0, 70), SetTag(kTag, 1)}, {1, 1}), Txn(3, 4, {Delete(0)}, {2})}));
}
TEST(LinearGroupRefuses, ATagLeftBehindByADeleteWithTags) {
  EXPECT_FALSE(Good({Txn(1, 2, {Put(0, 70), SetTag(kTag, 1)}, {1, 1}), Txn(3, 4, {Delete(0, Do::kDeleteWithTags)}, {2}),
                     Read(5, 6, 1u << kTag, {{1, 1}})}));
}
TEST(LinearGroupRefuses, ATagReadAsItWas) {
  EXPECT_FALSE(Good({Txn(1, 2, {Put(0, 70), Put(1, 70), SetTag(kTag, 1)}, {1, 1, 1}), Txn(3, 4, {SetTag(kTag, 2)}, {2}),
                     Read(5, 6, 1u << kTag, {{1, 1}})}));
}

}  // namespace
}  // namespace tenure::linear
