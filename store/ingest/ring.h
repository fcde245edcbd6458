// A ring of records between one producer and one consumer, over memory that the caller gives.
//
// One thread may call the producer's functions and another the consumer's at the same time, on one
// Ring or on two over the same memory (threads of one process, or two processes). Nothing waits, locks,
// enters the kernel or allocates, except that a reader's buffer grows. Full and empty are answers.
//
// The other side's index is kept in a private copy and read anew only when the copy says full or empty
// (the idea of rigtorp's SPSCQueue and of FastForward). Own positions are private too, and only
// published: whatever somebody writes into the shared memory, no function reads or writes outside of
// it, and what is handed out was copied first and judged then.
//
// The orderings, each with what it prevents:
//   T  tail.store(release) by the producer, tail.load(acquire) by the consumer: without it the consumer
//      may see the new tail and still read the bytes that were there before the record.
//   H  head.store(release) by the consumer, head.load(acquire) by the producer: without it the producer
//      may see the space free, and its bytes overtake the consumer's copying of the old record.
//   M  magic.store(release) by Create, magic.load(acquire) by Attach: without it Attach may see the
//      magic of a ring whose indices are still what the memory held before.
// Data bytes are copied plainly. T and H order every pair of conflicting copies, which is why
// ThreadSanitizer is satisfied. Counters have one writer each and are relaxed: they order nothing.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string>

#include "store/base/env.h"
#include "store/ingest/record.h"
#include "store/ingest/ring_control.h"

namespace tenure::ingest {

struct RingCounters {
  std::uint64_t written = 0;     ///< Records.
  std::uint64_t read = 0;        ///< Records, by TryRead and ReadBatch.
  std::uint64_t overflowed = 0;  ///< Writes refused for want of space (a batch that did not fit counts once).
  std::uint64_t bytes = 0;       ///< Written, headers and padding included.
  /// The most bytes that either side found waiting when it looked at the other's index; the true peak may
  /// lie between two looks.
  std::uint64_t high_water = 0;
};

class Ring {
 public:
  static constexpr std::uint32_t kDefaultCapacity = 64 * 1024;
  static constexpr std::uint32_t kMinCapacity = 4 * 1024;
  static constexpr std::uint32_t kMaxCapacity = 1024 * 1024 * 1024;

  /// What Create needs for a valid capacity.
  static constexpr std::size_t BytesFor(std::uint32_t capacity) { return sizeof(RingControl) + capacity; }
  /// Makes an empty ring of a power of two of bytes. The memory starts on a 64-byte boundary and outlives
  /// the Ring. kInvalidArgument otherwise.
  static Result<Ring> Create(std::span<std::byte> memory, std::uint32_t capacity = kDefaultCapacity);
  /// Uses the ring that is there. kUnsupported or kCorruption when it is none that this code could have left.
  static Result<Ring> Attach(std::span<std::byte> memory);
  /// For CopyRecordAt and tail() alone: a ring of `capacity` that somebody else created, nothing in it believed.
  static Ring View(std::span<std::byte> memory, std::uint32_t capacity);
  Ring(Ring&&) = default;
  Ring& operator=(Ring&&) = default;

  // Producer.
  /// False when it does not fit now; a payload above max_payload() never fits. `type` 0 is the caller's defect.
  bool TryWrite(std::uint16_t type, std::uint16_t flags, std::uint64_t timestamp_ns, base::ByteView payload);
  /// The payload in pieces, as if they were one.
  bool TryWrite(std::uint16_t type, std::uint16_t flags, std::uint64_t timestamp_ns,
                std::span<const base::ByteView> pieces);
  /// Writes as many as fit, from the first on, and publishes them together. Returns how many.
  std::size_t WriteBatch(std::span<const RecordToWrite> records);
  /// Bytes that can be written now, headers and padding included. A record needs RecordBytes(size).
  std::uint64_t available_write();
  /// For a ring whose consumer's position is kept elsewhere (CopyRecordAt): everything below `position` may be
  /// overwritten. Load it with acquire from where it was released after the copying (pair H). A position that
  /// goes back or beyond the tail is ignored.
  void SetHead(std::uint64_t position);

  // Consumer.
  /// kNone: `out` holds the oldest record, which is gone from the ring. Else nothing moved.
  ReadFault TryRead(RecordCopy& out);
  struct BatchRead {
    std::size_t count = 0;
    ReadFault fault = ReadFault::kEmpty;  ///< Why it stopped; kNone: `max` were read.
  };
  /// Calls `each(const RecordHeader&, base::ByteView)` for up to `max` records, then frees them together. The
  /// payload is a private copy, valid during the call.
  template <typename Each>
  BatchRead ReadBatch(std::size_t max, Each&& each);
  /// Bytes waiting, headers and padding included; 0 when the shared index is impossible.
  std::uint64_t available_read();

  // Anybody.
  std::uint32_t capacity() const { return static_cast<std::uint32_t>(mask_ + 1); }
  std::uint64_t max_payload() const { return capacity() - sizeof(RecordHeader); }
  /// Where the next record will begin (pair T).
  std::uint64_t tail() const { return control_->tail.load(std::memory_order_acquire); }
  /// Copies the record at `position` to private memory and judges the copy. `tail` came from tail(). Moves
  /// nothing. For readers that may be overtaken: the bytes may change during the copying, so the copy counts
  /// only for whoever moves the consumer's position afterwards. Not checked by ThreadSanitizer, for that reason.
  ReadFault CopyRecordAt(std::uint64_t position, std::uint64_t tail, RecordHeader& header, base::Bytes& payload,
                         std::uint64_t& next) const;
  RingCounters Counters() const;

  // With neither side active.
  /// Drops what is there and clears the counters. Positions go on, so that an old one never means something new.
  void Reset();
  /// Reset, and no Attach will succeed until the next Create.
  void Destroy();
  /// Walks from head to tail; kCorruption names the position and what is wrong there.
  Status CheckIntegrity() const;
  /// Indices, counters and up to `max_records` waiting records, one per line.
  std::string DebugDump(std::size_t max_records = 16) const;

 private:
  /// What a side keeps to itself, on a line of its own.
  struct alignas(64) Producer {
    std::uint64_t tail = 0;
    std::uint64_t head_seen = 0;
    std::uint64_t written = 0;
    std::uint64_t bytes = 0;
    std::uint64_t overflowed = 0;
  };
  struct alignas(64) Consumer {
    std::uint64_t head = 0;
    std::uint64_t tail_seen = 0;
    std::uint64_t read = 0;
  };

  Ring(RingControl* control, std::byte* data, std::uint32_t capacity);
  static Status CheckMemory(std::span<std::byte> memory, std::uint32_t capacity);
  bool IndicesPossible(std::uint64_t head, std::uint64_t tail) const {
    return ((head | tail) & 7) == 0 && tail - head <= mask_ + 1;
  }
  bool HasSpace(std::uint64_t end) { return end - producer_.head_seen <= mask_ + 1 || LookAtHead(end); }
  bool LookAtHead(std::uint64_t end);
  bool Overflow();
  bool LookAtTail(ReadFault& fault);
  void CopyIn(std::uint64_t position, base::ByteView from);
  void CopyOut(std::uint64_t position, std::span<std::byte> to) const;
  void PutHeader(std::uint64_t position, const HeaderWords& header);
  void PutRecord(std::uint64_t position, HeaderWords header, base::ByteView payload);
  void PublishTail(std::uint64_t tail, std::uint64_t records);
  ReadFault TakeRecord(HeaderWords& header, base::Bytes& payload);
  void PublishHead(std::uint64_t records);
  void AdoptIndices();

  RingControl* control_;
  std::byte* data_;
  std::uint64_t mask_;
  base::Bytes scratch_;  // of ReadBatch: the consumer's
  Producer producer_;
  Consumer consumer_;
};

}  // namespace tenure::ingest

#include "store/ingest/ring_inline.h"
