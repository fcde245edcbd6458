// What the three sides of a parked conflict say, field by field. Pure.
#pragma once

#include <string>
#include <vector>

#include "tenure/conflict.h"

namespace tenure::cli {

struct SideDifference {
  std::string path;                ///< "digest", "urls", "annotations.build.id", "version" of a tag, "deleted".
  std::string base, ours, theirs;  ///< JSON texts; empty: not there.
  /// "ours", "theirs" or "both": who changed it; "same" when both changed it alike.
  std::string changed_by;
};

/// Fields on which the sides are not all the same, by path.
std::vector<SideDifference> DifferencesOf(const ParkedConflict& conflict);

}  // namespace tenure::cli
