// The bytes of the journal. docs/journal-format.md has the prose, the pictures and a worked example;
// this header is the only place where offsets are written down. Little-endian throughout.
//
// A journal is a directory of segments `<epoch>-<ordinal>.seg` (16 hex digits each). A segment is
// preallocated and zero-written, one header block, then frames at 8-byte boundaries, then zeros. One
// frame is one batch: the transactions that one flush made durable. The chain of `prev` links,
// followed backwards from the newest segment, *is* the journal: bytes beyond a sealed length, and
// segments that no link names, are never data.
//
// Why the checksums differ: the CRCs are seeded with the segment's random salt, so that an old frame,
// or data that merely looks like one, is not accepted in another segment. The chain hash covers
// neither epoch nor salt: a frame that is rewritten into a successor's segment keeps its chain.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "store/base/codec.h"
#include "store/base/hash.h"
#include "store/model/position.h"
#include "tenure/result.h"

namespace tenure::journal {

inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::uint64_t kSegmentHeaderBytes = 4096;
inline constexpr std::uint64_t kFrameHeaderBytes = 160;
inline constexpr std::uint64_t kFrameAlign = 8;
inline constexpr std::uint64_t kSegmentBytesMin = 1u << 20;
inline constexpr std::uint64_t kSegmentBytesMax = 64u << 20;
inline constexpr std::uint32_t kFramePayloadBytesMax = 48u << 20;
inline constexpr std::uint32_t kFrameMagic = 0x52464E54;  // "TNFR"
inline constexpr char kSegmentMagic[8] = {'T', 'E', 'N', 'U', 'R', 'S', 'E', 'G'};

/// Offsets in a segment header. Everything not named is zero, and checked to be.
namespace segment_at {
inline constexpr std::size_t kMagic = 0;             // 8
inline constexpr std::size_t kVersion = 8;           // u32
inline constexpr std::size_t kHeaderBytes = 12;      // u32
inline constexpr std::size_t kStoreId = 16;          // 16
inline constexpr std::size_t kEpoch = 32;            // u64
inline constexpr std::size_t kOrdinal = 40;          // u64
inline constexpr std::size_t kFirstLsn = 48;         // u64
inline constexpr std::size_t kPrevEpoch = 56;        // u64, 0: none
inline constexpr std::size_t kPrevOrdinal = 64;      // u64
inline constexpr std::size_t kPrevSealedBytes = 72;  // u64: the sealed length of the previous segment
inline constexpr std::size_t kPrevTimeMs = 80;       // i64: of the last frame before this segment
inline constexpr std::size_t kPrevStateHash = 88;    // 16
inline constexpr std::size_t kPrevChain = 104;       // 32
inline constexpr std::size_t kCapacity = 136;        // u64: size of the file
inline constexpr std::size_t kIncarnation = 144;     // u64
inline constexpr std::size_t kCreatedMs = 152;       // i64
inline constexpr std::size_t kSalt = 160;            // u64
inline constexpr std::size_t kBootId = 168;          // 16
inline constexpr std::size_t kEnd = 184;
inline constexpr std::size_t kCrc = 4092;  // u32: CRC32C of [0, 4092)
}  // namespace segment_at
static_assert(segment_at::kEnd <= segment_at::kCrc && segment_at::kCrc + 4 == kSegmentHeaderBytes);

/// Offsets in a frame header.
namespace frame_at {
inline constexpr std::size_t kMagic = 0;          // u32
inline constexpr std::size_t kHeaderCrc = 4;      // u32: CRC32C, seeded with the salt, of [8, 160)
inline constexpr std::size_t kEpoch = 8;          // u64: equals the segment's
inline constexpr std::size_t kFirstLsn = 16;      // u64
inline constexpr std::size_t kCount = 24;         // u32: transactions; LSNs first .. first + count - 1
inline constexpr std::size_t kFlags = 28;         // u32: 0
inline constexpr std::size_t kPayloadBytes = 32;  // u32: without padding
inline constexpr std::size_t kPayloadCrc = 36;    // u32: CRC32C, seeded with the salt, of payload and padding
inline constexpr std::size_t kTimeMs = 40;        // i64: commit time of the batch, never decreasing
inline constexpr std::size_t kBoottimeMs = 48;    // u64: CLOCK_BOOTTIME at which leases were judged
inline constexpr std::size_t kStateHash = 56;     // 16: of all rows after the frame
inline constexpr std::size_t kPrevChain = 72;     // 32
inline constexpr std::size_t kChain = 104;        // 32
inline constexpr std::size_t kEnd = 136;          // then zeros, checked
}  // namespace frame_at
static_assert(frame_at::kEnd <= kFrameHeaderBytes && kFrameHeaderBytes % kFrameAlign == 0);

using StoreId = std::array<std::byte, 16>;

struct SegmentHeader {
  StoreId store_id{};
  model::SegmentId id;
  Lsn first_lsn = 1;
  model::SegmentId prev;
  std::uint64_t prev_sealed_bytes = 0;
  TimeMs prev_time_ms = 0;
  base::Hash128 prev_state_hash;
  base::Hash256 prev_chain{};
  std::uint64_t capacity = 0;
  std::uint64_t incarnation = 0;
  TimeMs created_ms = 0;
  std::uint64_t salt = 0;
  std::array<std::byte, 16> boot_id{};
  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

struct FrameHeader {
  std::uint64_t epoch = 0;
  Lsn first_lsn = 0;
  std::uint32_t count = 0;
  std::uint32_t flags = 0;
  std::uint32_t payload_bytes = 0;
  TimeMs time_ms = 0;
  std::uint64_t boottime_ms = 0;
  base::Hash128 state_hash;
  base::Hash256 prev_chain{};
  base::Hash256 chain{};
  Lsn last_lsn() const { return first_lsn + count - 1; }
};

constexpr std::uint64_t PaddedBytes(std::uint64_t payload_bytes) {
  return (payload_bytes + kFrameAlign - 1) / kFrameAlign * kFrameAlign;
}
constexpr std::uint64_t FrameBytes(std::uint64_t payload_bytes) {
  return kFrameHeaderBytes + PaddedBytes(payload_bytes);
}

/// The chain value before the first frame of a store.
base::Hash256 GenesisChain(const StoreId& store_id);
/// SHA-256 over prev_chain, first_lsn, count, flags, payload_bytes, time_ms, boottime_ms, state_hash, payload.
base::Hash256 ChainOf(const FrameHeader& header, base::ByteView payload);

void EncodeSegmentHeader(const SegmentHeader& header, std::span<std::byte, kSegmentHeaderBytes> out);
/// Why a header is not valid, or the header. `path` is for the message only.
Result<SegmentHeader> DecodeSegmentHeader(base::ByteView block, const std::string& path);

/// Writes header, payload and padding into `out` (FrameBytes long; the payload may be there already).
/// Fills in header.chain.
void EncodeFrame(FrameHeader& header, base::ByteView payload, std::uint64_t salt, std::span<std::byte> out);

enum class FrameFault : std::uint8_t {
  kNone,
  kZero,   ///< The header block is all zeros: the unused end.
  kShort,  ///< The file ends within the frame.
  kMagic,
  kHeaderCrc,
  kHeaderField,  ///< A length, count or reserved byte that no writer produces; another epoch.
  kPayloadCrc,
  kPadding,
  kLsn,        ///< Not the LSN that must come next.
  kPrevChain,  ///< Does not continue the chain.
  kChain,      ///< Content was changed and its CRC mended.
  kTime,       ///< Earlier than the frame before.
};
const char* FrameFaultText(FrameFault fault);

/// What the first kFrameHeaderBytes of a frame say by themselves: magic, CRC, reserved bytes, epoch, bounds.
/// kNone fills `out`; payload_bytes is then within kFramePayloadBytesMax, but may lie beyond the file's end.
FrameFault CheckFrameHeader(base::ByteView bytes, std::uint64_t epoch, std::uint64_t salt, FrameHeader& out);

/// Checks the frame at the start of `bytes` (everything up to the end of file or sealed length)
/// against the position before it, and gives header and payload.
struct FrameView {
  FrameFault fault = FrameFault::kNone;
  FrameHeader header;
  base::ByteView payload;  ///< Borrowed from the input.
};
FrameView CheckFrame(base::ByteView bytes, std::uint64_t epoch, std::uint64_t salt,
                     const model::JournalPosition& before);
/// Like CheckFrame, without the position: is there any well-formed frame of this segment here?
bool LooksLikeFrame(base::ByteView bytes, std::uint64_t epoch, std::uint64_t salt);

/// The position behind a frame that begins at `offset` of `segment`.
model::JournalPosition PositionAfter(const FrameHeader& header, const model::SegmentId& segment, std::uint64_t offset);
/// The position at the start of a segment: what its header says of everything before it.
model::JournalPosition StartOf(const SegmentHeader& header);
/// The header of a segment that goes on at `at`: first LSN and every prev_* field. The caller adds the rest.
SegmentHeader HeaderAfter(const StoreId& store_id, const model::SegmentId& id, const model::JournalPosition& at);

/// "00000000000000ab-0000000000000001.seg"
std::string SegmentFileName(const model::SegmentId& id);
std::optional<model::SegmentId> ParseSegmentFileName(std::string_view name);

}  // namespace tenure::journal
