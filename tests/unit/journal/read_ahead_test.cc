#include "store/journal/read_ahead.h"

#include <gtest/gtest.h>

#include "tests/unit/journal/journal_fixture.h"

namespace tenure::journal {
namespace {

/// Both ways of reading: with a helper and without.
class ReadAheadTest : public JournalTest, public ::testing::WithParamInterface<bool> {
 protected:
  struct Outcome {
    std::vector<Frame> frames;
    Stop stop = Stop::kFrame;
    std::optional<Error> error;
    model::JournalPosition reader_at;
  };
  Outcome ReadAll(Lsn limit = kAll, Lsn durable = 0) {
    Outcome outcome;
    auto reader = FromStart().value();
    {
      ReadAhead ahead(*reader, dir, limit, durable, GetParam());
      Frame frame;
      while (outcome.stop == Stop::kFrame && !outcome.error) {
        const auto stop = ahead.Next(frame);
        if (!stop.ok()) {
          outcome.error = stop.error();
        } else if ((outcome.stop = *stop) == Stop::kFrame) {
          outcome.frames.push_back(frame);
        }
      }
      // Final, however often it is asked.
      const auto again = ahead.Next(frame);
      EXPECT_EQ(again.ok(), !outcome.error);
      if (again.ok()) {
        EXPECT_EQ(*again, outcome.stop);
      }
    }
    outcome.reader_at = reader->position();
    return outcome;
  }
  /// What the plain Reader gives, as it gives it.
  void ExpectAsPlain(const Outcome& outcome, Lsn limit = kAll) {
    const Contents plain = ReadContents(limit).value();
    EXPECT_EQ(outcome.stop, plain.stop);
    EXPECT_EQ(outcome.reader_at, plain.position);
    ASSERT_EQ(outcome.frames.size(), plain.frames.size());
    for (std::size_t i = 0; i < plain.frames.size(); ++i) {
      EXPECT_EQ(outcome.frames[i].txns, plain.frames[i].txns) << i;
      EXPECT_EQ(outcome.frames[i].after, plain.frames[i].after) << i;
      EXPECT_EQ(outcome.frames[i].offset, plain.frames[i].offset) << i;
      EXPECT_EQ(outcome.frames[i].segment, plain.frames[i].segment) << i;
      EXPECT_EQ(outcome.frames[i].header.first_lsn, plain.frames[i].header.first_lsn) << i;
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Both, ReadAheadTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Helper" : "OneThread"; });

TEST_P(ReadAheadTest, GivesWhatTheReaderGives) {
  Begin(8u << 20);
  // Enough for several blocks by bytes and by number of frames; sizes go up and down, memory is used again.
  for (int i = 0; i < 2500; ++i) Append(1 + i % 4, i % 50 == 0 ? 20'000 : i % 7 * 30);
  ExpectAsPlain(ReadAll());
  ExpectAsPlain(ReadAll(1000), 1000);
}

TEST_P(ReadAheadTest, AnEmptyJournalHasNoFrame) {
  Begin();
  ExpectAsPlain(ReadAll());
}

TEST_P(ReadAheadTest, AnErrorComesBehindTheFramesBeforeIt) {
  Begin(1u << 20);
  for (int i = 0; i < 40; ++i) Append(2);
  Poke(Path(1, 1), positions[29].offset + kFrameHeaderBytes + 1, std::byte{0xff});
  const Outcome outcome = ReadAll(kAll, 80);
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->code, ErrorCode::kCorruption);
  EXPECT_EQ(outcome.error->offset, positions[29].offset);
  ASSERT_EQ(outcome.frames.size(), 30u);
  EXPECT_EQ(outcome.frames.back().after, positions[29]);
  // Not known to be durable, it is an end.
  EXPECT_EQ(ReadAll(kAll, 60).stop, Stop::kBad);
}

TEST_P(ReadAheadTest, AFrameThatCannotBeDecodedIsNamed) {
  Begin();
  Append(2);
  Batch batch = MakeBatch(1);
  base::Encoder(batch.buffer).U8(0);  // a byte too many
  ASSERT_TRUE(writer->Append(batch).ok());
  auto reader = FromStart().value();
  ReadAhead ahead(*reader, dir, kAll, 0, GetParam());
  Frame frame;
  ASSERT_TRUE(ahead.Next(frame).ok());
  const auto bad = ahead.Next(frame);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(bad.error().path, Path(1, 1));
  EXPECT_EQ(bad.error().offset, positions[0].offset);
  EXPECT_FALSE(ahead.Next(frame).ok()) << "final";
}

TEST_P(ReadAheadTest, MayBeLeftInTheMiddle) {
  Begin(8u << 20);
  for (int i = 0; i < 200; ++i) Append(1, 30'000);
  for (const int taken : {0, 1, 30}) {
    auto reader = FromStart().value();
    ReadAhead ahead(*reader, dir, kAll, 0, GetParam());
    Frame frame;
    for (int i = 0; i < taken; ++i) ASSERT_EQ(ahead.Next(frame).value(), Stop::kFrame);
  }
}

}  // namespace
}  // namespace tenure::journal
