// Figures, compaction and backup.
#include <algorithm>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/guarded.h"
#include "store/cursors.h"
#include "store/journal/segments.h"
#include "store/recovery/backup.h"
#include "store/recovery/checkpoints.h"
#include "store/store_impl.h"

namespace tenure {
namespace {

/// Request ids are kept this long, and at least this many of them.
constexpr TimeMs kRequestIdsKeptMs = 24LL * 3600 * 1000;
constexpr std::uint64_t kRequestIdsKeptMin = 1'000'000;

/// Segments that lie wholly below `below` and are not the newest.
std::vector<const journal::LiveSegment*> Removable(const journal::Chain& chain, Lsn below) {
  std::vector<const journal::LiveSegment*> segments;
  for (std::size_t i = 0; i + 1 < chain.segments.size(); ++i) {
    if (chain.segments[i + 1].header.first_lsn <= below) segments.push_back(&chain.segments[i]);
  }
  return segments;
}

model::Effect Boundary(model::EffectKind kind, Lsn below) {
  model::Effect effect;
  effect.kind = kind;
  effect.below_lsn = below;
  return effect;
}

/// What policies keep is part of the effect: replay decides nothing.
model::Effect TrimHistory(Lsn below, std::vector<model::KeepRule> keep) {
  if (keep.empty()) return Boundary(model::EffectKind::kTrimHistory, below);
  model::Effect effect = Boundary(model::EffectKind::kTrimHistoryExcept, below);
  model::RareEffect rare;
  rare.keep = std::move(keep);
  effect.rare = std::make_shared<const model::RareEffect>(std::move(rare));
  return effect;
}

struct RequestPruning {
  Lsn below = 0;
  std::uint64_t rows = 0;
  base::Hash128 sum;
};

/// The request ids that are both old enough and beyond the number kept.
Result<RequestPruning> PlanRequestPruning(const index::IndexReader& reader, Lsn durable, TimeMs now_ms) {
  RequestPruning plan;
  TENURE_ASSIGN(const index::Counts counts, reader.Count());
  if (counts.request_ids <= kRequestIdsKeptMin) return plan;
  const std::uint64_t spare = counts.request_ids - kRequestIdsKeptMin;
  std::vector<std::pair<Lsn, base::Hash128>> old;
  TENURE_RETURN_IF_ERROR(reader.ForEachRequest(durable + 1, [&](const model::RequestRow& row) {
    if (row.time_ms + kRequestIdsKeptMs < now_ms) old.emplace_back(row.lsn, model::RowHash(row));
    return true;
  }));
  std::sort(old.begin(), old.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [lsn, hash] : old) {
    if (plan.rows == spare) break;
    plan.below = lsn + 1;
    plan.sum += hash;
    ++plan.rows;
  }
  return plan;
}

/// What of `removable` a cursor still needs stays, and the report says so.
void KeepForCursors(const std::optional<CursorHold>& hold, const journal::Chain& chain, CompactReport& report,
                    std::vector<const journal::LiveSegment*>& removable) {
  if (hold && hold->lsn <= report.checkpoint_lsn) {
    const std::size_t before = removable.size();
    removable = Removable(chain, hold->lsn);
    report.segments_held = before - removable.size();
    if (report.segments_held > 0) {
      report.held_by = hold->cursor;
      report.held_lsn = hold->lsn;
    }
  }
  report.segments_removed = removable.size();
  for (const auto* segment : removable) report.bytes_freed += segment->file_bytes;
}

/// What a compaction decides within its turn.
struct Decided {
  RequestPruning pruning;
  std::optional<CursorHold> hold;
};

Result<std::vector<model::Effect>> DecideCompaction(const StoreImpl& store, Lsn before_lsn, Lsn checkpoint_lsn,
                                                    commit::Heads& heads, Decided& decided) {
  // Inside the turn nothing else is published: with everything durable applied, the index is the state. What this
  // batch has decided before is too young to be dropped.
  const Lsn durable = store.context->DurableLsn();
  TENURE_RETURN_IF_ERROR(store.applier->WaitApplied(durable));
  TENURE_ASSIGN(auto reader, store.pool->Take());
  std::vector<model::Effect> effects;
  TENURE_ASSIGN(decided.pruning, PlanRequestPruning(*reader, durable, store.env.WallMs()));
  if (decided.pruning.rows > 0) {
    effects.push_back(Boundary(model::EffectKind::kPruneRequests, decided.pruning.below));
    heads.PruneRequests(decided.pruning.below, decided.pruning.sum);
  }
  if (before_lsn > 0) {
    TENURE_ASSIGN(const conflict::PolicySet* policies, heads.Policies());
    effects.push_back(TrimHistory(before_lsn, policies->KeepRules()));
  }
  // A cursor that is made behind this transaction begins behind it, or finds out that its place is gone.
  TENURE_ASSIGN(const std::vector<CursorEntry> cursors, reader->Cursors());
  decided.hold = HoldOf(cursors, store.env.WallMs());
  Lsn below = checkpoint_lsn + 1;
  if (decided.hold) below = std::min(below, decided.hold->lsn);
  effects.push_back(Boundary(model::EffectKind::kTrimJournal, below));
  return effects;
}

/// The report of a dry run.
Status PlanCompaction(const StoreImpl& store, Lsn before_lsn, const journal::Chain& chain, CompactReport& report) {
  TENURE_ASSIGN(auto reader, store.pool->Take());
  TENURE_ASSIGN(const RequestPruning pruning, PlanRequestPruning(*reader, report.checkpoint_lsn, store.env.WallMs()));
  report.request_ids_removed = pruning.rows;
  if (before_lsn > 0) {
    TENURE_ASSIGN(const std::vector<Policy> policies, reader->Policies());
    TENURE_ASSIGN(report.history_rows_removed,
                  reader->CountHistoryBelow(before_lsn, conflict::PolicySet(policies).KeepRules()));
  }
  TENURE_ASSIGN(const std::vector<CursorEntry> cursors, reader->Cursors());
  auto removable = Removable(chain, report.checkpoint_lsn + 1);
  KeepForCursors(HoldOf(cursors, store.env.WallMs()), chain, report, removable);
  return {};
}

}  // namespace

Result<StoreStats> Store::Stats() const try {
  TENURE_RETURN_IF_ERROR(impl_->CheckUsable());
  const commit::Context& context = *impl_->context;
  TENURE_ASSIGN(auto reader, impl_->TakeUpTo(context.DurableLsn()));
  StoreStats stats;
  stats.path = impl_->layout.root;
  stats.store_id = base::Hex(impl_->config.store_id);
  stats.incarnation = impl_->config.incarnation;
  stats.epoch = context.shared().owner.Load().first;
  TENURE_ASSIGN(const index::Mark mark, reader->ReadMark());
  TENURE_ASSIGN(const index::Counts counts, reader->Count());
  stats.durable_lsn = context.DurableLsn();
  stats.applied_lsn = reader.is_of_pool() ? mark.position.last_lsn : context.AppliedHint();
  stats.last_commit_ms = mark.position.time_ms;
  stats.state_hash = base::Hex(mark.position.state_hash);
  stats.chain_hash = base::Hex(mark.position.chain);
  stats.oldest_history_lsn = mark.oldest_history_lsn;
  stats.entries = counts.entries;
  stats.tombstones = counts.tombstones;
  stats.tags = counts.tags;
  stats.history_rows = counts.history_rows;
  stats.request_ids = counts.request_ids;
  stats.policies = counts.policies;
  stats.parked_conflicts = counts.conflicts;
  TENURE_ASSIGN(const std::uint32_t members, impl_->member->CountMembers());
  stats.members = members;
  TENURE_ASSIGN(const journal::Chain chain, journal::ReadChain(impl_->env, impl_->layout.journal(),
                                                               impl_->config.journal_id, context.trimmed_below));
  stats.segments = chain.segments.size();
  for (const journal::LiveSegment& segment : chain.segments) stats.journal_bytes += segment.file_bytes;
  if (!chain.segments.empty()) stats.oldest_log_lsn = chain.segments.front().header.first_lsn;
  const auto& private_files = impl_->private_files;
  const bool copied = private_files && !private_files->index_path().empty();
  stats.index_path = copied ? private_files->index_path() : impl_->pool->LivePath();
  TENURE_ASSIGN(stats.index_bytes, reader->FileBytes());
  TENURE_ASSIGN(const auto checkpoints, recovery::ListCheckpoints(impl_->env, impl_->layout));
  stats.checkpoints = checkpoints.size();
  stats.sqlite_version = index::SqliteVersion();
  return stats;
}
TENURE_CATCH_ALL

/// A checkpoint first, synced and named; then the journaled decision; only when that is published,
/// files go. A crash anywhere in between leaves more than needed, never less.
Result<CompactReport> Store::Compact(const CompactOptions& options) try {
  TENURE_RETURN_IF_ERROR(impl_->CheckWritable());
  const commit::Context& context = *impl_->context;
  CompactReport report;
  const Lsn durable = context.DurableLsn();
  if (options.before_lsn > durable) {
    return base::MakeError(ErrorCode::kNotFound,
                           "LSN " + std::to_string(options.before_lsn) + " has not been committed; the newest is " +
                               std::to_string(durable),
                           "name an LSN that 'tenure log' shows");
  }
  report.before_lsn = options.before_lsn;
  TENURE_RETURN_IF_ERROR(CatchUp());
  if (options.dry_run) {
    report.checkpoint_lsn = durable;
  } else {
    recovery::Checkpoint checkpoint;
    TENURE_RETURN_IF_ERROR(impl_->applier->WithWriter([&](index::IndexWriter& writer) -> Status {
      TENURE_RETURN_IF_ERROR(writer.Checkpoint(0));
      // Readers may have kept that from finishing. The index must not fall back, over a power loss, to where it could
      // not be caught up from any more.
      if (!TENURE_SEEDED_BUG("compact_unsynced_index")) TENURE_RETURN_IF_ERROR(writer.Sync());
      TENURE_ASSIGN(checkpoint, recovery::WriteCheckpoint(impl_->env, impl_->layout, writer));
      return {};
    }));
    report.checkpoint_lsn = checkpoint.lsn;
  }

  TENURE_ASSIGN(const journal::Chain chain, journal::ReadChain(impl_->env, impl_->layout.journal(),
                                                               impl_->config.journal_id, context.trimmed_below));
  if (options.dry_run) {
    TENURE_RETURN_IF_ERROR(PlanCompaction(*impl_, options.before_lsn, chain, report));
    return report;
  }
  std::uint64_t history_rows = 0;
  {
    TENURE_ASSIGN(auto reader, impl_->pool->Take());
    TENURE_ASSIGN(const index::Counts before, reader->Count());
    history_rows = before.history_rows;
  }
  Decided decided;
  const std::function<Result<std::vector<model::Effect>>(commit::Heads&, Lsn)> decide = [&](commit::Heads& heads, Lsn) {
    return DecideCompaction(*impl_, options.before_lsn, report.checkpoint_lsn, heads, decided);
  };
  auto pending = std::make_shared<commit::Pending>();
  pending->work.maintenance = &decide;
  TENURE_ASSIGN(const Receipt receipt, impl_->group->CommitAlone(*pending));
  TENURE_FAIL_POINT("compact.published");
  TENURE_RETURN_IF_ERROR(impl_->applier->WaitApplied(receipt.lsn));
  report.request_ids_removed = decided.pruning.rows;
  auto removable = Removable(chain, report.checkpoint_lsn + 1);
  KeepForCursors(decided.hold, chain, report, removable);
  {
    TENURE_ASSIGN(auto reader, impl_->pool->Take());
    TENURE_ASSIGN(const index::Counts after, reader->Count());
    report.history_rows_removed = history_rows - std::min(history_rows, after.history_rows);
  }
  // Oldest first: what remains is always one chain.
  for (const auto* segment : removable) {
    Status removed = impl_->env.Remove(segment->path);
    // Another compaction may have been faster.
    if (!removed.ok() && removed.error().code != ErrorCode::kNotFound) return std::move(removed).error();
    TENURE_FAIL_POINT("compact.segment_removed");
  }
  if (!removable.empty()) TENURE_RETURN_IF_ERROR(impl_->env.SyncDirectory(impl_->layout.journal()));
  // In the turn: what is found half made there is nobody's any more.
  TENURE_RETURN_IF_ERROR(impl_->applier->WithWriter(
      [&](index::IndexWriter&) { return recovery::RemoveOldCheckpoints(impl_->env, impl_->layout, 2); }));
  return report;
}
TENURE_CATCH_ALL

Result<Lsn> Store::Backup(const std::string& dir) const try {
  TENURE_RETURN_IF_ERROR(impl_->CheckUsable());
  recovery::BackupOptions options;
  options.to_lsn = impl_->context->DurableLsn();
  TENURE_RETURN_IF_ERROR(recovery::CopyStore(impl_->env, impl_->layout, dir, options));
  return options.to_lsn;
}
TENURE_CATCH_ALL

}  // namespace tenure
