// A place in the journal: just behind the frame that holds `last_lsn`, and what is true there.
#pragma once

#include <cstdint>
#include <string>

#include "store/base/hash.h"
#include "tenure/types.h"

namespace tenure::model {

/// Segments are ordered by epoch, then ordinal. {0, 0} is none.
struct SegmentId {
  std::uint64_t epoch = 0;
  std::uint64_t ordinal = 0;
  friend auto operator<=>(const SegmentId&, const SegmentId&) = default;
};

struct JournalPosition {
  SegmentId segment;
  std::uint64_t offset = 0;  ///< Of the next frame; the segment header's size when none was written yet.
  Lsn last_lsn = 0;
  TimeMs time_ms = 0;  ///< Of the last frame; later frames are never earlier.
  base::Hash256 chain{};
  base::Hash128 state_hash{};
  friend bool operator==(const JournalPosition&, const JournalPosition&) = default;
};

}  // namespace tenure::model
