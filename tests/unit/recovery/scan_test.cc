// Journals of which each part is sound by itself and the parts do not fit together, and files that change while they
// are looked at: what verify says, and what repair makes of it.
#include "store/recovery/scan.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "store/base/recording_env.h"
#include "store/recovery/repair.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

class ScanTest : public ::testing::Test {
 protected:
  VerifyReport Look(const std::optional<Lsn>& durable = std::nullopt) {
    VerifyOptions options;
    options.durable = durable;
    return Must(Verify(store.env(), store.layout(), options));
  }
  /// The LSN that a repair would go on from.
  Lsn LastGood() {
    RepairOptions options;
    options.dry_run = true;
    return Must(Repair(store.env(), store.layout(), options)).last_good_lsn;
  }

  HandMadeStore store{MemoryDirectory()};
};

using PositionLie = std::function<void(model::JournalPosition&)>;

/// A new epoch that goes on from something else than what is there: another history, or a defect.
TEST_F(ScanTest, ASegmentThatDoesNotContinueTheOneBeforeIsSaid) {
  const PositionLie lies[] = {
      [](model::JournalPosition& at) { at.last_lsn += 5; },
      [](model::JournalPosition& at) { at.chain[0] ^= std::byte{1}; },
      [](model::JournalPosition& at) { at.state_hash.low ^= 1; },
      [](model::JournalPosition& at) { at.time_ms -= 1; },
  };
  for (const PositionLie& lie : lies) {
    HandMadeStore mine(MemoryDirectory());
    mine.CommitPuts(2);
    mine.NewEpoch(lie);
    const std::string newest = mine.SegmentPath();
    mine.CommitPuts(2);
    mine.Close();
    const VerifyReport report = Must(Verify(mine.env(), mine.layout(), {}));
    ASSERT_THAT(report.problems, SizeIs(1));
    const Error& problem = report.problems.front();
    EXPECT_EQ(problem.code, ErrorCode::kCorruption);
    EXPECT_EQ(problem.path, newest);
    EXPECT_EQ(problem.offset, journal::segment_at::kFirstLsn);
    EXPECT_THAT(problem.message, AllOf(HasSubstr("the segment continues LSN "),
                                       HasSubstr("the journal before it ends with LSN 2 and chain ")));
    EXPECT_EQ(report.transactions, 4u) << "all of it was read";
    RepairOptions options;
    options.dry_run = true;
    EXPECT_EQ(Must(Repair(mine.env(), mine.layout(), options)).last_good_lsn, 2u);
  }
}

TEST_F(ScanTest, AFirstSegmentThatBeginsSomethingElseIsSaid) {
  store.CommitPuts(2);
  const std::string path = store.SegmentPath();
  store.Close();
  for (const std::size_t at : {journal::segment_at::kPrevChain, journal::segment_at::kPrevStateHash}) {
    const auto lie = [&](base::Bytes& bytes) { bytes[at] ^= std::byte{1}; };
    HandMadeStore::EditHeader(path, lie);
    const VerifyReport report = Look();
    EXPECT_THAT(report.problems,
                Contains(AllOf(Field(&Error::path, path), Field(&Error::code, ErrorCode::kCorruption),
                               Field(&Error::message, HasSubstr("does not begin the store's hash chain")))))
        << at;
    HandMadeStore::EditHeader(path, lie);
    EXPECT_TRUE(Look().ok());
  }
}

/// Checksums around what no version of this program writes: it is named, what lies behind it is read, and nothing is
/// built on it.
TEST_F(ScanTest, AFrameThatHoldsNoTransactionsIsSaid) {
  store.CommitPuts(2);
  store.CommitBytes(base::Bytes(40, std::byte{0xff}));
  const HandMadeStore::FramePlace odd = store.frames().back();
  for (const bool last : {true, false}) {
    if (!last) store.CommitPuts(1);
    for (const std::optional<Lsn> durable : {std::optional<Lsn>(), std::optional<Lsn>(3)}) {
      const VerifyReport report = Look(durable);
      ASSERT_THAT(report.problems, SizeIs(1));
      EXPECT_EQ(report.problems.front().path, odd.path);
      EXPECT_THAT(report.problems.front().offset, Optional(odd.offset));
      EXPECT_EQ(report.frames, last || durable ? 2u : 3u);
    }
    EXPECT_EQ(LastGood(), 2u);
  }
}

/// What is not known to be durable is no concern, also behind damage.
TEST_F(ScanTest, DamageUpToTheDurableLsnIsSaidAndWhatLiesBehindItIsNot) {
  store.CommitPuts(4);
  store.Close();
  HandMadeStore::Flip(store.frames()[1].path, store.frames()[1].offset + 170);
  HandMadeStore::Flip(store.frames()[3].path, store.frames()[3].offset + 170);
  const VerifyReport report = Look(2);
  ASSERT_THAT(report.problems, SizeIs(1));
  EXPECT_THAT(report.problems.front().offset, Optional(store.frames()[1].offset));
  EXPECT_THAT(report.warnings, Contains(HasSubstr("bytes behind LSN 2 were not durable yet and are not data")));
}

TEST_F(ScanTest, AFileThatEndsWithItsLastFrameLacksOnlyZeros) {
  store.CommitPuts(3);
  const std::string path = store.SegmentPath();
  const std::uint64_t end = store.position().offset;
  const std::uint64_t whole = std::filesystem::file_size(path);
  store.Close();
  std::filesystem::resize_file(path, end);
  const VerifyReport report = Look();
  ASSERT_THAT(report.problems, SizeIs(1));
  EXPECT_THAT(report.problems.front().offset, Optional(end));
  EXPECT_THAT(report.problems.front().message, HasSubstr("the file ends here"));
  EXPECT_EQ(report.last_lsn, 3u);
  // Looking says what would be done; doing it needs nobody's consent.
  for (const bool dry_run : {true, false}) {
    RepairOptions options;
    options.dry_run = dry_run;
    const RepairReport repaired = Must(Repair(store.env(), store.layout(), options));
    EXPECT_THAT(repaired.actions, ElementsAre((dry_run ? "would extend " : "extend ") + path + " with zeros from " +
                                              std::to_string(end) + " to " + std::to_string(whole) + " bytes"));
    EXPECT_EQ(std::filesystem::file_size(path), dry_run ? end : whole);
  }
  EXPECT_TRUE(Look().ok());
}

TEST_F(ScanTest, SeveralDamagedHeadersInARowDoNotHideWhatLiesBeforeThem) {
  store.CommitPuts(3);
  std::vector<std::string> damaged;
  for (int i = 0; i < 2; ++i) {
    store.NewEpoch();
    store.CommitPuts(1);
    damaged.push_back(store.SegmentPath());
  }
  store.Close();
  for (const std::string& path : damaged) HandMadeStore::Flip(path, 3000);
  const VerifyReport report = Look();
  EXPECT_THAT(report.problems, Contains(Field(&Error::path, damaged[1])));
  // Nothing that is sound says that the other one belongs to the journal.
  EXPECT_THAT(report.warnings, Contains(HasSubstr(damaged[0])));
  EXPECT_EQ(report.first_lsn, 1u);
  EXPECT_EQ(report.frames, 4u);
  EXPECT_EQ(LastGood(), 3u);
}

TEST_F(ScanTest, OrphansOfADamagedJournalAreStillNamed) {
  store.CommitPuts(2);
  const model::JournalPosition fork = store.position();
  store.NewEpoch();
  store.CommitPuts(1);
  const std::string newest = store.SegmentPath();
  store.Close();
  // An ordinal of the first epoch that its successor passed over.
  journal::SegmentFactory factory(store.env(), store.layout().journal());
  const auto orphan = Must(factory.Create(journal::HeaderAfter(store.config().journal_id, {1, 2}, fork), 64 * 1024));
  HandMadeStore::Flip(newest, 3000);
  const VerifyReport report = Look();
  EXPECT_THAT(report.problems, Contains(Field(&Error::path, newest)));
  EXPECT_EQ(report.orphan_segments, 1u);
  EXPECT_THAT(report.warnings, Contains(HasSubstr(orphan.path + ": no link names this segment")));
}

/// Not even a damaged journal is judged by a version that does not understand all of it.
TEST_F(ScanTest, ANewerFormatBehindDamageIsNotJudged) {
  store.CommitPuts(1);
  store.NewEpoch();
  const std::string newer = store.SegmentPath();
  store.CommitPuts(1);
  store.NewEpoch();
  const std::string damaged = store.SegmentPath();
  store.CommitPuts(1);
  store.Close();
  HandMadeStore::Flip(damaged, 3000);
  HandMadeStore::EditHeader(newer, [](base::Bytes& bytes) { bytes[journal::segment_at::kVersion] = std::byte{99}; });
  const auto report = Verify(store.env(), store.layout(), {});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(report.error().path, newer);
  EXPECT_THAT(report.error().hint, HasSubstr("newer"));
}

/// Somebody removes the files between two looks: what was wrong with them is said, and that they are gone.
TEST_F(ScanTest, ADamagedJournalThatIsRemovedMeanwhile) {
  store.CommitPuts(2);
  const std::string path = store.SegmentPath();
  store.Close();
  HandMadeStore::Flip(path, 3000);
  base::RecordingEnv env(store.env());
  int looks = 0;
  env.SetFaultPlan([&](std::uint64_t, base::TraceStep::Kind, const std::string& of) -> Status {
    if (of == store.layout().journal() && ++looks == 2) std::filesystem::remove(path);
    return {};
  });
  const VerifyReport report = Must(Verify(env, store.layout(), {}));
  EXPECT_EQ(looks, 2);
  EXPECT_THAT(report.problems, ElementsAre(Field(&Error::path, path),
                                           AllOf(Field(&Error::path, store.layout().journal()),
                                                 Field(&Error::message, HasSubstr("the journal holds no segment")),
                                                 Field(&Error::hint, HasSubstr("backup")))));
}

/// The scan alone, without anybody who wants to see the frames.
TEST_F(ScanTest, CountsWithoutAVisitor) {
  store.CommitPuts(2);
  store.Put("a", "1").Put("b", "1").Commit();
  const JournalScan scan =
      Must(ScanJournal(store.env(), store.layout().journal(), store.config().journal_id, Lsn{0}, {}));
  EXPECT_THAT(scan.problems, IsEmpty());
  EXPECT_EQ(scan.frames, 3u);
  EXPECT_EQ(scan.transactions, 4u);
  EXPECT_EQ(scan.last, store.position());
  ASSERT_THAT(scan.runs, SizeIs(1));
  EXPECT_TRUE(scan.runs.front().to_open_end);
}

}  // namespace
}  // namespace tenure::recovery
