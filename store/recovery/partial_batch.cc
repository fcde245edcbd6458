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
    for (std::size_t i = 0; i < txn.effects.size(); ++i) {
      const model::Effect& effect = txn.effects[i];
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
        case model::EffectKind::kSetPolicy:
        case model::EffectKind::kDeletePolicy:
          TENURE_RETURN_IF_ERROR(ChangePolicy(txn, i));
          break;
        case model::EffectKind::kPark:
          hash_ += model::RowHash(parked_[{txn.lsn, static_cast<std::uint32_t>(i)}] = model::ParkedAfter(txn, i));
          break;
        case model::EffectKind::kResolve:
          TENURE_RETURN_IF_ERROR(Resolve(effect.rare->resolved));
          break;
        case model::EffectKind::kTrimHistory:
        case model::EffectKind::kTrimHistoryExcept:
        case model::EffectKind::kTrimJournal:
          break;  // neither superseded revisions nor the journal's own length are part of the state
        case model::EffectKind::kGrantLease:
          Grant(model::LeaseAfter(txn, effect));
          break;
        case model::EffectKind::kReleaseLease:
        case model::EffectKind::kExpireLease:
        case model::EffectKind::kBreakLease:
        case model::EffectKind::kOrphanLease:
          TENURE_RETURN_IF_ERROR(End(effect.lease.front().row.info.id));
          break;
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

  Status ChangePolicy(const model::CommittedTxn& txn, std::size_t index) {
    if (!policies_) {
      TENURE_ASSIGN(const std::vector<Policy> rows, reader_.Policies());
      policies_.emplace();
      for (const Policy& row : rows) policies_->emplace(row.glob, row);
    }
    const model::Effect& effect = txn.effects[index];
    const std::string& glob = effect.rare->policy.glob;
    if (const auto old = policies_->find(glob); old != policies_->end()) {
      hash_ -= model::RowHash(old->second);
      policies_->erase(old);
    }
    if (effect.kind == model::EffectKind::kDeletePolicy) return {};
    Policy row = model::PolicyAfter(txn, index);
    hash_ += model::RowHash(row);
    policies_->emplace(glob, std::move(row));
    return {};
  }

  Status Resolve(const ConflictId& id) {
    if (const auto mine = parked_.find(id); mine != parked_.end()) {
      hash_ -= model::RowHash(mine->second);
      return {};
    }
    TENURE_ASSIGN(const auto row, reader_.GetConflict(id));
    if (row) hash_ -= model::RowHash(*row);
    return {};
  }

  void Grant(model::LeaseRow row) {
    hash_ += model::RowHash(row);
    leases_.emplace(row.info.id, std::move(row));
  }

  Status End(Lsn id) {
    if (const auto mine = leases_.find(id); mine != leases_.end()) {
      hash_ -= model::RowHash(mine->second);
      leases_.erase(mine);
      return {};
    }
    return reader_.ForEachLease([&](const model::LeaseRow& row) {
      if (row.info.id != id) return true;
      hash_ -= model::RowHash(row);
      return false;
    });
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
  std::optional<std::map<std::string, Policy>> policies_;  // read when the first one changes
  std::map<ConflictId, ParkedConflict> parked_;
  std::map<Lsn, model::LeaseRow> leases_;
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
