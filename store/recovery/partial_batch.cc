#include "store/recovery/partial_batch.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "store/base/error.h"

namespace tenure::recovery {
namespace {

/// Rows as the transactions leave them, over the rows of the index.
class Overlay {
 public:
  Overlay(const index::IndexReader& reader, const base::Hash128& hash) : reader_(reader), hash_(hash) {}
  const base::Hash128& hash() const { return hash_; }

  Status Apply(const model::CommittedTxn& txn) {
    for (const model::Effect& effect : txn.effects) {
      switch (effect.kind) {
        case model::EffectKind::kPutEntry:
        case model::EffectKind::kDeleteEntry: {
          ArtifactEntry row = model::EntryAfter(txn, effect);
          TENURE_ASSIGN(const auto old, reader_.GetEntry(row.name, row.version));
          auto& mine = entries_[{row.name, row.version}];  // before the row is moved from
          Replace(mine, old, std::move(row));
          break;
        }
        case model::EffectKind::kSetTag:
        case model::EffectKind::kDeleteTag: {
          TagEntry row = model::TagAfter(txn, effect);
          TENURE_ASSIGN(const auto old, reader_.GetTag(row.name, row.tag));
          auto& mine = tags_[{row.name, row.tag}];  // before the row is moved from
          Replace(mine, old, std::move(row));
          break;
        }
        case model::EffectKind::kPruneRequests:
          TENURE_RETURN_IF_ERROR(Prune(effect.below_lsn));
          break;
        case model::EffectKind::kTrimHistory:
        case model::EffectKind::kTrimJournal:
        case model::EffectKind::kSetCursor:
        case model::EffectKind::kDeleteCursor:
          break;  // superseded revisions, the journal's own length and cursors are no part of the state
      }
    }
    if (const auto row = model::RequestRowOf(txn)) {
      requests_[row->lsn] = *row;
      hash_ += model::RowHash(*row);
    }
    return {};
  }

 private:
  using Key = std::pair<std::string, std::string>;

  template <typename Row>
  void Replace(std::optional<Row>& mine, const std::optional<Row>& in_index, Row row) {
    const std::optional<Row>& old = mine ? mine : in_index;
    if (old) hash_ -= model::RowHash(*old);
    hash_ += model::RowHash(row);
    mine = std::move(row);
  }

  Status Prune(Lsn below) {
    // What an earlier prune took is not taken twice: rows below `pruned_below_` are gone already.
    TENURE_RETURN_IF_ERROR(reader_.ForEachRequest(below, [this](const model::RequestRow& row) {
      if (row.lsn >= pruned_below_) hash_ -= model::RowHash(row);
      return true;
    }));
    while (!requests_.empty() && requests_.begin()->first < below) {
      hash_ -= model::RowHash(requests_.begin()->second);
      requests_.erase(requests_.begin());
    }
    if (below > pruned_below_) pruned_below_ = below;
    return {};
  }

  const index::IndexReader& reader_;
  base::Hash128 hash_;
  std::map<Key, std::optional<ArtifactEntry>> entries_;
  std::map<Key, std::optional<TagEntry>> tags_;
  std::map<Lsn, model::RequestRow> requests_;
  Lsn pruned_below_ = 0;
};

}  // namespace

Result<base::Hash128> StateHashAfter(const index::IndexReader& reader, const base::Hash128& before,
                                     std::span<const model::CommittedTxn> txns) {
  Overlay overlay(reader, before);
  for (const model::CommittedTxn& txn : txns) TENURE_RETURN_IF_ERROR(overlay.Apply(txn));
  return overlay.hash();
}

}  // namespace tenure::recovery
