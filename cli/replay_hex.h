// Bytes of a segment as people read them, and what the format says that they are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/output.h"
#include "store/journal/format.h"

namespace tenure::cli {

/// "00001000  54 4e 46 52 …  |TNFR…|", sixteen bytes a line.
std::vector<std::string> HexLines(base::ByteView bytes, std::uint64_t offset);

/// The members of a segment header, and of a frame header when one begins at `offset` (a multiple of 8
/// behind the segment's header). Empty when there is none.
std::vector<Field> DescribeSegment(const journal::SegmentHeader& header);
std::vector<Field> DescribeFrame(base::ByteView bytes, const journal::SegmentHeader& segment, std::uint64_t offset);

}  // namespace tenure::cli
