// Which segments are the journal, also when some of them are damaged.
//
// For a sound journal this is journal::ReadChain. For a damaged one it is the best that headers still
// say: every segment from the newest file back, with the places marked where the link between two
// neighbours is not proven. For verify and repair; nobody commits or replays on the strength of it.
// One thread; changes nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/journal/segments.h"

namespace tenure::recovery {

struct SurveyedSegment {
  /// sealed_bytes is 0 for the newest one, and where no sound link says how far the segment reaches.
  journal::LiveSegment live;
  /// False: `live.header` is what the bytes say, unproven.
  bool header_ok = true;
  /// The segment before it in the list is a guess, or missing.
  bool gap_before = false;
  /// Behind a damaged link: chain hashes that its remains name as the end of this segment. Empty: unknown.
  std::vector<base::Hash256> ends;
};

struct ChainSurvey {
  std::vector<SurveyedSegment> segments;  ///< Oldest first.
  std::vector<std::string> orphans;       ///< Segment files that no link names.
  std::uint64_t highest_epoch = 0;        ///< Of all segment files.
  std::vector<Error> problems;            ///< Each with path and offset.
  bool newest_is_open(std::size_t index) const { return index + 1 == segments.size() && segments[index].header_ok; }
};

/// Fails only when the directory cannot be looked at, or a newer version of tenure wrote it.
Result<ChainSurvey> SurveyChain(base::Env& env, const std::string& dir, const journal::StoreId& journal_id,
                                const journal::TrimmedBelow& trimmed);

}  // namespace tenure::recovery
