#include "cli/replay_frames.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "store/base/error.h"
#include "store/journal/payload.h"

namespace tenure::cli {
namespace {

using journal::FrameFault;

class Walker {
 public:
  Walker(const journal::LiveSegment& segment, const base::Bytes& bytes, const FrameWalk& walk)
      : segment_(segment), walk_(walk), before_(journal::StartOf(segment.header)) {
    const std::uint64_t sealed = segment.sealed_bytes;
    data_ = base::ByteView(bytes).first(sealed > 0 ? std::min<std::uint64_t>(sealed, bytes.size()) : bytes.size());
  }

  void Run() {
    std::uint64_t offset = journal::kSegmentHeaderBytes;
    while (offset < data_.size()) {
      const auto view = journal::CheckFrame(data_.subspan(offset), epoch(), salt(), before_);
      if (view.fault == FrameFault::kNone) {
        if (!Give(view, offset)) return;
        offset = before_.offset;
        continue;
      }
      const std::uint64_t next = NextFrame(offset + journal::kFrameAlign);
      const bool open_end = segment_.sealed_bytes == 0 && next == data_.size() && IsZero(offset);
      if (open_end || !walk_.fault(offset, journal::FrameFaultText(view.fault)) || next == data_.size()) return;
      Rebase(next);
      offset = next;
    }
  }

 private:
  std::uint64_t epoch() const { return segment_.header.id.epoch; }
  std::uint64_t salt() const { return segment_.header.salt; }
  bool IsZero(std::uint64_t from) const {
    return std::all_of(data_.begin() + static_cast<std::ptrdiff_t>(from), data_.end(),
                       [](std::byte b) { return b == std::byte{0}; });
  }

  bool Give(const journal::FrameView& view, std::uint64_t offset) {
    const auto txns = journal::DecodePayload(view.header, view.payload, segment_.path, offset);
    before_ = journal::PositionAfter(view.header, segment_.header.id, offset);
    if (!txns.ok()) return walk_.fault(offset, txns.error().message);
    return walk_.frame({view.header, offset, journal::FrameBytes(view.header.payload_bytes), *txns});
  }

  std::uint64_t NextFrame(std::uint64_t offset) const {
    for (; offset + journal::kFrameHeaderBytes <= data_.size(); offset += journal::kFrameAlign) {
      // The magic first: most of what is looked at is zeros or payload.
      if (base::LoadLe<std::uint32_t>(&data_[offset]) != journal::kFrameMagic) continue;
      if (journal::LooksLikeFrame(data_.subspan(offset), epoch(), salt())) return offset;
    }
    return data_.size();
  }

  /// What the frame at `offset` says that it continues.
  void Rebase(std::uint64_t offset) {
    journal::FrameHeader header;
    (void)journal::CheckFrameHeader(data_.subspan(offset), epoch(), salt(), header);
    before_.last_lsn = header.first_lsn - 1;
    before_.chain = header.prev_chain;
    before_.time_ms = std::numeric_limits<TimeMs>::min();
  }

  const journal::LiveSegment& segment_;
  const FrameWalk& walk_;
  base::ByteView data_;
  model::JournalPosition before_;
};

}  // namespace

Status WalkFrames(base::Env& env, const journal::LiveSegment& segment, const FrameWalk& walk) {
  TENURE_ASSIGN(const base::Bytes bytes, base::ReadFile(env, segment.path));
  Walker(segment, bytes, walk).Run();
  return {};
}

Result<journal::LiveSegment> ReadOrphan(base::Env& env, const std::string& path) {
  TENURE_ASSIGN(const auto file, env.Open(path, base::OpenMode::kRead));
  base::Bytes block(journal::kSegmentHeaderBytes);
  TENURE_ASSIGN(const std::size_t got, file->ReadAt(0, block));
  journal::LiveSegment segment;
  segment.path = path;
  TENURE_ASSIGN(segment.header, journal::DecodeSegmentHeader(base::ByteView(block).first(got), path));
  TENURE_ASSIGN(segment.file_bytes, file->Size());
  return segment;
}

}  // namespace tenure::cli
