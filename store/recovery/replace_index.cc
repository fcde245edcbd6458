#include "store/recovery/replace_index.h"

#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/ingest/membership.h"
#include "store/recovery/open.h"

namespace tenure::recovery {
namespace {

/// With the turn to apply held.
Result<RebuildReport> Replace(base::Env& env, const Layout& layout, ingest::Membership& member,
                              RebuildOptions& options) {
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
  // Others may still be opening the old file by its name. Alone, nobody is: whoever joins from now on
  // reads the new word.
  TENURE_ASSIGN(const std::uint32_t members, member.CountMembers());
  if (members == 1) TENURE_RETURN_IF_ERROR(index::RemoveOthers(env, layout.index(), published));
  return report;
}

}  // namespace

Result<RebuildReport> ReplaceIndex(base::Env& env, const Layout& layout, const Config& config, RebuildOptions options) {
  RecoveryNote note;
  auto joined = ingest::Membership::Join(
      env, layout.members(), layout.shared_segment(), config.journal_id,
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
  auto report = Replace(env, layout, member, options);
  const Status unlocked = lock.Unlock(ingest::kApplyByte, 1);
  if (report.ok() && !unlocked.ok()) return unlocked.error();
  return report;
}

}  // namespace tenure::recovery
