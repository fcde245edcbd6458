// The header of a segment, and the names of segments.
#include <algorithm>

#include "store/base/hash.h"
#include "store/journal/format.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::segment_target {
namespace {

std::string SeedSegment(const model::JournalPosition& at, const model::SegmentId& id) {
  journal::SegmentHeader header = journal::HeaderAfter({}, id, at);
  header.capacity = journal::kSegmentBytesMin;
  header.incarnation = 1;
  header.created_ms = 1'700'000'000'000;
  header.salt = 99;
  base::Bytes block(journal::kSegmentHeaderBytes);
  journal::EncodeSegmentHeader(header, std::span<std::byte, journal::kSegmentHeaderBytes>(block));
  return std::string(base::AsText(block));
}

void Mend(std::span<std::byte> bytes) {
  if (bytes.size() < journal::kSegmentHeaderBytes) return;
  std::copy_n(reinterpret_cast<const std::byte*>(journal::kSegmentMagic), 8, bytes.begin());
  base::StoreLe(&bytes[journal::segment_at::kCrc], base::Crc32c(bytes.first(journal::segment_at::kCrc)));
}

Target Segment() {
  Target target;
  target.seeds.push_back(SeedSegment({}, {1, 1}));
  model::JournalPosition at;
  at.segment = {3, 2};
  at.offset = 8192;
  at.last_lsn = 700;
  target.seeds.push_back(SeedSegment(at, {4, 1}));
  target.seeds.push_back(journal::SegmentFileName({0xAB, 1}));
  target.mend = Mend;
  target.bytes_max = 4200;
  return target;
}

const Target& ThisTarget() {
  static const Target target = Segment();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  if (const auto id = journal::ParseSegmentFileName(Text(data, size))) {
    FUZZ_EXPECT(journal::SegmentFileName(*id) == Text(data, size));
  }
  const base::ByteView bytes = View(data, size);
  const auto header = journal::DecodeSegmentHeader(bytes, "the segment");
  if (!header.ok()) return ExpectWorded(header.error()), 0;
  base::Bytes again(journal::kSegmentHeaderBytes);
  journal::EncodeSegmentHeader(*header, std::span<std::byte, journal::kSegmentHeaderBytes>(again));
  FUZZ_EXPECT(base::AsText(again) == base::AsText(bytes.first(again.size())));
  FUZZ_EXPECT(journal::StartOf(*header).last_lsn + 1 == header->first_lsn);
  return 0;
}

const Registration registration("segment", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::segment_target
