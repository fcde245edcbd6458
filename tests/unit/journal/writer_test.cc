#include <gmock/gmock.h>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "tests/unit/journal/journal_fixture.h"

namespace tenure::journal {
namespace {

using ::testing::HasSubstr;

class WriterTest : public JournalTest {
 protected:
  Error AppendError() {
    Batch batch = MakeBatch(1);
    auto after = writer->Append(batch);
    EXPECT_FALSE(after.ok());
    return after.ok() ? Error{} : after.error();
  }
  /// Appends until the segment has no room for another frame of this kind.
  void Fill(std::size_t extra_bytes) {
    while (writer->room() >= FrameBytes(MakeBatch(1, extra_bytes).buffer.size() - kFrameHeaderBytes)) {
      Append(1, extra_bytes);
    }
  }
  Status Reopen() {
    TENURE_ASSIGN(const Chain chain, ReadChain(env, dir, store_id, 0));
    const auto at = writer->position();
    TENURE_ASSIGN(writer, Writer::Open(env, factory, chain.segments.back(), at));
    return {};
  }
};

TEST_F(WriterTest, ACommitIsOneSyncAndTouchesNothingElse) {
  Begin();
  const int syncs = env.count(Call::kSync);
  const int opens = env.count(Call::kOpen) + env.count(Call::kList) + env.count(Call::kRename);
  Append(3);
  Append();
  EXPECT_EQ(env.count(Call::kSync), syncs + 2);
  EXPECT_EQ(env.count(Call::kOpen) + env.count(Call::kList) + env.count(Call::kRename), opens);
  EXPECT_EQ(positions[0].last_lsn, 3u);
  EXPECT_EQ(positions[1].last_lsn, 4u);
  EXPECT_EQ(writer->position(), positions[1]);
  EXPECT_EQ(writer->room(), 8192 - positions[1].offset);
  EXPECT_EQ(ReadAll(Path(1, 1)).size(), 8192u);
}

TEST_F(WriterTest, WhatIsAppendedIsReadBack) {
  Begin();
  Append(3);
  Append(1, 100);
  auto contents = ReadContents();
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  ASSERT_EQ(contents->frames.size(), 2u);
  EXPECT_EQ(contents->stop, Stop::kEnd);
  EXPECT_EQ(contents->position, positions[1]);
  ASSERT_EQ(contents->frames[0].txns.size(), 3u);
  EXPECT_EQ(Encoded(contents->frames[0].txns[2]), Encoded(MakeTxn(3, positions[0].time_ms)));
  EXPECT_EQ(contents->frames[0].txns[2].lsn, 3u);
  EXPECT_EQ(contents->frames[0].txns[2].time_ms, positions[0].time_ms);
  EXPECT_EQ(contents->frames[0].after, positions[0]);
  EXPECT_EQ(contents->frames[1].offset, positions[0].offset);
  EXPECT_EQ(Encoded(contents->frames[1].txns[0]), Encoded(MakeTxn(4, positions[1].time_ms, 0, 100)));
}

TEST_F(WriterTest, ABufferIsReusedWithoutOldBytesShowing) {
  Begin();
  Batch batch = MakeBatch(1, 300);
  ASSERT_TRUE(writer->Append(batch).ok());
  Batch next = MakeBatch(1, 1);
  batch.first_lsn = next.first_lsn;
  batch.time_ms = next.time_ms;
  batch.buffer.assign(next.buffer.begin(), next.buffer.end());
  ASSERT_TRUE(writer->Append(batch).ok());
  auto contents = ReadContents(kAll, 2);
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  EXPECT_EQ(Encoded(contents->frames[1].txns[0]), Encoded(MakeTxn(2, next.time_ms, 0, 1)));
}

TEST_F(WriterTest, AppendGoesOnAfterReopening) {
  Begin();
  for (int i = 0; i < 5; ++i) {
    Append();
    ASSERT_TRUE(Reopen().ok());
  }
  auto contents = ReadContents(kAll, 5);
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  EXPECT_EQ(contents->frames.size(), 5u);
}

TEST_F(WriterTest, AFullSegmentIsSealedByTheNextOrdinal) {
  Begin();
  for (int i = 0; i < 3; ++i) {
    Spare();
    Fill(200);
    Append(1, 200);
  }
  EXPECT_EQ(writer->segment().header.id, (model::SegmentId{1, 4}));
  EXPECT_EQ(writer->segment().header.incarnation, 1u);
  auto chain = ReadChain(env, dir, store_id, 0);
  ASSERT_TRUE(chain.ok()) << chain.error().message;
  ASSERT_EQ(chain->segments.size(), 4u);
  auto contents = ReadContents(kAll, positions.back().last_lsn);
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  ASSERT_EQ(contents->frames.size(), positions.size());
  for (std::size_t i = 0; i < positions.size(); ++i) EXPECT_EQ(contents->frames[i].after, positions[i]);
}

TEST_F(WriterTest, AFrameThatJustFitsFillsTheSegmentToItsLastByte) {
  Begin();
  const std::size_t small = MakeBatch(1, 1000).buffer.size();
  const std::size_t extra = 1000 + (8192 - kSegmentHeaderBytes - small) - 1;  // annotations' length takes no byte more
  Append(1, extra);
  EXPECT_LT(writer->room(), 16u);
  EXPECT_EQ(writer->segment().header.id.ordinal, 1u);
  Spare();
  Append();
  EXPECT_EQ(writer->segment().header.id.ordinal, 2u);
  EXPECT_TRUE(ReadContents(kAll, 2).ok());
}

TEST_F(WriterTest, AFrameLargerThanTheNextCapacityGetsASegmentOfItsOwnSize) {
  Begin();
  Append(1, 3 << 20);
  EXPECT_GE(writer->segment().file_bytes, (3u << 20) + kSegmentHeaderBytes);
  auto contents = ReadContents(kAll, 1);
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  EXPECT_EQ(Encoded(contents->frames[0].txns[0]), Encoded(MakeTxn(1, positions[0].time_ms, 0, 3 << 20)));
}

TEST_F(WriterTest, ATooLargeBatchIsRefusedAndHarmless) {
  Begin();
  Batch batch = MakeBatch(1);
  batch.buffer.resize(kFrameHeaderBytes + kFramePayloadBytesMax + 1);
  EXPECT_EQ(writer->Append(batch).error().code, ErrorCode::kTooLarge);
  Append();
  EXPECT_TRUE(ReadContents(kAll, 1).ok());
}

TEST_F(WriterTest, AFailedWriteOrSyncPoisons) {
  for (const Call call : {Call::kWrite, Call::kSync}) {
    TempDir other;
    SegmentFactory other_factory(env, other.path());
    SegmentHeader header = HeaderAfter(store_id, {1, 1}, Genesis());
    header.capacity = 8192;
    const auto segment = other_factory.Create(header, 8192).value();
    writer = Writer::Open(env, other_factory, segment, StartOf(segment.header)).value();
    Append();
    env.fault = [&](Call c, const std::string& path) -> Status {
      return c == call ? Status(base::MakeError(ErrorCode::kIo, "no luck with " + path)) : Status();
    };
    const Error error = AppendError();
    EXPECT_EQ(error.code, ErrorCode::kOutcomeUnknown);
    EXPECT_THAT(error.message, HasSubstr("no luck with " + segment.path));
    EXPECT_EQ(error.offset, positions.back().offset);
    EXPECT_TRUE(writer->poisoned());
    EXPECT_EQ(writer->position(), positions.back());
    // The device is well again, and still nothing is tried.
    env.fault = nullptr;
    const int writes = env.count(Call::kWrite);
    EXPECT_EQ(AppendError().code, ErrorCode::kOutcomeUnknown);
    EXPECT_EQ(env.count(Call::kWrite), writes);
  }
}

TEST_F(WriterTest, FailPointsFailTheWriteAndTheSync) {
  for (const char* point : {"journal.write_error=eio", "journal.write_error=enospc", "journal.sync_error=eio"}) {
    TempDir other;
    SegmentFactory other_factory(env, other.path());
    SegmentHeader header = HeaderAfter(store_id, {1, 1}, Genesis());
    header.capacity = 8192;
    const auto segment = other_factory.Create(header, 8192).value();
    writer = Writer::Open(env, other_factory, segment, StartOf(segment.header)).value();
    base::SetFailPoints(point);
    EXPECT_EQ(AppendError().code, ErrorCode::kOutcomeUnknown) << point;
    base::SetFailPoints("");
    EXPECT_TRUE(writer->poisoned()) << point;
  }
}

TEST_F(WriterTest, SkippingTheSyncIsVisible) {
  Begin();
  const int syncs = env.count(Call::kSync);
  base::SetSeededBug("skip_fdatasync");
  Append();
  base::SetSeededBug("");
  EXPECT_EQ(env.count(Call::kSync), syncs);
}

TEST_F(WriterTest, AFullDiskAtTheSwitchLeavesTheWriterUsable) {
  Begin();
  Fill(500);
  env.fault = [](Call call, const std::string& path) -> Status {
    if (call == Call::kAllocate) return base::MakeError(ErrorCode::kNoSpace, path);
    return {};
  };
  const auto before = writer->position();
  for (int i = 0; i < 3; ++i) {
    Batch batch = MakeBatch(1, 500);
    EXPECT_EQ(writer->Append(batch).error().code, ErrorCode::kNoSpace);
    EXPECT_FALSE(writer->poisoned());
    EXPECT_EQ(writer->position(), before);
  }
  const Lsn small = Append(1).last_lsn;  // still fits into what is left
  env.fault = nullptr;
  Append(1, 500);
  EXPECT_EQ(writer->segment().header.id.ordinal, 2u);
  auto contents = ReadContents(kAll, small + 1);
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  EXPECT_EQ(contents->frames.size(), positions.size());
}

TEST_F(WriterTest, ABatchThatMetAFullDiskCanBeAppendedAgain) {
  Begin();
  Fill(500);
  env.fault = [](Call call, const std::string& path) -> Status {
    if (call == Call::kAllocate) return base::MakeError(ErrorCode::kNoSpace, path);
    return {};
  };
  Batch batch = MakeBatch(1, 500);
  EXPECT_EQ(writer->Append(batch).error().code, ErrorCode::kNoSpace);
  env.fault = nullptr;
  auto after = writer->Append(batch);
  ASSERT_TRUE(after.ok()) << after.error().message;
  EXPECT_TRUE(ReadContents(kAll, after->last_lsn).ok());
}

TEST_F(WriterTest, AnyOtherFailureAtTheSwitchPoisons) {
  Begin();
  Fill(500);
  env.fault = [](Call call, const std::string& path) -> Status {
    if (call == Call::kSyncDir) return base::MakeError(ErrorCode::kNoSpace, path);  // behind the name
    return {};
  };
  Batch batch = MakeBatch(1, 500);
  EXPECT_FALSE(writer->Append(batch).ok());
  EXPECT_TRUE(writer->poisoned());
  env.fault = nullptr;
  EXPECT_EQ(writer->Append(batch).error().code, ErrorCode::kOutcomeUnknown);
  // What was there before is untouched, the new segment is empty, and a successor goes on.
  TakeOver(2, positions.back());
  Append();
  EXPECT_TRUE(ReadContents(kAll, positions.back().last_lsn).ok());
}

TEST_F(WriterTest, ASuccessorGoesOnBehindAPoisonedWriter) {
  Begin();
  Append(2);
  base::SetFailPoints("journal.sync_error=eio");
  AppendError();
  base::SetFailPoints("");
  TakeOver(2, positions.back());
  Append(1, 0, 9);
  auto contents = ReadContents(kAll, 3);
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  ASSERT_EQ(contents->frames.size(), 2u);
  EXPECT_EQ(contents->frames[1].segment.epoch, 2u);
  EXPECT_EQ(contents->frames[1].txns[0].effects[0].entry.version, "1.9");
}

TEST_F(WriterTest, OpenTakesTheEndOfThePredecessorForTheBeginning) {
  Begin();
  const auto at = Append();
  TakeOver(2, at);
  auto again = Writer::Open(env, factory, writer->segment(), at);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ((*again)->position().segment, (model::SegmentId{2, 1}));
  EXPECT_EQ((*again)->position().offset, kSegmentHeaderBytes);
}

TEST_F(WriterTest, OpenRefusesPlacesThatAreNoneOfThisSegment) {
  Begin();
  const auto at = Append();
  const LiveSegment segment = writer->segment();
  const auto refused = [&](auto change) {
    LiveSegment s = segment;
    model::JournalPosition p = at;
    change(s, p);
    auto opened = Writer::Open(env, factory, s, p);
    EXPECT_FALSE(opened.ok());
    return !opened.ok() && opened.error().code == ErrorCode::kInternal;
  };
  EXPECT_TRUE(refused([](LiveSegment&, auto& p) { p.segment.epoch = 9; }));
  EXPECT_TRUE(refused([](LiveSegment&, auto& p) { p.offset += 4; }));
  EXPECT_TRUE(refused([](LiveSegment&, auto& p) { p.offset = 8200; }));
  EXPECT_TRUE(refused([](LiveSegment&, auto& p) { p.offset = 0; }));
  EXPECT_TRUE(refused([](LiveSegment&, auto& p) { p.offset = kSegmentHeaderBytes; }));
  EXPECT_TRUE(refused([](LiveSegment&, auto& p) { p.last_lsn = 0; }));
  EXPECT_TRUE(refused([](LiveSegment& s, auto&) { s.sealed_bytes = 8000; }));
}

}  // namespace
}  // namespace tenure::journal
