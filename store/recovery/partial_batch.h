// The state hash behind some transactions of a frame: frames carry it only behind their last one, and
// a rebuild to an LSN inside a batch still has to prove its rows.
#pragma once

#include <span>

#include "store/base/hash.h"
#include "store/index/index.h"
#include "store/model/effect.h"

namespace tenure::recovery {

/// `before`: the state hash of `reader`'s rows; `txns` come next. Pure but for reading rows.
Result<base::Hash128> StateHashAfter(const index::IndexReader& reader, const base::Hash128& before,
                                     std::span<const model::CommittedTxn> txns);

}  // namespace tenure::recovery
