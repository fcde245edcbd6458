// What a state of a store holds besides entries and tags, in a form that two states can be compared by: policies, and
// those rows whose names are LSNs of their own history, parked conflicts and leases. Few enough to be held at once.
#pragma once

#include <map>
#include <string>

#include "store/index/index.h"

namespace tenure::cli {

struct RareRow {
  std::string content;  ///< Equal for equal rows.
  std::string json;
};
/// By what a person would call them: "policy GLOB", "conflict ID", "lease ID".
using RareRows = std::map<std::string, RareRow>;

/// Without `full` only what two stores of equal content share: what policies say, not who set them and when.
Result<RareRows> ReadRareRows(const index::IndexReader& reader, bool full);

}  // namespace tenure::cli
