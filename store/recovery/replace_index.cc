#include "store/recovery/replace_index.h"

#include <chrono>
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
  const base::Pair64 durable = shared.durable.Load();
  options.durable = durable.second;
  options.to_lsn = durable.second;
  index::Generation published;
  TENURE_ASSIGN(RebuildReport report, RebuildIndex(env, layout, durable.first, options, &published));
  TENURE_FAIL_POINT("replace_index.published");
  // From the generation that was live at the start: when somebody was faster, theirs stays, and this one is only space.
  if (shared.generation.CompareExchange(word, {published.epoch, published.number})) {
    member.segment().AdvanceApplied(report.applied_lsn);
  }
  return report;
}

namespace {

/// Alone, nobody is opening an old file by its name: whoever joins from now on reads
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
  (void)RemoveWhenAlone(env, layout, member);
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
    if (Status removed = RemoveWhenAlone(env, layout, member); !removed.ok()) report = std::move(removed).error();
  }
  return report;
}

}  // namespace tenure::recovery
