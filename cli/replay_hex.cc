#include "cli/replay_hex.h"

#include <algorithm>
#include <cstdio>

#include "store/base/hash.h"
#include "store/model/json.h"

namespace tenure::cli {
namespace {

constexpr std::size_t kBytesPerLine = 16;

std::string TimeText(TimeMs ms) { return ms == 0 ? "-" : model::FormatTime(ms); }
std::string Number(std::uint64_t value) { return std::to_string(value); }

}  // namespace

std::vector<std::string> HexLines(base::ByteView bytes, std::uint64_t offset) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < bytes.size(); at += kBytesPerLine) {
    const std::size_t count = std::min(kBytesPerLine, bytes.size() - at);
    char cell[24];
    std::snprintf(cell, sizeof cell, "%08llx ", static_cast<unsigned long long>(offset + at));
    std::string line = cell;
    std::string text;
    for (std::size_t i = 0; i < kBytesPerLine; ++i) {
      if (i == kBytesPerLine / 2) line += ' ';
      if (i >= count) {
        line += "   ";
        continue;
      }
      const auto byte = static_cast<unsigned char>(bytes[at + i]);
      std::snprintf(cell, sizeof cell, " %02x", byte);
      line += cell;
      text += byte >= 0x20 && byte < 0x7F ? static_cast<char>(byte) : '.';
    }
    lines.push_back(line + "  |" + text + "|");
  }
  return lines;
}

std::vector<Field> DescribeSegment(const journal::SegmentHeader& header) {
  return {{"segment", journal::SegmentFileName(header.id)},
          {"first_lsn", Number(header.first_lsn)},
          {"prev", header.prev == model::SegmentId{} ? "-" : journal::SegmentFileName(header.prev)},
          {"prev_sealed_bytes", Number(header.prev_sealed_bytes)},
          {"prev_time", TimeText(header.prev_time_ms)},
          {"prev_state_hash", base::Hex(header.prev_state_hash)},
          {"prev_chain", base::Hex(header.prev_chain)},
          {"capacity", Number(header.capacity)},
          {"incarnation", Number(header.incarnation)},
          {"created", TimeText(header.created_ms)},
          {"boot_id", base::Hex(header.boot_id)}};
}

std::vector<Field> DescribeFrame(base::ByteView bytes, const journal::SegmentHeader& segment, std::uint64_t offset) {
  if (offset < journal::kSegmentHeaderBytes || offset % journal::kFrameAlign != 0) return {};
  if (bytes.size() < journal::kFrameHeaderBytes) return {};
  journal::FrameHeader header;
  const auto fault = journal::CheckFrameHeader(bytes, segment.id.epoch, segment.salt, header);
  if (fault != journal::FrameFault::kNone) return {};
  return {{"first_lsn", Number(header.first_lsn)},      {"last_lsn", Number(header.last_lsn())},
          {"transactions", Number(header.count)},       {"payload_bytes", Number(header.payload_bytes)},
          {"time", TimeText(header.time_ms)},           {"state_hash", base::Hex(header.state_hash)},
          {"prev_chain", base::Hex(header.prev_chain)}, {"chain", base::Hex(header.chain)}};
}

}  // namespace tenure::cli
