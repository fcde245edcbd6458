#include "store/ingest/ring.h"

#include <bit>
#include <new>

#include "store/base/error.h"
#include "store/ingest/changing_copy.h"

namespace tenure::ingest {
namespace {

bool ValidCapacity(std::uint32_t capacity) {
  return std::has_single_bit(capacity) && capacity >= Ring::kMinCapacity && capacity <= Ring::kMaxCapacity;
}

void Raise(std::atomic<std::uint64_t>& mark, std::uint64_t value) {
  // One writer each: no other store can come between.
  if (value > mark.load(std::memory_order_relaxed)) mark.store(value, std::memory_order_relaxed);
}

Error CorruptRing(std::uint64_t position, const std::string& what) {
  return base::MakeError(ErrorCode::kCorruption, "ring at position " + std::to_string(position) + ": " + what);
}

}  // namespace

Ring::Ring(RingControl* control, std::byte* data, std::uint32_t capacity)
    : control_(control), data_(data), mask_(capacity - 1) {}

Status Ring::CheckMemory(std::span<std::byte> memory, std::uint32_t capacity) {
  if (!ValidCapacity(capacity)) {
    return base::MakeError(ErrorCode::kInvalidArgument,
                           "a ring's capacity is a power of two from 4 KiB to 1 GiB, not " + std::to_string(capacity));
  }
  if (memory.data() == nullptr || reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(RingControl) != 0) {
    return base::MakeError(ErrorCode::kInvalidArgument, "a ring's memory must start on a 64-byte boundary");
  }
  if (memory.size() < BytesFor(capacity)) {
    return base::MakeError(ErrorCode::kInvalidArgument, "a ring of " + std::to_string(capacity) + " bytes needs " +
                                                            std::to_string(BytesFor(capacity)) + " bytes, not " +
                                                            std::to_string(memory.size()));
  }
  return {};
}

Result<Ring> Ring::Create(std::span<std::byte> memory, std::uint32_t capacity) {
  TENURE_RETURN_IF_ERROR(CheckMemory(memory, capacity));
  auto* control = new (memory.data()) RingControl{};
  control->layout_version.store(kRingLayoutVersion, std::memory_order_relaxed);
  control->capacity.store(capacity, std::memory_order_relaxed);
  // M: whoever sees the magic sees the rest.
  control->magic.store(kRingMagic, std::memory_order_release);
  return Ring(control, memory.data() + sizeof(RingControl), capacity);
}

Result<Ring> Ring::Attach(std::span<std::byte> memory) {
  TENURE_RETURN_IF_ERROR(CheckMemory(memory, kMinCapacity));
  auto* control = std::launder(reinterpret_cast<RingControl*>(memory.data()));
  if (control->magic.load(std::memory_order_acquire) != kRingMagic) {
    return base::MakeError(ErrorCode::kUnsupported, "there is no ring in this memory");
  }
  const std::uint32_t version = control->layout_version.load(std::memory_order_relaxed);
  if (version != kRingLayoutVersion) {
    return base::MakeError(ErrorCode::kUnsupported, "the ring has layout version " + std::to_string(version) +
                                                        ", this library uses " + std::to_string(kRingLayoutVersion));
  }
  const std::uint32_t capacity = control->capacity.load(std::memory_order_relaxed);
  if (!ValidCapacity(capacity) || memory.size() < BytesFor(capacity)) {
    return base::MakeError(ErrorCode::kCorruption, "the ring says it holds " + std::to_string(capacity) +
                                                       " bytes, its memory is " + std::to_string(memory.size()));
  }
  Ring ring(control, memory.data() + sizeof(RingControl), capacity);
  ring.AdoptIndices();
  if (!ring.IndicesPossible(ring.consumer_.head, ring.producer_.tail)) {
    return CorruptRing(ring.consumer_.head, "impossible beside a tail of " + std::to_string(ring.producer_.tail));
  }
  return ring;
}

Ring Ring::View(std::span<std::byte> memory, std::uint32_t capacity) {
  TENURE_CHECK(CheckMemory(memory, capacity).ok());
  return Ring(std::launder(reinterpret_cast<RingControl*>(memory.data())), memory.data() + sizeof(RingControl),
              capacity);
}

void Ring::AdoptIndices() {
  // A tail read between two equal heads belongs to that head. A live side that moves both in between makes
  // another look necessary; bounded, because memory that somebody else writes could change for ever.
  for (int look = 0; look < 1000; ++look) {
    consumer_.head = control_->head.load(std::memory_order_acquire);
    producer_.tail = control_->tail.load(std::memory_order_acquire);
    if (control_->head.load(std::memory_order_acquire) == consumer_.head) break;
  }
  producer_.head_seen = consumer_.head;
  consumer_.tail_seen = consumer_.head;
  producer_.written = control_->written.load(std::memory_order_relaxed);
  producer_.bytes = control_->bytes.load(std::memory_order_relaxed);
  producer_.overflowed = control_->overflowed.load(std::memory_order_relaxed);
  consumer_.read = control_->read.load(std::memory_order_relaxed);
}

bool Ring::LookAtHead(std::uint64_t end) {
  // H. A head that goes back, or that lies beyond the own tail, is nobody's: the ring stays as full as it was.
  const std::uint64_t head = control_->head.load(std::memory_order_acquire);
  if (IndicesPossible(head, producer_.tail) && producer_.tail - head < producer_.tail - producer_.head_seen) {
    producer_.head_seen = head;
  }
  if (end - producer_.head_seen > mask_ + 1) {
    Raise(control_->producer_high_water, producer_.tail - producer_.head_seen);
    return false;
  }
  Raise(control_->producer_high_water, end - producer_.head_seen);
  return true;
}

bool Ring::Overflow() {
  control_->overflowed.store(++producer_.overflowed, std::memory_order_relaxed);
  return false;
}

bool Ring::LookAtTail(ReadFault& fault) {
  // T: the bytes below this tail are the records'.
  const std::uint64_t tail = control_->tail.load(std::memory_order_acquire);
  fault = IndicesPossible(consumer_.head, tail) ? ReadFault::kEmpty : ReadFault::kPosition;
  if (fault != ReadFault::kEmpty || tail == consumer_.head) return false;
  consumer_.tail_seen = tail;
  Raise(control_->consumer_high_water, tail - consumer_.head);
  return true;
}

bool Ring::TryWrite(std::uint16_t type, std::uint16_t flags, std::uint64_t timestamp_ns,
                    std::span<const base::ByteView> pieces) {
  std::uint64_t size = 0;
  for (const base::ByteView piece : pieces) size += piece.size();
  // Compared before it is added to a position, so that no sum of sizes can wrap around.
  if (size > max_payload()) return Overflow();
  TENURE_CHECK(type != 0);
  const std::uint64_t end = producer_.tail + RecordBytes(size);
  if (!HasSpace(end)) return Overflow();
  HeaderWords header(size, type, flags, timestamp_ns);
  if ((flags & kUnchecked) == 0) header.words[2] = RecordChecksum(header, pieces);
  PutHeader(producer_.tail, header);
  std::uint64_t at = producer_.tail + sizeof(RecordHeader);
  for (const base::ByteView piece : pieces) {
    CopyIn(at, piece);
    at += piece.size();
  }
  PublishTail(end, 1);
  return true;
}

std::size_t Ring::WriteBatch(std::span<const RecordToWrite> records) {
  std::uint64_t at = producer_.tail;
  std::size_t count = 0;
  for (const RecordToWrite& record : records) {
    const std::uint64_t end = at + RecordBytes(record.payload.size());
    if (record.payload.size() > max_payload() || !HasSpace(end)) break;
    TENURE_CHECK(record.type != 0);
    PutRecord(at, HeaderWords(record.payload.size(), record.type, record.flags, record.timestamp_ns), record.payload);
    at = end;
    ++count;
  }
  if (count > 0) PublishTail(at, count);
  if (count < records.size()) Overflow();
  return count;
}

std::uint64_t Ring::available_write() {
  LookAtHead(producer_.tail);
  return mask_ + 1 - (producer_.tail - producer_.head_seen);
}

void Ring::SetHead(std::uint64_t position) {
  if (!IndicesPossible(position, producer_.tail)) return;
  if (producer_.tail - position >= producer_.tail - producer_.head_seen) return;
  producer_.head_seen = position;
  // For Attach and the reports: without TryRead nobody else stores it.
  control_->head.store(position, std::memory_order_release);
  Raise(control_->producer_high_water, producer_.tail - position);
}

std::uint64_t Ring::available_read() {
  const std::uint64_t tail = control_->tail.load(std::memory_order_acquire);
  return IndicesPossible(consumer_.head, tail) ? tail - consumer_.head : 0;
}

ReadFault Ring::CopyRecordAt(std::uint64_t position, std::uint64_t tail, RecordHeader& header, base::Bytes& payload,
                             std::uint64_t& next) const {
  if (!IndicesPossible(position, tail)) return ReadFault::kPosition;
  const std::uint64_t available = tail - position;
  if (available == 0) return ReadFault::kEmpty;
  if (available < sizeof header) return ReadFault::kTruncated;
  HeaderWords copied;
  for (std::uint64_t i = 0; i < 3; ++i) {
    CopyChanging(reinterpret_cast<std::byte*>(&copied.words[i]), data_ + ((position + 8 * i) & mask_), 8);
  }
  ReadFault fault = CheckHeader(copied, available);
  if (fault != ReadFault::kNone) return fault;
  const std::uint32_t size = copied.size();
  payload.resize(size);
  const std::uint64_t offset = (position + sizeof header) & mask_;
  const std::size_t first = std::min<std::size_t>(size, mask_ + 1 - offset);
  if (first > 0) CopyChanging(payload.data(), data_ + offset, first);
  if (first < size) CopyChanging(payload.data() + first, data_, size - first);
  fault = CheckPayload(copied, payload);
  if (fault != ReadFault::kNone) return fault;
  header = copied.Header();
  next = position + RecordBytes(size);
  return ReadFault::kNone;
}

void Ring::Reset() {
  std::uint64_t position = control_->tail.load(std::memory_order_acquire);
  position = std::max({position, producer_.tail, consumer_.head}) & ~std::uint64_t{7};
  control_->tail.store(position, std::memory_order_relaxed);
  control_->head.store(position, std::memory_order_relaxed);
  for (auto* counter : {&control_->written, &control_->overflowed, &control_->bytes, &control_->producer_high_water,
                        &control_->read, &control_->consumer_high_water}) {
    counter->store(0, std::memory_order_relaxed);
  }
  AdoptIndices();
}

void Ring::Destroy() {
  Reset();
  control_->magic.store(0, std::memory_order_release);
}

RingCounters Ring::Counters() const {
  RingCounters counters;
  counters.written = control_->written.load(std::memory_order_relaxed);
  counters.read = control_->read.load(std::memory_order_relaxed);
  counters.overflowed = control_->overflowed.load(std::memory_order_relaxed);
  counters.bytes = control_->bytes.load(std::memory_order_relaxed);
  counters.high_water = std::max(control_->producer_high_water.load(std::memory_order_relaxed),
                                 control_->consumer_high_water.load(std::memory_order_relaxed));
  return counters;
}

}  // namespace tenure::ingest
