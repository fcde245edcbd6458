// The journal as the public API shows it: events, times, the inverse of a transaction.
#include <algorithm>
#include <map>

#include "store/base/error.h"
#include "store/base/guarded.h"
#include "store/journal/reader.h"
#include "store/model/json.h"
#include "store/recovery/checkpoints.h"
#include "store/store_impl.h"

namespace tenure {

Result<std::unique_ptr<journal::Reader>> StoreImpl::JournalAt(Lsn lsn) const {
  TENURE_RETURN_IF_ERROR(CheckUsable());
  return journal::Reader::OpenAtLsn(env, layout.journal(), config.journal_id, lsn, context->trimmed_below);
}

/// Segments begin with the time of the last frame before them: the search reads one segment's frames.
Result<Lsn> StoreImpl::LsnAt(TimeMs time_ms) const {
  TENURE_RETURN_IF_ERROR(CheckUsable());
  const Lsn durable = context->DurableLsn();
  TENURE_ASSIGN(const journal::Chain chain,
                journal::ReadChain(env, layout.journal(), config.journal_id, context->trimmed_below));
  const auto later =
      std::find_if(chain.segments.begin(), chain.segments.end(), [&](const journal::LiveSegment& segment) {
        return segment.header.first_lsn > 1 && segment.header.prev_time_ms > time_ms;
      });
  if (chain.segments.empty() || later == chain.segments.begin()) {
    return base::MakeError(ErrorCode::kCompacted, "the journal no longer reaches back to " + model::FormatTime(time_ms),
                           "name a later time, or an LSN");
  }
  const journal::SegmentHeader& header = std::prev(later)->header;
  Lsn found = header.first_lsn - 1;
  if (found >= durable) return durable;
  TENURE_ASSIGN(auto reader, JournalAt(header.first_lsn));
  journal::RawFrame raw;
  journal::FrameFault fault = journal::FrameFault::kNone;
  for (;;) {
    TENURE_ASSIGN(const journal::Stop stop, reader->NextRaw(durable, durable, raw, fault));
    if (stop != journal::Stop::kFrame || raw.header.time_ms > time_ms) return found;
    found = raw.header.last_lsn();
  }
}

Result<Lsn> Store::LsnAt(TimeMs time_ms) const try { return impl_->LsnAt(time_ms); }
TENURE_CATCH_ALL

Status Store::Log(Lsn from, Lsn to, const std::function<bool(const Event&)>& visit) const try {
  const Lsn durable = impl_->context->DurableLsn();
  if (to == 0 || to > durable) to = durable;
  if (from == 0) from = 1;
  if (from > to) return impl_->CheckUsable();
  TENURE_ASSIGN(auto reader, impl_->JournalAt(from));
  for (;;) {
    TENURE_ASSIGN(journal::Step step, reader->Next(durable, durable));
    if (step.stop != journal::Stop::kFrame) return {};
    for (const model::CommittedTxn& txn : step.frame.txns) {
      if (txn.lsn < from) continue;
      if (txn.lsn > to) return {};
      // A transaction without effects recorded its request id: that is its one event.
      const std::uint32_t events = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(txn.effects.size()));
      for (std::uint32_t i = 0; i < events; ++i) {
        if (!visit(model::EventOf(txn, i))) return {};
      }
    }
    if (step.frame.after.last_lsn >= to) return {};
  }
}
TENURE_CATCH_ALL

namespace {

using model::Effect;
using model::EffectKind;

Operation InverseOfEntry(const Effect& last, const std::optional<ArtifactEntry>& before) {
  Transaction txn;
  if (!before || before->deleted) {
    txn.Delete(last.entry.name, last.entry.version);
  } else {
    txn.Put({before->name, before->version, before->digest, before->size, before->media_type, before->urls,
             before->annotations});
  }
  Operation op = txn.operations().front();
  op.base = last.entry.revision;
  return op;
}

Operation InverseOfTag(const Effect& last, const std::optional<TagEntry>& before) {
  Transaction txn;
  if (!before || before->deleted) {
    txn.DeleteTag(last.tag.name, last.tag.tag);
  } else {
    txn.SetTag(before->name, before->tag, before->version);
  }
  Operation op = txn.operations().front();
  op.base = last.tag.revision;
  return op;
}

bool IsEntry(EffectKind kind) { return kind == EffectKind::kPutEntry || kind == EffectKind::kDeleteEntry; }
bool IsTag(EffectKind kind) { return kind == EffectKind::kSetTag || kind == EffectKind::kDeleteTag; }

Result<model::CommittedTxn> ReadTxn(const StoreImpl& impl, Lsn lsn) {
  const Lsn durable = impl.context->DurableLsn();
  if (lsn == 0 || lsn > durable) {
    return base::MakeError(ErrorCode::kNotFound,
                           "there is no LSN " + std::to_string(lsn) + "; the newest is " + std::to_string(durable),
                           "'tenure log' shows what was committed");
  }
  TENURE_ASSIGN(auto reader, impl.JournalAt(lsn));
  for (;;) {
    TENURE_ASSIGN(journal::Step step, reader->Next(durable, durable));
    if (step.stop != journal::Stop::kFrame) break;
    for (model::CommittedTxn& txn : step.frame.txns) {
      if (txn.lsn == lsn) return std::move(txn);
    }
  }
  return base::MakeError(ErrorCode::kInternal, "LSN " + std::to_string(lsn) + " is durable, but was not found");
}

}  // namespace

Result<Transaction> Store::Inverse(Lsn lsn) const try {
  TENURE_ASSIGN(const model::CommittedTxn txn, ReadTxn(*impl_, lsn));
  // Only the state before the transaction and the last revision it made matter, once per key. Tags
  // that come back need their version first, tags that go must go before it.
  std::map<std::pair<std::string, std::string>, const Effect*> entries;
  std::map<std::pair<std::string, std::string>, const Effect*> tags;
  for (const Effect& effect : txn.effects) {
    if (IsEntry(effect.kind)) {
      entries[{effect.entry.name, effect.entry.version}] = &effect;
    } else if (IsTag(effect.kind)) {
      tags[{effect.tag.name, effect.tag.tag}] = &effect;
    }
  }
  for (const Effect& effect : txn.effects) {
    if (effect.kind < EffectKind::kSetPolicy || effect.kind > EffectKind::kResolve) continue;
    return base::MakeError(ErrorCode::kInvalidArgument,
                           "LSN " + std::to_string(lsn) +
                               " changed a policy or a parked conflict, which undo cannot "
                               "give back",
                           "set the policy as it was; a parked write can be taken with 'tenure conflicts resolve'");
  }
  if (entries.empty() && tags.empty()) {
    return base::MakeError(ErrorCode::kInvalidArgument,
                           "LSN " + std::to_string(lsn) + " changed no entry and no tag: there is nothing to undo",
                           "'tenure log --from " + std::to_string(lsn) + "' shows what it did");
  }
  ReadOptions before;
  before.at = At{lsn - 1, std::nullopt};
  TENURE_ASSIGN(auto view, impl_->ViewFor(before));
  std::vector<Operation> puts, tag_operations, deletes;
  for (const auto& [key, effect] : entries) {
    TENURE_ASSIGN(const auto row, view.reader->GetEntryAt(key.first, key.second, lsn - 1));
    Operation op = InverseOfEntry(*effect, row);
    if (op.kind == OpKind::kDelete && effect->kind == EffectKind::kDeleteEntry) continue;  // made and deleted within it
    (op.kind == OpKind::kPut ? puts : deletes).push_back(std::move(op));
  }
  for (const auto& [key, effect] : tags) {
    TENURE_ASSIGN(const auto row, view.reader->GetTagAt(key.first, key.second, lsn - 1));
    Operation op = InverseOfTag(*effect, row);
    if (op.kind == OpKind::kDeleteTag && effect->kind == EffectKind::kDeleteTag) continue;
    tag_operations.push_back(std::move(op));
  }
  Transaction inverse;
  for (auto* group : {&puts, &tag_operations, &deletes}) {
    for (Operation& op : *group) inverse.Append(std::move(op));
  }
  return inverse;
}
TENURE_CATCH_ALL

}  // namespace tenure
