// Sums of row hashes, computed where the rows are.
//
// An SQL aggregate is handed a row's columns without a step, a copy or a temporary ArtifactEntry each.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "store/base/hash.h"
#include "store/index/sqlite.h"

namespace tenure::index {

/// Rows by their private numbers, both ends included.
struct RowRange {
  std::int64_t first = std::numeric_limits<std::int64_t>::min();
  std::int64_t last = std::numeric_limits<std::int64_t>::max();
};

/// The aggregate over entries of one connection, and what it has summed. Must outlive the connection.
class EntrySum {
 public:
  Result<base::Hash128> Of(Connection& connection, const RowRange& range);

 private:
  friend struct EntrySumCallbacks;
  bool registered_ = false;
  base::Hash128 sum_;
  std::optional<Error> failed_;
};

}  // namespace tenure::index
