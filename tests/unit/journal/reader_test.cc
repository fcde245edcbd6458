#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "tests/unit/journal/journal_fixture.h"

namespace tenure::journal {
namespace {

using ::testing::HasSubstr;

class ReaderTest : public JournalTest {
 protected:
  /// Calls Next until it gives no frame; the LSNs of the frames' ends.
  std::vector<Lsn> Drain(Reader& reader, Lsn limit, Stop expected) {
    std::vector<Lsn> ends;
    for (;;) {
      auto step = reader.Next(limit, limit == kAll ? 0 : limit);
      EXPECT_TRUE(step.ok()) << (step.ok() ? "" : step.error().message);
      if (!step.ok()) return ends;
      if (step->stop != Stop::kFrame) {
        EXPECT_EQ(step->stop, expected);
        return ends;
      }
      EXPECT_EQ(step->frame.txns.size(), step->frame.header.count);
      ends.push_back(step->frame.after.last_lsn);
    }
  }
  Error NextError(Reader& reader, Lsn limit) {
    auto step = reader.Next(limit, limit);
    EXPECT_FALSE(step.ok());
    return step.ok() ? Error{} : step.error();
  }
  /// Copies the frames behind `from` into the open segment of `writer`, as recovery rewrites a tail.
  void Rewrite(const model::JournalPosition& from, std::vector<std::uint64_t> salts) {
    TakeOver(from.segment.epoch + 1, from);
    for (const std::uint64_t salt : salts) Append(1, 0, salt);
  }
};

using Lsns = std::vector<Lsn>;

TEST_F(ReaderTest, StopsAtItsLimitAndGoesOn) {
  Begin();
  Append(), Append(2), Append();
  auto reader = FromStart().value();
  EXPECT_EQ(Drain(*reader, 0, Stop::kLimit), Lsns{});
  EXPECT_EQ(Drain(*reader, 1, Stop::kLimit), Lsns{1});
  EXPECT_EQ(Drain(*reader, 2, Stop::kLimit), Lsns{});  // the next frame ends at 3
  EXPECT_EQ(Drain(*reader, 3, Stop::kLimit), Lsns{3});
  EXPECT_EQ(Drain(*reader, kAll, Stop::kEnd), Lsns{4});
  EXPECT_EQ(reader->position(), positions.back());
}

TEST_F(ReaderTest, SeesWhatWasAppendedBehindItsReadAhead) {
  Begin();
  auto reader = FromStart().value();
  EXPECT_EQ(Drain(*reader, kAll, Stop::kEnd), Lsns{});  // buffers zeros
  for (int i = 0; i < 40; ++i) {
    if (i % 7 == 6) Spare();
    const Lsn lsn = Append(1, 300).last_lsn;
    ASSERT_EQ(Drain(*reader, lsn, Stop::kLimit), Lsns{lsn}) << i;
    ASSERT_EQ(reader->position().last_lsn, lsn);
    if (i % 3 == 0) {
      ASSERT_EQ(Drain(*reader, kAll, Stop::kEnd), Lsns{});
    }
  }
  EXPECT_GT(reader->chain().segments.size(), 3u);
}

TEST_F(ReaderTest, ReadsWhileAnotherThreadAppends) {
  constexpr Lsn kLast = 400;
  Begin();
  std::atomic<Lsn> durable{0};
  std::thread committer([&] {
    for (Lsn lsn = 0; lsn < kLast;) {
      if (lsn % 16 == 0) {
        EXPECT_TRUE(factory.PrepareSpare(8192, nullptr).ok());
      }
      Batch batch = MakeBatch(1, 200);
      auto after = writer->Append(batch);
      EXPECT_TRUE(after.ok());
      lsn = after.ok() ? after->last_lsn : kLast;
      durable.store(lsn, std::memory_order_release);
    }
  });
  auto reader = FromStart();
  Lsn seen = 0;
  while (reader.ok() && seen < kLast) {
    const Lsn limit = durable.load(std::memory_order_acquire);
    auto step = (*reader)->Next(limit, limit);
    EXPECT_TRUE(step.ok()) << (step.ok() ? "" : step.error().message);
    if (!step.ok()) break;
    if (step->stop == Stop::kFrame) {
      EXPECT_EQ(step->frame.after.last_lsn, ++seen);
    } else {
      EXPECT_EQ(step->stop, Stop::kLimit);
      std::this_thread::yield();
    }
  }
  committer.join();
  EXPECT_EQ(seen, kLast);
}

TEST_F(ReaderTest, LooksForASuccessorOncePerLimit) {
  Begin(1 << 16);
  for (int i = 0; i < 50; ++i) Append();
  auto reader = FromStart().value();
  const int lists = env.count(Call::kList);
  EXPECT_EQ(Drain(*reader, 50, Stop::kLimit).size(), 50u);
  EXPECT_EQ(env.count(Call::kList), lists + 1);
}

TEST_F(ReaderTest, AFrameLargerThanTheReadAheadIsWhole) {
  Begin(8192);
  Append(), Append(1, 3 << 20), Append();
  auto reader = FromStart().value();
  EXPECT_EQ(Drain(*reader, 3, Stop::kLimit), (Lsns{1, 2, 3}));
  // And the place behind it is found backwards, over its whole length.
  reader = From(positions[1]).value();
  EXPECT_EQ(reader->position(), positions[1]);
  EXPECT_EQ(Drain(*reader, 3, Stop::kLimit), Lsns{3});
}

TEST_F(ReaderTest, OpensBehindEveryFrame) {
  Begin();
  for (int i = 0; i < 12; ++i) {
    if (i == 4 || i == 8) Spare();
    Append(1 + i % 3, 600);
  }
  const Lsn last = positions.back().last_lsn;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    auto reader = From(positions[i]);
    ASSERT_TRUE(reader.ok()) << reader.error().message;
    EXPECT_EQ(Drain(**reader, last, Stop::kLimit).size(), positions.size() - 1 - i);
    EXPECT_EQ((*reader)->position(), positions.back());
  }
}

TEST_F(ReaderTest, ThePositionsHashAndTimeComeFromTheJournal) {
  Begin();
  auto from = Append();
  from.state_hash = {};
  from.time_ms = 0;
  EXPECT_EQ(From(from).value()->position(), positions[0]);
}

TEST_F(ReaderTest, OpenRefusesAPositionThatTheJournalDoesNotHave) {
  Begin();
  Append(), Append(), Append();
  const auto refused = [&](model::JournalPosition from) {
    auto reader = From(from);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.ok() ? ErrorCode::kInternal : reader.error().code, ErrorCode::kCorruption);
    return reader.ok() ? Error{} : reader.error();
  };
  auto from = positions[1];
  from.chain[0] ^= std::byte{1};
  EXPECT_EQ(refused(from).path, Path(1, 1));
  from = positions[1];
  from.last_lsn = 1;
  refused(from);
  from = positions[1];
  from.offset += 8;
  refused(from);
  from.offset = 12;
  refused(from);
  from = positions[1];
  from.offset = kSegmentHeaderBytes;
  refused(from);
  from.offset = 9000;
  EXPECT_THAT(refused(from).message, HasSubstr("the journal is shorter than"));
  // An index ahead of its journal: zeros where the frame was.
  const base::Bytes zeros(positions[2].offset - positions[1].offset);
  auto file = env.Open(Path(1, 1), base::OpenMode::kReadWrite).value();
  ASSERT_TRUE(file->WriteAt(positions[1].offset, zeros).ok());
  EXPECT_EQ(refused(positions[2]).offset, positions[2].offset);
  // The same from a segment that is gone: looked for by its LSN.
  from = positions[2];
  from.segment = {7, 7};
  EXPECT_THAT(refused(from).message, HasSubstr("LSN 3 is known to be durable"));
}

TEST_F(ReaderTest, OpenRefusesAnEmptyDirectory) {
  EXPECT_EQ(FromStart().error().code, ErrorCode::kCorruption);
  EXPECT_EQ(FromStart().error().path, dir);
}

TEST_F(ReaderTest, SegmentBordersCanBeNamedFromBothSides) {
  Begin();
  const auto end_of_first = Append();
  TakeOver(2, end_of_first);
  const auto begin_of_second = writer->position();
  Append();
  for (const auto& from : {end_of_first, begin_of_second}) {
    auto reader = From(from);
    ASSERT_TRUE(reader.ok()) << reader.error().message;
    EXPECT_EQ(Drain(**reader, 2, Stop::kLimit), Lsns{2});
  }
  auto from = begin_of_second;
  from.chain[5] ^= std::byte{4};
  EXPECT_EQ(From(from).error().code, ErrorCode::kCorruption);
}

TEST_F(ReaderTest, BytesBeyondASealAreNeverData) {
  Begin();
  Append(), Append(), Append(), Append();
  TakeOver(2, positions[1]);
  Append(1, 0, 9), Append(1, 0, 9);
  auto contents = ReadContents(kAll, 4);
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  ASSERT_EQ(contents->frames.size(), 4u);
  EXPECT_EQ(contents->frames[2].txns[0].effects[0].entry.version, "1.9");
  // Whatever anybody writes there, whenever.
  Poke(Path(1, 1), positions[1].offset, std::byte{0xee});
  EXPECT_TRUE(ReadContents(kAll, 4).ok());
  base::SetSeededBug("read_beyond_seal");
  Poke(Path(1, 1), positions[1].offset, std::byte{0x54});  // 'T': the old frame is whole again
  contents = ReadContents(kAll, 4);
  const bool wrong = !contents.ok() || contents->frames[2].txns[0].effects[0].entry.version != "1.9";
  EXPECT_TRUE(wrong) << "the seeded bug changed nothing";
  base::SetSeededBug("");
}

TEST_F(ReaderTest, AFrameBeyondASealItHasNotHeardOfIsNotBelieved) {
  Begin();
  Append(), Append();
  auto reader = FromStart().value();
  EXPECT_EQ(Drain(*reader, 2, Stop::kLimit), (Lsns{1, 2}));
  // The old committer writes and syncs a frame and stops before it publishes. It may be in the
  // reader's buffer (another one) or only in the file (this one).
  auto early = FromStart().value();
  Append(1, 0, 666);
  EXPECT_EQ(Drain(*early, 2, Stop::kLimit), (Lsns{1, 2}));
  TakeOver(2, positions[1]);
  Append(1, 0, 7);
  for (Reader* r : {reader.get(), early.get()}) {
    auto step = r->Next(3, 3);
    ASSERT_TRUE(step.ok()) << step.error().message;
    ASSERT_EQ(step->stop, Stop::kFrame);
    EXPECT_EQ(step->frame.txns[0].effects[0].entry.version, "1.7");
    EXPECT_EQ(step->frame.segment.epoch, 2u);
  }
}

TEST_F(ReaderTest, ALongerFrameBeyondASealDoesNotHideTheTrueOne) {
  // Found by JournalProperties with seed 5078889348468631761.
  Begin();
  Append();
  auto reader = FromStart().value();
  EXPECT_EQ(Drain(*reader, 1, Stop::kLimit), Lsns{1});
  Append(4, 0, 666);  // overtaken before it was published: LSN 2 to 5
  TakeOver(2, positions[0]);
  Append(1, 0, 7);
  EXPECT_EQ(Drain(*reader, 2, Stop::kLimit), Lsns{2});
}

TEST_F(ReaderTest, FollowsSuccessorsThatAppearAndVanish) {
  Begin();
  const auto at = Append();
  auto reader = FromStart().value();
  TakeOver(2, at);
  EXPECT_EQ(Drain(*reader, kAll, Stop::kEnd), Lsns{1});  // now inside 2-1, which will be an orphan
  EXPECT_EQ(reader->position().segment.epoch, 2u);
  TakeOver(3, at);
  Append();
  EXPECT_EQ(Drain(*reader, 2, Stop::kLimit), Lsns{2});
  EXPECT_EQ(reader->position().segment.epoch, 3u);
  EXPECT_EQ(reader->chain().orphans.size(), 1u);
}

TEST_F(ReaderTest, APositionInARewrittenTailIsFoundByItsLsn) {
  Begin();
  Append(), Append(), Append(), Append();
  const auto old = positions;
  Rewrite(old[1], {0, 0});  // the same two frames again, behind a lower seal
  Append();
  EXPECT_EQ(positions[4].chain, old[2].chain);
  for (int i = 0; i < 4; ++i) {
    auto reader = From(old[i]);
    ASSERT_TRUE(reader.ok()) << reader.error().message;
    EXPECT_EQ((*reader)->position().last_lsn, old[i].last_lsn);
    EXPECT_EQ(Drain(**reader, 5, Stop::kLimit).size(), 4u - i);
  }
}

TEST_F(ReaderTest, APositionInATailThatWasReplacedIsCorruption) {
  Begin();
  Append(), Append(), Append();
  const auto old = positions;
  Rewrite(old[1], {5, 5});
  EXPECT_TRUE(From(old[1]).ok());
  const Error error = From(old[2]).error();
  EXPECT_EQ(error.code, ErrorCode::kCorruption);
  EXPECT_EQ(error.lsn, 3u);
}

TEST_F(ReaderTest, AMidFramePositionIsNotFoundByItsLsn) {
  Begin();
  Append(3);
  auto from = positions[0];
  from.segment = {9, 9};
  from.last_lsn = 2;
  EXPECT_EQ(From(from).error().code, ErrorCode::kCorruption);
}

TEST_F(ReaderTest, TrimmedJournalsAreReadFromWhatIsLeft) {
  Begin();
  Append(), Append();
  TakeOver(2, positions[1]);
  Append(2);
  auto follower = FromStart().value();
  ASSERT_TRUE(env.Remove(Path(1, 1)).ok());
  EXPECT_EQ(FromStart(1).error().code, ErrorCode::kCorruption);
  auto reader = FromStart(2).value();
  EXPECT_EQ(Drain(*reader, 4, Stop::kLimit), Lsns{4});
  EXPECT_TRUE(From(positions[1], 2).ok());
  const Error error = From(positions[0], 2).error();
  EXPECT_EQ(error.code, ErrorCode::kCompacted);
  EXPECT_EQ(error.lsn, 3u);
  EXPECT_EQ(NextError(*follower, 2).code, ErrorCode::kCompacted);
}

TEST_F(ReaderTest, TrimmingBehindAReaderIsNoConcernOfIts) {
  Begin();
  Append();
  TakeOver(2, positions[0]);
  Append();
  auto reader = FromStart().value();
  EXPECT_EQ(Drain(*reader, 2, Stop::kLimit), (Lsns{1, 2}));
  ASSERT_TRUE(env.Remove(Path(1, 1)).ok());
  TakeOver(3, positions[1]);
  Append();
  EXPECT_EQ(Drain(*reader, 3, Stop::kLimit), Lsns{3});
}

TEST_F(ReaderTest, OpensAtTheFrameThatHoldsAnLsn) {
  Begin();
  Append(2), Append(3);
  TakeOver(2, positions.back());
  Append(2);
  const Lsn expected_end[] = {0, 2, 2, 5, 5, 5, 7, 7};
  for (Lsn lsn = 1; lsn <= 7; ++lsn) {
    auto reader = Reader::OpenAtLsn(env, dir, store_id, lsn, 0, 7);
    ASSERT_TRUE(reader.ok()) << reader.error().message;
    auto step = (*reader)->Next(7, 7);
    ASSERT_TRUE(step.ok()) << step.error().message;
    EXPECT_EQ(step->frame.after.last_lsn, expected_end[lsn]) << lsn;
  }
  const Error newer = Reader::OpenAtLsn(env, dir, store_id, 8, 0).error();
  EXPECT_EQ(newer.code, ErrorCode::kNotFound);
  EXPECT_EQ(newer.lsn, 7u);
  EXPECT_EQ(Reader::OpenAtLsn(env, dir, store_id, 8, 0, 8).error().code, ErrorCode::kCorruption);
  EXPECT_EQ(Reader::OpenAtLsn(env, dir, store_id, 0, 0).error().code, ErrorCode::kCompacted);
  ASSERT_TRUE(env.Remove(Path(1, 1)).ok());
  EXPECT_EQ(Reader::OpenAtLsn(env, dir, store_id, 5, 5).error().code, ErrorCode::kCompacted);
  EXPECT_TRUE(Reader::OpenAtLsn(env, dir, store_id, 6, 5).ok());
}

TEST_F(ReaderTest, TheSealMustAgreeWithWhatWasRead) {
  const auto fields = {segment_at::kFirstLsn, segment_at::kPrevChain, segment_at::kPrevStateHash,
                       segment_at::kPrevTimeMs};
  Begin();
  Append(), Append();
  TakeOver(2, positions[1]);
  Append();
  const base::Bytes good = ReadAll(Path(2, 1));
  for (const std::size_t field : fields) {
    base::Bytes changed = good;
    changed[field] ^= std::byte{1};
    MendSegmentHeader(std::span(changed).first(kSegmentHeaderBytes));
    WriteAll(Path(2, 1), changed);
    auto contents = ReadContents();
    ASSERT_FALSE(contents.ok());
    EXPECT_EQ(contents.error().code, ErrorCode::kCorruption);
    EXPECT_EQ(contents.error().path, Path(2, 1));
    EXPECT_EQ(contents.error().offset, field);
  }
}

TEST_F(ReaderTest, DamageUpToTheDurableLsnIsCorruptionAndAboveItIsBad) {
  Begin();
  Append(), Append(), Append();
  Poke(Path(1, 1), positions[1].offset + kFrameHeaderBytes + 3, std::byte{0xf1});
  auto contents = ReadContents(kAll, 2);
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  EXPECT_EQ(contents->frames.size(), 2u);
  EXPECT_EQ(contents->stop, Stop::kBad);
  EXPECT_EQ(contents->fault, FrameFault::kPayloadCrc);
  auto refused = ReadContents(kAll, 3);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(refused.error().path, Path(1, 1));
  EXPECT_EQ(refused.error().offset, positions[1].offset);
}

TEST_F(ReaderTest, APayloadThatIsNoTransactionIsCorruptionAtItsFrame) {
  Begin();
  Append();
  Batch batch = MakeBatch(1);
  batch.count = 2;  // one too many for its bytes
  ASSERT_TRUE(writer->Append(batch).ok());
  auto reader = FromStart().value();
  EXPECT_TRUE(reader->Next(kAll, 0).ok());
  Error error = NextError(*reader, 3);
  EXPECT_EQ(error.code, ErrorCode::kCorruption);
  EXPECT_EQ(error.path, Path(1, 1));
  EXPECT_EQ(error.offset, positions[0].offset);
  EXPECT_EQ(reader->position(), positions[0]);
  // The raw form does not look inside: it copies what the checks vouch for.
  RawFrame raw;
  FrameFault fault;
  EXPECT_EQ(reader->NextRaw(kAll, 0, raw, fault).value(), Stop::kFrame);
  EXPECT_EQ(raw.header.count, 2u);

  batch = MakeBatch(1);
  base::Encoder(batch.buffer).U8(0);  // a byte too many
  ASSERT_TRUE(writer->Append(batch).ok());
  EXPECT_THAT(NextError(*reader, 4).message, HasSubstr("bytes behind its 1 transactions"));
}

TEST_F(ReaderTest, RawFramesCarryTheirPayload) {
  Begin();
  const Batch batch = MakeBatch(2, 10);
  Append(2, 10);
  auto reader = FromStart().value();
  RawFrame raw;
  FrameFault fault;
  ASSERT_EQ(reader->NextRaw(2, 2, raw, fault).value(), Stop::kFrame);
  EXPECT_EQ(raw.payload, base::Bytes(batch.buffer.begin() + kFrameHeaderBytes, batch.buffer.end()));
  EXPECT_EQ(raw.offset, kSegmentHeaderBytes);
  EXPECT_EQ(raw.after, positions[0]);
  EXPECT_EQ(raw.segment, (model::SegmentId{1, 1}));
  EXPECT_EQ(raw.header.state_hash, batch.state_hash);
  EXPECT_EQ(reader->NextRaw(2, 2, raw, fault).value(), Stop::kLimit);
  EXPECT_EQ(reader->NextRaw(kAll, 2, raw, fault).value(), Stop::kEnd);
}

TEST_F(ReaderTest, ReadErrorsArePassedOn) {
  Begin();
  Append();
  auto reader = FromStart().value();
  env.fault = [](Call call, const std::string& path) -> Status {
    return call == Call::kRead ? Status(base::MakeError(ErrorCode::kIo, "no luck with " + path)) : Status();
  };
  EXPECT_EQ(NextError(*reader, 1).code, ErrorCode::kIo);
  EXPECT_EQ(FromStart().error().code, ErrorCode::kIo);
}

class SurveyTest : public ReaderTest {
 protected:
  TailSurvey Survey(const model::JournalPosition& at) {
    const auto chain = ReadChain(env, dir, store_id, 0).value();
    auto survey = SurveyTail(env, chain.segments.back(), at);
    EXPECT_TRUE(survey.ok());
    return survey.ok() ? *survey : TailSurvey{};
  }
};

TEST_F(SurveyTest, ACleanTailHasNothing) {
  Begin(3 << 20);
  Append();
  const TailSurvey survey = Survey(positions[0]);
  EXPECT_EQ(survey.nonzero_bytes, 0u);
  EXPECT_FALSE(survey.later_frame);
}

TEST_F(SurveyTest, ATornLastFrameHasNoLaterFrame) {
  Begin();
  Append(), Append();
  Poke(Path(1, 1), positions[0].offset + kFrameHeaderBytes, std::byte{0xff});
  const TailSurvey survey = Survey(positions[0]);
  EXPECT_GT(survey.nonzero_bytes, 100u);
  EXPECT_LT(survey.last_nonzero_offset, positions[1].offset);
  EXPECT_FALSE(survey.later_frame);
}

TEST_F(SurveyTest, AFrameBehindABadOneIsFoundAlsoOverZeros) {
  Begin(5 << 20);
  Append(), Append(1, 2 << 20), Append();
  auto file = env.Open(Path(1, 1), base::OpenMode::kReadWrite).value();
  ASSERT_TRUE(file->WriteAt(positions[0].offset, base::Bytes(positions[1].offset - positions[0].offset)).ok());
  const TailSurvey survey = Survey(positions[0]);
  EXPECT_EQ(survey.later_frame, positions[1].offset);
  EXPECT_LT(survey.last_nonzero_offset, positions[2].offset);
  EXPECT_GE(survey.last_nonzero_offset, positions[1].offset + kFrameHeaderBytes);
}

TEST_F(SurveyTest, FramesOfAnotherSegmentAreNotTakenForLaterOnes) {
  Begin();
  Append(), Append();
  const base::Bytes old = ReadAll(Path(1, 1));
  TakeOver(2, positions[0]);
  const base::ByteView stale =
      base::ByteView(old).subspan(positions[0].offset, positions[1].offset - positions[0].offset);
  auto file = env.Open(Path(2, 1), base::OpenMode::kReadWrite).value();
  ASSERT_TRUE(file->WriteAt(6000 / 8 * 8, stale).ok());
  const TailSurvey survey = Survey(writer->position());
  EXPECT_GT(survey.nonzero_bytes, 100u);
  EXPECT_FALSE(survey.later_frame);
  const auto chain = ReadChain(env, dir, store_id, 0).value();
  EXPECT_EQ(SurveyTail(env, chain.segments.back(), positions[0]).error().code, ErrorCode::kInternal);
}

}  // namespace
}  // namespace tenure::journal
