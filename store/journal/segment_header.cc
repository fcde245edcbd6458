#include <cstring>

#include "store/base/error.h"
#include "store/journal/format.h"
#include "store/journal/raw.h"

namespace tenure::journal {
namespace {

using base::ByteView;
using base::LoadLe;
using base::StoreLe;
using raw::AllZero;
using raw::LoadArray;
using raw::LoadHash128;
using raw::StoreArray;
using raw::StoreHash128;

SegmentHeader LoadFields(const std::byte* at) {
  SegmentHeader h;
  h.store_id = LoadArray<16>(at + segment_at::kStoreId);
  h.id.epoch = LoadLe<std::uint64_t>(at + segment_at::kEpoch);
  h.id.ordinal = LoadLe<std::uint64_t>(at + segment_at::kOrdinal);
  h.first_lsn = LoadLe<Lsn>(at + segment_at::kFirstLsn);
  h.prev.epoch = LoadLe<std::uint64_t>(at + segment_at::kPrevEpoch);
  h.prev.ordinal = LoadLe<std::uint64_t>(at + segment_at::kPrevOrdinal);
  h.prev_sealed_bytes = LoadLe<std::uint64_t>(at + segment_at::kPrevSealedBytes);
  h.prev_time_ms = LoadLe<TimeMs>(at + segment_at::kPrevTimeMs);
  h.prev_state_hash = LoadHash128(at + segment_at::kPrevStateHash);
  h.prev_chain = LoadArray<32>(at + segment_at::kPrevChain);
  h.capacity = LoadLe<std::uint64_t>(at + segment_at::kCapacity);
  h.incarnation = LoadLe<std::uint64_t>(at + segment_at::kIncarnation);
  h.created_ms = LoadLe<TimeMs>(at + segment_at::kCreatedMs);
  h.salt = LoadLe<std::uint64_t>(at + segment_at::kSalt);
  h.boot_id = LoadArray<16>(at + segment_at::kBootId);
  return h;
}

/// A header with a sound CRC and a wrong field was made by a defect or by hand.
Status CheckFields(const SegmentHeader& h, ByteView block, const std::string& path) {
  const auto wrong = [&](std::size_t offset, const char* what) -> Status {
    return base::CorruptionAt(path, offset, what);
  };
  if (LoadLe<std::uint32_t>(block.data() + segment_at::kHeaderBytes) != kSegmentHeaderBytes) {
    return wrong(segment_at::kHeaderBytes, "the segment header's length is not 4096");
  }
  if (h.id.epoch == 0) return wrong(segment_at::kEpoch, "the segment header's epoch is 0");
  if (h.first_lsn == 0) return wrong(segment_at::kFirstLsn, "the segment header's first LSN is 0");
  if (h.prev >= h.id) return wrong(segment_at::kPrevEpoch, "the segment's predecessor is not older than itself");
  const bool linked = h.prev.epoch != 0;
  if (!linked && (h.prev.ordinal != 0 || h.prev_sealed_bytes != 0)) {
    return wrong(segment_at::kPrevOrdinal, "a segment without a predecessor names parts of one");
  }
  if (linked && (h.prev_sealed_bytes < kSegmentHeaderBytes || h.prev_sealed_bytes % kFrameAlign != 0)) {
    return wrong(segment_at::kPrevSealedBytes, "the predecessor's sealed length is not a place where frames end");
  }
  if (h.capacity < kSegmentHeaderBytes) return wrong(segment_at::kCapacity, "the segment's capacity is too small");
  if (!AllZero(block.subspan(segment_at::kEnd, segment_at::kCrc - segment_at::kEnd))) {
    return wrong(segment_at::kEnd, "reserved bytes of the segment header are not zero");
  }
  return {};
}

bool ParseHex16(std::string_view text, std::uint64_t& out) {
  out = 0;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f')) return false;
    out = out << 4 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  return true;
}

}  // namespace

void EncodeSegmentHeader(const SegmentHeader& h, std::span<std::byte, kSegmentHeaderBytes> out) {
  TENURE_CHECK(h.id.epoch != 0 && h.first_lsn != 0 && h.prev < h.id && h.capacity >= kSegmentHeaderBytes);
  std::byte* const at = out.data();
  std::memset(at, 0, out.size());
  std::memcpy(at + segment_at::kMagic, kSegmentMagic, sizeof kSegmentMagic);
  StoreLe(at + segment_at::kVersion, kFormatVersion);
  StoreLe(at + segment_at::kHeaderBytes, static_cast<std::uint32_t>(kSegmentHeaderBytes));
  StoreArray(at + segment_at::kStoreId, h.store_id);
  StoreLe(at + segment_at::kEpoch, h.id.epoch);
  StoreLe(at + segment_at::kOrdinal, h.id.ordinal);
  StoreLe(at + segment_at::kFirstLsn, h.first_lsn);
  StoreLe(at + segment_at::kPrevEpoch, h.prev.epoch);
  StoreLe(at + segment_at::kPrevOrdinal, h.prev.ordinal);
  StoreLe(at + segment_at::kPrevSealedBytes, h.prev_sealed_bytes);
  StoreLe(at + segment_at::kPrevTimeMs, h.prev_time_ms);
  StoreHash128(at + segment_at::kPrevStateHash, h.prev_state_hash);
  StoreArray(at + segment_at::kPrevChain, h.prev_chain);
  StoreLe(at + segment_at::kCapacity, h.capacity);
  StoreLe(at + segment_at::kIncarnation, h.incarnation);
  StoreLe(at + segment_at::kCreatedMs, h.created_ms);
  StoreLe(at + segment_at::kSalt, h.salt);
  StoreArray(at + segment_at::kBootId, h.boot_id);
  StoreLe(at + segment_at::kCrc, base::Crc32c(ByteView(out).first(segment_at::kCrc)));
}

Result<SegmentHeader> DecodeSegmentHeader(ByteView block, const std::string& path) {
  if (block.size() < kSegmentHeaderBytes) {
    return base::CorruptionAt(path, block.size(), "the file ends within the segment header of 4096 bytes");
  }
  const std::byte* const at = block.data();
  if (std::memcmp(at + segment_at::kMagic, kSegmentMagic, sizeof kSegmentMagic) != 0) {
    return base::CorruptionAt(path, 0, "not a segment header (wrong magic number)");
  }
  if (LoadLe<std::uint32_t>(at + segment_at::kCrc) != base::Crc32c(block.first(segment_at::kCrc))) {
    return base::CorruptionAt(path, 0, "the segment header's checksum does not match");
  }
  const auto version = LoadLe<std::uint32_t>(at + segment_at::kVersion);
  if (version != kFormatVersion) {
    Error error = base::MakeError(ErrorCode::kUnsupported,
                                  path + ": journal format version " + std::to_string(version) +
                                      " is not the version " + std::to_string(kFormatVersion) + " that is understood",
                                  "use the version of tenure that wrote this store, or a newer one");
    error.path = path;
    error.offset = segment_at::kVersion;
    return error;
  }
  const SegmentHeader h = LoadFields(at);
  TENURE_RETURN_IF_ERROR(CheckFields(h, block, path));
  return h;
}

std::string SegmentFileName(const model::SegmentId& id) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string name;
  for (const std::uint64_t value : {id.epoch, id.ordinal}) {
    if (!name.empty()) name += '-';
    for (int shift = 60; shift >= 0; shift -= 4) name += kDigits[value >> shift & 15];
  }
  return name + ".seg";
}

std::optional<model::SegmentId> ParseSegmentFileName(std::string_view name) {
  if (name.size() != 37 || name[16] != '-' || name.substr(33) != ".seg") return std::nullopt;
  model::SegmentId id;
  if (!ParseHex16(name.substr(0, 16), id.epoch) || !ParseHex16(name.substr(17, 16), id.ordinal) || id.epoch == 0) {
    return std::nullopt;
  }
  return id;
}

}  // namespace tenure::journal
