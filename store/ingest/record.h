// One record of a ring: a 24-byte header, then the payload, padded to a multiple of 8 bytes.
//
//   0  u32 size          payload bytes
//   4  u16 type          never 0: zeroed memory is no record
//   6  u16 flags         kUnchecked: no checksum was computed
//   8  u64 timestamp_ns  the writer's, of whichever clock the two sides agreed on
//  16  u32 checksum      CRC32C over the header with this field zero, then the payload; 0 when unchecked
//  20  u32 reserved      zero
//
// Values only, no threads. What a reader finds in shared memory may be anything: it is judged on a
// private copy, by CheckHeader and then by the checksum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "store/base/env.h"

namespace tenure::ingest {

struct RecordHeader {
  std::uint32_t size = 0;
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint64_t timestamp_ns = 0;
  std::uint32_t checksum = 0;
  std::uint32_t reserved = 0;
  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
};
static_assert(sizeof(RecordHeader) == 24 && alignof(RecordHeader) == 8);
static_assert(offsetof(RecordHeader, size) == 0 && offsetof(RecordHeader, type) == 4 &&
              offsetof(RecordHeader, flags) == 6 && offsetof(RecordHeader, timestamp_ns) == 8 &&
              offsetof(RecordHeader, checksum) == 16 && offsetof(RecordHeader, reserved) == 20);
static_assert(std::is_trivially_copyable_v<RecordHeader>);

/// A header as the three words that are copied and checksummed: in registers, because a wide load from
/// fields that were just stored one by one waits for all of them.
struct HeaderWords {
  std::uint64_t words[3];
  static HeaderWords Of(const RecordHeader& h) {
    return {{h.size | std::uint64_t{h.type} << 32 | std::uint64_t{h.flags} << 48, h.timestamp_ns,
             h.checksum | std::uint64_t{h.reserved} << 32}};
  }
  RecordHeader Header() const {
    return {static_cast<std::uint32_t>(words[0]), static_cast<std::uint16_t>(words[0] >> 32),
            static_cast<std::uint16_t>(words[0] >> 48), words[1], static_cast<std::uint32_t>(words[2]),
            static_cast<std::uint32_t>(words[2] >> 32)};
  }
};

/// For rings within one process, whose reader trusts the writer; a reader of foreign memory refuses it.
inline constexpr std::uint16_t kUnchecked = 1;

/// A record to be written; the payload is borrowed for the call.
struct RecordToWrite {
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint64_t timestamp_ns = 0;
  base::ByteView payload;
};

/// A record that was read. Reuse one: its buffer keeps its capacity.
struct RecordCopy {
  RecordHeader header;
  base::Bytes payload;
};

/// What a record occupies in a ring.
constexpr std::uint64_t RecordBytes(std::uint64_t payload_bytes) {
  return (sizeof(RecordHeader) + payload_bytes + 7) & ~std::uint64_t{7};
}

/// Why there is no record to be had at a position. Everything but kNone and kEmpty means that somebody
/// wrote what no healthy writer writes.
enum class ReadFault : std::uint8_t {
  kNone,
  kEmpty,      ///< The position is the tail.
  kPosition,   ///< Not a multiple of 8, beyond the tail, or further behind it than the ring is long.
  kTruncated,  ///< Fewer bytes than a header before the tail.
  kSize,       ///< The record would reach beyond the tail.
  kType,       ///< Type 0.
  kReserved,   ///< A field that must be zero is not.
  kChecksum,
};

/// "checksum differs" and the like, for messages.
const char* ReadFaultText(ReadFault fault);

/// Everything that can be said about a header alone, with `available` bytes from its start to the tail.
inline ReadFault CheckHeader(const RecordHeader& header, std::uint64_t available) {
  if (header.size > available - sizeof(RecordHeader)) return ReadFault::kSize;  // available >= 24 is the caller's
  if (header.type == 0) return ReadFault::kType;
  if (header.reserved != 0) return ReadFault::kReserved;
  return ReadFault::kNone;
}

/// The checksum that belongs into `header` (whose own field is taken as zero) before this payload.
std::uint32_t RecordChecksum(const RecordHeader& header, base::ByteView payload);
std::uint32_t RecordChecksum(const RecordHeader& header, std::span<const base::ByteView> pieces);

/// kNone, or kChecksum when the record is not what was written.
inline ReadFault CheckPayload(const RecordHeader& header, base::ByteView payload) {
  const std::uint32_t expected = (header.flags & kUnchecked) != 0 ? 0 : RecordChecksum(header, payload);
  return header.checksum == expected ? ReadFault::kNone : ReadFault::kChecksum;
}

}  // namespace tenure::ingest
