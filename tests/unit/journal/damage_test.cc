// Every byte of a small journal changed, and every file cut at every length: the reader says
// corruption, or (open end, above what is durable) a bad tail, or the bytes were never data. It never
// takes changed bytes for data, and never loses a durable frame without saying so.
#include <gmock/gmock.h>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "tests/unit/journal/journal_fixture.h"

namespace tenure::journal {
namespace {

class Damage : public JournalTest {
 protected:
  /// 1-1: LSN 1, 2-3 | sealed, then an old frame beyond the seal. 1-2 is an orphan. 2-1: LSN 4 | sealed.
  /// 3-1: LSN 5, 6-7, open.
  void SetUp() override {
    Begin();
    Append(), Append(2);
    const auto seal = positions.back();
    Append(1, 0, 66);
    positions.pop_back();
    sealed_1 = seal.offset;
    TakeOver(2, seal);
    Append();
    sealed_2 = positions.back().offset;
    TakeOver(3, positions.back());
    Append(), Append(2);
    open_begin = positions[3].offset;
    open_end = positions[4].offset;
    for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) files.push_back(ReadAll(Path(epoch, 1)));
    auto contents = ReadContents();
    ASSERT_TRUE(contents.ok()) << contents.error().message;
    good = std::move(contents).value();
    ASSERT_EQ(good.frames.size(), 5u);
  }

  /// The frames that were read are the first ones written, byte for byte.
  void ExpectPrefix(const Contents& contents, std::size_t at_least) {
    ASSERT_GE(contents.frames.size(), at_least);
    ASSERT_LE(contents.frames.size(), good.frames.size());
    for (std::size_t i = 0; i < contents.frames.size(); ++i) {
      ASSERT_EQ(contents.frames[i].header.chain, good.frames[i].header.chain);
      ASSERT_EQ(contents.frames[i].after, good.frames[i].after);
      for (std::size_t t = 0; t < contents.frames[i].txns.size(); ++t) {
        ASSERT_EQ(Encoded(contents.frames[i].txns[t]), Encoded(good.frames[i].txns[t]));
      }
    }
  }

  enum class Expected { kCorruption, kNeverData, kLastFrameBad };
  Expected WhatIsAt(std::uint64_t epoch, std::uint64_t offset) const {
    if (offset < kSegmentHeaderBytes) return Expected::kCorruption;
    if (epoch == 1) return offset < sealed_1 ? Expected::kCorruption : Expected::kNeverData;
    if (epoch == 2) return offset < sealed_2 ? Expected::kCorruption : Expected::kNeverData;
    if (offset < open_begin) return Expected::kCorruption;  // a durable frame
    return offset < open_end ? Expected::kLastFrameBad : Expected::kNeverData;
  }

  /// Reads with everything but the last frame known durable.
  void ExpectFound(std::uint64_t epoch, std::uint64_t offset) {
    const Expected expected = WhatIsAt(epoch, offset);
    auto contents = ReadContents(kAll, 5);
    if (expected == Expected::kCorruption) {
      ASSERT_FALSE(contents.ok());
      ASSERT_EQ(contents.error().code, ErrorCode::kCorruption) << contents.error().message;
      ASSERT_EQ(contents.error().path, Path(epoch, 1));
      ASSERT_TRUE(contents.error().offset && *contents.error().offset <= offset);
      return;
    }
    ASSERT_TRUE(contents.ok()) << contents.error().message;
    if (expected == Expected::kNeverData) {
      ExpectPrefix(*contents, 5);
      const bool at_open_end = epoch == 3 && offset < open_end + kFrameHeaderBytes;
      ASSERT_EQ(contents->stop, at_open_end ? Stop::kBad : Stop::kEnd);
      return;
    }
    ExpectPrefix(*contents, 4);
    ASSERT_EQ(contents->frames.size(), 4u);
    ASSERT_EQ(contents->stop, Stop::kBad);
    ASSERT_NE(contents->fault, FrameFault::kNone);
    // Once it is known to have been durable, it is no torn tail.
    auto refused = ReadContents(kAll, 7);
    ASSERT_FALSE(refused.ok());
    ASSERT_EQ(refused.error().code, ErrorCode::kCorruption);
    ASSERT_EQ(refused.error().offset, open_begin);
  }

  std::uint64_t sealed_1 = 0, sealed_2 = 0, open_begin = 0, open_end = 0;
  std::vector<base::Bytes> files;
  Contents good;
};

TEST_F(Damage, EveryChangedByteIsFound) {
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) {
    const base::Bytes& file = files[epoch - 1];
    for (std::uint64_t offset = 0; offset < file.size(); ++offset) {
      // Behind everything that was ever written a sample is enough.
      if (offset > open_end + 1024 && offset % 61 != 0) continue;
      const auto flip = static_cast<std::byte>(1u << (offset + epoch) % 8);
      Poke(Path(epoch, 1), offset, file[offset] ^ flip);
      ExpectFound(epoch, offset);
      if (HasFatalFailure()) FAIL() << "segment " << epoch << " offset " << offset;
      Poke(Path(epoch, 1), offset, file[offset]);
    }
  }
  ExpectPrefix(ReadContents(kAll, 7).value(), 5);
}

TEST_F(Damage, EveryTruncationIsFound) {
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) {
    const std::string path = Path(epoch, 1);
    auto file = env.Open(path, base::OpenMode::kReadWrite).value();
    const std::uint64_t needed = epoch == 1 ? sealed_1 : epoch == 2 ? sealed_2 : open_begin;
    for (std::uint64_t bytes = files[epoch - 1].size(); bytes-- > 0;) {
      if (bytes > open_end + 512 && bytes % 61 != 0) continue;
      if (bytes < kSegmentHeaderBytes - 8 && bytes > 8 && bytes % 61 != 0) continue;
      ASSERT_TRUE(file->Truncate(bytes).ok());
      auto contents = ReadContents(kAll, 5);
      ASSERT_EQ(contents.ok(), bytes >= needed) << path << " of " << bytes << " bytes";
      if (!contents.ok()) {
        ASSERT_EQ(contents.error().code, ErrorCode::kCorruption);
        ASSERT_EQ(contents.error().path, path);
        continue;
      }
      ExpectPrefix(*contents, 4);
      const bool whole = epoch != 3 || bytes >= open_end;
      ASSERT_EQ(contents->frames.size(), whole ? 5u : 4u) << path << " of " << bytes << " bytes";
      ASSERT_EQ(contents->stop == Stop::kBad, !whole && bytes > open_begin) << path << " of " << bytes << " bytes";
    }
    WriteAll(path, files[epoch - 1]);
  }
}

TEST_F(Damage, EveryChangedByteOfAFrameWithMendedChecksumsIsFound) {
  for (const Frame& frame : good.frames) {
    const base::Bytes& file = files[frame.segment.epoch - 1];
    const std::uint64_t salt = DecodeSegmentHeader(file, "x")->salt;
    const std::uint64_t bytes = frame.after.offset - frame.offset;
    for (std::uint64_t at = frame_at::kEpoch; at < bytes; ++at) {
      if (at >= frame_at::kPayloadCrc && at < frame_at::kPayloadCrc + 4) continue;  // mending undoes it
      base::Bytes changed = file;
      changed[frame.offset + at] ^= std::byte{0x02};
      MendFrame(std::span(changed).subspan(frame.offset, bytes), salt);
      WriteAll(Path(frame.segment.epoch, 1), changed);
      auto contents = ReadContents(kAll, 7);
      ASSERT_FALSE(contents.ok()) << "LSN " << frame.header.first_lsn << " byte " << at;
      ASSERT_EQ(contents.error().code, ErrorCode::kCorruption);
      ASSERT_EQ(contents.error().offset, frame.offset);
    }
    WriteAll(Path(frame.segment.epoch, 1), file);
  }
}

TEST_F(Damage, TheCrcOnlyDefectWouldMissAMendedFrame) {
  const Frame& frame = good.frames[0];
  base::Bytes changed = files[0];
  const std::uint64_t salt = DecodeSegmentHeader(changed, "x")->salt;
  changed[frame.offset + frame_at::kStateHash] ^= std::byte{0x02};
  MendFrame(std::span(changed).subspan(frame.offset, frame.after.offset - frame.offset), salt);
  WriteAll(Path(1, 1), changed);
  EXPECT_FALSE(ReadContents(kAll, 7).ok());
  base::SetSeededBug("crc_only_verify");
  EXPECT_TRUE(ReadContents(kAll, 7).ok());
  base::SetSeededBug("");
}

TEST_F(Damage, SegmentHeadersWithMendedChecksumsAreFoundWhereTheyMatter) {
  const auto matters = [](std::uint64_t epoch, std::size_t at) {
    const auto within = [at](std::size_t begin, std::size_t bytes) { return at >= begin && at < begin + bytes; };
    // What these say is for people, or only widens a bound; nothing else repeats it.
    if (within(segment_at::kCapacity, 8) || within(segment_at::kIncarnation, 8) || within(segment_at::kCreatedMs, 8) ||
        within(segment_at::kBootId, 16)) {
      return false;
    }
    // The oldest segment's view of what came before is taken on trust, but for the chain.
    return epoch != 1 || !(within(segment_at::kPrevTimeMs, 8) || within(segment_at::kPrevStateHash, 16));
  };
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) {
    for (std::size_t at = 0; at < segment_at::kCrc; ++at) {
      if (at >= segment_at::kEnd + 16 && at % 61 != 0) continue;
      base::Bytes changed = files[epoch - 1];
      changed[at] ^= std::byte{0x01};
      MendSegmentHeader(std::span(changed).first(kSegmentHeaderBytes));
      WriteAll(Path(epoch, 1), changed);
      auto contents = ReadContents(kAll, 7);
      if (matters(epoch, at)) {
        ASSERT_FALSE(contents.ok()) << "segment " << epoch << " byte " << at;
      } else if (contents.ok()) {
        ExpectPrefix(*contents, 5);
      }
    }
    WriteAll(Path(epoch, 1), files[epoch - 1]);
  }
}

TEST_F(Damage, SwappedFramesAndSegmentsAreFound) {
  base::Bytes changed = files[0];
  const std::uint64_t first = good.frames[0].after.offset - good.frames[0].offset;
  const std::uint64_t second = good.frames[1].after.offset - good.frames[1].offset;
  std::copy_n(files[0].begin() + good.frames[1].offset, second, changed.begin() + kSegmentHeaderBytes);
  std::copy_n(files[0].begin() + good.frames[0].offset, first, changed.begin() + kSegmentHeaderBytes + second);
  WriteAll(Path(1, 1), changed);
  auto contents = ReadContents(kAll, 7);
  ASSERT_FALSE(contents.ok());
  EXPECT_EQ(contents.error().offset, kSegmentHeaderBytes);
  EXPECT_THAT(contents.error().message, ::testing::HasSubstr("next LSN"));
  WriteAll(Path(1, 1), files[0]);
  WriteAll(Path(2, 1), files[2]);
  EXPECT_FALSE(ReadContents(kAll, 7).ok());
}

}  // namespace
}  // namespace tenure::journal
