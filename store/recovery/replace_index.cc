#include "store/recovery/replace_index.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/ingest/membership.h"
#include "store/recovery/open.h"

namespace tenure::recovery {

Status ApplyTurn::Take() {
  byte_ = ingest::ApplyByte(member_.segment().commit().generation.Load().second);
  const std::uint64_t give_up_ns = env_.MonotonicNs() + kTurnBoundNs;
  for (;;) {
    TENURE_ASSIGN(held_, member_.lock_file().TryLock(base::LockKind::kExclusive, byte_, 1));
    if (held_ || env_.MonotonicNs() > give_up_ns) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

ApplyTurn::~ApplyTurn() {
  if (held_) (void)member_.lock_file().Unlock(byte_, 1);
}

Result<RebuildReport> SwitchToRebuilt(base::Env& env, const Layout& layout, ingest::Membership& member,
                                      RebuildOptions options) {
  ingest::CommitArea& shared = member.segment().commit();
  base::Pair64 word = shared.generation.Load();
  index::Generation published;
  RebuildReport report;
  for (;;) {
    const base::Pair64 durable = shared.durable.Load();
    options.durable = durable.second;
    options.to_lsn = durable.second;
    auto built = RebuildIndex(env, layout, durable.first, options, &published);
    if (built.ok()) {
      report = std::move(*built);
      break;
    }
    // A process that was stopped here for long may ask for what was compacted since.
    const bool too_late = built.error().code == ErrorCode::kCompacted && shared.durable.Load().second > durable.second;
    if (!too_late) return std::move(built).error();
  }
  TENURE_FAIL_POINT("replace_index.published");
  // From the generation that was live at the start: when somebody was faster, theirs stays, and this one is only space.
  if (shared.generation.CompareExchange(word, {published.epoch, published.number})) {
    member.segment().AdvanceApplied(report.applied_lsn);
  }
  return report;
}

Status RemoveSuperseded(base::Env& env, const Layout& layout, ingest::Membership& member, IndexUse use) {
  const base::Pair64 word = member.segment().commit().generation.Load();
  const index::Generation live{word.first, word.second};
  TENURE_ASSIGN(const auto generations, index::ListGenerations(env, layout.index()));
  TENURE_ASSIGN(const std::uint32_t members, member.CountMembers());
  if (members == 1 && use == IndexUse::kNone) {
    TENURE_RETURN_IF_ERROR(index::RemoveLeftovers(env, layout.index()));
    return index::RemoveOlder(env, layout.index(), live);
  }
  const auto at = std::lower_bound(generations.begin(), generations.end(), live);
  if (at == generations.begin()) return {};
  return index::RemoveOlder(env, layout.index(), *std::prev(at));
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
  ApplyTurn turn(env, member);
  TENURE_RETURN_IF_ERROR(turn.Take());
  auto report = SwitchToRebuilt(env, layout, member, std::move(options));
  if (report.ok()) {
    if (Status removed = RemoveSuperseded(env, layout, member, IndexUse::kNone); !removed.ok())
      report = std::move(removed).error();
  }
  return report;
}

}  // namespace tenure::recovery
