#include "store/recovery/replace_index.h"

#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/ingest/membership.h"
#include "store/recovery/open.h"

namespace tenure::recovery {
Result<RebuildReport> SwitchToRebuilt(base::Env& env, const Layout& layout, ingest::Membership& member,
                                      RebuildOptions options) {
  ingest::CommitArea& shared = member.segment().commit();
  const base::Pair64 durable = shared.durable.Load();
  options.durable = durable.second;
  options.to_lsn = durable.second;
  index::Generation published;
  TENURE_ASSIGN(RebuildReport report, RebuildIndex(env, layout, durable.first, options, &published));
  TENURE_FAIL_POINT("replace_index.published");
  // Only the holder of the turn changes the word; the loop stays right should that ever change.
  base::Pair64 word = shared.generation.Load();
  while (!shared.generation.CompareExchange(word, {published.epoch, published.number})) {
  }
  member.segment().AdvanceApplied(report.applied_lsn);
  return report;
}

namespace {

/// With the turn held. Alone, nobody is opening an old file by its name: whoever joins from now on reads
/// the word as it is.
Status RemoveWhenAlone(base::Env& env, const Layout& layout, ingest::Membership& member) {
  TENURE_ASSIGN(const std::uint32_t members, member.CountMembers());
  if (members != 1) return {};
  const base::Pair64 live = member.segment().commit().generation.Load();
  return index::RemoveOthers(env, layout.index(), {live.first, live.second});
}

}  // namespace

void RemoveSuperseded(base::Env& env, const Layout& layout, ingest::Membership& member) {
  const auto generations = index::ListGenerations(env, layout.index());
  if (!generations.ok() || generations->size() < 2) return;
  base::File& lock = member.lock_file();
  const auto held = lock.TryLock(base::LockKind::kExclusive, ingest::kApplyByte, 1);
  if (!held.ok() || !*held) return;
  (void)RemoveWhenAlone(env, layout, member);
  (void)lock.Unlock(ingest::kApplyByte, 1);
}

Result<RebuildReport> ReplaceIndex(base::Env& env, const Layout& layout, const Config& config, RebuildOptions options) {
  RecoveryNote note;
  auto joined = ingest::Membership::Join(
      env, layout.members(), layout.shared_segment(), config.journal_id, config.writer_slots,
      [&](ingest::CommitArea& area) { return InitialiseShared(env, layout, config, area, note); });
  if (!joined.ok()) {
    Error error = std::move(joined).error();
    // Without shared memory the index is needed as a witness of what was durable.
    if (error.code == ErrorCode::kCorruption)
      error.hint = "run 'tenure-replay repair': it replaces a damaged index too";
    return error;
  }
  ingest::Membership& member = **joined;
  base::File& lock = member.lock_file();
  TENURE_RETURN_IF_ERROR(lock.Lock(base::LockKind::kExclusive, ingest::kApplyByte, 1));
  auto report = SwitchToRebuilt(env, layout, member, std::move(options));
  if (report.ok()) {
    if (Status removed = RemoveWhenAlone(env, layout, member); !removed.ok()) report = std::move(removed).error();
  }
  const Status unlocked = lock.Unlock(ingest::kApplyByte, 1);
  if (report.ok() && !unlocked.ok()) return unlocked.error();
  return report;
}

}  // namespace tenure::recovery
