#include "store/cursors.h"

#include <memory>

#include "store/base/error.h"
#include "store/base/guarded.h"
#include "store/model/validate.h"
#include "store/store_impl.h"

namespace tenure {

std::optional<CursorHold> HoldOf(const std::vector<CursorEntry>& cursors, TimeMs now_ms) {
  std::optional<CursorHold> hold;
  for (const CursorEntry& cursor : cursors) {
    if (cursor.moved_at_ms + kCursorHoldsMs < now_ms) continue;
    if (!hold || cursor.lsn + 1 < hold->lsn) hold = CursorHold{cursor.lsn + 1, cursor.name};
  }
  return hold;
}

model::Effect CursorEffect(model::EffectKind kind, CursorEntry cursor) {
  model::RareEffect rare;
  rare.cursor = std::move(cursor);
  model::Effect effect;
  effect.kind = kind;
  effect.rare = std::make_shared<const model::RareEffect>(std::move(rare));
  return effect;
}

Result<Lsn> CommitCursorEffect(StoreImpl& store, const std::function<model::Effect(Lsn)>& effect) {
  TENURE_RETURN_IF_ERROR(store.CheckWritable());
  const std::function<Result<std::vector<model::Effect>>(commit::Heads&, Lsn)> decide =
      [&](commit::Heads&, Lsn lsn) -> Result<std::vector<model::Effect>> { return std::vector{effect(lsn)}; };
  auto pending = std::make_shared<commit::Pending>();
  pending->work.maintenance = &decide;
  TENURE_ASSIGN(const Receipt receipt, store.group->CommitAlone(*pending));
  return receipt.lsn;
}

Result<std::vector<CursorEntry>> Store::Cursors() const try {
  TENURE_ASSIGN(auto view, impl_->ViewFor({}));
  return view.reader->Cursors();
}
TENURE_CATCH_ALL

Result<Lsn> Store::RemoveCursor(const std::string& name) try {
  TENURE_RETURN_IF_ERROR(impl_->CheckWritable());
  TENURE_RETURN_IF_ERROR(model::ValidateCursorName(name));
  {
    TENURE_ASSIGN(auto view, impl_->ViewFor({}));
    TENURE_ASSIGN(const auto there, view.reader->GetCursor(name));
    if (!there) {
      return base::MakeError(ErrorCode::kNotFound, "there is no cursor " + name,
                             "'tenure cursors list' shows the cursors");
    }
  }
  CursorEntry cursor;
  cursor.name = name;
  return CommitCursorEffect(*impl_, [&](Lsn) { return CursorEffect(model::EffectKind::kDeleteCursor, cursor); });
}
TENURE_CATCH_ALL

}  // namespace tenure
