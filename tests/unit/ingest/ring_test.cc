#include "store/ingest/ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/ingest/ring_testing.h"

namespace tenure::ingest {
namespace {

using ::testing::HasSubstr;

TEST(Ring, FirstInFirstOut) {
  SmallRing small;
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(small.ring.TryWrite(static_cast<std::uint16_t>(i + 1), 0, 1000 + i, Payload(i, 3 * i)));
  }
  RecordCopy record;
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_EQ(small.ring.TryRead(record), ReadFault::kNone);
    EXPECT_EQ(record.header.type, i + 1);
    EXPECT_EQ(record.header.timestamp_ns, 1000 + i);
    EXPECT_EQ(record.payload, Payload(i, 3 * i));
  }
  EXPECT_EQ(small.ring.TryRead(record), ReadFault::kEmpty);
}

TEST(Ring, AnEmptyRingSaysSo) {
  SmallRing small;
  RecordCopy record;
  EXPECT_EQ(small.ring.TryRead(record), ReadFault::kEmpty);
  EXPECT_EQ(small.ring.available_read(), 0u);
  EXPECT_EQ(small.ring.available_write(), SmallRing::kCapacity);
  EXPECT_TRUE(small.ring.CheckIntegrity().ok());
}

TEST(Ring, AFullRingRefusesCountsAndLosesNothing) {
  SmallRing small;
  std::uint64_t written = 0;
  while (small.ring.TryWrite(1, 0, 0, Payload(written, 40))) ++written;
  EXPECT_EQ(written, SmallRing::kCapacity / 64);
  EXPECT_EQ(small.ring.available_write(), 0u);
  EXPECT_EQ(small.ring.available_read(), SmallRing::kCapacity);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(small.ring.TryWrite(1, 0, 0, base::ByteView()));
  EXPECT_EQ(small.ring.Counters().overflowed, 5u);
  RecordCopy record;
  for (std::uint64_t i = 0; i < written; ++i) {
    ASSERT_EQ(small.ring.TryRead(record), ReadFault::kNone);
    EXPECT_EQ(record.payload, Payload(i, 40));
  }
  EXPECT_EQ(small.ring.TryRead(record), ReadFault::kEmpty);
}

TEST(Ring, ARecordMayFillTheWholeRingAndNotAByteMore) {
  SmallRing small;
  EXPECT_EQ(small.ring.max_payload(), SmallRing::kCapacity - 24);
  const base::Bytes most = Payload(1, SmallRing::kCapacity - 24);
  ASSERT_TRUE(small.ring.TryWrite(1, 0, 0, most));
  EXPECT_EQ(small.ring.available_write(), 0u);
  RecordCopy record;
  ASSERT_EQ(small.ring.TryRead(record), ReadFault::kNone);
  EXPECT_EQ(record.payload, most);
  EXPECT_FALSE(small.ring.TryWrite(1, 0, 0, Payload(1, SmallRing::kCapacity - 23)));
  const base::Bytes half = Payload(2, SmallRing::kCapacity / 2);
  const base::ByteView pieces[] = {half, half};
  EXPECT_FALSE(small.ring.TryWrite(1, 0, 0, std::span<const base::ByteView>(pieces)));
  EXPECT_EQ(small.ring.Counters().overflowed, 2u);
  EXPECT_EQ(small.ring.available_write(), SmallRing::kCapacity);
}

// From every offset, records of many sizes: header, payload and both cut by the end of the memory.
class RingWraparound : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RingWraparound, NothingIsCorruptedAtAnyOffset) {
  for (std::uint64_t offset = GetParam(); offset < GetParam() + SmallRing::kCapacity / 16; offset += 8) {
    SmallRing small;
    AdvanceTo(small.ring, SmallRing::kCapacity + offset);
    ASSERT_EQ(small.ring.tail(), SmallRing::kCapacity + offset);
    const std::uint64_t to_end = SmallRing::kCapacity - offset;
    RecordCopy record;
    RecordHeader header;
    base::Bytes payload;
    for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{64}, to_end % 4000,
                                     to_end % 3977, small.ring.max_payload()}) {
      const base::Bytes first = Payload(size, size);
      const base::ByteView pieces[] = {base::ByteView(first).first(size / 3), base::ByteView(first).subspan(size / 3)};
      const std::uint64_t at = small.ring.tail();
      ASSERT_TRUE(small.ring.TryWrite(2, 0, 9, std::span<const base::ByteView>(pieces)));
      ASSERT_TRUE(small.ring.CheckIntegrity().ok());
      std::uint64_t next = 0;
      ASSERT_EQ(small.ring.CopyRecordAt(at, small.ring.tail(), header, payload, next), ReadFault::kNone);
      EXPECT_EQ(next, small.ring.tail());
      EXPECT_EQ(payload, first);
      ASSERT_EQ(small.ring.TryRead(record), ReadFault::kNone) << "offset " << offset << " size " << size;
      ASSERT_EQ(record.payload, first) << "offset " << offset << " size " << size;
      EXPECT_EQ(record.header, header);
    }
  }
}

std::vector<std::uint32_t> SixteenthsOfTheRing() {
  // The first 24 bytes cannot be skipped by a record, but are reached through the ones after the end.
  std::vector<std::uint32_t> starts;
  for (std::uint32_t i = 0; i < 16; ++i) starts.push_back(i * SmallRing::kCapacity / 16);
  return starts;
}
INSTANTIATE_TEST_SUITE_P(Offsets, RingWraparound, ::testing::ValuesIn(SixteenthsOfTheRing()));

TEST(Ring, ABatchIsPublishedAsFarAsItFits) {
  SmallRing small;
  const base::Bytes payload = Payload(5, 1000);
  std::vector<RecordToWrite> records;
  for (std::uint16_t i = 1; i <= 5; ++i) records.push_back({i, 0, i, payload});
  EXPECT_EQ(small.ring.WriteBatch(records), 4u);
  EXPECT_EQ(small.ring.available_read(), 4 * RecordBytes(1000));
  EXPECT_EQ(small.ring.Counters().overflowed, 1u);
  EXPECT_EQ(small.ring.Counters().written, 4u);
  EXPECT_EQ(small.ring.WriteBatch({}), 0u);
  EXPECT_EQ(small.ring.Counters().overflowed, 1u);
}

TEST(Ring, ABatchReadStopsAtItsMaximumAndFreesTheSpaceAtItsEnd) {
  SmallRing small;
  for (std::uint16_t i = 1; i <= 5; ++i) ASSERT_TRUE(small.ring.TryWrite(i, 0, 0, Payload(i, i)));
  std::vector<std::uint16_t> types;
  const auto each = [&](const RecordHeader& header, base::ByteView payload) {
    types.push_back(header.type);
    EXPECT_EQ(base::Bytes(payload.begin(), payload.end()), Payload(header.type, header.type));
    EXPECT_EQ(small.control().head.load(), types.size() > 3 ? 3 * RecordBytes(1) : 0u);
  };
  Ring::BatchRead read = small.ring.ReadBatch(3, each);
  EXPECT_EQ(read.count, 3u);
  EXPECT_EQ(read.fault, ReadFault::kNone);
  EXPECT_EQ(small.ring.available_read(), 2 * RecordBytes(4));
  read = small.ring.ReadBatch(100, each);
  EXPECT_EQ(read.count, 2u);
  EXPECT_EQ(read.fault, ReadFault::kEmpty);
  EXPECT_EQ(types, (std::vector<std::uint16_t>{1, 2, 3, 4, 5}));
}

TEST(Ring, AnUncheckedRecordCarriesNoChecksum) {
  SmallRing small;
  ASSERT_TRUE(small.ring.TryWrite(1, kUnchecked, 0, Payload(1, 64)));
  small.ring_bytes()[30] ^= std::byte{1};
  RecordCopy record;
  EXPECT_EQ(small.ring.TryRead(record), ReadFault::kNone);
  EXPECT_EQ(record.header.checksum, 0u);
}

TEST(Ring, CountersSayWhatHappened) {
  SmallRing small;
  RecordCopy record;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(small.ring.TryWrite(1, 0, 0, Payload(1, 100)));
  ASSERT_EQ(small.ring.TryRead(record), ReadFault::kNone);
  const RingCounters counters = small.ring.Counters();
  EXPECT_EQ(counters.written, 3u);
  EXPECT_EQ(counters.read, 1u);
  EXPECT_EQ(counters.bytes, 3 * RecordBytes(100));
  EXPECT_EQ(counters.overflowed, 0u);
  EXPECT_EQ(counters.high_water, 3 * RecordBytes(100));
}

TEST(Ring, ResetDropsEverythingAndNeverGoesBack) {
  SmallRing small;
  while (small.ring.TryWrite(1, 0, 0, Payload(1, 40))) {
  }
  const std::uint64_t tail = small.ring.tail();
  small.ring.Reset();
  EXPECT_EQ(small.ring.tail(), tail);
  EXPECT_EQ(small.ring.available_read(), 0u);
  EXPECT_EQ(small.ring.available_write(), SmallRing::kCapacity);
  EXPECT_EQ(small.ring.Counters().written, 0u);
  EXPECT_EQ(small.ring.Counters().overflowed, 0u);
  EXPECT_EQ(small.ring.Counters().high_water, 0u);
  RecordCopy record;
  EXPECT_EQ(small.ring.TryRead(record), ReadFault::kEmpty);
  ASSERT_TRUE(small.ring.TryWrite(3, 0, 0, Payload(9, 9)));
  ASSERT_EQ(small.ring.TryRead(record), ReadFault::kNone);
  EXPECT_EQ(record.payload, Payload(9, 9));
}

TEST(Ring, ResetMendsImpossibleIndices) {
  SmallRing small;
  small.control().tail.store(~std::uint64_t{0});
  small.control().head.store(12345);
  small.ring.Reset();
  RecordCopy record;
  for (std::uint64_t i = 0; i < 200; ++i) {  // across the end of the 64-bit positions
    ASSERT_TRUE(small.ring.TryWrite(3, 0, 0, Payload(i, 50)));
    ASSERT_EQ(small.ring.TryRead(record), ReadFault::kNone);
    ASSERT_EQ(record.payload, Payload(i, 50));
  }
}

TEST(Ring, AttachFindsWhatIsThere) {
  SmallRing small;
  RecordCopy record;
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(small.ring.TryWrite(1, 0, i, Payload(i, 500)));
  ASSERT_EQ(small.ring.TryRead(record), ReadFault::kNone);
  auto other = Ring::Attach(small.memory.span());
  ASSERT_TRUE(other.ok()) << other.error().message;
  EXPECT_EQ(other->capacity(), SmallRing::kCapacity);
  EXPECT_EQ(other->Counters().written, 3u);
  EXPECT_EQ(other->available_read(), 2 * RecordBytes(500));
  ASSERT_EQ(other->TryRead(record), ReadFault::kNone);
  EXPECT_EQ(record.header.timestamp_ns, 1u);
  EXPECT_EQ(record.payload, Payload(1, 500));
  // The first one goes on as the producer, and sees what the other freed.
  EXPECT_EQ(small.ring.available_write(), SmallRing::kCapacity - RecordBytes(500));
  ASSERT_TRUE(small.ring.TryWrite(1, 0, 3, Payload(3, 10)));
  ASSERT_EQ(other->TryRead(record), ReadFault::kNone);
  ASSERT_EQ(other->TryRead(record), ReadFault::kNone);
  EXPECT_EQ(record.payload, Payload(3, 10));
}

TEST(Ring, DestroyedOrStrangeMemoryIsNotAttachedTo) {
  SmallRing small;
  const auto refused = [&](const char* why, ErrorCode code) {
    auto attached = Ring::Attach(small.memory.span());
    ASSERT_FALSE(attached.ok()) << why;
    EXPECT_EQ(attached.error().code, code) << why;
    EXPECT_THAT(attached.error().message, HasSubstr(why));
  };
  small.control().head.store(8);
  refused("impossible beside a tail of 0", ErrorCode::kCorruption);
  small.control().head.store(0);
  small.control().tail.store(4);
  refused("impossible beside a tail of 4", ErrorCode::kCorruption);
  small.control().tail.store(SmallRing::kCapacity + 8);
  refused("impossible", ErrorCode::kCorruption);
  small.control().tail.store(0);
  small.control().capacity.store(2 * SmallRing::kCapacity);
  refused("the ring says it holds 8192 bytes", ErrorCode::kCorruption);
  small.control().capacity.store(SmallRing::kCapacity - 8);
  refused("the ring says it holds 4088 bytes", ErrorCode::kCorruption);
  small.control().capacity.store(SmallRing::kCapacity);
  small.control().layout_version.store(2);
  refused("layout version 2", ErrorCode::kUnsupported);
  small.control().layout_version.store(1);
  ASSERT_TRUE(Ring::Attach(small.memory.span()).ok());
  small.ring.Destroy();
  refused("there is no ring", ErrorCode::kUnsupported);
}

TEST(Ring, CreateRefusesWhatItCannotUse) {
  GuardedMemory memory(Ring::BytesFor(8192) + 64);
  const auto refused = [](std::span<std::byte> span, std::uint32_t capacity, const char* why) {
    auto made = Ring::Create(span, capacity);
    ASSERT_FALSE(made.ok()) << why;
    EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(made.error().message, HasSubstr(why));
  };
  for (const std::uint32_t capacity : {0u, 8u, 2048u, 4095u, 4097u, 6000u, 0x80000000u, 0xFFFFFFFFu}) {
    refused(memory.span(), capacity, "a power of two");
  }
  refused(memory.span().subspan(8), 8192, "64-byte boundary");
  refused({}, 8192, "64-byte boundary");
  refused(memory.span().first(Ring::BytesFor(8192) - 1), 8192, "needs 8448 bytes, not 8447");
  EXPECT_TRUE(Ring::Create(memory.span(), 8192).ok());
  EXPECT_EQ(Ring::kDefaultCapacity, 65536u);
  EXPECT_EQ(Ring::BytesFor(Ring::kMaxCapacity), 256 + (std::size_t{1} << 30));
}

TEST(Ring, IntegrityNamesThePositionAndWhatIsWrong) {
  SmallRing small;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(small.ring.TryWrite(1, 0, 0, Payload(1, 40)));
  ASSERT_TRUE(small.ring.CheckIntegrity().ok());
  const auto damaged = [&](std::size_t at, const char* what) {
    small.ring_bytes()[at] ^= std::byte{0xFF};
    const Status status = small.ring.CheckIntegrity();
    ASSERT_FALSE(status.ok()) << what;
    EXPECT_EQ(status.error().code, ErrorCode::kCorruption);
    EXPECT_THAT(status.error().message, HasSubstr(what));
    EXPECT_THAT(small.ring.DebugDump(), HasSubstr(std::string(what).substr(std::string(what).find(": ") + 2)));
    small.ring_bytes()[at] ^= std::byte{0xFF};
  };
  damaged(64 + 30, "position 64: the record's checksum differs");
  damaged(128 + 3, "position 128: the record reaches beyond the tail");
  damaged(64 + 21, "position 64: the record's reserved field is not zero");
  std::byte* type = small.ring_bytes() + 4;
  *type = std::byte{0};
  EXPECT_THAT(small.ring.CheckIntegrity().error().message, HasSubstr("position 0: the record has type 0"));
  *type = std::byte{1};
  small.control().tail.store(192 - 48);
  EXPECT_THAT(small.ring.CheckIntegrity().error().message, HasSubstr("position 128: the tail is within"));
  small.control().tail.store(193);
  EXPECT_THAT(small.ring.CheckIntegrity().error().message, HasSubstr("position 0: impossible beside a tail of 193"));
  small.control().tail.store(192);
  EXPECT_TRUE(small.ring.CheckIntegrity().ok());
  small.control().capacity.store(8192);
  EXPECT_THAT(small.ring.CheckIntegrity().error().message, HasSubstr("the capacity has changed"));
}

TEST(Ring, ADamagedRecordIsNeitherReadNorSkipped) {
  SmallRing small;
  ASSERT_TRUE(small.ring.TryWrite(1, 0, 0, Payload(1, 40)));
  ASSERT_TRUE(small.ring.TryWrite(2, 0, 0, Payload(2, 40)));
  small.ring_bytes()[64 + 24] ^= std::byte{1};
  RecordCopy record;
  std::size_t calls = 0;
  const Ring::BatchRead read = small.ring.ReadBatch(9, [&](const RecordHeader&, base::ByteView) { ++calls; });
  EXPECT_EQ(read.count, 1u);
  EXPECT_EQ(calls, 1u);
  EXPECT_EQ(read.fault, ReadFault::kChecksum);
  EXPECT_EQ(small.ring.TryRead(record), ReadFault::kChecksum);
  EXPECT_EQ(small.ring.available_read(), 64u);
  EXPECT_EQ(small.ring.Counters().read, 1u);
}

TEST(Ring, TheDumpShowsIndicesCountersAndRecords) {
  SmallRing small;
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(small.ring.TryWrite(7, kUnchecked, 100 + i, Payload(1, 40)));
  RecordCopy record;
  ASSERT_EQ(small.ring.TryRead(record), ReadFault::kNone);
  EXPECT_EQ(small.ring.DebugDump(2),
            "ring capacity 4096 head 64 tail 256 waiting 192\n"
            "written 4 read 1 overflowed 0 bytes 256 high water 256\n"
            "@64 size 40 type 7 flags 1 time 101 checksum 0\n"
            "@128 size 40 type 7 flags 1 time 102 checksum 0\n"
            "... 64 bytes more\n");
}

TEST(Ring, AConsumerKeptElsewhereFreesSpaceBySetHead) {
  SmallRing small;
  RecordCopy record;
  std::uint64_t position = 0;
  for (std::uint64_t i = 0; i < 500; ++i) {
    while (!small.ring.TryWrite(1, 0, i, Payload(i, 40))) {
      ASSERT_EQ(small.ring.available_write(), 0u);
      for (int n = 0; n < 3; ++n) {
        std::uint64_t next = 0;
        ASSERT_EQ(small.ring.CopyRecordAt(position, small.ring.tail(), record.header, record.payload, next),
                  ReadFault::kNone);
        ASSERT_EQ(record.payload, Payload(record.header.timestamp_ns, 40));
        ASSERT_EQ(record.header.timestamp_ns, position / 64);
        position = next;
      }
      small.ring.SetHead(position);
      ASSERT_EQ(small.ring.available_write(), 192u);
    }
  }
  const std::uint64_t free = small.ring.available_write();
  small.ring.SetHead(position - 64);           // goes back
  small.ring.SetHead(small.ring.tail() + 64);  // beyond the tail
  small.ring.SetHead(position + 3);            // between two records' boundaries
  EXPECT_EQ(small.ring.available_write(), free);
  // Somebody else who attaches finds indices that belong together.
  EXPECT_TRUE(Ring::Attach(small.memory.span()).ok());
  std::uint64_t next = 77;
  EXPECT_EQ(small.ring.CopyRecordAt(small.ring.tail(), small.ring.tail(), record.header, record.payload, next),
            ReadFault::kEmpty);
  EXPECT_EQ(next, 77u);
}

TEST(RingDeathTest, TypeZeroIsTheCallersDefect) {
  SmallRing small;
  EXPECT_DEATH((void)small.ring.TryWrite(0, 0, 0, base::ByteView()), "type != 0");
}

}  // namespace
}  // namespace tenure::ingest
