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

/// A header as the three words that are copied, judged and checksummed. The fast paths keep them in registers:
/// a load of 8 bytes that were just stored as fields cannot be forwarded, and waits until every store before
/// it has reached the cache, which here means a line of the other core.
struct HeaderWords {
  std::uint64_t words[3];
  HeaderWords() = default;
  HeaderWords(std::uint64_t size, std::uint16_t type, std::uint16_t flags, std::uint64_t timestamp_ns)
      : words{size | std::uint64_t{type} << 32 | std::uint64_t{flags} << 48, timestamp_ns, 0} {}
  std::uint32_t size() const { return static_cast<std::uint32_t>(words[0]); }
  std::uint16_t type() const { return static_cast<std::uint16_t>(words[0] >> 32); }
  std::uint16_t flags() const { return static_cast<std::uint16_t>(words[0] >> 48); }
  std::uint32_t checksum() const { return static_cast<std::uint32_t>(words[2]); }
  std::uint32_t reserved() const { return static_cast<std::uint32_t>(words[2] >> 32); }
  RecordHeader Header() const { return {size(), type(), flags(), words[1], checksum(), reserved()}; }
  static HeaderWords Of(const RecordHeader& h) {
    HeaderWords out(h.size, h.type, h.flags, h.timestamp_ns);
    out.words[2] = h.checksum | std::uint64_t{h.reserved} << 32;
    return out;
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

/// Everything that can be said about a header alone, with `available` bytes from its start to the tail; the
/// caller has seen to it that these are 24 at least.
inline ReadFault CheckHeader(const HeaderWords& header, std::uint64_t available) {
  if (header.size() > available - sizeof(RecordHeader)) return ReadFault::kSize;
  if (header.type() == 0) return ReadFault::kType;
  if (header.reserved() != 0) return ReadFault::kReserved;
  return ReadFault::kNone;
}

/// The checksum that belongs into `header` (whose own field is taken as zero) before this payload.
std::uint32_t RecordChecksum(const HeaderWords& header, base::ByteView payload);
std::uint32_t RecordChecksum(const HeaderWords& header, std::span<const base::ByteView> pieces);

/// kNone, or kChecksum when the record is not what was written.
inline ReadFault CheckPayload(const HeaderWords& header, base::ByteView payload) {
  const std::uint32_t expected = (header.flags() & kUnchecked) != 0 ? 0 : RecordChecksum(header, payload);
  return header.checksum() == expected ? ReadFault::kNone : ReadFault::kChecksum;
}

}  // namespace tenure::ingest
