#include "store/journal/format.h"

#include <algorithm>
#include <cstring>

#include "store/base/error.h"
#include "store/base/failpoint.h"
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

/// CRC32C over the salt's eight bytes, then over what it protects.
std::uint32_t SaltedCrc(ByteView data, std::uint64_t salt) {
  std::byte raw[sizeof salt];
  StoreLe(raw, salt);
  return base::Crc32c(data, base::Crc32c(raw));
}

std::uint32_t HeaderCrc(ByteView frame, std::uint64_t salt) {
  return SaltedCrc(frame.subspan(frame_at::kEpoch, kFrameHeaderBytes - frame_at::kEpoch), salt);
}

std::uint32_t PayloadCrc(ByteView frame, std::uint64_t payload_bytes, std::uint64_t salt) {
  return SaltedCrc(frame.subspan(kFrameHeaderBytes, PaddedBytes(payload_bytes)), salt);
}

/// Length and payload CRC of a frame whose header passed.
FrameFault CheckFrameBody(ByteView bytes, const FrameHeader& header, std::uint64_t salt) {
  if (FrameBytes(header.payload_bytes) > bytes.size()) return FrameFault::kShort;
  if (LoadLe<std::uint32_t>(&bytes[frame_at::kPayloadCrc]) != PayloadCrc(bytes, header.payload_bytes, salt)) {
    return FrameFault::kPayloadCrc;
  }
  const std::size_t end = kFrameHeaderBytes + header.payload_bytes;
  if (!AllZero(bytes.subspan(end, PaddedBytes(header.payload_bytes) - header.payload_bytes))) {
    return FrameFault::kPadding;
  }
  return FrameFault::kNone;
}

FrameFault CheckContinuity(const FrameHeader& header, ByteView payload, const model::JournalPosition& before) {
  if (header.first_lsn != before.last_lsn + 1) return FrameFault::kLsn;
  const bool crc_only = TENURE_SEEDED_BUG("crc_only_verify");
  if (!crc_only && !TENURE_SEEDED_BUG("accept_wrong_prev_chain") && header.prev_chain != before.chain) {
    return FrameFault::kPrevChain;
  }
  if (!crc_only && header.chain != ChainOf(header, payload)) return FrameFault::kChain;
  if (header.time_ms < before.time_ms) return FrameFault::kTime;
  return FrameFault::kNone;
}

}  // namespace

base::Hash256 GenesisChain(const StoreId& store_id) {
  base::Sha256 sha;
  sha.Update(base::AsBytes("tenure journal, before the first frame\n"));
  sha.Update(store_id);
  return sha.Finish();
}

base::Hash256 ChainOf(const FrameHeader& header, ByteView payload) {
  // Fixed widths in front of the payload: no two different frames hash the same bytes.
  std::byte head[84];
  StoreArray(head, header.prev_chain);
  StoreLe(head + 32, header.first_lsn);
  StoreLe(head + 40, header.count);
  StoreLe(head + 44, header.flags);
  StoreLe(head + 48, header.payload_bytes);
  StoreLe(head + 52, header.time_ms);
  StoreLe(head + 60, header.boottime_ms);
  StoreHash128(head + 68, header.state_hash);
  base::Sha256 sha;
  sha.Update(head);
  sha.Update(payload);
  return sha.Finish();
}

void EncodeFrame(FrameHeader& header, ByteView payload, std::uint64_t salt, std::span<std::byte> out) {
  TENURE_CHECK(payload.size() <= kFramePayloadBytesMax && out.size() == FrameBytes(payload.size()));
  TENURE_CHECK(header.count >= 1 && header.flags == 0 && header.epoch != 0 && header.first_lsn != 0);
  std::byte* const body = out.data() + kFrameHeaderBytes;
  if (!payload.empty() && payload.data() != body) std::memmove(body, payload.data(), payload.size());
  std::memset(body + payload.size(), 0, out.size() - kFrameHeaderBytes - payload.size());
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  header.chain = ChainOf(header, ByteView(body, payload.size()));

  std::byte* const at = out.data();
  std::memset(at, 0, kFrameHeaderBytes);
  StoreLe(at + frame_at::kMagic, kFrameMagic);
  StoreLe(at + frame_at::kEpoch, header.epoch);
  StoreLe(at + frame_at::kFirstLsn, header.first_lsn);
  StoreLe(at + frame_at::kCount, header.count);
  StoreLe(at + frame_at::kFlags, header.flags);
  StoreLe(at + frame_at::kPayloadBytes, header.payload_bytes);
  StoreLe(at + frame_at::kPayloadCrc, PayloadCrc(out, header.payload_bytes, salt));
  StoreLe(at + frame_at::kTimeMs, header.time_ms);
  StoreLe(at + frame_at::kBoottimeMs, header.boottime_ms);
  StoreHash128(at + frame_at::kStateHash, header.state_hash);
  StoreArray(at + frame_at::kPrevChain, header.prev_chain);
  StoreArray(at + frame_at::kChain, header.chain);
  // Last: it covers the payload's CRC.
  StoreLe(at + frame_at::kHeaderCrc, HeaderCrc(out, salt));
}

const char* FrameFaultText(FrameFault fault) {
  switch (fault) {
    case FrameFault::kNone:
      return "the frame is sound";
    case FrameFault::kZero:
      return "zeros instead of a frame";
    case FrameFault::kShort:
      return "the frame does not end before the file or its sealed length does";
    case FrameFault::kMagic:
      return "no frame begins here (wrong magic number)";
    case FrameFault::kHeaderCrc:
      return "the frame header's checksum does not match";
    case FrameFault::kHeaderField:
      return "the frame header holds a value that no writer of this segment produces";
    case FrameFault::kPayloadCrc:
      return "the checksum of the frame's payload does not match";
    case FrameFault::kPadding:
      return "the padding behind the frame's payload is not zero";
    case FrameFault::kLsn:
      return "the frame does not begin with the next LSN";
    case FrameFault::kPrevChain:
      return "the frame does not continue the hash chain";
    case FrameFault::kChain:
      return "the frame's content does not have its chain hash: it was changed and its checksums mended";
    case FrameFault::kTime:
      return "the frame's commit time is earlier than that of the frame before it";
  }
  return "unknown";
}

FrameFault CheckFrameHeader(ByteView bytes, std::uint64_t epoch, std::uint64_t salt, FrameHeader& out) {
  if (AllZero(bytes.first(std::min<std::size_t>(bytes.size(), kFrameHeaderBytes)))) return FrameFault::kZero;
  if (bytes.size() < kFrameHeaderBytes) return FrameFault::kShort;
  const std::byte* const at = bytes.data();
  if (LoadLe<std::uint32_t>(at + frame_at::kMagic) != kFrameMagic) return FrameFault::kMagic;
  if (LoadLe<std::uint32_t>(at + frame_at::kHeaderCrc) != HeaderCrc(bytes, salt)) return FrameFault::kHeaderCrc;
  FrameHeader h;
  h.epoch = LoadLe<std::uint64_t>(at + frame_at::kEpoch);
  h.first_lsn = LoadLe<Lsn>(at + frame_at::kFirstLsn);
  h.count = LoadLe<std::uint32_t>(at + frame_at::kCount);
  h.flags = LoadLe<std::uint32_t>(at + frame_at::kFlags);
  h.payload_bytes = LoadLe<std::uint32_t>(at + frame_at::kPayloadBytes);
  h.time_ms = LoadLe<TimeMs>(at + frame_at::kTimeMs);
  h.boottime_ms = LoadLe<std::uint64_t>(at + frame_at::kBoottimeMs);
  h.state_hash = LoadHash128(at + frame_at::kStateHash);
  h.prev_chain = LoadArray<32>(at + frame_at::kPrevChain);
  h.chain = LoadArray<32>(at + frame_at::kChain);
  const bool fields_ok = h.epoch == epoch && h.first_lsn != 0 && h.count != 0 && h.flags == 0 &&
                         h.payload_bytes <= kFramePayloadBytesMax && h.first_lsn + h.count > h.first_lsn &&
                         AllZero(bytes.subspan(frame_at::kEnd, kFrameHeaderBytes - frame_at::kEnd));
  if (!fields_ok) return FrameFault::kHeaderField;
  out = h;
  return FrameFault::kNone;
}

FrameView CheckFrame(ByteView bytes, std::uint64_t epoch, std::uint64_t salt, const model::JournalPosition& before) {
  FrameView view;
  view.fault = CheckFrameHeader(bytes, epoch, salt, view.header);
  if (view.fault == FrameFault::kNone) view.fault = CheckFrameBody(bytes, view.header, salt);
  if (view.fault != FrameFault::kNone) return view;
  view.payload = bytes.subspan(kFrameHeaderBytes, view.header.payload_bytes);
  view.fault = CheckContinuity(view.header, view.payload, before);
  return view;
}

bool LooksLikeFrame(ByteView bytes, std::uint64_t epoch, std::uint64_t salt) {
  FrameHeader header;
  return CheckFrameHeader(bytes, epoch, salt, header) == FrameFault::kNone &&
         CheckFrameBody(bytes, header, salt) == FrameFault::kNone;
}

model::JournalPosition PositionAfter(const FrameHeader& header, const model::SegmentId& segment, std::uint64_t offset) {
  model::JournalPosition after;
  after.segment = segment;
  after.offset = offset + FrameBytes(header.payload_bytes);
  after.last_lsn = header.last_lsn();
  after.time_ms = header.time_ms;
  after.chain = header.chain;
  after.state_hash = header.state_hash;
  return after;
}

model::JournalPosition StartOf(const SegmentHeader& header) {
  model::JournalPosition start;
  start.segment = header.id;
  start.offset = kSegmentHeaderBytes;
  start.last_lsn = header.first_lsn - 1;
  start.time_ms = header.prev_time_ms;
  start.chain = header.prev_chain;
  start.state_hash = header.prev_state_hash;
  return start;
}

SegmentHeader HeaderAfter(const StoreId& store_id, const model::SegmentId& id, const model::JournalPosition& at) {
  SegmentHeader header;
  header.store_id = store_id;
  header.id = id;
  header.first_lsn = at.last_lsn + 1;
  header.prev = at.segment;
  header.prev_sealed_bytes = at.segment == model::SegmentId{} ? 0 : at.offset;
  header.prev_time_ms = at.time_ms;
  header.prev_state_hash = at.state_hash;
  header.prev_chain = at.chain;
  return header;
}

}  // namespace tenure::journal
