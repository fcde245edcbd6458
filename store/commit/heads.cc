#include "store/commit/heads.h"

#include <algorithm>

#include "store/base/error.h"

namespace tenure::commit {
namespace {

/// Cached rows of tags and request ids kept beyond those that the index still lacks.
constexpr std::size_t kCachedRowsMax = 16'384;

/// `sweep_at` doubles with what a sweep had to leave: a long backlog is not walked after every batch.
template <typename Map>
void DropApplied(Map& map, Lsn applied, std::size_t& sweep_at) {
  if (map.size() <= std::max(kCachedRowsMax, sweep_at)) return;
  for (auto it = map.begin(); it != map.end();) {
    it = it->second->lsn <= applied ? map.erase(it) : std::next(it);
  }
  sweep_at = 2 * map.size();
}

template <typename Map, typename Ptr>
void Restore(Map& map, const std::string& key, Ptr before) {
  if (before) {
    map[key] = std::move(before);
  } else {
    map.erase(key);
  }
}

}  // namespace

Result<index::IndexReader*> Heads::View() {
  if (!view_) {
    auto lease = pool_.TakeOf(generation_);
    if (!lease.ok() && lease.error().code == ErrorCode::kNotFound && !(generation_ == pool_.Live())) {
      // Two switches within one batch: the next one begins with the newest.
      return base::MakeError(ErrorCode::kBusy, lease.error().message, "try again");
    }
    if (!lease.ok()) return std::move(lease).error();
    TENURE_RETURN_IF_ERROR((*lease)->BeginSnapshot());
    view_.emplace(std::move(*lease));
  }
  ++index_reads_;
  return &**view_;
}

/// The row that the index shows, which `slot` keeps from here on; null is a key that nothing is known of.
Result<EntryPtr> Heads::ReadEntry(const std::string& name, const std::string& version, EntryHeads::Slot* slot) {
  TENURE_ASSIGN(index::IndexReader * view, View());
  TENURE_ASSIGN(auto row, view->GetEntry(name, version));
  if (slot != nullptr && (!row || row->lsn != slot->head.lsn)) {
    return base::MakeError(ErrorCode::kCorruption,
                           name + ":" + version + " was applied to the index at LSN " + std::to_string(slot->head.lsn) +
                               ", but the index does not show that",
                           "run 'tenure verify --deep', then 'tenure-replay rebuild'");
  }
  if (!row) return EntryPtr();
  auto entry = std::make_shared<const ArtifactEntry>(std::move(*row));
  model::PackedEntry packed = Pack(*entry);
  const EntryHead head = EntryHead::Of(*entry, packed);
  if (slot == nullptr) slot = &entries_.At(EntryKey(name, version));
  entries_.Set(*slot, std::move(packed), head);
  return EntryPtr(std::move(entry));
}

Result<EntryHeads::Slot*> Heads::SlotOf(const std::string& name, const std::string& version) {
  EntryHeads::Slot* slot = entries_.Find(EntryKey(name, version));
  if (slot != nullptr) return slot;
  if (!entries_.complete()) {
    TENURE_ASSIGN(const EntryPtr read, ReadEntry(name, version, nullptr));
    (void)read;  // what there is, its slot says now
  }
  return &entries_.At(EntryKey(name, version));
}

Result<EntryPtr> Heads::Entry(const std::string& name, const std::string& version) {
  EntryHeads::Slot* slot = entries_.Find(EntryKey(name, version));
  const bool absent = slot != nullptr ? slot->head.lsn == 0 : entries_.complete();
  if (absent) return EntryPtr();
  if (slot == nullptr || !slot->row) return ReadEntry(name, version, slot);
  return EntryPtr(std::make_shared<const ArtifactEntry>(slot->row.Unpack()));
}

Result<TagPtr> Heads::Tag(const std::string& name, const std::string& tag) {
  std::string key = TagKey(name, tag);
  if (auto it = tags_.find(key); it != tags_.end()) return it->second;
  TENURE_ASSIGN(index::IndexReader * view, View());
  TENURE_ASSIGN(auto row, view->GetTag(name, tag));
  if (!row) return TagPtr();
  auto shared = std::make_shared<const TagEntry>(std::move(*row));
  tags_.emplace(std::move(key), shared);
  return TagPtr(std::move(shared));
}

Result<RequestPtr> Heads::Request(const std::string& request_id) {
  if (auto it = requests_.find(request_id); it != requests_.end()) return it->second;
  TENURE_ASSIGN(index::IndexReader * view, View());
  TENURE_ASSIGN(auto row, view->GetRequest(request_id));
  if (!row) return RequestPtr();
  return RequestPtr(std::make_shared<const model::RequestRow>(std::move(*row)));
}

Result<std::vector<TagPtr>> Heads::TagsOf(const std::string& name, const std::string& version) {
  TENURE_ASSIGN(index::IndexReader * view, View());
  TENURE_ASSIGN(auto rows, view->TagsOf(name, version));
  std::map<std::string, TagPtr> found;
  for (TagEntry& row : rows) {
    std::string key = TagKey(row.name, row.tag);
    if (!tags_.contains(key)) found.emplace(std::move(key), std::make_shared<const TagEntry>(std::move(row)));
  }
  const std::string prefix = TagKey(name, "");
  for (auto it = tags_.lower_bound(prefix); it != tags_.end() && it->first.starts_with(prefix); ++it) {
    const TagPtr& tag = it->second;
    if (tag->name == name && !tag->deleted && tag->version == version) found[it->first] = tag;
  }
  std::vector<TagPtr> tags;
  for (auto& item : found) tags.push_back(std::move(item.second));
  return tags;
}

void Heads::Begin() {
  TENURE_CHECK(undo_.empty());
  state_hash_before_ = state_hash_;
}

void Heads::PutEntry(const ArtifactEntry& entry, model::PackedEntry row, EntryHeads::Slot& slot) {
  TENURE_CHECK(entry.revision == slot.head.revision + 1);
  if (slot.head.lsn != 0) state_hash_ -= slot.head.row_hash;
  const EntryHead head = EntryHead::Of(entry, row);
  state_hash_ += head.row_hash;
  undo_.emplace_back(UndoEntry{&slot, slot.head, std::move(slot.row)});
  entries_.Set(slot, std::move(row), head);
}

void Heads::PutTag(TagEntry tag, const TagEntry* replaced) {
  if (replaced != nullptr) state_hash_ -= model::RowHash(*replaced);
  state_hash_ += model::RowHash(tag);
  std::string key = TagKey(tag.name, tag.tag);
  TagPtr& slot = tags_[key];
  undo_.emplace_back(UndoTag{std::move(key), std::move(slot)});
  slot = std::make_shared<const TagEntry>(std::move(tag));
}

void Heads::PutRequest(model::RequestRow row) {
  state_hash_ += model::RowHash(row);
  std::string key = row.request_id;
  requests_[key] = std::make_shared<const model::RequestRow>(std::move(row));
  undo_.emplace_back(UndoRequest{std::move(key)});
}

void Heads::PruneRequests(Lsn below, const base::Hash128& sum) {
  state_hash_ -= sum;
  std::erase_if(requests_, [&](const auto& item) { return item.second->lsn < below; });
}

void Heads::GrantLease(model::LeaseRow row) {
  state_hash_ += model::RowHash(row);
  undo_.emplace_back(UndoLease{row.info.id, std::nullopt});
  leases_.Add(std::move(row));
}

void Heads::EndLease(Lsn id, model::EffectKind kind) {
  model::LeaseRow row = leases_.End(id, kind);
  state_hash_ -= model::RowHash(row);
  undo_.emplace_back(UndoLease{id, std::move(row)});
}

void Heads::Rollback() {
  while (!undo_.empty()) {
    if (auto* entry = std::get_if<UndoEntry>(&undo_.back())) {
      // Of a key without a row the slot stays, and says so.
      entry->slot->head = entry->head;
      entry->slot->row = std::move(entry->row);
    } else if (auto* tag = std::get_if<UndoTag>(&undo_.back())) {
      Restore(tags_, tag->key, std::move(tag->before));
    } else if (auto* lease = std::get_if<UndoLease>(&undo_.back())) {
      lease->before ? leases_.Add(std::move(*lease->before)) : leases_.Remove(lease->id);
    } else {
      requests_.erase(std::get<UndoRequest>(undo_.back()).key);
    }
    undo_.pop_back();
  }
  rare_.Rollback();
  state_hash_ = state_hash_before_;
}

void Heads::Replay(const std::vector<model::CommittedTxn>& txns, const base::Hash128& state_hash) {
  for (const model::CommittedTxn& txn : txns) {
    for (std::size_t i = 0; i < txn.effects.size(); ++i) {
      const model::Effect& effect = txn.effects[i];
      switch (effect.kind) {
        case model::EffectKind::kPutEntry:
        case model::EffectKind::kDeleteEntry: {
          const ArtifactEntry entry = model::EntryAfter(txn, effect);
          model::PackedEntry row = Pack(entry);
          const EntryHead head = EntryHead::Of(entry, row);
          entries_.Set(entries_.At(EntryKey(entry.name, entry.version)), std::move(row), head);
          break;
        }
        case model::EffectKind::kSetTag:
        case model::EffectKind::kDeleteTag: {
          auto tag = std::make_shared<const TagEntry>(model::TagAfter(txn, effect));
          tags_[TagKey(tag->name, tag->tag)] = tag;
          break;
        }
        case model::EffectKind::kPruneRequests:
          PruneRequests(effect.below_lsn, {});
          break;
        case model::EffectKind::kSetPolicy:
        case model::EffectKind::kDeletePolicy:
        case model::EffectKind::kPark:
        case model::EffectKind::kResolve:
          rare_.Replay(txn, i);
          break;
        case model::EffectKind::kTrimHistory:
        case model::EffectKind::kTrimHistoryExcept:
        case model::EffectKind::kTrimJournal:
          break;  // no current row changes
        case model::EffectKind::kGrantLease:
          leases_.Add(model::LeaseAfter(txn, effect));
          break;
        case model::EffectKind::kReleaseLease:
        case model::EffectKind::kExpireLease:
        case model::EffectKind::kBreakLease:
        case model::EffectKind::kOrphanLease:
          // One that is not there would contradict the state hash, which the index is checked against.
          if (const Lsn id = effect.lease.front().row.info.id; leases_.Find(id) != nullptr) {
            (void)leases_.End(id, effect.kind);
          }
          break;
        case model::EffectKind::kSetCursor:
        case model::EffectKind::kDeleteCursor:
          break;  // no row that decides anything changes
      }
    }
    if (auto row = model::RequestRowOf(txn)) {
      std::string key = row->request_id;
      requests_[std::move(key)] = std::make_shared<const model::RequestRow>(std::move(*row));
    }
  }
  state_hash_ = state_hash;
}

void Heads::Reset(const base::Hash128& state_hash, const index::Generation& generation,
                  std::vector<model::LeaseRow> leases) {
  Clear();
  generation_ = generation;
  for (model::LeaseRow& row : leases) leases_.Add(std::move(row));
  // A sum of nothing: every row that comes is seen here.
  entries_.Reset(state_hash == base::Hash128{});
  state_hash_ = state_hash;
}

void Heads::Clear() {
  generation_ = {};
  leases_.Clear();
  view_.reset();
  undo_.clear();
  entries_.Reset(false);
  tags_.clear();
  requests_.clear();
  entry_revisions_.clear();
  rare_.Reset();
  state_hash_ = {};
}

void Heads::EndBatch() {
  view_.reset();
  const Lsn applied = context_.AppliedHint();
  // In this order: the hint may be of the generation that was just switched to, and this one is read.
  if (!(generation_ == pool_.Live())) return;
  entries_.TrimTo(applied);
  DropApplied(tags_, applied, sweep_tags_at_);
  DropApplied(requests_, applied, sweep_requests_at_);
  rare_.DropApplied(applied);
}

}  // namespace tenure::commit
