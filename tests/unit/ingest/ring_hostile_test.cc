// Whatever the shared memory holds, and however it changes: no crash, nothing read or written outside,
// and nothing handed out that was not checked.
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/ingest/ring_testing.h"

namespace tenure::ingest {
namespace {

std::uint64_t Seed() {
  const char* given = std::getenv("TENURE_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

/// Without guards, so that AddressSanitizer's own stand directly behind the data: exact allocations.
struct HostileRing {
  GuardedMemory memory{Ring::BytesFor(Ring::kMinCapacity), false};
  Ring ring = Ring::Create(memory.span(), Ring::kMinCapacity).value();
  RingControl& control() { return *reinterpret_cast<RingControl*>(memory.data()); }
};

/// What a hostile side likes to write.
std::uint64_t Nasty(std::mt19937_64& random, std::uint64_t near) {
  switch (random() % 6) {
    case 0:
      return random();
    case 1:
      return near + random() % 64 * 8;
    case 2:
      return near - random() % 64 * 8;
    case 3:
      return near + Ring::kMinCapacity;
    case 4:
      return ~std::uint64_t{0} - random() % 16;
    default:
      return near + random() % 64;
  }
}

void UseEverything(Ring& ring, std::mt19937_64& random) {
  RecordCopy record;
  const base::Bytes payload = Payload(random(), random() % 300);
  (void)ring.TryWrite(1, static_cast<std::uint16_t>(random() % 2), 1, payload);
  const RecordToWrite batch[] = {{1, 0, 0, payload}, {2, 1, 0, payload}};
  (void)ring.WriteBatch(batch);
  (void)ring.available_write();
  (void)ring.available_read();
  if (random() % 2 == 0) ring.SetHead(Nasty(random, ring.tail()));
  if (ring.TryRead(record) == ReadFault::kNone) {
    EXPECT_EQ(CheckPayload(HeaderWords::Of(record.header), record.payload), ReadFault::kNone);
  }
  ring.ReadBatch(random() % 5, [](const RecordHeader& header, base::ByteView view) {
    EXPECT_EQ(header.size, view.size());
    EXPECT_EQ(CheckPayload(HeaderWords::Of(header), view), ReadFault::kNone);
  });
  std::uint64_t next = 0;
  const std::uint64_t tail = Nasty(random, ring.tail());
  const std::uint64_t position = Nasty(random, tail);
  if (ring.CopyRecordAt(position, tail, record.header, record.payload, next) == ReadFault::kNone) {
    EXPECT_LE(next - position, tail - position);
    EXPECT_EQ(next, position + RecordBytes(record.payload.size()));
  }
  (void)ring.CheckIntegrity();
  (void)ring.DebugDump(3);
}

TEST(RingHostile, RandomContentsNeitherCrashNorReachOutside) {
  const std::uint64_t seed = Seed();
  SCOPED_TRACE("TENURE_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    HostileRing hostile;
    Ring& ring = hostile.ring;
    for (int step = 0; step < 4; ++step) {
      std::byte* data = hostile.memory.data() + sizeof(RingControl);
      for (std::uint32_t i = 0; i < Ring::kMinCapacity; i += 8) {
        // Small sizes and types, so that many headers get beyond the first check.
        const std::uint64_t word = random() % 4 == 0 ? random() : (random() & 0x0000'0003'0000'01FF);
        std::memcpy(data + i, &word, sizeof word);
      }
      if (random() % 2 == 0) hostile.control().tail.store(Nasty(random, ring.tail()));
      if (random() % 2 == 0) hostile.control().head.store(Nasty(random, ring.tail()));
      UseEverything(ring, random);
      if (random() % 8 == 0) {
        hostile.control().capacity.store(static_cast<std::uint32_t>(Nasty(random, Ring::kMinCapacity)));
      }
      if (auto attached = Ring::Attach(hostile.memory.span()); attached.ok()) UseEverything(*attached, random);
      hostile.control().capacity.store(Ring::kMinCapacity);
      if (random() % 4 == 0) ring.Reset();
    }
  }
}

TEST(RingHostile, EveryBitFlipOfARecordIsFound) {
  HostileRing hostile;
  ASSERT_TRUE(hostile.ring.TryWrite(1, 0, 12345, Payload(3, 41)));
  const std::uint64_t tail = hostile.ring.tail();
  RecordCopy record;
  std::uint64_t next = 0;
  std::byte* data = hostile.memory.data() + sizeof(RingControl);
  for (std::size_t bit = 0; bit < 8 * (24 + 41); ++bit) {
    data[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_NE(hostile.ring.CopyRecordAt(0, tail, record.header, record.payload, next), ReadFault::kNone) << bit;
    data[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  EXPECT_EQ(hostile.ring.CopyRecordAt(0, tail, record.header, record.payload, next), ReadFault::kNone);
}

// A writer that changes the record while it is copied: what is handed out is one of the things that it wrote,
// checked on the copy, or a fault.
TEST(RingHostile, ARecordThatChangesDuringTheCopyIsJudgedByTheCopy) {
  HostileRing hostile;
  const base::Bytes versions[2] = {Payload(1, 1000), Payload(2, 200)};
  ASSERT_TRUE(hostile.ring.TryWrite(1, 0, 0, versions[0]));
  const std::uint64_t tail = hostile.ring.tail();
  RecordHeader headers[2] = {{1000, 1, 0, 0, 0, 0}, {200, 1, 0, 1, 0, 0}};
  for (int i = 0; i < 2; ++i) headers[i].checksum = RecordChecksum(HeaderWords::Of(headers[i]), versions[i]);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    auto* words = reinterpret_cast<volatile unsigned char*>(hostile.memory.data() + sizeof(RingControl));
    for (int turn = 0; !stop.load(std::memory_order_relaxed); turn ^= 1) {
      const auto* header = reinterpret_cast<const unsigned char*>(&headers[turn]);
      for (std::size_t i = 0; i < sizeof(RecordHeader); ++i) words[i] = header[i];
      for (std::size_t i = 0; i < versions[turn].size(); ++i) {
        words[24 + i] = std::to_integer<unsigned char>(versions[turn][i]);
      }
    }
  });
  RecordCopy record;
  std::uint64_t next = 0;
  for (int i = 0; i < 20'000; ++i) {
    const ReadFault fault = hostile.ring.CopyRecordAt(0, tail, record.header, record.payload, next);
    if (fault != ReadFault::kNone) continue;
    const int which = record.header.size == 1000 ? 0 : 1;
    ASSERT_EQ(record.header, headers[which]);
    ASSERT_EQ(record.payload, versions[which]);
  }
  stop.store(true, std::memory_order_relaxed);
  writer.join();
}

}  // namespace
}  // namespace tenure::ingest
