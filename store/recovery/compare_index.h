// Are the rows of two indexes the same? Entries, tags, their histories and request ids, field by field.
#pragma once

#include <string>
#include <vector>

#include "store/index/index.h"
#include "tenure/result.h"

namespace tenure::recovery {

/// Names the first rows of each kind that differ, one line each; empty: equal. Streams both sides once
/// when they are equal; holds the keys of one kind in memory only when they are not.
Result<std::vector<std::string>> CompareIndexes(const index::IndexReader& stored, const index::IndexReader& rebuilt);

}  // namespace tenure::recovery
