#include "store/recovery/verify.h"

#include <gmock/gmock.h>

#include "store/base/failpoint.h"
#include "store/base/hash.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

class VerifyTest : public ::testing::Test {
 protected:
  ~VerifyTest() override { base::SetSeededBug(""); }
  VerifyReport Run(const VerifyOptions& options = {}) { return Must(Verify(store.env(), store.layout(), options)); }
  VerifyReport RunJournal(Lsn durable) {
    VerifyOptions options;
    options.index = false;
    options.durable = durable;
    return Run(options);
  }
  static std::string Messages(const VerifyReport& report) {
    std::string text;
    for (const Error& problem : report.problems) text += problem.message + "\n";
    for (const std::string& warning : report.warnings) text += "warning: " + warning + "\n";
    return text;
  }
  HandMadeStore store;
};

TEST_F(VerifyTest, ASoundStoreHasNoProblemsAndItsFiguresAreRight) {
  store.Put("a", "1").Put("b", "1", "req-1").SetTag("a", "prod", "1");
  store.Commit();
  store.CommitPuts(5);
  store.NewEpoch();
  store.Delete("b", "1");
  store.Commit();
  store.ApplyIndex();
  store.MakeCheckpoint();
  VerifyOptions options;
  options.deep = true;
  const VerifyReport report = Run(options);
  EXPECT_TRUE(report.ok()) << Messages(report);
  EXPECT_THAT(report.warnings, IsEmpty());
  EXPECT_EQ(report.segments, 2u);
  EXPECT_EQ(report.frames, 7u);
  EXPECT_EQ(report.transactions, 9u);
  EXPECT_EQ(report.effects, 9u);
  EXPECT_EQ(report.first_lsn, 1u);
  EXPECT_EQ(report.last_lsn, 9u);
  EXPECT_EQ(report.applied_lsn, 9u);
  EXPECT_EQ(report.chain_head, base::Hex(store.position().chain));
  EXPECT_EQ(report.state_hash, base::Hex(store.At(9).Hash()));
  EXPECT_TRUE(report.state_hash_checked);
  EXPECT_EQ(report.index_path, store.index_path());
}

TEST_F(VerifyTest, AnEmptyStoreIsSound) {
  const VerifyReport without = Run();
  EXPECT_TRUE(without.ok()) << Messages(without);
  EXPECT_THAT(without.warnings, Contains(HasSubstr("there is no index")));
  store.ApplyIndex();
  const VerifyReport with = Run();
  EXPECT_TRUE(with.ok()) << Messages(with);
  EXPECT_EQ(with.last_lsn, 0u);
}

TEST_F(VerifyTest, AnyFlippedByteOfHeaderOrFrameIsNamedWithSegmentAndOffset) {
  store.CommitPuts(3);
  store.NewEpoch();
  store.CommitPuts(3);
  const Lsn durable = store.last_lsn();
  store.Close();
  std::vector<HandMadeStore::FramePlace> places = store.frames();
  for (const std::string& path : {store.frames().front().path, store.frames().back().path}) {
    places.push_back({path, 0, journal::kSegmentHeaderBytes, 0, 0});
  }
  for (const auto& place : places) {
    for (std::uint64_t at = place.offset; at < place.end; ++at) {
      HandMadeStore::Flip(place.path, at, 1u << (at % 8));
      const VerifyReport report = RunJournal(durable);
      const auto named = AllOf(Field(&Error::path, place.path), Field(&Error::offset, Optional(place.offset)));
      ASSERT_THAT(report.problems, Contains(named)) << place.path << " byte " << at << "\n" << Messages(report);
      ASSERT_THAT(report.problems, Each(Field(&Error::code, ErrorCode::kCorruption)));
      HandMadeStore::Flip(place.path, at, 1u << (at % 8));
    }
  }
  EXPECT_TRUE(RunJournal(durable).ok());
}

TEST_F(VerifyTest, TruncationAtEveryLengthIsAProblem) {
  store.CommitPuts(4);
  const Lsn durable = store.last_lsn();
  const std::string path = store.SegmentPath();
  store.Close();
  const base::Bytes whole = HandMadeStore::Read(path);
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += bytes < 8192 ? 61 : 4093) {
    HandMadeStore::Edit(path, [&](base::Bytes& content) { content.resize(bytes); });
    const VerifyReport report = RunJournal(durable);
    EXPECT_FALSE(report.ok()) << bytes;
    EXPECT_THAT(report.problems, Contains(Field(&Error::path, path))) << bytes;
    HandMadeStore::Edit(path, [&](base::Bytes& content) { content = whole; });
  }
}

TEST_F(VerifyTest, GoesOnBehindDamageAndNamesAllOfIt) {
  store.CommitPuts(6);
  store.NewEpoch();
  store.CommitPuts(6);
  store.NewEpoch();
  store.CommitPuts(2);
  store.Close();
  for (const std::size_t i : {1u, 3u, 8u}) HandMadeStore::Flip(store.frames()[i].path, store.frames()[i].offset + 170);
  const VerifyReport report = RunJournal(14);
  ASSERT_THAT(report.problems, SizeIs(3)) << Messages(report);
  for (std::size_t n = 0; n < 3; ++n) {
    const auto& place = store.frames()[std::array{1u, 3u, 8u}[n]];
    EXPECT_EQ(report.problems[n].path, place.path);
    EXPECT_EQ(report.problems[n].offset, place.offset);
  }
  EXPECT_EQ(report.frames, 11u);
  EXPECT_EQ(report.last_lsn, 14u);
}

TEST_F(VerifyTest, ADamagedHeaderDoesNotHideWhatLiesAroundIt) {
  store.CommitPuts(2);
  store.NewEpoch();
  store.CommitPuts(2);
  const std::string middle = store.SegmentPath();
  store.NewEpoch();
  store.CommitPuts(2);
  store.Close();
  HandMadeStore::Flip(middle, 700);
  HandMadeStore::Flip(store.frames()[0].path, store.frames()[0].offset + 170);
  const VerifyReport report = RunJournal(6);
  EXPECT_THAT(report.problems, Contains(AllOf(Field(&Error::path, middle), Field(&Error::offset, Optional(0u)))));
  EXPECT_THAT(report.problems, Contains(AllOf(Field(&Error::path, store.frames()[0].path),
                                              Field(&Error::offset, Optional(store.frames()[0].offset)))));
  EXPECT_EQ(report.frames, 5u) << Messages(report);
}

TEST_F(VerifyTest, AMissingSegmentIsNamed) {
  store.CommitPuts(2);
  const std::string first = store.SegmentPath();
  store.NewEpoch();
  store.CommitPuts(2);
  store.Close();
  Must(store.env().Remove(first));
  const VerifyReport report = RunJournal(4);
  EXPECT_THAT(report.problems, Contains(Field(&Error::message, HasSubstr("missing")))) << Messages(report);
}

/// Of each kind of wrong header, with what is around it: the rest of the journal is read all the same.
TEST_F(VerifyTest, EachThingThatIsWrongWithASegmentIsSaid) {
  store.CommitPuts(2);
  store.NewEpoch();
  store.CommitPuts(2);
  const std::string middle = store.SegmentPath();
  store.NewEpoch();
  store.CommitPuts(2);
  const std::string newest = store.SegmentPath();
  store.Close();
  const base::Bytes sound = HandMadeStore::Read(middle), last = HandMadeStore::Read(newest);
  const auto mend = [](base::Bytes& bytes) {
    base::StoreLe(&bytes[journal::segment_at::kCrc],
                  base::Crc32c(base::ByteView(bytes).first(journal::segment_at::kCrc)));
  };
  const auto check = [&](const std::string& path, const std::function<void(base::Bytes&)>& edit, const char* says) {
    HandMadeStore::Edit(path, edit);
    const VerifyReport report = RunJournal(6);
    EXPECT_THAT(report.problems, Contains(AllOf(Field(&Error::path, path), Field(&Error::message, HasSubstr(says)))))
        << Messages(report);
    HandMadeStore::Edit(middle, [&](base::Bytes& bytes) { bytes = sound; });
    HandMadeStore::Edit(newest, [&](base::Bytes& bytes) { bytes = last; });
    return report;
  };
  check(
      middle,
      [&](base::Bytes& bytes) {
        bytes[journal::segment_at::kStoreId] ^= std::byte{1};
        mend(bytes);
      },
      "the segment belongs to another store");
  check(
      middle,
      [&](base::Bytes& bytes) {
        bytes[journal::segment_at::kOrdinal] = std::byte{9};
        mend(bytes);
      },
      "the segment's header calls it ");
  check(
      middle, [](base::Bytes& bytes) { bytes.resize(journal::kSegmentHeaderBytes + 8); },
      "the file is shorter than its sealed length");
  check(
      middle, [](base::Bytes& bytes) { bytes.resize(100); }, "the file ends within the segment header");
  check(
      newest, [](base::Bytes& bytes) { bytes.resize(100); }, "the file ends within the segment header");
  check(
      newest,
      [&](base::Bytes& bytes) {
        bytes[journal::segment_at::kPrevEpoch] = std::byte{0x77};
        mend(bytes);
      },
      "the segment's predecessor is not older than itself");
  // A newer format is nothing to repair.
  HandMadeStore::Edit(middle, [&](base::Bytes& bytes) {
    bytes[journal::segment_at::kVersion] = std::byte{99};
    mend(bytes);
  });
  EXPECT_EQ(Verify(store.env(), store.layout(), {}).error().code, ErrorCode::kUnsupported);
}

TEST_F(VerifyTest, AJournalThatBeginsTooLateIsSaid) {
  store.CommitPuts(2);
  store.NewEpoch();
  store.CommitPuts(2);
  const std::string newest = store.SegmentPath();
  store.Close();
  HandMadeStore::Edit(newest, [&](base::Bytes& bytes) {
    for (const std::size_t at :
         {journal::segment_at::kPrevEpoch, journal::segment_at::kPrevOrdinal, journal::segment_at::kPrevSealedBytes}) {
      base::StoreLe(&bytes[at], std::uint64_t{0});
    }
    base::StoreLe(&bytes[journal::segment_at::kCrc],
                  base::Crc32c(base::ByteView(bytes).first(journal::segment_at::kCrc)));
  });
  const VerifyReport report = RunJournal(4);
  EXPECT_THAT(Messages(report), HasSubstr("the journal before LSN 3 is missing, and no checkpoint covers it"));
}

/// Only a few of many rows that differ are named.
TEST_F(VerifyTest, ManyDifferencesAreCounted) {
  store.CommitPuts(40, 3);
  store.ApplyIndex();
  store.Close();
  Execute(store.index_path(), "UPDATE history SET writer = 'x'");
  VerifyOptions options;
  options.deep = true;
  const VerifyReport report = Run(options);
  EXPECT_EQ(report.problems.size(), 11u);
  EXPECT_THAT(Messages(report), HasSubstr("and 27 more of this kind"));
}

TEST_F(VerifyTest, AMendedChecksumDoesNotHideAnEdit) {
  store.CommitPuts(3);
  store.Close();
  const auto& place = store.frames()[1];
  HandMadeStore::Edit(place.path, [&](base::Bytes& bytes) {
    const auto header = Must(journal::DecodeSegmentHeader(base::ByteView(bytes).first(4096), place.path));
    journal::FrameHeader frame;
    ASSERT_EQ(
        journal::CheckFrameHeader(base::ByteView(bytes).subspan(place.offset), header.id.epoch, header.salt, frame),
        journal::FrameFault::kNone);
    base::Bytes payload(
        bytes.begin() + static_cast<std::ptrdiff_t>(place.offset + journal::kFrameHeaderBytes),
        bytes.begin() + static_cast<std::ptrdiff_t>(place.offset + journal::kFrameHeaderBytes) + frame.payload_bytes);
    payload[8] ^= std::byte{1};
    // As an editor would who knows the format, but cannot rewrite the frames behind.
    journal::EncodeFrame(frame, payload, header.salt, std::span(bytes).subspan(place.offset, place.end - place.offset));
  });
  const VerifyReport report = RunJournal(3);
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(report.problems, Contains(Field(&Error::path, place.path)));
}

TEST_F(VerifyTest, ATornTailIsAWarningUnlessSomebodySawIt) {
  store.CommitPuts(4);
  store.ApplyIndex();
  store.CommitPuts(1);
  const auto place = store.frames().back();
  store.Close();
  HandMadeStore::Flip(place.path, place.offset + 165);
  VerifyReport report = Run();
  EXPECT_TRUE(report.ok()) << Messages(report);
  EXPECT_EQ(report.last_lsn, 4u);
  EXPECT_THAT(report.warnings,
              Contains(AllOf(HasSubstr(place.path), HasSubstr("offset " + std::to_string(place.offset)))));
  VerifyOptions options;
  options.durable = 5;
  report = Run(options);
  EXPECT_THAT(report.problems,
              Contains(AllOf(Field(&Error::path, place.path), Field(&Error::offset, Optional(place.offset)),
                             Field(&Error::message, HasSubstr("LSN 5")))));
}

TEST_F(VerifyTest, AnIndexAheadOfItsJournalIsCorruption) {
  store.CommitPuts(6);
  store.ApplyIndex();
  store.Close();
  const auto fifth = store.frames()[4];
  HandMadeStore::Edit(fifth.path, [&](base::Bytes& bytes) {
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(fifth.offset), bytes.end(), std::byte{0});
  });
  const VerifyReport report = Run();
  EXPECT_THAT(report.problems,
              Contains(AllOf(Field(&Error::path, fifth.path), Field(&Error::offset, Optional(fifth.offset)))));
  EXPECT_THAT(
      report.problems,
      Contains(Field(&Error::message, HasSubstr("the index is ahead of its journal: 2 transactions are missing"))));
}

TEST_F(VerifyTest, SeededBugVerifySkipsLastFrameIsCaught) {
  store.CommitPuts(3);
  store.Close();
  HandMadeStore::Flip(store.frames()[2].path, store.frames()[2].offset + 165);
  EXPECT_FALSE(RunJournal(3).ok());
  base::SetSeededBug("verify_skips_last_frame");
  EXPECT_TRUE(RunJournal(3).ok()) << "the defect must make this test's own assertion fail";
}

TEST_F(VerifyTest, BytesBehindADurableLsnAreOnlyWarnedOf) {
  store.CommitPuts(5);
  store.Close();
  const VerifyReport report = RunJournal(3);
  EXPECT_TRUE(report.ok()) << Messages(report);
  EXPECT_EQ(report.last_lsn, 3u);
  EXPECT_THAT(report.warnings, Contains(HasSubstr("offset " + std::to_string(store.frames()[3].offset))));
}

TEST_F(VerifyTest, WarnsOfOrphansAndSetAsideTails) {
  store.CommitPuts(2);
  const std::string sealed = store.SegmentPath();
  const std::uint64_t sealed_at = store.position().offset;
  // A zombie's frame behind the seal, and a segment that lost the race for being the successor.
  store.Scribble(base::Bytes(24, std::byte{0x5a}));
  journal::SegmentFactory factory(store.env(), store.layout().journal());
  const auto orphan =
      Must(factory.Create(journal::HeaderAfter(store.config().journal_id, {1, 7}, store.position()), 64 * 1024));
  store.NewEpoch();
  store.CommitPuts(2);
  store.Close();
  const VerifyReport report = RunJournal(4);
  EXPECT_TRUE(report.ok()) << Messages(report);
  EXPECT_EQ(report.orphan_segments, 1u);
  EXPECT_THAT(report.warnings, Contains(HasSubstr(orphan.path)));
  EXPECT_THAT(report.warnings, Contains(AllOf(HasSubstr(sealed), HasSubstr("offset " + std::to_string(sealed_at)))));
}

TEST_F(VerifyTest, FindsChangedLostAndInventedRows) {
  const char* const edits[] = {"UPDATE entry SET annotations = '{\"n\":99}' WHERE name = 'lib/a2'",
                               "DELETE FROM entry WHERE name = 'lib/a1'",
                               "INSERT INTO tag VALUES (77, 'lib/a1', 'prod', '1.0', 1, 'x', 1, 1, 0)",
                               "UPDATE meta SET state_hash = '00000000000000000000000000000001'",
                               "DELETE FROM request",
                               "UPDATE entry SET deleted = 1 WHERE name = 'lib/a3'"};
  for (const char* const edit : edits) {
    HandMadeStore mine;
    mine.CommitPuts(5);
    mine.Put("r", "1", "req");
    mine.Commit();
    mine.ApplyIndex();
    mine.Close();
    Execute(mine.index_path(), edit);
    const VerifyReport report = Must(Verify(mine.env(), mine.layout(), {}));
    EXPECT_THAT(report.problems, Contains(AllOf(Field(&Error::path, mine.index_path()),
                                                Field(&Error::message, HasSubstr("state hash")))))
        << edit;
  }
}

TEST_F(VerifyTest, AnEditWhoseStateHashWasMendedIsFoundAgainstTheJournal) {
  store.CommitPuts(5);
  store.ApplyIndex();
  store.Close();
  Execute(store.index_path(), "UPDATE entry SET writer = 'somebody else' WHERE name = 'lib/a2'");
  const auto reader = Must(index::IndexReader::Open(store.index_path()));
  Execute(store.index_path(), "UPDATE meta SET state_hash = '" + base::Hex(Must(reader->ComputeStateHash())) + "'");
  const VerifyReport report = Run();
  EXPECT_THAT(report.problems, Contains(AllOf(Field(&Error::path, store.index_path()),
                                              Field(&Error::message, HasSubstr("the journal")))));
}

TEST_F(VerifyTest, AnIndexOfAnotherHistoryIsFound) {
  store.CommitPuts(5);
  store.ApplyIndex();
  store.Close();
  Execute(store.index_path(), "UPDATE meta SET chain = '" + std::string(64, 'a') + "'");
  EXPECT_THAT(Run().problems, Contains(Field(&Error::message, HasSubstr("chain hash"))));
  Execute(store.index_path(), "UPDATE meta SET store_id = '" + std::string(32, 'b') + "'");
  EXPECT_THAT(Run().problems, Contains(Field(&Error::message, HasSubstr("index is of journal"))));
}

TEST_F(VerifyTest, AnUnreadableIndexIsAProblemWithItsPath) {
  store.CommitPuts(5);
  store.ApplyIndex();
  store.Close();
  HandMadeStore::Edit(store.index_path(),
                      [](base::Bytes& bytes) { std::fill(bytes.begin(), bytes.begin() + 100, std::byte{7}); });
  const VerifyReport report = Run();
  EXPECT_THAT(report.problems, Contains(Field(&Error::path, store.index_path()))) << Messages(report);
}

TEST_F(VerifyTest, DeepFindsAChangedHistoryRowAndNamesItsKey) {
  for (int i = 0; i < 3; ++i) {
    store.Put("app", "1.0");
    store.Commit();
  }
  store.ApplyIndex();
  store.Close();
  Execute(store.index_path(), "UPDATE history SET writer = 'somebody else' WHERE revision = 2");
  EXPECT_TRUE(Run().ok()) << "history is no part of the state hash";
  VerifyOptions deep;
  deep.deep = true;
  const VerifyReport report = Run(deep);
  EXPECT_THAT(report.problems, Contains(Field(&Error::message, HasSubstr("app:1.0 revision 2"))));
  for (const std::string& name : Must(store.env().List(store.layout().root))) {
    EXPECT_EQ(name.find("verify-"), std::string::npos) << "left behind: " << name;
  }
}

TEST_F(VerifyTest, ADamagedCheckpointIsAProblem) {
  store.CommitPuts(50);
  const Checkpoint checkpoint = store.MakeCheckpoint();
  store.Close();
  Execute(checkpoint.path, "PRAGMA journal_mode = DELETE; DELETE FROM entry WHERE name = 'lib/a1'");
  EXPECT_THAT(Run().problems, Contains(Field(&Error::path, checkpoint.path)));
}

TEST_F(VerifyTest, KnowsAnExpectedHead) {
  store.CommitPuts(3);
  const std::string third = base::Hex(store.position().chain);
  store.CommitPuts(3);
  VerifyOptions options;
  for (const std::string& head : {third, "3:" + third, base::Hex(store.position().chain)}) {
    options.expect_head = head;
    EXPECT_TRUE(Run(options).ok()) << head;
  }
  for (const std::string& head : {"4:" + third, std::string(64, '0')}) {
    options.expect_head = head;
    EXPECT_THAT(Run(options).problems, Contains(Field(&Error::message, HasSubstr("does not occur")))) << head;
  }
  for (const std::string& head : {std::string("x:") + third, third.substr(1), std::string(":"), std::string()}) {
    options.expect_head = head;
    const auto refused = Verify(store.env(), store.layout(), options);
    ASSERT_FALSE(refused.ok()) << head;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST_F(VerifyTest, ATrimmedJournalIsSoundWithItsCheckpointOnly) {
  store.CommitPuts(5);
  store.NewEpoch();
  store.CommitPuts(5);
  const Checkpoint checkpoint = store.MakeCheckpoint();
  store.TrimJournal(checkpoint.lsn);
  store.CommitPuts(2);
  store.ApplyIndex();
  store.Close();
  VerifyOptions deep;
  deep.deep = true;
  const VerifyReport report = Run(deep);
  EXPECT_TRUE(report.ok()) << Messages(report);
  EXPECT_EQ(report.first_lsn, 6u);
  Must(store.env().Remove(checkpoint.path));
  EXPECT_FALSE(Run().ok());
}

TEST_F(VerifyTest, ChangesNothing) {
  store.CommitPuts(3);
  store.ApplyIndex();
  store.Scribble(base::Bytes(40, std::byte{1}));
  store.Close();
  const auto snapshot = [&] {
    std::map<std::string, base::Bytes> files;
    for (const std::string& dir : {store.layout().journal(), store.layout().checkpoints()}) {
      for (const std::string& name : Must(store.env().List(dir))) files[name] = HandMadeStore::Read(dir + "/" + name);
    }
    files["index"] = HandMadeStore::Read(store.index_path());
    return files;
  };
  const auto before = snapshot();
  (void)Run();
  EXPECT_EQ(snapshot(), before);
}

TEST_F(VerifyTest, ProgressGrowsToItsTotalAndCanInterrupt) {
  store.CommitPuts(5);
  store.ApplyIndex();
  VerifyOptions options;
  std::uint64_t last = 0, total = 0;
  options.progress = [&](std::uint64_t done, std::uint64_t of) {
    EXPECT_GE(done, last);
    EXPECT_LE(done, of);
    last = done;
    total = of;
    return true;
  };
  EXPECT_TRUE(Run(options).ok());
  EXPECT_EQ(last, total);
  options.progress = [](std::uint64_t, std::uint64_t) { return false; };
  const auto interrupted = Verify(store.env(), store.layout(), options);
  ASSERT_FALSE(interrupted.ok());
  EXPECT_EQ(interrupted.error().code, ErrorCode::kClosed);
}

TEST_F(VerifyTest, ADamagedConfigIsAProblemWithOffset) {
  HandMadeStore::Flip(store.layout().config(), 0);
  const VerifyReport report = Run();
  EXPECT_THAT(report.problems,
              Contains(AllOf(Field(&Error::path, store.layout().config()), Field(&Error::offset, Optional(0u)))));
}

}  // namespace
}  // namespace tenure::recovery
