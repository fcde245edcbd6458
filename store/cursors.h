// Cursors of the change feed, and what they mean for compaction.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "store/model/effect.h"
#include "tenure/result.h"
#include "tenure/types.h"

namespace tenure {

class StoreImpl;

/// A cursor holds back the trimming of the journal for so long after its last move.
inline constexpr TimeMs kCursorHoldsMs = 7LL * 24 * 3600 * 1000;

/// The journal from `lsn` on is still needed, by this cursor before all others.
struct CursorHold {
  Lsn lsn = 0;
  std::string cursor;
};
std::optional<CursorHold> HoldOf(const std::vector<CursorEntry>& cursors, TimeMs now_ms);

/// kSetCursor or kDeleteCursor.
model::Effect CursorEffect(model::EffectKind kind, CursorEntry cursor);

/// Journals one effect, made under the LSN that it gets. Waits until it is durable.
Result<Lsn> CommitCursorEffect(StoreImpl& store, const std::function<model::Effect(Lsn)>& effect);

}  // namespace tenure
