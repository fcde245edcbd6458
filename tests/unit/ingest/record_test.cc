#include "store/ingest/record.h"

#include <gtest/gtest.h>

#include <string>

#include "store/base/hash.h"

namespace tenure::ingest {
namespace {

RecordHeader HeaderOf(std::uint32_t size) { return {size, 7, 0, 123'456'789, 0, 0}; }

ReadFault Check(const RecordHeader& header, base::ByteView payload) {
  return CheckPayload(HeaderWords::Of(header), payload);
}

TEST(Record, WordsAreTheBytesOfTheHeader) {
  const RecordHeader header{0x01020304, 0x0506, 0x0708, 0x1112131415161718, 0x21222324, 0x25262728};
  const HeaderWords words = HeaderWords::Of(header);
  EXPECT_EQ(std::memcmp(words.words, &header, sizeof header), 0);
  EXPECT_EQ(words.Header(), header);
}

TEST(Record, OccupiesAMultipleOfEightBytes) {
  EXPECT_EQ(RecordBytes(0), 24u);
  EXPECT_EQ(RecordBytes(1), 32u);
  EXPECT_EQ(RecordBytes(8), 32u);
  EXPECT_EQ(RecordBytes(9), 40u);
  EXPECT_EQ(RecordBytes(64), 88u);
  // No size that a header can hold wraps around.
  EXPECT_EQ(RecordBytes(0xFFFFFFFF), (std::uint64_t{1} << 32) + 24);
}

TEST(Record, ChecksumCoversEveryBitOfHeaderAndPayload) {
  std::string payload = "what is written";
  RecordHeader header = HeaderOf(static_cast<std::uint32_t>(payload.size()));
  header.checksum = RecordChecksum(HeaderWords::Of(header), base::AsBytes(payload));
  ASSERT_EQ(Check(header, base::AsBytes(payload)), ReadFault::kNone);
  for (std::size_t bit = 0; bit < 8 * sizeof header; ++bit) {
    RecordHeader damaged = header;
    reinterpret_cast<unsigned char*>(&damaged)[bit / 8] ^= static_cast<unsigned char>(1u << (bit % 8));
    // The flag kUnchecked then stands beside a checksum, which no writer does.
    EXPECT_EQ(Check(damaged, base::AsBytes(payload)), ReadFault::kChecksum) << "header bit " << bit;
  }
  for (std::size_t bit = 0; bit < 8 * payload.size(); ++bit) {
    std::string damaged = payload;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(Check(header, base::AsBytes(damaged)), ReadFault::kChecksum) << "payload bit " << bit;
  }
}

TEST(Record, ChecksumIsTheCrcOfTheHeaderWithItsFieldZeroThenThePayload) {
  RecordHeader header = HeaderOf(5);
  base::Bytes whole(sizeof header);
  std::memcpy(whole.data(), &header, sizeof header);
  const base::ByteView payload = base::AsBytes("hello");
  whole.insert(whole.end(), payload.begin(), payload.end());
  header.checksum = 0xABCDEF;  // is taken as zero
  EXPECT_EQ(RecordChecksum(HeaderWords::Of(header), payload), base::Crc32c(whole));
}

TEST(Record, PiecesHaveTheChecksumOfTheWhole) {
  const std::string whole = "one, two, three";
  const base::ByteView pieces[] = {base::AsBytes("one, "), {}, base::AsBytes("two, three")};
  const RecordHeader header = HeaderOf(static_cast<std::uint32_t>(whole.size()));
  EXPECT_EQ(RecordChecksum(HeaderWords::Of(header), pieces),
            RecordChecksum(HeaderWords::Of(header), base::AsBytes(whole)));
}

TEST(Record, UncheckedMeansAChecksumOfZero) {
  RecordHeader header = HeaderOf(3);
  header.flags = kUnchecked;
  EXPECT_EQ(Check(header, base::AsBytes("abc")), ReadFault::kNone);
  header.checksum = 1;
  EXPECT_EQ(Check(header, base::AsBytes("abc")), ReadFault::kChecksum);
}

TEST(Record, HeaderIsJudgedAgainstWhatIsThere) {
  RecordHeader header = HeaderOf(100);
  EXPECT_EQ(CheckHeader(HeaderWords::Of(header), RecordBytes(100)), ReadFault::kNone);
  EXPECT_EQ(CheckHeader(HeaderWords::Of(header), 124), ReadFault::kNone);
  EXPECT_EQ(CheckHeader(HeaderWords::Of(header), 123), ReadFault::kSize);
  header.size = 0xFFFFFFFF;
  EXPECT_EQ(CheckHeader(HeaderWords::Of(header), 1 << 20), ReadFault::kSize);
  header = HeaderOf(0);
  EXPECT_EQ(CheckHeader(HeaderWords::Of(header), 24), ReadFault::kNone);
  header.type = 0;
  EXPECT_EQ(CheckHeader(HeaderWords::Of(header), 24), ReadFault::kType);
  header.type = 1;
  header.reserved = 1;
  EXPECT_EQ(CheckHeader(HeaderWords::Of(header), 24), ReadFault::kReserved);
}

TEST(Record, EveryFaultHasItsOwnText) {
  std::set<std::string> texts;
  for (int fault = 0; fault <= static_cast<int>(ReadFault::kChecksum); ++fault) {
    texts.insert(ReadFaultText(static_cast<ReadFault>(fault)));
  }
  EXPECT_EQ(texts.size(), static_cast<std::size_t>(ReadFault::kChecksum) + 1);
}

}  // namespace
}  // namespace tenure::ingest
