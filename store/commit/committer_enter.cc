// The entering half of Committer: from a claim to a place in the journal and heads that match it, through what others
// committed meanwhile, and behind one that died.
#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/guarded.h"
#include "store/commit/committer.h"
#include "store/commit/resolve.h"
#include "store/ingest/feed_bell.h"

namespace tenure::commit {
namespace {

/// Further behind than this, starting from the index is cheaper than reading every frame.
constexpr Lsn kReadOnMax = 4'096;
/// As many frames as this are read once more before the reader is opened anew.
constexpr Lsn kReadAgainMax = 64;

}  // namespace

Status Committer::JumpToIndex() {
  TENURE_ASSIGN(auto view, pool_.Take());
  TENURE_RETURN_IF_ERROR(view->BeginSnapshot());  // until the view is given back
  TENURE_ASSIGN(const index::Mark mark, view->ReadMark());
  std::vector<model::LeaseRow> leases;
  TENURE_RETURN_IF_ERROR(view->ForEachLease([&leases](const model::LeaseRow& row) {
    leases.push_back(row);
    return true;
  }));
  // Both stand where this process was.
  writer_.reset();
  reader_.reset();
  position_ = mark.position;
  heads_.Reset(mark.position.state_hash, view.generation(), std::move(leases));
  return {};
}

Status Committer::ReadOn(journal::Reader& reader, Lsn durable) {
  for (;;) {
    TENURE_ASSIGN(journal::Step step, reader.Next(durable, durable));
    if (step.stop != journal::Stop::kFrame) break;
    if (step.frame.after.last_lsn > position_->last_lsn) {
      heads_.Replay(step.frame.txns, step.frame.after.state_hash);
      position_ = step.frame.after;
    }
  }
  if (position_->last_lsn < durable) {
    return base::MakeError(ErrorCode::kCorruption,
                           context_.journal_dir + ": the journal ends at LSN " + std::to_string(position_->last_lsn) +
                               ", but LSN " + std::to_string(durable) + " was acknowledged",
                           "run 'tenure-replay verify' for the whole report");
  }
  return {};
}

/// From the position that this process remembers.
Status Committer::ReadFromPosition(Lsn durable) {
  if (position_->last_lsn > durable) {
    return base::MakeError(ErrorCode::kCorruption,
                           context_.index_dir + ": the index has applied LSN " + std::to_string(position_->last_lsn) +
                               ", but the journal was acknowledged only up to LSN " + std::to_string(durable),
                           "the journal lost transactions; run 'tenure-replay verify' for the whole report");
  }
  if (position_->last_lsn == durable) return {};
  writer_.reset();
  if (reader_ && reader_->position().last_lsn + kReadAgainMax >= position_->last_lsn) {
    // It stands where this process last read, not where it last wrote: what lies in between may have been trimmed.
    Status read = ReadOn(*reader_, durable);
    if (read.ok() || read.error().code != ErrorCode::kCompacted) return read;
  }
  TENURE_ASSIGN(reader_, journal::Reader::Open(context_.env, context_.journal_dir, context_.journal_id, *position_,
                                               context_.trimmed_below));
  return ReadOn(*reader_, durable);
}

/// Reads what others committed since this process last had the turn.
Status Committer::CatchUp(Lsn durable) {
  const bool far_behind =
      position_ && durable > position_->last_lsn + kReadOnMax && context_.AppliedHint() > position_->last_lsn;
  if (!position_ || far_behind) TENURE_RETURN_IF_ERROR(JumpToIndex());
  Status read = ReadFromPosition(durable);
  if (read.ok()) return read;
  // A compaction may have taken away what this process had not read yet. It applied that to the index before, and with
  // the lease claimed no other one removes anything that the index lacks.
  TENURE_ASSIGN(const bool trimmed, context_.trimmed_below.Covers(position_->last_lsn + 1));
  if (!trimmed) return read;
  TENURE_RETURN_IF_ERROR(JumpToIndex());
  return ReadFromPosition(durable);
}

/// The position may be the sealed end of a segment whose successor has no frame yet: then it is the
/// beginning of the successor.
Status Committer::MoveToNewest(const journal::Chain& chain) {
  if (chain.segments.empty()) {
    return base::MakeError(ErrorCode::kCorruption, context_.journal_dir + " holds no segment of this store",
                           "run 'tenure-replay verify' for the whole report");
  }
  const journal::LiveSegment& newest = chain.segments.back();
  if (newest.header.id == position_->segment) return {};
  if (newest.header.first_lsn != position_->last_lsn + 1) {
    return base::CorruptionAt(newest.path, 0,
                              "the newest segment begins at LSN " + std::to_string(newest.header.first_lsn) +
                                  ", but LSN " + std::to_string(position_->last_lsn + 1) + " comes next");
  }
  position_->segment = newest.header.id;
  position_->offset = journal::kSegmentHeaderBytes;
  return {};
}

/// The last owner did not finish: everything behind the durable LSN is sealed off, and a new segment of
/// the new epoch begins there. Whatever the old one held beyond is never data again.
Status Committer::Seal(const Claim& claim) {
  TENURE_ASSIGN(const journal::Chain chain,
                journal::ReadChain(context_.env, context_.journal_dir, context_.journal_id, context_.trimmed_below));
  if (chain.highest_epoch >= claim.epoch) {
    return base::MakeError(ErrorCode::kCorruption,
                           context_.journal_dir + ": a segment of epoch " + std::to_string(chain.highest_epoch) +
                               " is there, but epoch " + std::to_string(claim.epoch) + " has only begun",
                           "segments of another store may have been copied here; run 'tenure-replay verify'");
  }
  TENURE_RETURN_IF_ERROR(MoveToNewest(chain));
  // A successor that died may have named the newest segment and not synced its name: nothing may link to it before.
  TENURE_RETURN_IF_ERROR(context_.env.SyncDirectory(context_.journal_dir));
  const journal::LiveSegment& old = chain.segments.back();
  TENURE_ASSIGN(const auto survey, journal::SurveyTail(context_.env, old, *position_));
  if (survey.nonzero_bytes > 0) {
    note_.set_aside_bytes = survey.last_nonzero_offset + 1 - position_->offset;
    note_.set_aside_path = old.path;
    note_.set_aside_offset = position_->offset;
  }
  journal::SegmentHeader header;
  header.store_id = context_.journal_id;
  header.id = {claim.epoch, 1};
  header.first_lsn = position_->last_lsn + 1;
  header.prev = position_->segment;
  header.prev_sealed_bytes = position_->offset;
  header.prev_time_ms = position_->time_ms;
  header.prev_state_hash = position_->state_hash;
  header.prev_chain = position_->chain;
  header.capacity = journal::kSegmentBytesMin;
  header.incarnation = context_.incarnation;
  header.boot_id = context_.env.Host().boot_id;
  TENURE_FAIL_POINT("takeover.before_segment");
  TENURE_ASSIGN(const journal::LiveSegment segment, factory_.Create(header, journal::kSegmentBytesMin));
  TENURE_FAIL_POINT("takeover.after_segment");
  position_->segment = segment.header.id;
  position_->offset = journal::kSegmentHeaderBytes;
  reader_.reset();
  TENURE_ASSIGN(writer_, journal::Writer::Open(context_.env, factory_, segment, *position_));
  wants_spare_.store(true, std::memory_order_relaxed);
  note_.took_over = true;
  note_.epoch = claim.epoch;
  context_.Say("warning", "took over from a committer that died: epoch " + std::to_string(claim.epoch) +
                              " begins behind LSN " + std::to_string(position_->last_lsn));
  return {};
}

Status Committer::OpenWriter() {
  TENURE_ASSIGN(const journal::Chain chain,
                journal::ReadChain(context_.env, context_.journal_dir, context_.journal_id, context_.trimmed_below));
  TENURE_RETURN_IF_ERROR(MoveToNewest(chain));
  TENURE_ASSIGN(writer_, journal::Writer::Open(context_.env, factory_, chain.segments.back(), *position_));
  return {};
}

/// From the claim to a state in which a batch can be decided and appended.
Status Committer::Enter(const Claim& claim) {
  if (claim.epoch != epoch_) {
    // Another epoch: what this process remembers of positions ended with the old one.
    writer_.reset();
    reader_.reset();
    if (position_ && position_->last_lsn > claim.durable_lsn) Forget();
    epoch_ = claim.epoch;
  }
  Status status = base::Guarded([&] { return EnterTurn(claim); });
  if (status.ok()) return status;
  Forget();
  // What a process reads after somebody took over from it, stopped as it was, need not fit together: that is no
  // damage. The heartbeat is of the highest epoch.
  if (!lease_.Beat(claim.epoch)) {
    Error superseded;
    superseded.code = ErrorCode::kClosed;
    base::Attempt([&] { superseded.message = "superseded while entering the turn"; });
    status = std::move(superseded);
  }
  return status;
}

/// Enter, but for what a failure leaves behind.
Status Committer::EnterTurn(const Claim& claim) {
  Status status = CatchUp(claim.durable_lsn);
  if (status.ok() && claim.took_over) {
    // Nothing of an older epoch may pop a lane or the buffer, or end a lease, any more before its journal is sealed.
    if (!drain_.TakeOver(static_cast<std::uint32_t>(claim.epoch))) {
      status = base::MakeError(ErrorCode::kClosed, "superseded while taking over");
    }
    if (status.ok()) desk_.TakeOver(claim.epoch, heads_.leases());
    if (status.ok()) status = Seal(claim);
    if (status.ok()) status = ResolveLanes(context_, registry_, lease_, claim);
    // The last owner may have died between its last publication and this.
    ingest::FeedBell(context_.shared().feed).Ring();
  } else if (status.ok() && !writer_) {
    TENURE_FAIL_POINT("turn.entering");
    status = OpenWriter();
  }
  return status;
}

}  // namespace tenure::commit
