// What a committed effect means outside the journal: rows of the index, events of the feed.
#include <string>

#include "store/base/error.h"
#include "store/model/effect.h"

namespace tenure::model {

std::optional<RequestRow> RequestRowOf(const CommittedTxn& txn) {
  if (txn.request_id.empty()) return std::nullopt;
  RequestRow row;
  row.request_id = txn.request_id;
  row.lsn = txn.lsn;
  row.time_ms = txn.time_ms;
  row.body_hash = txn.body_hash;
  row.cancelled = txn.cancelled;
  row.outcome = txn.outcome;
  row.receipt_lsn = txn.receipt_lsn;
  row.results = txn.results;
  return row;
}

ArtifactEntry EntryAfter(const CommittedTxn& txn, const Effect& effect) {
  ArtifactEntry entry;
  if (effect.kind == EffectKind::kPutEntry) {
    entry = effect.entry;
    entry.deleted = false;
  } else {
    TENURE_CHECK(effect.kind == EffectKind::kDeleteEntry);
    entry.name = effect.entry.name;
    entry.version = effect.entry.version;
    entry.revision = effect.entry.revision;
    entry.deleted = true;
  }
  entry.updated_at_ms = txn.time_ms;
  entry.writer = txn.writer;
  entry.lsn = txn.lsn;
  return entry;
}

TagEntry TagAfter(const CommittedTxn& txn, const Effect& effect) {
  TENURE_CHECK(effect.kind == EffectKind::kSetTag || effect.kind == EffectKind::kDeleteTag);
  TagEntry tag;
  tag.name = effect.tag.name;
  tag.tag = effect.tag.tag;
  tag.revision = effect.tag.revision;
  tag.deleted = effect.kind == EffectKind::kDeleteTag;
  if (!tag.deleted) tag.version = effect.tag.version;
  tag.updated_at_ms = txn.time_ms;
  tag.writer = txn.writer;
  tag.lsn = txn.lsn;
  return tag;
}

CursorEntry CursorAfter(const CommittedTxn& txn, const Effect& effect) {
  TENURE_CHECK(IsCursorEffect(effect.kind));
  CursorEntry cursor;
  cursor.name = effect.cursor.name;
  if (effect.kind == EffectKind::kSetCursor) {
    cursor.lsn = effect.cursor.lsn;
    cursor.effects = effect.cursor.effects;
  }
  cursor.moved_at_ms = txn.time_ms;
  cursor.writer = txn.writer;
  return cursor;
}

Event EventOf(const CommittedTxn& txn, std::uint32_t index) {
  Event event;
  event.lsn = txn.lsn;
  event.effect = index;
  event.time_ms = txn.time_ms;
  event.writer = txn.writer;
  event.uid = txn.uid;
  event.request_id = txn.request_id;
  if (index >= txn.effects.size()) {
    // A transaction that only recorded its request id has one event all the same: its LSN is not a gap.
    TENURE_CHECK(index == 0);
    event.op = "request";
    return event;
  }
  const Effect& effect = txn.effects[index];
  switch (effect.kind) {
    case EffectKind::kPutEntry:
      event.op = "put";
      event.entry = EntryAfter(txn, effect);
      break;
    case EffectKind::kDeleteEntry:
      event.op = "delete";
      event.entry = EntryAfter(txn, effect);
      break;
    case EffectKind::kSetTag:
      event.op = "set_tag";
      event.tag = TagAfter(txn, effect);
      break;
    case EffectKind::kDeleteTag:
      event.op = "delete_tag";
      event.tag = TagAfter(txn, effect);
      break;
    case EffectKind::kTrimHistory:
      event.op = "trim_history";
      event.below_lsn = effect.below_lsn;
      break;
    case EffectKind::kPruneRequests:
      event.op = "prune_requests";
      event.below_lsn = effect.below_lsn;
      break;
    case EffectKind::kTrimJournal:
      event.op = "trim_journal";
      event.below_lsn = effect.below_lsn;
      break;
    case EffectKind::kSetCursor:
      event.op = "set_cursor";
      event.cursor = CursorAfter(txn, effect);
      break;
    case EffectKind::kDeleteCursor:
      event.op = "delete_cursor";
      event.cursor = CursorAfter(txn, effect);
      break;
  }
  return event;
}

}  // namespace tenure::model
