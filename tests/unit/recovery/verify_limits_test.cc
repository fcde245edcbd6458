// Verify where parts of a store are missing or contradict each other, and where it is interrupted or not answered.
#include <gmock/gmock.h>

#include <filesystem>

#include "store/recovery/compare_index.h"
#include "store/recovery/rebuild.h"
#include "store/recovery/verify.h"
#include "tests/support/failing_statements.h"
#include "tests/support/fault_sweep.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class VerifyLimits : public ::testing::Test {
 protected:
  static VerifyOptions Deep() {
    VerifyOptions options;
    options.deep = true;
    return options;
  }
  VerifyReport Look(const VerifyOptions& options = {}) { return Must(Verify(store.env(), store.layout(), options)); }
  std::vector<std::string> Names() { return Must(store.env().List(store.layout().root)); }
  static auto Says(const std::string& path, const std::string& what) {
    return AllOf(Field(&Error::code, ErrorCode::kCorruption), Field(&Error::path, path),
                 Field(&Error::message, HasSubstr(what)));
  }

  HandMadeStore store{MemoryDirectory()};
};

TEST_F(VerifyLimits, CanBeInterruptedAtEveryStepAndLeavesNothing) {
  store.CommitPuts(3);
  store.NewEpoch();
  store.CommitPuts(2);
  store.ApplyIndex();
  store.Close();
  const auto before = Names();
  for (int steps = 0;; ++steps) {
    ASSERT_LT(steps, 100);
    int asked = 0;
    VerifyOptions options = Deep();
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      EXPECT_LE(done, total);
      return ++asked <= steps;
    };
    const auto report = Verify(store.env(), store.layout(), options);
    EXPECT_EQ(Names(), before) << steps;
    if (report.ok()) {
      EXPECT_GT(steps, 3);
      EXPECT_EQ(asked, steps) << "it was asked for the last time when all was done";
      break;
    }
    EXPECT_EQ(report.error().code, ErrorCode::kClosed) << report.error().message;
  }
}

/// No disk that does not answer makes of it another problem than the one that is there.
TEST_F(VerifyLimits, AJournalThatIsNotThereIsAProblem) {
  store.CommitPuts(2);
  store.MakeCheckpoint();
  store.Close();
  Must(store.env().RemoveAll(store.layout().journal()));
  tenure::testing::FailEveryCall(
      [&](base::Env& env) -> Status {
        const auto report = Verify(env, store.layout(), {});
        if (!report.ok()) return report.error();
        EXPECT_THAT(report->problems, Contains(AllOf(Says(store.layout().journal(), "cannot be read: "),
                                                     Field(&Error::hint, "restore the journal from a backup"))));
        return {};
      },
      [](const Status&, const std::string&) {});
}

TEST_F(VerifyLimits, AJournalThatWasNeverThereIsAProblemToo) {
  store.Close();
  Must(store.env().RemoveAll(store.layout().journal()));
  EXPECT_THAT(Look().problems, ElementsAre(Says(store.layout().journal(), "cannot be read: ")));
}

TEST_F(VerifyLimits, AJournalWithoutSegmentsIsAProblem) {
  store.CommitPuts(2);
  const std::string path = store.SegmentPath();
  store.Close();
  Must(store.env().Remove(path));
  EXPECT_THAT(Look().problems, ElementsAre(AllOf(Says(store.layout().journal(), "the journal holds no segment"),
                                                 Field(&Error::hint, "restore the journal from a backup"))));
}

TEST_F(VerifyLimits, AnIndexThatIsNotThereIsBuiltWhenTheStoreIsOpened) {
  store.CommitPuts(2);
  store.ApplyIndex();
  store.Close();
  for (const bool directory : {true, false}) {
    Must(store.env().RemoveAll(store.layout().index()));
    if (directory) Must(store.env().CreateDirectory(store.layout().index()));
    const VerifyReport report = Look(Deep());
    EXPECT_THAT(report.problems, IsEmpty());
    EXPECT_THAT(report.warnings, ElementsAre(HasSubstr(store.layout().index() + ": there is no index")));
    EXPECT_EQ(report.index_path, "");
  }
}

/// Whoever wrote it can read it.
TEST_F(VerifyLimits, AnIndexOfANewerVersionIsNotCalledDamaged) {
  store.CommitPuts(2);
  store.ApplyIndex();
  store.Close();
  Execute(store.index_path(), "PRAGMA user_version = 9999");
  EXPECT_THAT(Look().problems,
              ElementsAre(AllOf(Field(&Error::code, ErrorCode::kUnsupported), Field(&Error::path, store.index_path()),
                                Field(&Error::hint, HasSubstr("use the version of tenure")))));
}

TEST_F(VerifyLimits, AnIndexThatEndsWhereNoFrameDoesIsAProblem) {
  store.CommitPuts(2);
  store.Put("a", "1").Put("b", "1").Commit();
  store.ApplyIndex();
  store.Close();
  Execute(store.index_path(), "UPDATE meta SET applied_lsn = 3");
  EXPECT_THAT(Look().problems,
              ElementsAre(AllOf(Says(store.index_path(), "the index has applied LSN 3, where no frame"),
                                Field(&Error::hint, HasSubstr("tenure-replay repair")))));
}

TEST_F(VerifyLimits, ACheckpointThatIsAheadOfTheJournalIsAProblem) {
  store.CommitPuts(3);
  const Checkpoint checkpoint = store.MakeCheckpoint();
  store.Close();
  Must(store.env().RemoveAll(store.layout().index()));
  const HandMadeStore::FramePlace last = store.frames().back();
  HandMadeStore::Edit(last.path, [&](base::Bytes& bytes) {
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(last.offset), bytes.end(), std::byte{0});
  });
  EXPECT_THAT(Look().problems,
              Contains(AllOf(Says(checkpoint.path, "the checkpoint is ahead of the journal, which ends with LSN 2"),
                             Field(&Error::hint, HasSubstr("tenure-replay repair")))));
}

TEST_F(VerifyLimits, ACheckpointUnderTheNameOfAnotherLsnIsAProblem) {
  store.CommitPuts(3);
  const Checkpoint checkpoint = store.MakeCheckpoint();
  store.Close();
  const std::string renamed = store.layout().checkpoints() + "/0000000000000002.db";
  std::filesystem::rename(checkpoint.path, renamed);
  EXPECT_THAT(Look().problems, ElementsAre(Says(renamed, "the checkpoint is named for LSN 2, but holds LSN 3")));
}

/// The rows are compared from further back then, and it is said why.
TEST_F(VerifyLimits, ACheckpointThatCannotBeUsedIsToldTwice) {
  store.CommitPuts(3);
  const Checkpoint checkpoint = store.MakeCheckpoint();
  store.Close();
  HandMadeStore::Flip(checkpoint.path, 3);
  const VerifyReport report = Look(Deep());
  EXPECT_THAT(report.problems, Contains(Field(&Error::path, checkpoint.path)));
  EXPECT_THAT(report.warnings, Contains(HasSubstr("not usable for a rebuild: " + checkpoint.path)));
  // Whatever call fails: the checkpoint stays the only problem, or what failed is told.
  tenure::testing::FailEveryCall(
      [&](base::Env& env) -> Status {
        const auto again = Verify(env, store.layout(), {});
        if (!again.ok()) return again.error();
        EXPECT_THAT(again->problems, Not(IsEmpty()));
        EXPECT_THAT(again->problems, Each(Field(&Error::path, checkpoint.path)));
        return {};
      },
      [](const Status&, const std::string&) {});
}

TEST_F(VerifyLimits, WhatTheStateHashGivesAwayIsNotLookedForRowByRow) {
  store.CommitPuts(3);
  store.ApplyIndex();
  store.Close();
  Execute(store.index_path(), "UPDATE entry SET writer = 'x' WHERE name = 'lib/a1'");
  EXPECT_THAT(Look(Deep()).problems, ElementsAre(Says(store.index_path(), "the rows have state hash")));
}

TEST_F(VerifyLimits, ASupersededRowThatNobodyCommittedIsNamed) {
  for (int i = 0; i < 2; ++i) store.Put("app", "1.0").Commit();
  store.ApplyIndex();
  store.Close();
  Execute(store.index_path(),
          "INSERT INTO history SELECT entry_id, until_lsn, digest, size, media_type, urls, annotations, created_at_ms, "
          "updated_at_ms, writer, 7, lsn, deleted FROM history");
  const auto invented =
      Says(store.index_path(), "superseded revision app:1.0 revision 7 is in the index, but not in the journal");
  EXPECT_THAT(Look(Deep()).problems, ElementsAre(invented));
  // An index that stops answering while rows are compared is not told as another difference.
  const std::string rebuilt = store.dir() + "/rebuilt.db";
  Must(BuildIndex(store.env(), store.layout(), rebuilt, {}));
  const auto compare = [&]() -> Status {
    TENURE_ASSIGN(const auto mine, index::IndexReader::Open(store.index_path()));
    TENURE_ASSIGN(const auto theirs, index::IndexReader::Open(rebuilt, true));
    TENURE_ASSIGN(const std::vector<std::string> differences, CompareIndexes(*mine, *theirs));
    EXPECT_THAT(differences, ElementsAre(HasSubstr("app:1.0 revision 7 is in the index")));
    return {};
  };
  EXPECT_GT(tenure::testing::FailEveryStatement(compare, [](const Status&, const std::string&) {}), 15u);
}

TEST_F(VerifyLimits, AHeadWithoutALikelyLsnIsRefused) {
  store.CommitPuts(1);
  VerifyOptions options;
  for (const char* const lsn : {"123456789012345678901234567890", "1x", ""}) {
    options.expect_head = std::string(lsn) + ":" + std::string(64, 'a');
    const auto report = Verify(store.env(), store.layout(), options);
    ASSERT_FALSE(report.ok()) << lsn;
    EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(report.error().message, HasSubstr("'" + *options.expect_head + "' is no journal head"));
  }
}

}  // namespace
}  // namespace tenure::recovery
