// One producer and one consumer at once, and random single-threaded histories against a plain queue.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>
#include <thread>

#include "tests/unit/ingest/ring_testing.h"

namespace tenure::ingest {
namespace {

constexpr std::uint64_t kRecords = 60'000;

std::size_t SizeOf(std::uint64_t number) { return number * 2654435761u % 200; }

struct Stress {
  const char* name;
  bool batches;
  bool two_rings;  ///< Each side attached on its own, as two processes would be.
  std::uint16_t flags;
};

class RingStress : public ::testing::TestWithParam<Stress> {};

TEST_P(RingStress, EveryRecordArrivesOnceAndInOrder) {
  const Stress& stress = GetParam();
  SmallRing small;
  Ring second = Ring::Attach(small.memory.span()).value();
  Ring& to = small.ring;
  Ring& from = stress.two_rings ? second : small.ring;
  std::thread producer([&] {
    std::vector<base::Bytes> payloads(8);
    std::vector<RecordToWrite> batch(8);
    for (std::uint64_t next = 0; next < kRecords;) {
      std::size_t done = 0;
      if (stress.batches) {
        const std::size_t count = std::min<std::uint64_t>(8, kRecords - next);
        for (std::size_t i = 0; i < count; ++i) {
          payloads[i] = Payload(next + i, SizeOf(next + i));
          batch[i] = {1, stress.flags, next + i, payloads[i]};
        }
        done = to.WriteBatch(std::span(batch).first(count));
      } else {
        done = to.TryWrite(1, stress.flags, next, Payload(next, SizeOf(next))) ? 1 : 0;
      }
      next += done;
      if (done == 0) std::this_thread::yield();
    }
  });
  std::uint64_t expected = 0;
  std::uint64_t wrong = 0;
  const auto check = [&](const RecordHeader& header, base::ByteView payload) {
    const base::Bytes should = Payload(expected, SizeOf(expected));
    if (header.timestamp_ns != expected || !std::equal(payload.begin(), payload.end(), should.begin(), should.end())) {
      ++wrong;
    }
    ++expected;
  };
  RecordCopy record;
  while (expected < kRecords) {
    ReadFault fault = ReadFault::kNone;
    if (stress.batches) {
      fault = from.ReadBatch(16, check).fault;
    } else if (fault = from.TryRead(record); fault == ReadFault::kNone) {
      check(record.header, record.payload);
    }
    if (fault == ReadFault::kEmpty) std::this_thread::yield();
    if (fault != ReadFault::kNone && fault != ReadFault::kEmpty) {
      ADD_FAILURE() << ReadFaultText(fault) << " at record " << expected;
      break;
    }
  }
  producer.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(from.TryRead(record), ReadFault::kEmpty);
  const RingCounters counters = to.Counters();
  EXPECT_EQ(counters.written, kRecords);
  EXPECT_EQ(counters.read, kRecords);
  EXPECT_LE(counters.high_water, SmallRing::kCapacity);
  EXPECT_EQ(counters.bytes, to.tail());
}
INSTANTIATE_TEST_SUITE_P(Ways, RingStress,
                         ::testing::Values(Stress{"Single", false, false, 0}, Stress{"SingleTwoRings", false, true, 0},
                                           Stress{"Batch", true, false, 0}, Stress{"BatchTwoRings", true, true, 0},
                                           Stress{"Unchecked", false, true, kUnchecked}),
                         [](const auto& info) { return std::string(info.param.name); });

// As a lane uses it: the consumer copies at its own position and publishes that elsewhere.
TEST(RingStress, AConsumerWithItsPositionElsewhereMissesNothing) {
  SmallRing small;
  alignas(64) std::atomic<std::uint64_t> head{0};
  std::thread producer([&] {
    for (std::uint64_t next = 0; next < kRecords;) {
      if (small.ring.available_write() >= RecordBytes(SizeOf(next))) {
        if (!small.ring.TryWrite(1, 0, next, Payload(next, SizeOf(next)))) std::abort();
        ++next;
      } else {
        small.ring.SetHead(head.load(std::memory_order_acquire));
        std::this_thread::yield();
      }
    }
  });
  const Ring reader = Ring::Attach(small.memory.span()).value();
  RecordCopy record;
  std::uint64_t position = 0;
  for (std::uint64_t expected = 0; expected < kRecords;) {
    const ReadFault fault = reader.CopyRecordAt(position, reader.tail(), record.header, record.payload, position);
    if (fault == ReadFault::kEmpty) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(fault, ReadFault::kNone) << ReadFaultText(fault) << " at record " << expected;
    ASSERT_EQ(record.header.timestamp_ns, expected);
    ASSERT_EQ(record.payload, Payload(expected, SizeOf(expected)));
    ++expected;
    head.store(position, std::memory_order_release);
  }
  producer.join();
  EXPECT_EQ(reader.Counters().overflowed, 0u);
}

struct Model {
  std::deque<std::pair<RecordHeader, base::Bytes>> records;
  std::uint64_t used = 0;
  std::uint64_t overflowed = 0;
  std::uint64_t number = 0;

  bool Write(std::size_t size) {
    if (used + RecordBytes(size) > SmallRing::kCapacity) return false;
    used += RecordBytes(size);
    records.push_back({{static_cast<std::uint32_t>(size), 5, 0, number, 0, 0}, Payload(number, size)});
    ++number;
    return true;
  }
  void Read(const RecordHeader& header, base::ByteView payload) {
    RC_ASSERT(!records.empty());
    RC_ASSERT(header.timestamp_ns == records.front().first.timestamp_ns);
    RC_ASSERT(base::Bytes(payload.begin(), payload.end()) == records.front().second);
    used -= RecordBytes(payload.size());
    records.pop_front();
  }
};

void WriteMany(Ring& ring, Model& model) {
  const auto sizes = *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 1200));
  std::vector<base::Bytes> payloads;
  std::vector<RecordToWrite> batch;
  for (std::size_t i = 0; i < sizes.size(); ++i) payloads.push_back(Payload(model.number + i, sizes[i]));
  for (std::size_t i = 0; i < sizes.size(); ++i) batch.push_back({5, 0, model.number + i, payloads[i]});
  std::size_t fits = 0;
  while (fits < sizes.size() && model.Write(sizes[fits])) ++fits;
  if (fits < sizes.size()) ++model.overflowed;
  RC_ASSERT(ring.WriteBatch(batch) == fits);
}

void RunHistory() {
  SmallRing small;
  Model model;
  RecordCopy record;
  const int steps = *rc::gen::inRange(1, 120);
  for (int i = 0; i < steps; ++i) {
    switch (*rc::gen::weightedElement<int>({{8, 0}, {3, 1}, {6, 2}, {3, 3}, {1, 4}, {1, 5}})) {
      case 0: {
        const auto size = *rc::gen::inRange<std::size_t>(0, 1500);
        const std::uint64_t number = model.number;
        const bool fits = model.Write(size);
        model.overflowed += fits ? 0 : 1;
        RC_ASSERT(small.ring.TryWrite(5, 0, number, Payload(number, size)) == fits);
        break;
      }
      case 1:
        WriteMany(small.ring, model);
        break;
      case 2: {
        const ReadFault fault = small.ring.TryRead(record);
        RC_ASSERT(fault == (model.records.empty() ? ReadFault::kEmpty : ReadFault::kNone));
        if (fault == ReadFault::kNone) model.Read(record.header, record.payload);
        break;
      }
      case 3: {
        const auto max = *rc::gen::inRange<std::size_t>(0, 6);
        const std::size_t there = std::min(max, model.records.size());
        const auto read = small.ring.ReadBatch(
            max, [&](const RecordHeader& header, base::ByteView payload) { model.Read(header, payload); });
        RC_ASSERT(read.count == there);
        break;
      }
      case 4:
        small.ring = Ring::Attach(small.memory.span()).value();
        break;
      default:
        small.ring.Reset();
        model.records.clear();
        model.used = model.overflowed = 0;
    }
    RC_ASSERT(small.ring.available_read() == model.used);
    RC_ASSERT(small.ring.available_write() == SmallRing::kCapacity - model.used);
    RC_ASSERT(small.ring.Counters().overflowed == model.overflowed);
    RC_ASSERT(small.ring.CheckIntegrity().ok());
  }
}

TEST(RingProperties, BehavesLikeAQueue) {
  // On failure rapidcheck prints the seed; RC_PARAMS="seed=…" repeats it, "max_success=…" runs more.
  EXPECT_TRUE(rc::check("a ring is a bounded first-in-first-out queue", RunHistory));
}

}  // namespace
}  // namespace tenure::ingest
