#include <algorithm>
#include <cstring>

#include "store/base/error.h"
#include "store/journal/reader.h"

namespace tenure::journal {
namespace {

constexpr std::uint64_t kChunkBytes = 1u << 20;

/// Is there a whole frame at `offset`? Only a sound header makes the body be read.
Result<bool> FrameAt(const base::File& file, const SegmentHeader& segment, std::uint64_t offset) {
  base::Bytes bytes(kFrameHeaderBytes);
  TENURE_ASSIGN(std::size_t got, file.ReadAt(offset, bytes));
  bytes.resize(got);
  FrameHeader header;
  if (CheckFrameHeader(bytes, segment.id.epoch, segment.salt, header) != FrameFault::kNone) return false;
  bytes.resize(FrameBytes(header.payload_bytes));
  TENURE_ASSIGN(got, file.ReadAt(offset, bytes));
  return LooksLikeFrame(base::ByteView(bytes).first(got), segment.id.epoch, segment.salt);
}

void CountNonzero(base::ByteView chunk, std::uint64_t offset, TailSurvey& survey) {
  static constexpr std::byte kZeros[512] = {};
  for (std::size_t at = 0; at < chunk.size(); at += sizeof kZeros) {
    const auto piece = chunk.subspan(at, std::min(sizeof kZeros, chunk.size() - at));
    if (std::memcmp(piece.data(), kZeros, piece.size()) == 0) continue;
    for (std::size_t i = 0; i < piece.size(); ++i) {
      if (piece[i] == std::byte{0}) continue;
      ++survey.nonzero_bytes;
      survey.last_nonzero_offset = offset + at + i;
    }
  }
}

}  // namespace

Result<TailSurvey> SurveyTail(base::Env& env, const LiveSegment& segment, const model::JournalPosition& position) {
  if (position.segment != segment.header.id || position.offset % kFrameAlign != 0) {
    return base::MakeError(ErrorCode::kInternal, "the tail of " + segment.path + " was asked for from offset " +
                                                     std::to_string(position.offset) + " of " +
                                                     SegmentFileName(position.segment));
  }
  TENURE_ASSIGN(const auto file, env.Open(segment.path, base::OpenMode::kRead));
  TailSurvey survey;
  base::Bytes buffer(kChunkBytes);
  // Chunks begin where frames may begin, so a magic number never straddles two of them.
  for (std::uint64_t offset = position.offset;; offset += kChunkBytes) {
    TENURE_ASSIGN(const std::size_t got, file->ReadAt(offset, buffer));
    const auto chunk = base::ByteView(buffer).first(got);
    const std::uint64_t before = survey.nonzero_bytes;
    CountNonzero(chunk, offset, survey);
    const bool look = survey.nonzero_bytes != before && !survey.later_frame;
    for (std::size_t at = 0; look && at + sizeof kFrameMagic <= got; at += kFrameAlign) {
      if (base::LoadLe<std::uint32_t>(chunk.data() + at) != kFrameMagic || offset + at == position.offset) continue;
      TENURE_ASSIGN(const bool frame, FrameAt(*file, segment.header, offset + at));
      if (!frame) continue;
      survey.later_frame = offset + at;
      break;
    }
    if (got < kChunkBytes) return survey;
  }
}

}  // namespace tenure::journal
