#include <gmock/gmock.h>

#include <random>

#include "store/base/failpoint.h"
#include "tests/unit/journal/journal_fixture.h"

namespace tenure::journal {
namespace {

constexpr std::uint64_t kSalt = 0x1122334455667788;

struct Sample {
  FrameHeader header;
  base::Bytes frame;
  model::JournalPosition before;
};

/// A frame of three LSNs from 8 on, with `payload_bytes` of payload.
Sample MakeSample(std::size_t payload_bytes) {
  Sample s;
  s.before.segment = {5, 2};
  s.before.last_lsn = 7;
  s.before.time_ms = 1000;
  s.before.chain.fill(std::byte{0xaa});
  base::Bytes payload(payload_bytes);
  for (std::size_t i = 0; i < payload_bytes; ++i) payload[i] = static_cast<std::byte>(i * 31 + 1);
  s.header.epoch = 5;
  s.header.first_lsn = 8;
  s.header.count = 3;
  s.header.time_ms = 1001;
  s.header.boottime_ms = 77;
  s.header.state_hash = {0x0102030405060708, 0x1112131415161718};
  s.header.prev_chain = s.before.chain;
  s.frame.resize(FrameBytes(payload_bytes));
  EncodeFrame(s.header, payload, kSalt, s.frame);
  return s;
}

FrameFault FaultOf(const Sample& s) { return CheckFrame(s.frame, 5, kSalt, s.before).fault; }

SegmentHeader SampleHeader() {
  SegmentHeader h;
  h.store_id.fill(std::byte{0x5a});
  h.id = {7, 3};
  h.first_lsn = 42;
  h.prev = {7, 2};
  h.prev_sealed_bytes = 8192;
  h.prev_time_ms = 1234567;
  h.prev_state_hash = {1, 2};
  h.prev_chain.fill(std::byte{0xcc});
  h.capacity = 1 << 20;
  h.incarnation = 4;
  h.created_ms = 99;
  h.salt = kSalt;
  h.boot_id.fill(std::byte{0xb0});
  return h;
}

TEST(JournalFormat, FramesOfEverySmallSizeRoundTrip) {
  for (std::size_t bytes = 0; bytes < 40; ++bytes) {
    const Sample s = MakeSample(bytes);
    EXPECT_EQ(s.frame.size() % 8, 0u);
    const FrameView view = CheckFrame(s.frame, 5, kSalt, s.before);
    ASSERT_EQ(view.fault, FrameFault::kNone) << bytes;
    EXPECT_EQ(view.header.epoch, 5u);
    EXPECT_EQ(view.header.first_lsn, 8u);
    EXPECT_EQ(view.header.last_lsn(), 10u);
    EXPECT_EQ(view.header.payload_bytes, bytes);
    EXPECT_EQ(view.header.time_ms, 1001);
    EXPECT_EQ(view.header.boottime_ms, 77u);
    EXPECT_EQ(view.header.state_hash, s.header.state_hash);
    EXPECT_EQ(view.header.prev_chain, s.before.chain);
    EXPECT_EQ(view.header.chain, s.header.chain);
    ASSERT_EQ(view.payload.size(), bytes);
    for (std::size_t i = 0; i < bytes; ++i) EXPECT_EQ(view.payload[i], static_cast<std::byte>(i * 31 + 1));
    EXPECT_TRUE(LooksLikeFrame(s.frame, 5, kSalt));
  }
}

TEST(JournalFormat, PayloadEncodedInPlaceGivesTheSameFrame) {
  const Sample s = MakeSample(21);
  base::Bytes in_place(s.frame.size());
  std::copy_n(s.frame.begin() + kFrameHeaderBytes, 21, in_place.begin() + kFrameHeaderBytes);
  FrameHeader header = s.header;
  EncodeFrame(header, base::ByteView(in_place).subspan(kFrameHeaderBytes, 21), kSalt, in_place);
  EXPECT_EQ(in_place, s.frame);
}

TEST(JournalFormat, EveryChangedBitOfAFrameIsFound) {
  const Sample good = MakeSample(29);
  for (std::size_t at = 0; at < good.frame.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Sample s = good;
      s.frame[at] ^= static_cast<std::byte>(1 << bit);
      EXPECT_NE(FaultOf(s), FrameFault::kNone) << "byte " << at << " bit " << bit;
      EXPECT_FALSE(LooksLikeFrame(s.frame, 5, kSalt)) << "byte " << at << " bit " << bit;
    }
  }
}

TEST(JournalFormat, EveryChangedBitWithMendedChecksumsIsFound) {
  const Sample good = MakeSample(29);
  for (std::size_t at = frame_at::kEpoch; at < good.frame.size(); ++at) {
    if (at >= frame_at::kPayloadCrc && at < frame_at::kPayloadCrc + 4) continue;  // mending undoes it
    for (int bit = 0; bit < 8; ++bit) {
      Sample s = good;
      s.frame[at] ^= static_cast<std::byte>(1 << bit);
      MendFrame(s.frame, kSalt);
      EXPECT_NE(FaultOf(s), FrameFault::kNone) << "byte " << at << " bit " << bit;
    }
  }
}

TEST(JournalFormat, FaultsSayWhatIsWrong) {
  const Sample good = MakeSample(29);
  const auto changed = [&](std::size_t at, bool mend) {
    Sample s = good;
    s.frame[at] ^= std::byte{0x10};
    if (mend) MendFrame(s.frame, kSalt);
    return FaultOf(s);
  };
  EXPECT_EQ(changed(frame_at::kMagic, true), FrameFault::kMagic);
  EXPECT_EQ(changed(frame_at::kTimeMs, false), FrameFault::kHeaderCrc);
  EXPECT_EQ(changed(frame_at::kTimeMs + 3, true), FrameFault::kChain);
  EXPECT_EQ(changed(frame_at::kEpoch, true), FrameFault::kHeaderField);
  EXPECT_EQ(changed(frame_at::kFlags, true), FrameFault::kHeaderField);
  EXPECT_EQ(changed(frame_at::kEnd, true), FrameFault::kHeaderField);
  EXPECT_EQ(changed(frame_at::kFirstLsn, true), FrameFault::kLsn);
  EXPECT_EQ(changed(frame_at::kPrevChain, true), FrameFault::kPrevChain);
  EXPECT_EQ(changed(kFrameHeaderBytes, false), FrameFault::kPayloadCrc);
  EXPECT_EQ(changed(kFrameHeaderBytes, true), FrameFault::kChain);
  EXPECT_EQ(changed(kFrameHeaderBytes + 29, true), FrameFault::kPadding);
  EXPECT_EQ(changed(frame_at::kStateHash, true), FrameFault::kChain);

  Sample s = good;
  s.before.last_lsn = 6;
  EXPECT_EQ(FaultOf(s), FrameFault::kLsn);
  s = good;
  s.before.chain[31] ^= std::byte{1};
  EXPECT_EQ(FaultOf(s), FrameFault::kPrevChain);
  s = good;
  s.before.time_ms = 1002;
  EXPECT_EQ(FaultOf(s), FrameFault::kTime);
  EXPECT_EQ(CheckFrame(good.frame, 6, kSalt, good.before).fault, FrameFault::kHeaderField);
  EXPECT_EQ(CheckFrame(good.frame, 5, kSalt + 1, good.before).fault, FrameFault::kHeaderCrc);
}

TEST(JournalFormat, LengthsAreBoundedBeforeTheyAreUsed) {
  const Sample good = MakeSample(29);
  Sample s = good;
  base::StoreLe(&s.frame[frame_at::kPayloadBytes], kFramePayloadBytesMax + 1);
  MendFrame(s.frame, kSalt);
  EXPECT_EQ(FaultOf(s), FrameFault::kHeaderField);
  base::StoreLe(&s.frame[frame_at::kPayloadBytes], kFramePayloadBytesMax);
  MendFrame(s.frame, kSalt);
  EXPECT_EQ(FaultOf(s), FrameFault::kShort);
  s = good;
  base::StoreLe<std::uint32_t>(&s.frame[frame_at::kCount], 0);
  MendFrame(s.frame, kSalt);
  EXPECT_EQ(FaultOf(s), FrameFault::kHeaderField);
  s = good;
  base::StoreLe(&s.frame[frame_at::kFirstLsn], ~Lsn{0} - 1);  // its LSNs would wrap around
  MendFrame(s.frame, kSalt);
  EXPECT_EQ(FaultOf(s), FrameFault::kHeaderField);
}

TEST(JournalFormat, CutFramesAreShortAndZerosAreTheEnd) {
  const Sample s = MakeSample(29);
  for (std::size_t bytes = 1; bytes < s.frame.size(); ++bytes) {
    EXPECT_EQ(CheckFrame(base::ByteView(s.frame).first(bytes), 5, kSalt, s.before).fault, FrameFault::kShort) << bytes;
  }
  const base::Bytes zeros(400);
  for (const std::size_t bytes : {0, 1, 159, 160, 400}) {
    EXPECT_EQ(CheckFrame(base::ByteView(zeros).first(bytes), 5, kSalt, s.before).fault, FrameFault::kZero) << bytes;
  }
}

TEST(JournalFormat, RandomBytesAreNeverAFrame) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 rng(seed);
  const Sample s = MakeSample(0);
  base::Bytes bytes(512);
  for (int round = 0; round < 20'000; ++round) {
    for (std::byte& b : bytes) b = static_cast<std::byte>(rng());
    if (round % 2 == 0) base::StoreLe(bytes.data(), kFrameMagic);
    const auto piece = base::ByteView(bytes).first(rng() % bytes.size());
    ASSERT_NE(CheckFrame(piece, 5, kSalt, s.before).fault, FrameFault::kNone);
  }
}

TEST(JournalFormat, SegmentHeadersRoundTripAndEveryChangedByteIsFound) {
  const SegmentHeader header = SampleHeader();
  std::array<std::byte, kSegmentHeaderBytes> block;
  EncodeSegmentHeader(header, block);
  auto decoded = DecodeSegmentHeader(block, "/j/a.seg");
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  EXPECT_EQ(*decoded, header);
  for (std::size_t at = 0; at < block.size(); ++at) {
    block[at] ^= std::byte{0x40};
    auto damaged = DecodeSegmentHeader(block, "/j/a.seg");
    ASSERT_FALSE(damaged.ok()) << at;
    EXPECT_EQ(damaged.error().code, ErrorCode::kCorruption);
    EXPECT_EQ(damaged.error().path, "/j/a.seg");
    EXPECT_TRUE(damaged.error().offset.has_value());
    block[at] ^= std::byte{0x40};
  }
  for (std::size_t bytes = 0; bytes < block.size(); bytes += 64) {
    EXPECT_FALSE(DecodeSegmentHeader(base::ByteView(block).first(bytes), "/j/a.seg").ok()) << bytes;
  }
}

TEST(JournalFormat, SegmentHeaderFieldsAreCheckedBehindTheirChecksum) {
  const auto refused = [](auto change) {
    std::array<std::byte, kSegmentHeaderBytes> block;
    EncodeSegmentHeader(SampleHeader(), block);
    change(block.data());
    MendSegmentHeader(block);
    auto decoded = DecodeSegmentHeader(block, "/j/a.seg");
    EXPECT_FALSE(decoded.ok());
    return decoded.ok() ? Error{} : decoded.error();
  };
  const auto store64 = [](std::size_t at, std::uint64_t value) {
    return [=](std::byte* block) { base::StoreLe(block + at, value); };
  };
  const auto newer = refused([](std::byte* b) { base::StoreLe(b + segment_at::kVersion, kFormatVersion + 1); });
  EXPECT_EQ(newer.code, ErrorCode::kUnsupported);
  EXPECT_THAT(newer.hint, ::testing::HasSubstr("newer"));
  EXPECT_EQ(refused(store64(segment_at::kEpoch, 0)).offset, segment_at::kEpoch);
  EXPECT_EQ(refused(store64(segment_at::kFirstLsn, 0)).offset, segment_at::kFirstLsn);
  EXPECT_EQ(refused(store64(segment_at::kPrevOrdinal, 3)).offset, segment_at::kPrevEpoch);  // itself
  EXPECT_EQ(refused(store64(segment_at::kPrevEpoch, 8)).offset, segment_at::kPrevEpoch);    // a later one
  EXPECT_EQ(refused(store64(segment_at::kPrevEpoch, 0)).offset, segment_at::kPrevOrdinal);
  EXPECT_EQ(refused(store64(segment_at::kPrevSealedBytes, 4088)).offset, segment_at::kPrevSealedBytes);
  EXPECT_EQ(refused(store64(segment_at::kPrevSealedBytes, 8193)).offset, segment_at::kPrevSealedBytes);
  EXPECT_EQ(refused(store64(segment_at::kCapacity, 100)).offset, segment_at::kCapacity);
  EXPECT_EQ(refused(store64(segment_at::kEnd, 1)).offset, segment_at::kEnd);
  EXPECT_EQ(refused([](std::byte* b) { base::StoreLe(b + segment_at::kHeaderBytes, 512u); }).offset,
            segment_at::kHeaderBytes);
}

TEST(JournalFormat, FileNamesParseOnlyInTheirOneSpelling) {
  EXPECT_EQ(SegmentFileName({0xab, 1}), "00000000000000ab-0000000000000001.seg");
  EXPECT_EQ(ParseSegmentFileName("00000000000000ab-0000000000000001.seg"), (model::SegmentId{0xab, 1}));
  EXPECT_EQ(ParseSegmentFileName("ffffffffffffffff-ffffffffffffffff.seg"), (model::SegmentId{~0ull, ~0ull}));
  for (const char* name : {"", "00000000000000AB-0000000000000001.seg", "00000000000000ab-000000000000001.seg",
                           "00000000000000ab_0000000000000001.seg", "00000000000000ab-0000000000000001.seG",
                           "00000000000000ab-0000000000000001.seg~", "0000000000000000-0000000000000001.seg",
                           "spare-00112233445566778899aabbccddeeff", "00000000000000ab-000000000000000g.seg"}) {
    EXPECT_FALSE(ParseSegmentFileName(name)) << name;
  }
}

TEST(JournalFormat, CapacityDoublesBetweenItsBounds) {
  EXPECT_EQ(NextCapacity(8192), kSegmentBytesMin);
  EXPECT_EQ(NextCapacity(kSegmentBytesMin), 2 * kSegmentBytesMin);
  EXPECT_EQ(NextCapacity(kSegmentBytesMax), kSegmentBytesMax);
  EXPECT_GE(kSegmentBytesMax, kSegmentHeaderBytes + FrameBytes(kFramePayloadBytesMax));
}

TEST(JournalFormat, TheSeededBugsOfTheCheckAreVisible) {
  Sample s = MakeSample(29);
  s.frame[kFrameHeaderBytes] ^= std::byte{1};
  MendFrame(s.frame, kSalt);
  EXPECT_EQ(FaultOf(s), FrameFault::kChain);
  base::SetSeededBug("crc_only_verify");
  EXPECT_EQ(FaultOf(s), FrameFault::kNone);
  s = MakeSample(29);
  s.before.chain[0] ^= std::byte{1};
  base::SetSeededBug("");
  EXPECT_EQ(FaultOf(s), FrameFault::kPrevChain);
  base::SetSeededBug("accept_wrong_prev_chain");
  EXPECT_EQ(FaultOf(s), FrameFault::kNone);
  base::SetSeededBug("");
}

}  // namespace
}  // namespace tenure::journal
