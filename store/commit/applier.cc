#include "store/commit/applier.h"

#include <algorithm>
#include <vector>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/futex.h"
#include "store/base/guarded.h"
#include "store/base/memory.h"
#include "store/journal/read_ahead.h"

namespace tenure::commit {
namespace {

/// What is gathered for one SQLite transaction. Of random keys every transaction touches nearly every page of a
/// large index: the fewer, the less is written.
constexpr std::size_t kGatheredBytesMax = 96u << 20;
/// How long a read waits for an applier of another process.
constexpr std::uint64_t kWaitBoundNs = 30'000'000'000;
/// Somebody else is building past a stopped applier: how many times the bound before this process does it too.
constexpr std::uint64_t kBuilderPatience = 10;

/// A byte of members.lock: a kernel lock that ends with the process.
class Turn {
 public:
  Turn(base::File& lock, std::uint64_t byte) : lock_(lock), byte_(byte) {}
  ~Turn() {
    if (held_) (void)lock_.Unlock(byte_, 1);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  Result<bool> Try() {
    TENURE_ASSIGN(held_, lock_.TryLock(base::LockKind::kExclusive, byte_, 1));
    return held_;
  }

 private:
  base::File& lock_;
  const std::uint64_t byte_;
  bool held_ = false;
};

}  // namespace

Error JournalEndsEarly(const std::string& journal_dir, Lsn end, Lsn acknowledged) {
  return base::MakeError(ErrorCode::kCorruption,
                         journal_dir + ": the journal ends at LSN " + std::to_string(end) + ", but LSN " +
                             std::to_string(acknowledged) + " was acknowledged",
                         "run 'tenure-replay verify' for the whole report");
}

Status Applier::OpenLocked() {
  const index::Generation live = pool_.Live();
  if (writer_ && generation_ == live) return {};
  writer_.reset();
  reader_.reset();
  TENURE_ASSIGN(writer_, index::IndexWriter::Open(pool_.LivePath()));
  generation_ = live;
  return {};
}

void Applier::NoteProgress() { context_.shared().apply_progress.fetch_add(1, std::memory_order_relaxed); }

/// Frames are kept as they are until they are applied, in one transaction.
Status Applier::ApplySmall(Lsn lsn) {
  std::vector<index::AppliedFrame> frames;
  for (bool more = true; more;) {
    TENURE_ASSIGN(journal::Step step, reader_->Next(lsn, lsn));
    more = step.stop == journal::Stop::kFrame;
    if (more) frames.push_back({std::move(step.frame.txns), step.frame.after});
  }
  if (frames.empty()) return {};
  TENURE_FAIL_POINT("apply.before");
  TENURE_RETURN_IF_ERROR(writer_->Apply(frames));
  TENURE_FAIL_POINT("apply.after");
  context_.member.segment().AdvanceApplied(frames.back().after.last_lsn);
  return writer_->Checkpoint(context_.wal_bytes_max);
}

/// Rows of many frames are gathered, as many as fit into memory, while a second thread reads ahead.
Status Applier::ApplyLarge(Lsn lsn) {
  journal::ReadAhead frames(*reader_, context_.journal_dir, lsn, lsn, true);
  journal::Frame frame;
  index::AppliedFrame applied;
  Lsn last = 0;
  std::size_t gathered_most = 0;
  for (bool more = true; more;) {
    TENURE_ASSIGN(const journal::Stop stop, frames.Next(frame));
    more = stop == journal::Stop::kFrame;
    if (more) {
      // Lent and taken back: the memory is used again.
      applied.txns.swap(frame.txns);
      applied.after = frame.after;
      last = frame.after.last_lsn;
      TENURE_RETURN_IF_ERROR(writer_->Gather({&applied, 1}));
      NoteProgress();
      applied.txns.swap(frame.txns);
    }
    gathered_most = std::max(gathered_most, writer_->gathered_bytes());
    if (last == 0 || (more && writer_->gathered_bytes() < kGatheredBytesMax)) continue;
    TENURE_FAIL_POINT("apply.before");
    TENURE_RETURN_IF_ERROR(writer_->CommitGathered());
    TENURE_FAIL_POINT("apply.after");
    NoteProgress();
    context_.member.segment().AdvanceApplied(last);
    TENURE_RETURN_IF_ERROR(writer_->Checkpoint(context_.wal_bytes_max));
  }
  if (gathered_most >= kGatheredBytesMax / 2) base::ReturnFreeMemory();
  return {};
}

Status Applier::ApplyFrames(Lsn lsn) {
  TENURE_ASSIGN(const index::Mark mark, writer_->ReadMark());
  if (mark.position.last_lsn >= lsn) {
    context_.member.segment().AdvanceApplied(mark.position.last_lsn);
    return {};
  }
  if (!reader_ || !(reader_->position() == mark.position)) {
    TENURE_ASSIGN(reader_, journal::Reader::Open(context_.env, context_.journal_dir, context_.journal_id, mark.position,
                                                 context_.trimmed_below));
  }
  TENURE_RETURN_IF_ERROR(lsn - mark.position.last_lsn < context_.gather_backlog_min ? ApplySmall(lsn)
                                                                                    : ApplyLarge(lsn));
  if (reader_->position().last_lsn < lsn) {
    return JournalEndsEarly(context_.journal_dir, reader_->position().last_lsn, lsn);
  }
  return {};
}

/// With the turn held. Until the switch, readers go on with the old generation. True when it switched.
bool Applier::BuildWhenFarBehind(Lsn lsn) {
  const Lsn applied = context_.AppliedHint();
  const Lsn backlog = lsn - std::min(lsn, applied);
  if (build_failed_ || !context_.build_next_index) return false;
  if (backlog < context_.build_backlog_min || backlog < applied) return false;
  writer_.reset();
  reader_.reset();
  const Status built = base::Guarded(context_.build_next_index);
  if (built.ok()) return true;
  build_failed_ = true;
  context_.Say("warning", "the next generation of the index could not be built, going on with the old one: " +
                              built.error().message);
  return false;
}

/// With the turn held. A failure drops the connection and the reader: the next try starts afresh.
Status Applier::ApplyLocked(Lsn lsn) {
  Status status = base::Guarded([&]() -> Status {
    TENURE_RETURN_IF_ERROR(OpenLocked());
    TENURE_FAIL_POINT("apply.opened");
    return ApplyFrames(lsn);
  });
  if (!status.ok()) {
    writer_.reset();
    reader_.reset();
  }
  return status;
}

/// Somebody else has the turn. When it has stopped in it, perhaps with SQLite's locks, the next generation is
/// built from checkpoint and journal, and everybody goes on with that.
Status Applier::PassByWhenStuck(bool may_build) {
  const index::Generation live = pool_.Live();
  const Progress progress{live.epoch, live.number, context_.AppliedHint(),
                          context_.shared().apply_progress.load(std::memory_order_relaxed)};
  const std::uint64_t now_ns = context_.env.MonotonicNs();
  if (!(progress == seen_)) {
    seen_ = progress;
    seen_since_ns_ = now_ns;
    return {};
  }
  const std::uint64_t still_ns = now_ns - seen_since_ns_;
  if (still_ns < StuckNs() || !may_build || !context_.build_next_index) return {};
  Turn build(context_.member.lock_file(), ingest::kBuildByte);
  TENURE_ASSIGN(const bool mine, build.Try());
  if (!mine && still_ns < kBuilderPatience * StuckNs()) return {};
  if (!(pool_.Live() == live)) return {};
  context_.Say("warning", "the process that has the turn to apply to the index has stopped: building generation " +
                              std::to_string(live.number + 1) + " beside it");
  writer_.reset();
  reader_.reset();
  TENURE_FAIL_POINT("apply.pass_by");
  Status built = context_.build_next_index();
  // Somebody else may have been faster.
  return built.ok() || !(pool_.Live() == live) ? Status() : built;
}

/// With the turn held, and SQLite's locks nevertheless somebody else's: of a process that recovers the write-ahead log
/// while it opens the index, say. It is waited for as long as for a stopped applier; then everybody goes on with the
/// next generation.
Status Applier::PassByLocked(bool may_build) {
  const std::uint64_t now_ns = context_.env.MonotonicNs();
  if (locked_since_ns_ == 0) locked_since_ns_ = now_ns;
  if (now_ns - locked_since_ns_ < StuckNs() || !may_build || !context_.build_next_index) return {};
  context_.Say("warning", pool_.LivePath() + " is locked by a process that has stopped: building the next generation");
  locked_since_ns_ = 0;
  return context_.build_next_index();
}

/// Others have gone on with another generation while this process was stopped in its turn: what it met with the old
/// one, journal that is not retained any more, say, means nothing.
bool Applier::WasPassedBy(const index::Generation& mine) const { return !(pool_.Live() == mine); }

/// True when nothing has moved for the bound: waiting for it is pointless.
bool Applier::IsStuck() {
  const std::lock_guard lock(mutex_);
  const std::uint64_t now_ns = context_.env.MonotonicNs();
  if (locked_since_ns_ != 0 && now_ns - locked_since_ns_ >= StuckNs()) return true;
  return seen_since_ns_ != 0 && seen_.applied == context_.AppliedHint() && now_ns - seen_since_ns_ >= StuckNs();
}

Status Applier::TryApply(Lsn lsn, Trust trust, bool may_build) {
  const std::lock_guard lock(mutex_);
  if (trust == Trust::kHint && context_.AppliedHint() >= lsn) return {};
  for (;;) {
    const index::Generation live = pool_.Live();
    Turn turn(context_.member.lock_file(), ingest::ApplyByte(live.number));
    TENURE_ASSIGN(const bool mine, turn.Try());
    if (!mine) return PassByWhenStuck(may_build);
    seen_since_ns_ = 0;
    // The turn is that of one generation: another one, another turn.
    if (!(pool_.Live() == live) || BuildWhenFarBehind(lsn)) continue;
    // Whole frames: the LSN asked for may be in the middle of one, the durable LSN never is.
    Status applied = ApplyLocked(context_.DurableLsn());
    if (applied.ok()) {
      locked_since_ns_ = 0;
      return applied;
    }
    if (WasPassedBy(live)) continue;
    return applied.error().code == ErrorCode::kBusy ? PassByLocked(may_build) : applied;
  }
}

Status Applier::WaitApplied(Lsn lsn, bool patient) {
  ingest::CommitArea& area = context_.shared();
  const std::uint64_t give_up_ns = context_.env.MonotonicNs() + kWaitBoundNs;
  while (context_.AppliedHint() < lsn) {
    TENURE_RETURN_IF_ERROR(TryApply(lsn, Trust::kHint, patient));
    if (context_.AppliedHint() >= lsn) break;
    if (!patient && IsStuck()) return {};
    // Another process is at it. Its next AdvanceApplied wakes us; the bound is for one that died
    // between its commit to SQLite and that.
    area.applied_waiters.fetch_add(1, std::memory_order_seq_cst);
    const std::uint32_t turn = area.applied_turn.load(std::memory_order_seq_cst);
    if (area.applied_lsn.load(std::memory_order_seq_cst) < lsn) {
      base::FutexWait(area.applied_turn, turn, std::chrono::milliseconds(20));
    }
    area.applied_waiters.fetch_sub(1, std::memory_order_seq_cst);
    if (context_.env.MonotonicNs() > give_up_ns) {
      return base::MakeError(ErrorCode::kBusy,
                             "the index lags at LSN " + std::to_string(context_.AppliedHint()) + " behind LSN " +
                                 std::to_string(lsn) + ": another process has had the turn to apply for 30 s",
                             "'tenure doctor' names the members; a stopped one must be continued or killed");
    }
  }
  return {};
}

Status Applier::WithWriter(const std::function<Status(index::IndexWriter&)>& work) {
  const std::uint64_t give_up_ns = context_.env.MonotonicNs() + kWaitBoundNs;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      const index::Generation live = pool_.Live();
      Turn turn(context_.member.lock_file(), ingest::ApplyByte(live.number));
      TENURE_ASSIGN(const bool mine, turn.Try());
      if (mine && pool_.Live() == live) {
        const Status applied = ApplyLocked(context_.DurableLsn());
        const Status done = applied.ok() ? work(*writer_) : applied;
        if (!done.ok() && WasPassedBy(live)) continue;
        if (applied.ok()) return done;
        if (applied.error().code != ErrorCode::kBusy) return applied;
        TENURE_RETURN_IF_ERROR(PassByLocked(true));
      }
      if (!mine) TENURE_RETURN_IF_ERROR(PassByWhenStuck(true));
    }
    if (context_.env.MonotonicNs() > give_up_ns) {
      return base::MakeError(ErrorCode::kBusy, "another process has had the turn to apply to the index for 30 s",
                             "'tenure doctor' names the members; a stopped one must be continued or killed");
    }
    base::FutexWait(context_.shared().applied_turn, context_.shared().applied_turn.load(std::memory_order_seq_cst),
                    std::chrono::milliseconds(5));
  }
}

}  // namespace tenure::commit
