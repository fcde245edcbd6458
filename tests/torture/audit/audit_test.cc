// Phases that are right, and ones that must be refused because of their log, though each caller for itself was told
// nothing wrong.
#include "tests/torture/audit/made_phase.h"

#include <gtest/gtest.h>

#include <string>

namespace tenure::torture {
namespace {

class AuditTest : public testing::Test, protected MadePhase {
 protected:
  /// All complaints in one; empty: none.
  std::string Judged() {
    phase.ended = (phase.records.size() + 1) * kSecond;
    std::string text;
    for (const std::string& problem : Audit({[](std::uint64_t) { return 0; }, 200, true}).Judge(std::move(phase))) {
      text += problem + "\n";
    }
    return text;
  }
  void ExpectRefused(const std::string& because) {
    const std::string text = Judged();
    EXPECT_NE(text.find(because), std::string::npos) << text;
  }
};

/// The scopes over the second group, by what they are called in names.cc.
std::uint32_t Scope(const std::string& text) {
  for (std::uint32_t scope = 0; scope < kAllScopes; ++scope) {
    if (ScopeOf(scope) == text) return scope;
  }
  ADD_FAILURE() << text;
  return 0;
}

TEST_F(AuditTest, WholeTransactions) {
  PutBoth(0, 1, 1);
  Record& tags = Txn(0, 2, {{Do::kSetTag, 4, 1}, {Do::kSetTag, 4, 2, kIfVersion, 1}}, {1, 2});
  Row(2, tags, 4, 1, 1);
  Row(2, tags, 4, 2, 2);
  Record& unchanged = Txn(0, 2, {{Do::kSetTag, 4, 2}}, {2});
  unchanged.flag = true;
  At(3, "request", unchanged.id);
  Record& with_tags = Txn(0, 4, {{Do::kDeleteWithTags, 1}}, {2});
  Row(4, with_tags, 4, 3, 0);
  Row(4, with_tags, 1, 2, 0);
  EXPECT_EQ(Judged(), "");
}

TEST_F(AuditTest, LeasesThatContainOneAnotherOneByOne) {
  const std::uint64_t subtree = Acquire(Scope("t/**"), 1);
  PutBoth(kLeasedGroup, 2, 1, subtree);
  End("lease_expire", 1, 3);
  Acquire(Scope("t/a:1"), 4, true);
  Acquire(Scope("t/a"), 5, true);
  Acquire(Scope("t/b"), 6);
  Acquire(Scope("t/b/**"), 7);
  // That it ended is told by the log alone: who expired was told nothing.
  phase.records.front().a = 1'000;
  EXPECT_EQ(Judged(), "");
}

TEST_F(AuditTest, RefusesHalfOfWhatWasAcknowledged) {
  Record& call = Txn(0, 1, {{Do::kPut, 0}, {Do::kPut, 1}}, {1, 1});
  Row(1, call, 0, 1, call.id);
  ExpectRefused("where there must be cell 0 revision 1");
}

TEST_F(AuditTest, RefusesHalfOfWhatNobodyWasToldOf) {
  Record& call = Txn(0, 0, {{Do::kPut, 0}, {Do::kPut, 1}}, {});
  call.code.clear();
  call.returned = 0;
  Row(1, call, 1, 1, call.id);
  ExpectRefused("where there must be cell 0 revision 1");
}

TEST_F(AuditTest, RefusesATransactionUnderTwoLsns) {
  Record& call = Txn(0, 1, {{Do::kPut, 0}, {Do::kPut, 1}}, {1, 1});
  Row(1, call, 0, 1, call.id);
  Row(2, call, 1, 1, call.id);
  ExpectRefused("for the second time");
}

TEST_F(AuditTest, RefusesEffectsOfTwoTransactionsUnderOneLsn) {
  Record& first = Txn(0, 1, {{Do::kPut, 0}}, {1});
  Record& second = Txn(0, 1, {{Do::kPut, 1}}, {1});
  Row(1, first, 0, 1, first.id);
  Row(1, second, 1, 1, second.id);
  ExpectRefused("effect 1 of request");
}

TEST_F(AuditTest, RefusesMoreThanWasAsked) {
  Record& call = Txn(0, 1, {{Do::kPut, 0}}, {1});
  Row(1, call, 0, 1, call.id);
  Row(1, call, 1, 1, call.id);
  ExpectRefused("where there must be cell 0 revision 1");
}

TEST_F(AuditTest, RefusesATransactionOverOneStaleConditionOfSeveral) {
  PutBoth(0, 1, 1);
  Record& one = Txn(0, 2, {{Do::kPut, 1}}, {2});
  Row(2, one, 1, 2, one.id);
  Record& call = Txn(0, 3, {{Do::kPut, 0, 0, kIfRevision, 1}, {Do::kPut, 1, 0, kIfRevision, 1}}, {2, 3});
  Row(3, call, 0, 2, call.id);
  Row(3, call, 1, 3, call.id);
  ExpectRefused("this cannot have been: transaction u/**");
}

TEST_F(AuditTest, RefusesARejectedTransactionOfWhichAPartIsThere) {
  Record& call = Txn(0, 0, {{Do::kPut, 0}, {Do::kPut, 1, 0, kIfRevision, 9}}, {});
  call.code = "revision_mismatch";
  Row(1, call, 0, 1, call.id);
  ExpectRefused("rejected, but at LSN 1");
}

TEST_F(AuditTest, RefusesAReadOfHalfATransaction) {
  Record& call = PutBoth(0, 1, 1);
  const std::uint64_t value = call.id;
  Record& read = Call(Kind::kLookEntries, 0, 0);
  read.a = kAsApplied;
  read.seen = {{1, 1, value}, {}, {}, {}};
  ExpectRefused("of what LSN 1 left, cell 1 is revision 1");
}

TEST_F(AuditTest, RefusesAReadOfThePastThatShowsHalfATransaction) {
  const std::uint64_t first = PutBoth(0, 1, 1).id;
  const std::uint64_t second = PutBoth(0, 2, 2).id;
  Record& read = Call(Kind::kLookEntries, 0, 0);
  read.a = kAtLsn;
  read.b = 1;
  read.seen = {{1, 1, first}, {2, 2, second}, {}, {}};
  ExpectRefused("of what LSN 1 left, cell 1 is revision 1");
}

TEST_F(AuditTest, RefusesAGrantInsideOneThatIsHeld) {
  Acquire(Scope("t/**"), 1);
  Acquire(Scope("t/b"), 2);
  ExpectRefused("at LSN 2: lease scope t/**, held: ");
}

TEST_F(AuditTest, RefusesAGrantAroundOneThatIsHeld) {
  Acquire(Scope("t/a:1"), 1);
  Acquire(Scope("t/a"), 2);
  ExpectRefused("at LSN 2: lease scope t/**, held: ");
}

TEST_F(AuditTest, RefusesAnExclusiveGrantBesideASharedOne) {
  Acquire(Scope("t/a:2 t/b"), 1, true);
  Acquire(Scope("t/b"), 2);
  ExpectRefused("at LSN 2: lease scope t/**, held: ");
}

TEST_F(AuditTest, RefusesAGrantOfAnotherModeThanWasAsked) {
  Acquire(Scope("t/b"), 1, true);
  phase.events.back().lease->mode = LeaseMode::kExclusive;
  ExpectRefused("that nobody asked for like this");
}

TEST_F(AuditTest, RefusesAWriteUnderALeaseThatHasEnded) {
  const std::uint64_t lease = Acquire(Scope("t/**"), 1);
  phase.records.back().a = 1'000;
  End("lease_expire", 1, 2);
  PutBoth(kLeasedGroup, 3, 1, lease);
  ExpectRefused("at LSN 3: lease scope t/**, held: nothing");
}

TEST_F(AuditTest, RefusesAWriteOfWhichOneCellIsUnderSomebodyElsesLease) {
  Acquire(Scope("t/a:1"), 1);
  PutBoth(kLeasedGroup, 2, 1);
  ExpectRefused("at LSN 2: lease scope t/**, held: ");
}

TEST_F(AuditTest, RefusesAWriteOfMoreThanItsLeaseCovers) {
  const std::uint64_t lease = Acquire(Scope("t/a:1"), 1);
  PutBoth(kLeasedGroup, 2, 1, lease);
  ExpectRefused("at LSN 2: lease scope t/**, held: ");
}

TEST_F(AuditTest, RefusesAWriteUnderASharedLease) {
  const std::uint64_t lease = Acquire(Scope("t/**"), 1, true);
  PutBoth(kLeasedGroup, 2, 1, lease);
  ExpectRefused("at LSN 2: lease scope t/**, held: ");
}

TEST_F(AuditTest, RefusesAWriteUnderALeaseOfWhichTheTimeIsOver) {
  const std::uint64_t lease = Acquire(Scope("t/**"), 1);
  phase.records.back().a = 1'000;
  PutBoth(kLeasedGroup, 2, 1, lease).called += kSecond;
  phase.records.back().returned += kSecond;
  ExpectRefused("lease scope t/**: not linearizable");
}

}  // namespace
}  // namespace tenure::torture
