// Histories that no store wrote, noted on the board as those of a world are, and judged as they are: right ones, and
// ones with a broken group, which must be refused.
#include "tests/sim/schedule/judge.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/sim/schedule/calls.h"
#include "tests/torture/audit/made_phase.h"

namespace tenure::sim {
namespace {

using torture::CellOp;
using torture::Kind;
using torture::Record;

constexpr Lsn kFirst = kCreatedLsn + 1;

class JudgedHistory : public testing::Test, protected torture::MadePhase {
 protected:
  JudgedHistory() { MapBoard(); }
  ~JudgedHistory() override { UnmapBoard(); }

  /// Two entries put at once, if both are what they were.
  Record& SwapBoth(Lsn lsn, std::uint64_t from) {
    const CellOp first{Do::kPut, 0, 0, torture::kIfRevision, from}, second{Do::kPut, 1, 0, torture::kIfRevision, from};
    Record& call = Txn(0, lsn, {first, second}, {from + 1, from + 1});
    Row(lsn, call, 0, from + 1, call.id);
    Row(lsn, call, 1, from + 1, call.id);
    return call;
  }
  /// The caller of the last one was killed.
  void NeverReturned() {
    phase.records.back().code.clear();
    phase.records.back().returned = 0;
    phase.records.back().seen.clear();
    phase.records.back().lsn = 0;
  }

  void NoteAll() {
    for (const Record& made : phase.records) {
      Record record = made;
      record.code.clear();
      record.seen.clear();
      record.returned = record.lsn = 0;
      NoteCall(TheBoard(), caller_, record, false);
      if (made.returned != 0) NoteCall(TheBoard(), caller_, made, true);
    }
  }
  /// All complaints in one; empty: none.
  std::string Judged() {
    if (TheBoard().calls_used == 0) NoteAll();
    std::string text;
    for (const std::string& problem : JudgeHistory(TheBoard(), std::move(phase.events))) text += problem + "\n";
    return text;
  }
  void ExpectRefused(const std::string& because) {
    const std::string text = Judged();
    EXPECT_NE(text.find(because), std::string::npos) << text;
  }

  Process caller_;
};

TEST_F(JudgedHistory, WhatIsNotedComesBack) {
  PutBoth(0, kFirst, 1);
  SwapBoth(kFirst + 1, 1);
  Record& read = Call(Kind::kLookTags, 0, 0);
  read.a = torture::kAtLsn;
  read.b = kFirst;
  read.seen = {{kFirst, 1, 2}, {}};
  Txn(1, 0, {{Do::kSetTag, 4, 1, torture::kIfVersion, 2}, {Do::kDeleteWithTags, 1}}, {});
  NeverReturned();
  NoteAll();
  const std::vector<Record> noted = NotedCalls(TheBoard());
  ASSERT_EQ(noted.size(), phase.records.size());
  for (std::size_t i = 0; i < noted.size(); ++i) {
    EXPECT_EQ(torture::CallLine(noted[i]), torture::CallLine(phase.records[i]));
    EXPECT_EQ(torture::ReturnLine(noted[i]), torture::ReturnLine(phase.records[i]));
  }
}

TEST_F(JudgedHistory, WholeGroups) {
  const std::uint64_t value = PutBoth(0, kFirst, 1).id;
  Record& tagged = Txn(0, kFirst + 1, {{Do::kPut, 1, 0, torture::kIfRevision, 1}, {Do::kSetTag, 4, 2}}, {2, 1});
  Row(kFirst + 1, tagged, 1, 2, tagged.id);
  Row(kFirst + 1, tagged, 4, 1, 2);
  Call(Kind::kLookEntries, 0, 0).seen = {{kFirst, 1, value}, {kFirst + 1, 2, tagged.id}, {}, {}};
  Call(Kind::kLookTags, 0, 0).seen = {{kFirst + 1, 1, 2}, {}};
  Txn(0, 0, {{Do::kPut, 0}, {Do::kPut, 1, 0, torture::kIfRevision, 1}}, {}).code = "revision_mismatch";
  EXPECT_EQ(Judged(), "");
  EXPECT_EQ(TheBoard().counts.group_transactions, 2u);
  EXPECT_EQ(TheBoard().counts.several_effects, 2u);
}

TEST_F(JudgedHistory, WhatItsCallerWasNotToldIsAskedForLater) {
  Record& call = PutBoth(0, kFirst, 1);
  const Record answered = call;
  NeverReturned();
  NoteAll();
  NoteSettled(TheBoard(), 0, answered);
  EXPECT_EQ(Judged(), "");
}

TEST_F(JudgedHistory, RefusesATransactionUnderTwoLsns) {
  Record& call = Txn(0, kFirst, {{Do::kPut, 0}, {Do::kPut, 1}}, {1, 1});
  Row(kFirst, call, 0, 1, call.id);
  Row(kFirst + 1, call, 1, 1, call.id);
  ExpectRefused("for the second time");
}

TEST_F(JudgedHistory, RefusesHalfOfATransactionInTheLog) {
  Record& call = Txn(0, kFirst, {{Do::kPut, 0}, {Do::kSetTag, 4, 1}}, {1, 1});
  Row(kFirst, call, 0, 1, call.id);
  ExpectRefused("the log has cell 0 revision 1");
}

TEST_F(JudgedHistory, RefusesHalfOfWhatNobodyWasToldOf) {
  Record& call = Txn(0, 0, {{Do::kPut, 0}, {Do::kPut, 1}}, {});
  Row(kFirst, call, 1, 1, call.id);
  NeverReturned();
  ExpectRefused("the log has cell 1 revision 1");
}

TEST_F(JudgedHistory, RefusesWhatHappenedThoughItWasSaidThatItNeverWould) {
  Record never = PutBoth(0, kFirst, 1);
  never.code = "never";
  NeverReturned();
  NoteAll();
  NoteSettled(TheBoard(), 0, never);
  ExpectRefused("rejected, but at LSN 2");
}

TEST_F(JudgedHistory, RefusesAReadOfHalfATransaction) {
  const std::uint64_t value = PutBoth(0, kFirst, 1).id;
  Record& read = Call(Kind::kLookEntries, 0, 0);
  read.a = torture::kAsApplied;
  read.seen = {{kFirst, 1, value}, {}, {}, {}};
  ExpectRefused("of what LSN 2 left, cell 1 is revision 1");
}

TEST_F(JudgedHistory, RefusesReadsThatSeeOneHalfAfterTheOther) {
  const std::uint64_t value = PutBoth(0, kFirst, 1).id;
  Record& first = Call(Kind::kLookCell, 0, 0);
  first.a = 1;
  first.seen = {{kFirst, 1, value}};
  Record& second = Call(Kind::kLookCell, 0, 0);
  second.seen = {{}};
  second.code = "not_found";
  ExpectRefused("group u/**: not linearizable");
}

TEST_F(JudgedHistory, RefusesALostUpdate) {
  PutBoth(0, kFirst, 1);
  SwapBoth(kFirst + 1, 1);
  // From the same revision.
  Record& lost = Txn(0, kFirst + 2, phase.records.back().ops, {3, 3});
  Row(kFirst + 2, lost, 0, 3, lost.id);
  Row(kFirst + 2, lost, 1, 3, lost.id);
  ExpectRefused("over what was there, this cannot have been: transaction u/**");
}

TEST_F(JudgedHistory, RefusesALostUpdateThatTheLogHides) {
  PutBoth(0, kFirst, 1);
  SwapBoth(kFirst + 1, 1);
  // Acknowledged under the other one's LSN.
  Txn(0, kFirst + 1, phase.records.back().ops, {2, 2});
  ExpectRefused("group u/**: not linearizable");
}

TEST_F(JudgedHistory, RefusesAnAnswerThatNothingExplains) {
  Txn(0, 0, {{Do::kPut, 0}}, {}).code = "corruption";
  ExpectRefused("an answer that nothing explains");
}

}  // namespace
}  // namespace tenure::sim
