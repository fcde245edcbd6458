// The lines of `export jsonl --full`: every member of a row, sorted, absent ones left out. Pure.
#pragma once

#include <string>

#include "tenure/types.h"

namespace tenure::cli {

std::string FullLine(const ArtifactEntry& entry);
std::string FullLine(const TagEntry& tag);  ///< {"tag":{…}}

}  // namespace tenure::cli
