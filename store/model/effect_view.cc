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

Policy PolicyAfter(const CommittedTxn& txn, std::size_t index) {
  const Effect& effect = txn.effects[index];
  TENURE_CHECK(effect.kind == EffectKind::kSetPolicy);
  Policy policy = effect.rare->policy;
  policy.writer = txn.writer;
  policy.time_ms = txn.time_ms;
  policy.lsn = txn.lsn;
  policy.effect = static_cast<std::uint32_t>(index);
  return policy;
}

ParkedConflict ParkedAfter(const CommittedTxn& txn, std::size_t index) {
  const Effect& effect = txn.effects[index];
  TENURE_CHECK(effect.kind == EffectKind::kPark);
  ParkedConflict parked = effect.rare->parked;
  parked.id = {txn.lsn, static_cast<std::uint32_t>(index)};
  parked.writer = txn.writer;
  parked.uid = txn.uid;
  parked.time_ms = txn.time_ms;
  return parked;
}

LeaseRow LeaseAfter(const CommittedTxn& txn, const Effect& effect) {
  TENURE_CHECK(effect.kind == EffectKind::kGrantLease && effect.lease.size() == 1);
  LeaseRow row = effect.lease.front().row;
  row.info.id = txn.lsn;
  row.info.writer = txn.writer;
  row.info.uid = txn.uid;
  row.info.granted_at_ms = txn.time_ms;
  return row;
}

namespace {

const char* LeaseOpName(EffectKind kind) {
  switch (kind) {
    case EffectKind::kGrantLease:
      return "lease_acquire";
    case EffectKind::kReleaseLease:
      return "lease_release";
    case EffectKind::kExpireLease:
      return "lease_expire";
    case EffectKind::kBreakLease:
      return "lease_break";
    default:
      return "lease_orphan";
  }
}

}  // namespace

CursorEntry CursorAfter(const CommittedTxn& txn, const Effect& effect) {
  TENURE_CHECK(IsCursorEffect(effect.kind));
  CursorEntry cursor;
  cursor.name = effect.rare->cursor.name;
  if (effect.kind == EffectKind::kSetCursor) {
    cursor.lsn = effect.rare->cursor.lsn;
    cursor.effects = effect.rare->cursor.effects;
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
      event.merged_base = effect.merged_base;
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
    case EffectKind::kSetPolicy:
      event.op = "set_policy";
      event.glob = effect.rare->policy.glob;
      event.policy = std::make_shared<const Policy>(PolicyAfter(txn, index));
      break;
    case EffectKind::kDeletePolicy:
      event.op = "delete_policy";
      event.glob = effect.rare->policy.glob;
      break;
    case EffectKind::kPark:
      event.op = "park";
      event.parked = std::make_shared<const ParkedConflict>(ParkedAfter(txn, index));
      event.conflict = ConflictIdText(event.parked->id);
      break;
    case EffectKind::kResolve:
      event.op = "resolve";
      event.conflict = ConflictIdText(effect.rare->resolved);
      event.take = TakeName(effect.rare->take);
      break;
    case EffectKind::kTrimHistory:
    case EffectKind::kTrimHistoryExcept:
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
    case EffectKind::kGrantLease:
      event.op = LeaseOpName(effect.kind);
      event.lease = LeaseAfter(txn, effect).info;
      break;
    case EffectKind::kReleaseLease:
    case EffectKind::kExpireLease:
    case EffectKind::kBreakLease:
    case EffectKind::kOrphanLease:
      event.op = LeaseOpName(effect.kind);
      event.lease.emplace().id = effect.lease.front().row.info.id;
      event.reason = effect.lease.front().reason;
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
