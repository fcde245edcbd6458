// What a repair says of each transaction that it gives up, so that somebody can do it again.
#include "store/recovery/lost.h"

#include <gmock/gmock.h>

#include "store/recovery/repair.h"
#include "tests/support/failing_statements.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class LostTest : public ::testing::Test {
 protected:
  void Damage(std::size_t frame) {
    HandMadeStore::Flip(store.frames()[frame].path, store.frames()[frame].offset + 170);
  }
  Result<RepairReport> Look() {
    RepairOptions options;
    options.dry_run = true;
    return Repair(store.env(), store.layout(), options);
  }
  std::vector<std::string> Lost() { return Must(Look()).lost; }

  HandMadeStore store{MemoryDirectory()};
};

TEST_F(LostTest, OfALongTransactionTheFirstKeysAreNamedAndTheOthersCounted) {
  store.CommitPuts(1);
  std::vector<std::string> names;
  for (int i = 10; i < 33; ++i) names.push_back("k" + std::to_string(i));
  store.PutTogether(names).Commit();
  store.Close();
  Damage(0);
  const std::vector<std::string> lost = Lost();
  ASSERT_THAT(lost, SizeIs(2));
  EXPECT_EQ(lost[0], "LSN 1: its content cannot be read anywhere");
  EXPECT_THAT(lost[1], AllOf(HasSubstr(": put k10:1, put k11:1, "), HasSubstr(", put k29:1 and 3 more")));
  EXPECT_EQ(lost[1].find("k30"), std::string::npos);
}

TEST_F(LostTest, ATagSaysWhereItPointedUnlessItWasDeleted) {
  store.Put("a", "1").Commit();
  store.SetTag("a", "prod", "1").DeleteTag("a", "prod").SetTag("a", "test", "1").Commit();
  store.CommitPuts(1);
  store.Close();
  Damage(0);
  EXPECT_THAT(Lost(), ElementsAre(StartsWith("LSN 1: "), HasSubstr(": set_tag a@prod to 1"),
                                  ::testing::EndsWith(": delete_tag a@prod"), HasSubstr(": set_tag a@test to 1"),
                                  StartsWith("LSN 5, ")));
  // Where no frame holds it any more, the index's row of it tells, and of a superseded one the history.
  store.ApplyIndex();
  store.Close();
  Damage(0);
  Damage(1);
  const std::vector<std::string> lost = Lost();
  EXPECT_THAT(lost, ElementsAre(AllOf(StartsWith("LSN 2, "), HasSubstr(": set_tag a@prod to 1 (as the index has it)")),
                                AllOf(StartsWith("LSN 3, "), HasSubstr(": delete_tag a@prod (as the index has it)")),
                                AllOf(StartsWith("LSN 4, "), HasSubstr(": set_tag a@test to 1 (as the index has it)")),
                                StartsWith("LSN 5, ")));
}

TEST_F(LostTest, ALeaseNamesAllThatItCovered) {
  store.CommitPuts(1);
  store.GrantLeaseOf({"lib/**", "app/**"}).Commit();
  store.Close();
  Damage(0);
  EXPECT_THAT(Lost(), Contains(HasSubstr(": lease_acquire 2 of lib/** app/**")));
}

/// It answers whoever asks for it again, so that its loss matters too.
TEST_F(LostTest, ARequestWithoutEffectIsNamedByItsId) {
  store.CommitPuts(1);
  store.Request("deploy-17").Commit();
  store.Close();
  Damage(0);
  EXPECT_THAT(Lost(), Contains(AllOf(StartsWith("LSN 2, "), HasSubstr(": request deploy-17"))));
}

/// A checkpoint of another history ends where the journal has no frame: only what lies behind it is lost.
TEST_F(LostTest, OfABatchOnlyWhatLiesBehindTheLastGoodLsnIsLost) {
  store.CommitPuts(1);
  store.Put("a", "1").Put("b", "1").Commit();
  const Checkpoint checkpoint = store.MakeCheckpoint();
  store.Close();
  Execute(checkpoint.path, "PRAGMA journal_mode = DELETE; UPDATE meta SET applied_lsn = 2");
  Must(store.env().Rename(checkpoint.path, store.layout().checkpoints() + "/0000000000000002.db"));
  Must(store.env().RemoveAll(store.layout().index()));
  Damage(0);
  const RepairReport report = Must(Look());
  EXPECT_EQ(report.last_good_lsn, 2u);
  ASSERT_FALSE(report.lost.empty());
  EXPECT_THAT(report.lost.front(), AllOf(StartsWith("LSN 3, "), HasSubstr(": put b:1")));
  EXPECT_THAT(report.lost, Not(Contains(HasSubstr("put a:1"))));
}

TEST_F(LostTest, AListThatIsTooLongEndsWithARange) {
  store.CommitPuts(1);
  for (int i = 0; i < 5'100; ++i) store.PutTogether({"k"});
  store.Commit();
  store.CommitPuts(2);
  store.Close();
  Damage(0);
  const std::vector<std::string> lost = Lost();
  ASSERT_THAT(lost, SizeIs(5'001));
  EXPECT_THAT(lost[4'999], StartsWith("LSN 5000, "));
  EXPECT_EQ(lost.back(), "and LSN 5001 to 5103");
}

/// An index that does not even say how far it was is no witness, and part of the damage.
TEST_F(LostTest, AnIndexWithoutItsMarkTellsNothing) {
  store.CommitPuts(3);
  store.ApplyIndex();
  store.Close();
  Execute(store.index_path(), "DELETE FROM meta");
  Damage(1);
  const RepairReport report = Must(Look());
  EXPECT_THAT(report.damage,
              Contains(AllOf(Field(&Error::code, ErrorCode::kCorruption), Field(&Error::path, store.index_path()))));
  EXPECT_THAT(report.lost, ElementsAre("LSN 2: its content cannot be read anywhere", StartsWith("LSN 3, ")));
}

/// An index that stops answering while it is asked leaves a line about each LSN all the same, and is not told as
/// damaged.
TEST_F(LostTest, WhateverTheIndexDoesNotAnswerEveryLsnIsAccountedFor) {
  store.CommitPuts(2);
  store.Put("a", "1").Commit();
  store.SetTag("a", "prod", "1")
      .SetTag("a", "prod", "1")
      .SetPolicy("x/**", true)
      .Park("a", "1")
      .GrantLease("a")
      .Commit();
  store.ApplyIndex();
  store.Close();
  Damage(3);
  std::size_t fewer = 0;
  const std::uint64_t calls = tenure::testing::FailEveryStatement(
      [&]() -> Status {
        const auto report = Look();
        if (!report.ok()) return report.error();
        EXPECT_EQ(report->last_known_lsn, 8u);
        EXPECT_THAT(report->damage, Each(Field(&Error::code, ErrorCode::kCorruption)));
        EXPECT_FALSE(report->lost.empty());
        if (report->lost.empty()) return {};
        EXPECT_THAT(report->lost.front(), StartsWith("LSN 4"));
        const std::string& last = report->lost.back();
        EXPECT_TRUE(last.starts_with("LSN 8") || last.find("to 8: ") != std::string::npos) << last;
        fewer += report->lost.size() < 5 ? 1 : 0;
        return {};
      },
      [](const Status&, const std::string&) {});
  EXPECT_GT(calls, 10u);
  EXPECT_GT(fewer, 0u) << "none failed while rows were read";
}

}  // namespace
}  // namespace tenure::recovery
