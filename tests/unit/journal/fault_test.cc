// Every call that reading the journal and making segments does fails once: what is said, and what is left.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/support/fault_sweep.h"
#include "tests/unit/journal/journal_fixture.h"

namespace tenure::journal {
namespace {

using tenure::testing::FailEveryCall;
using ::testing::EndsWith;
using ::testing::StartsWith;

class JournalFault : public JournalTest {
 protected:
  /// Two segments of the first epoch, one of the second; what is behind the seal between these is no data.
  void Fill() {
    Begin();
    Append(2, 3'000), Append(1, 3'000), Append(1, 3'000);
    Append();
    TakeOver(2, positions[2]);
    Append(3, 100), Append();
  }
  std::vector<std::string> Names() { return env.List(dir).value(); }
  /// All frames from wherever the reader stands.
  static Status ReadAllOf(Result<std::unique_ptr<Reader>> opened) {
    if (!opened.ok()) return std::move(opened).error();
    for (;;) {
      auto step = (*opened)->Next(kAll, 0);
      if (!step.ok()) return std::move(step).error();
      if (step->stop != Stop::kFrame) return {};
    }
  }
};

TEST_F(JournalFault, AReaderPassesOnWhatItCouldNotRead) {
  Fill();
  const model::JournalPosition middle = positions[1];
  const auto nothing = [](const Status&, const std::string&) {};
  const std::uint64_t calls = FailEveryCall(
      [&](base::Env& failing) { return ReadAllOf(Reader::OpenAtStart(failing, dir, store_id, 0)); }, nothing);
  EXPECT_GT(calls, 10u);
  FailEveryCall([&](base::Env& failing) { return ReadAllOf(Reader::Open(failing, dir, store_id, middle, 0)); },
                nothing);
  for (Lsn lsn = 1; lsn <= 8; ++lsn) {
    FailEveryCall([&](base::Env& failing) { return ReadAllOf(Reader::OpenAtLsn(failing, dir, store_id, lsn, 0, 0)); },
                  nothing);
  }
}

TEST_F(JournalFault, ASurveyOfTheTailPassesOnWhatItCouldNotRead) {
  Fill();
  const LiveSegment newest = ReadChain(env, dir, store_id, 0).value().segments.back();
  // Behind the first frame: the second one is a later frame.
  const model::JournalPosition at = positions[positions.size() - 2];
  FailEveryCall(
      [&](base::Env& failing) -> Status {
        auto survey = SurveyTail(failing, newest, at);
        if (!survey.ok()) return std::move(survey).error();
        return {};
      },
      [](const Status&, const std::string&) {});
  model::JournalPosition start = StartOf(newest.header);
  FailEveryCall(
      [&](base::Env& failing) -> Status {
        auto survey = SurveyTail(failing, newest, start);
        if (!survey.ok()) return std::move(survey).error();
        EXPECT_TRUE(survey->later_frame);
        return {};
      },
      [](const Status&, const std::string&) {});
}

/// A segment has its name only when it is whole; a spare that was claimed for it is not lost among the named ones.
TEST_F(JournalFault, ASegmentIsNamedWholeOrNotAtAll) {
  Begin();
  const model::JournalPosition end = Append();
  SegmentHeader header = HeaderAfter(store_id, {2, 1}, end);
  header.capacity = 8192;
  for (const bool with_spare : {false, true}) {
    FailEveryCall(
        [&](base::Env& failing) -> Status {
          SegmentFactory made_of(failing, dir);
          auto made = made_of.Create(header, 8192);
          return made.ok() ? Status() : Status(std::move(made).error());
        },
        [&](const Status& answer, const std::string& path) {
          const bool named = env.Exists(Path(2, 1)).value();
          EXPECT_TRUE(named || !answer.ok()) << path;
          if (named) {
            const auto chain = ReadChain(env, dir, store_id, 0);
            ASSERT_TRUE(chain.ok()) << path << ": " << chain.error().message;
            EXPECT_EQ(chain->segments.size(), 2u);
            EXPECT_EQ(chain->segments.back().header.first_lsn, 2u);
            EXPECT_TRUE(env.Remove(Path(2, 1)).ok());
          }
          EXPECT_TRUE(factory.RemoveLeftovers().ok());
          if (with_spare && !factory.HasSpare(8192).value()) Spare();
        });
    Spare();
  }
}

TEST_F(JournalFault, ASpareThatFailsLeavesNothing) {
  Begin();
  // More than are kept: the surplus is removed, which may fail as well.
  Spare(8192), Spare(16384);
  const auto before = Names();
  FailEveryCall([&](base::Env& failing) { return SegmentFactory(failing, dir).PrepareSpare(32768, nullptr); },
                [&](const Status&, const std::string& path) {
                  for (const std::string& name : Names()) {
                    EXPECT_THAT(name, ::testing::AnyOf(StartsWith("spare-"), EndsWith(".seg"))) << path;
                    if (name.starts_with("spare-")) {
                      EXPECT_TRUE(env.Remove(dir + "/" + name).ok());
                    }
                  }
                  Spare(8192), Spare(16384);
                });
  EXPECT_EQ(Names().size(), before.size());
  FailEveryCall([&](base::Env& failing) { return SegmentFactory(failing, dir).RemoveLeftovers(); },
                [&](const Status&, const std::string&) { WriteAll(dir + "/making-aa", base::Bytes(4096)); });
}

/// A file that is listed and then not there was trimmed, or taken, by somebody else meanwhile: no failure where it is
/// not needed, and never one of the disk.
class GoneMeanwhile : public JournalFault {
 protected:
  void LoseWhenOpened(const std::string& part) {
    env.fault = [part](Call call, const std::string& path) -> Status {
      if (call == Call::kOpen && path.find(part) != std::string::npos)
        return base::MakeError(ErrorCode::kNotFound, path);
      return {};
    };
  }
};

TEST_F(GoneMeanwhile, AnOldSegmentMattersOnlyBelowTheCheckpoint) {
  Begin();
  Append(2);
  TakeOver(2, positions[0]);
  Append();
  LoseWhenOpened(SegmentFileName({1, 1}));
  const auto covered = ReadChain(env, dir, store_id, 2);
  ASSERT_TRUE(covered.ok()) << covered.error().message;
  EXPECT_EQ(covered->segments.size(), 1u);
  const auto needed = ReadChain(env, dir, store_id, 1);
  ASSERT_FALSE(needed.ok());
  EXPECT_EQ(needed.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(needed.error().lsn, 2u);
  EXPECT_NE(needed.error().message.find("there is no " + Path(1, 1) + ", and no checkpoint covers LSN 2"),
            std::string::npos)
      << needed.error().message;
  LoseWhenOpened(SegmentFileName({2, 1}));
  EXPECT_EQ(ReadChain(env, dir, store_id, 2).error().code, ErrorCode::kNotFound)
      << "the newest one is nobody's to trim";
}

/// Sealed and trimmed between the look at the directory and the look at it: a second look finds its successor.
TEST_F(GoneMeanwhile, TheNewestOneWasSealedAndTrimmed) {
  Begin();
  Append(2);
  env.fault = [&](Call call, const std::string& path) -> Status {
    if (call != Call::kOpen || path != Path(1, 1)) return {};
    env.fault = nullptr;
    TakeOver(2, positions[0]);
    std::filesystem::remove(Path(1, 1));
    return {};
  };
  const auto chain = ReadChain(env, dir, store_id, 2);
  ASSERT_TRUE(chain.ok()) << chain.error().message;
  ASSERT_EQ(chain->segments.size(), 1u);
  EXPECT_EQ(chain->segments[0].path, Path(2, 1));
}

/// What checkpoints cover is asked behind the look at the directory, and only when something is missing.
TEST_F(GoneMeanwhile, WhatCheckpointsCoverIsAskedAfterwards) {
  Begin();
  Append(2);
  TakeOver(2, positions[0]);
  Append();
  Lsn covered = 0;
  int asked = 0;
  const TrimmedBelow trimmed = std::function<Result<Lsn>()>([&]() -> Result<Lsn> { return ++asked, covered; });
  ASSERT_TRUE(ReadChain(env, dir, store_id, trimmed).ok());
  EXPECT_EQ(asked, 0);
  env.fault = [&](Call call, const std::string&) -> Status {
    if (call == Call::kList) covered = 2, std::filesystem::remove(Path(1, 1));
    return {};
  };
  const auto chain = ReadChain(env, dir, store_id, trimmed);
  ASSERT_TRUE(chain.ok()) << chain.error().message;
  EXPECT_EQ(chain->segments.size(), 1u);
  EXPECT_EQ(asked, 1);
  covered = 1;
  env.fault = nullptr;
  EXPECT_EQ(ReadChain(env, dir, store_id, trimmed).error().code, ErrorCode::kCorruption);
  EXPECT_TRUE(ReadChain(env, dir, store_id, trimmed.AtLeast(2)).ok());
}

TEST_F(GoneMeanwhile, ASpareIsAnotherOnes) {
  Spare(8192);
  LoseWhenOpened("/spare-");
  const auto there = factory.HasSpare(8192);
  ASSERT_TRUE(there.ok()) << there.error().message;
  EXPECT_FALSE(*there);
}

TEST_F(GoneMeanwhile, WhatWasToBeRemovedIsRemoved) {
  Spare(8192), Spare(16384);
  WriteAll(dir + "/making-aa", base::Bytes(4096));
  env.fault = [](Call call, const std::string& path) -> Status {
    return call == Call::kRemove ? Status(base::MakeError(ErrorCode::kNotFound, path)) : Status();
  };
  EXPECT_TRUE(factory.RemoveLeftovers().ok());
  EXPECT_TRUE(factory.PrepareSpare(32768, nullptr).ok()) << "the surplus one was removed by somebody else";
}

TEST_F(JournalFault, ASpareIsNotBegunWhenNobodyWaitsForIt) {
  Spare(8192);
  ASSERT_TRUE(factory.PrepareSpare(8192, [] { return true; }).ok()) << "there is one";
  ASSERT_TRUE(factory.PrepareSpare(16384, [] { return true; }).ok());
  EXPECT_FALSE(factory.HasSpare(16384).value());
  ASSERT_TRUE(factory.PrepareSpare(16384, [] { return false; }).ok());
  EXPECT_TRUE(factory.HasSpare(16384).value());
}

/// On a full disk the failure of the clean-up is told: it names what could not be removed.
TEST_F(JournalFault, AFullDiskThatCannotBeCleanedUp) {
  Begin();
  WriteAll(dir + "/making-aa", base::Bytes(4096));
  env.fault = [](Call call, const std::string& path) -> Status {
    if (call == Call::kAllocate) return base::MakeError(ErrorCode::kNoSpace, path);
    if (call == Call::kRemove && path.ends_with("making-aa")) return base::MakeError(ErrorCode::kIo, path);
    return {};
  };
  const auto made = factory.Create(HeaderAfter(store_id, {2, 1}, StartOf(writer->segment().header)), 8192);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, ErrorCode::kIo);
  EXPECT_EQ(made.error().message, dir + "/making-aa");
}

class SwitchFault : public JournalFault {
 protected:
  /// The next append needs a new segment.
  void SetUp() override {
    Begin();
    Append(1, 3'500);
    batch = MakeBatch(1, 3'500);
  }
  Batch batch;
};

TEST_F(SwitchFault, ASealThatMayHaveItsNamePoisons) {
  // Full, and nobody can say whether the successor is there.
  env.fault = [](Call call, const std::string& path) -> Status {
    return call == Call::kSyncDir ? Status(base::MakeError(ErrorCode::kNoSpace, path)) : Status();
  };
  EXPECT_EQ(writer->Append(batch).error().code, ErrorCode::kNoSpace);
  EXPECT_TRUE(writer->poisoned());
}

TEST_F(SwitchFault, ANewSegmentThatCannotBeOpenedPoisons) {
  const std::string next = SegmentFileName({1, 2});
  env.fault = [&next](Call call, const std::string& path) -> Status {
    return call == Call::kOpen && path.ends_with(next) ? Status(base::MakeError(ErrorCode::kIo, path)) : Status();
  };
  const auto failed = writer->Append(batch);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::kIo);
  EXPECT_NE(failed.error().message.find(next), std::string::npos);
  EXPECT_TRUE(writer->poisoned()) << "the old one is sealed, and there is nowhere to go on";
  env.fault = nullptr;
  EXPECT_EQ(writer->Append(batch).error().code, ErrorCode::kOutcomeUnknown);
  const auto chain = ReadChain(env, dir, store_id, 0);
  ASSERT_TRUE(chain.ok()) << chain.error().message;
  TakeOver(2, StartOf(chain->segments.back().header));
  Append();
  EXPECT_EQ(ReadContents(kAll, 2)->frames.size(), 2u) << "a successor goes on behind what was acknowledged";
}

TEST_F(SwitchFault, HalfAFrameIsNone) {
  int writes = 0;
  TakeOver(2, positions[0]);
  env.fault = [&writes](Call call, const std::string& path) -> Status {
    return call == Call::kWrite && ++writes == 2 ? Status(base::MakeError(ErrorCode::kIo, path)) : Status();
  };
  Batch torn = MakeBatch(1);
  const auto failed = writer->Append(torn);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::kOutcomeUnknown);
  EXPECT_EQ(failed.error().lsn, 2u);
  env.fault = nullptr;
  EXPECT_EQ(ReadContents(kAll, 1)->frames.size(), 1u);
}

TEST_F(SwitchFault, AWriterThatCannotOpenItsFileSaysSo) {
  env.fault = [](Call call, const std::string& path) -> Status {
    return call == Call::kOpen ? Status(base::MakeError(ErrorCode::kIo, path)) : Status();
  };
  EXPECT_EQ(Writer::Open(env, factory, writer->segment(), writer->position()).error().code, ErrorCode::kIo);
}

/// A reader that stands in a segment hears of the next one from the directory: what is wrong there is what it says.
TEST_F(JournalFault, ASuccessorThatIsDamagedOrContradictsIsCorruption) {
  Begin();
  Append();
  auto reader = FromStart().value();
  ASSERT_TRUE(reader->Next(1, 1).ok());
  WriteAll(Path(2, 1), base::Bytes(4096, std::byte{0x33}));
  auto step = reader->Next(kAll, 0);
  ASSERT_FALSE(step.ok());
  EXPECT_EQ(step.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(step.error().path, Path(2, 1));
  ASSERT_TRUE(env.Remove(Path(2, 1)).ok());

  // It read LSN 2 before that was published; the successor's LSN 2 is another transaction.
  Append();
  ASSERT_TRUE(reader->Next(kAll, 0).ok());
  TakeOver(2, positions[0]);
  Append(1, 0, 9);
  step = reader->Next(kAll, 0);
  ASSERT_FALSE(step.ok());
  EXPECT_EQ(step.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(step.error().lsn, 2u);
}

TEST_F(JournalFault, ABorderOfAnotherHistoryIsNotThisOnes) {
  Begin();
  Append();
  TakeOver(2, positions[0]);
  Append();
  model::JournalPosition elsewhere = positions[0];
  elsewhere.segment = {7, 1};
  EXPECT_TRUE(From(elsewhere).ok()) << "found by its LSN";
  elsewhere.chain[0] ^= std::byte{1};
  const auto refused = From(elsewhere);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorruption);
  EXPECT_NE(refused.error().message.find("the segment begins behind another frame: LSN 1"), std::string::npos)
      << refused.error().message;
  model::JournalPosition header = positions[0];
  header.offset = 8;
  EXPECT_EQ(From(header).error().code, ErrorCode::kCorruption) << "inside the segment's header no frame ends";
}

TEST_F(JournalFault, ATailIsSurveyedOnlyFromWhereAFrameMayEnd) {
  Begin();
  Append();
  const LiveSegment segment = writer->segment();
  model::JournalPosition at = positions[0];
  at.offset += 4;
  EXPECT_EQ(SurveyTail(env, segment, at).error().code, ErrorCode::kInternal);
  at = positions[0];
  at.segment = {3, 1};
  EXPECT_EQ(SurveyTail(env, segment, at).error().code, ErrorCode::kInternal);
  EXPECT_STREQ(FrameFaultText(FrameFault::kNone), "the frame is sound");
}

}  // namespace
}  // namespace tenure::journal
