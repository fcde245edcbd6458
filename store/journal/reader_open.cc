#include <algorithm>
#include <optional>
#include <utility>

#include "store/base/error.h"
#include "store/journal/reader_state.h"

namespace tenure::journal {
namespace {

constexpr std::uint64_t kBackBytesMin = 16u << 10;

/// The frame that ends exactly at `end`, found backwards: its header holds a salted checksum and its own
/// length, so the nearest place where both fit is it. Costs about the frame's own size in reading.
Result<std::optional<FrameHeader>> FrameEndingAt(const base::File& file, const SegmentHeader& segment,
                                                 std::uint64_t end) {
  base::Bytes buffer;
  // The last frame seen in an earlier round is not looked at twice: `above` is where that round began.
  std::uint64_t above = end;
  for (std::uint64_t back = kBackBytesMin;; back *= 4) {
    const std::uint64_t begin = end - std::min(back, end - kSegmentHeaderBytes);
    buffer.resize(end - begin);
    TENURE_ASSIGN(const std::size_t got, file.ReadAt(begin, buffer));
    if (got < buffer.size()) return std::optional<FrameHeader>{};
    for (std::uint64_t at = above; at > begin;) {
      at -= kFrameAlign;
      if (end - at < kFrameHeaderBytes) continue;
      FrameHeader header;
      const auto bytes = base::ByteView(buffer).subspan(at - begin);
      if (base::LoadLe<std::uint32_t>(bytes.data()) != kFrameMagic) continue;
      if (CheckFrameHeader(bytes, segment.id.epoch, segment.salt, header) != FrameFault::kNone) continue;
      if (at + FrameBytes(header.payload_bytes) == end) return std::optional(header);
    }
    if (begin == kSegmentHeaderBytes) return std::optional<FrameHeader>{};
    above = begin;
  }
}

Error NotTheSamePlace(const std::string& path, const model::JournalPosition& from, const std::string& what) {
  Error error = base::CorruptionAt(
      path, from.offset,
      what + ": LSN " + std::to_string(from.last_lsn) + " of the position asked for is not the journal's");
  error.lsn = from.last_lsn;
  return error;
}

}  // namespace

Status Reader::State::ReadDirectory(Lsn from) {
  TENURE_ASSIGN(Chain read, ReadChain(env, dir, store_id, trimmed.AtLeast(from)));
  if (read.segments.empty()) return base::CorruptionAt(dir, 0, "the journal holds no segment");
  chain = std::move(read);
  return {};
}

void Reader::State::EnterSegment(std::size_t which) {
  index = which;
  position = StartOf(current().header);
  window.Open(nullptr);
}

Status Reader::State::Locate(const model::JournalPosition& from) {
  for (std::size_t i = 0; i < chain.segments.size(); ++i) {
    const LiveSegment& segment = chain.segments[i];
    if (segment.header.id != from.segment) continue;
    if (segment.sealed_bytes != 0 && from.offset > segment.sealed_bytes) break;  // the tail was rewritten
    if (from.offset > segment.file_bytes) {
      return base::CorruptionAt(segment.path, segment.file_bytes,
                                "the journal is shorter than offset " + std::to_string(from.offset) + ", where LSN " +
                                    std::to_string(from.last_lsn) + " ended");
    }
    return LocateInside(i, from);
  }
  return LocateByLsn(from);
}

Status Reader::State::LocateInside(std::size_t which, const model::JournalPosition& from) {
  EnterSegment(which);
  const std::string& path = current().path;
  if (from.offset == kSegmentHeaderBytes) {
    if (position.last_lsn == from.last_lsn && position.chain == from.chain) return {};
    return NotTheSamePlace(path, from, "the segment begins behind another frame");
  }
  if (from.offset < kSegmentHeaderBytes || from.offset % kFrameAlign != 0) {
    return NotTheSamePlace(path, from, "no frame can end here");
  }
  TENURE_ASSIGN(const auto file, env.Open(path, base::OpenMode::kRead));
  TENURE_ASSIGN(const auto header, FrameEndingAt(*file, current().header, from.offset));
  if (!header) return NotTheSamePlace(path, from, "no frame ends here");
  if (header->last_lsn() != from.last_lsn || header->chain != from.chain) {
    return NotTheSamePlace(path, from, "another frame ends here");
  }
  position = PositionAfter(*header, current().header.id, from.offset - FrameBytes(header->payload_bytes));
  return {};
}

Status Reader::State::LocateByLsn(const model::JournalPosition& from) {
  // At a border the newest segment that begins there is the place to go on.
  for (std::size_t i = chain.segments.size(); i-- > 0;) {
    if (chain.segments[i].header.first_lsn != from.last_lsn + 1) continue;
    EnterSegment(i);
    if (position.chain == from.chain) return {};
    return NotTheSamePlace(current().path, from, "the segment begins behind another frame");
  }
  const LiveSegment* segment = chain.Find(from.last_lsn);
  if (segment == nullptr) {
    const Lsn oldest = chain.segments.front().header.first_lsn;
    Error error =
        base::MakeError(ErrorCode::kCompacted,
                        dir + ": LSN " + std::to_string(from.last_lsn + 1) +
                            " is not in the journal any more; the oldest retained is " + std::to_string(oldest),
                        "start from a checkpoint or from LSN " + std::to_string(oldest));
    error.lsn = oldest;
    return error;
  }
  EnterSegment(static_cast<std::size_t>(segment - chain.segments.data()));
  while (position.last_lsn < from.last_lsn) {
    Found found;
    FrameFault fault;
    TENURE_ASSIGN(const Stop stop, Peek(from.last_lsn, from.last_lsn, found, fault));
    if (stop != Stop::kFrame) break;
    StepOver(found);
  }
  if (position.last_lsn == from.last_lsn && position.chain == from.chain) return {};
  return NotTheSamePlace(current().path, from, "another frame holds it");
}

Result<std::unique_ptr<Reader>> Reader::OpenAtStart(base::Env& env, const std::string& dir, const StoreId& store_id,
                                                    const TrimmedBelow& trimmed) {
  auto state = std::make_unique<State>(env, dir, store_id, trimmed);
  TENURE_RETURN_IF_ERROR(state->ReadDirectory(0));
  state->EnterSegment(0);
  return std::unique_ptr<Reader>(new Reader(std::move(state)));
}

Result<std::unique_ptr<Reader>> Reader::Open(base::Env& env, const std::string& dir, const StoreId& store_id,
                                             const model::JournalPosition& from, const TrimmedBelow& trimmed) {
  auto state = std::make_unique<State>(env, dir, store_id, trimmed);
  TENURE_RETURN_IF_ERROR(state->ReadDirectory(from.last_lsn));
  TENURE_RETURN_IF_ERROR(state->Locate(from));
  return std::unique_ptr<Reader>(new Reader(std::move(state)));
}

Result<std::unique_ptr<Reader>> Reader::OpenAtLsn(base::Env& env, const std::string& dir, const StoreId& store_id,
                                                  Lsn lsn, const TrimmedBelow& trimmed, Lsn durable) {
  auto state = std::make_unique<State>(env, dir, store_id, trimmed);
  TENURE_RETURN_IF_ERROR(state->ReadDirectory(0));
  const Lsn oldest = state->chain.segments.front().header.first_lsn;
  const LiveSegment* segment = state->chain.Find(lsn);
  if (segment == nullptr) {
    Error error = base::MakeError(
        ErrorCode::kCompacted,
        "LSN " + std::to_string(lsn) + " is older than the oldest retained LSN, " + std::to_string(oldest),
        "start from LSN " + std::to_string(oldest));
    error.lsn = oldest;
    return error;
  }
  state->EnterSegment(static_cast<std::size_t>(segment - state->chain.segments.data()));
  for (;;) {
    State::Found found;
    FrameFault fault;
    TENURE_ASSIGN(const Stop stop, state->Peek(lsn, durable, found, fault));
    if (stop == Stop::kLimit) break;  // the frame here reaches beyond it
    if (stop != Stop::kFrame) {
      const Lsn newest = state->position.last_lsn;
      Error error = base::MakeError(
          ErrorCode::kNotFound,
          "LSN " + std::to_string(lsn) + " is not in the journal yet; the newest is " + std::to_string(newest));
      error.lsn = newest;
      return error;
    }
    if (found.view.header.last_lsn() == lsn) break;
    state->StepOver(found);
  }
  // Looking ahead vouched for nothing: Next() is told its own limit.
  state->verified_lsn = 0;
  return std::unique_ptr<Reader>(new Reader(std::move(state)));
}

}  // namespace tenure::journal
