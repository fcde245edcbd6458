#include "store/commit/committer.h"

#include <algorithm>
#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"

namespace tenure::commit {
namespace {

/// A frame is closed when it has grown to this: one flush of it takes about as long as an idle one.
constexpr std::size_t kFrameBytesSoftMax = 1u << 20;
constexpr std::uint32_t kFrameTxnsMax = 65'536;
/// Further behind than this, starting from the index is cheaper than reading every frame.
constexpr Lsn kReadOnMax = 4'096;

Error Unknown(const Error& cause) {
  Error error = cause;
  error.code = ErrorCode::kOutcomeUnknown;
  error.message = "the write may or may not be durable: " + cause.message;
  error.hint = "ask with 'tenure outcome ID' if it had a request id, else read the entry; then retry";
  return error;
}

Error Fenced(std::uint64_t epoch) {
  return base::MakeError(ErrorCode::kOutcomeUnknown,
                         "epoch " + std::to_string(epoch) +
                             " was superseded before the batch was published; it was not applied by this process",
                         "submit it again with the same request id, or read the entry first");
}

}  // namespace

Committer::Committer(const Context& context, IndexPool& pool, Ownership& ownership)
    : context_(context),
      pool_(pool),
      ownership_(ownership),
      factory_(context.env, context.journal_dir),
      heads_(context, pool) {}

Committer::~Committer() = default;

/// Drops what this process remembers: the next turn starts from the index and the durable word.
void Committer::Forget() {
  writer_.reset();
  reader_.reset();
  position_.reset();
  heads_.Reset({});
}

Status Committer::JumpToIndex() {
  TENURE_ASSIGN(auto view, pool_.Take());
  TENURE_ASSIGN(const index::Mark mark, view->ReadMark());
  reader_.reset();
  position_ = mark.position;
  heads_.Reset(mark.position.state_hash);
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

/// Reads what others committed since this process last had the turn.
Status Committer::CatchUp(Lsn durable) {
  const bool far_behind =
      position_ && durable > position_->last_lsn + kReadOnMax && context_.AppliedHint() > position_->last_lsn;
  if (!position_ || far_behind) TENURE_RETURN_IF_ERROR(JumpToIndex());
  if (position_->last_lsn > durable) {
    return base::MakeError(ErrorCode::kCorruption,
                           context_.index_dir + ": the index has applied LSN " + std::to_string(position_->last_lsn) +
                               ", but the journal was acknowledged only up to LSN " + std::to_string(durable),
                           "the journal lost transactions; run 'tenure-replay verify' for the whole report");
  }
  if (position_->last_lsn == durable) return {};
  writer_.reset();
  if (!reader_ || reader_->position().last_lsn + 64 < position_->last_lsn) {
    TENURE_ASSIGN(const Lsn trimmed, context_.trimmed_below());
    TENURE_ASSIGN(reader_,
                  journal::Reader::Open(context_.env, context_.journal_dir, context_.journal_id, *position_, trimmed));
  }
  return ReadOn(*reader_, durable);
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
  TENURE_ASSIGN(const Lsn trimmed, context_.trimmed_below());
  TENURE_ASSIGN(const journal::Chain chain,
                journal::ReadChain(context_.env, context_.journal_dir, context_.journal_id, trimmed));
  if (chain.highest_epoch >= claim.epoch) {
    return base::MakeError(ErrorCode::kCorruption,
                           context_.journal_dir + ": a segment of epoch " + std::to_string(chain.highest_epoch) +
                               " is there, but epoch " + std::to_string(claim.epoch) + " has only begun",
                           "segments of another store may have been copied here; run 'tenure-replay verify'");
  }
  TENURE_RETURN_IF_ERROR(MoveToNewest(chain));
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
  TENURE_ASSIGN(const Lsn trimmed, context_.trimmed_below());
  TENURE_ASSIGN(const journal::Chain chain,
                journal::ReadChain(context_.env, context_.journal_dir, context_.journal_id, trimmed));
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
  TENURE_RETURN_IF_ERROR(CatchUp(claim.durable_lsn));
  if (claim.took_over) return Seal(claim);
  if (!writer_) return OpenWriter();
  return {};
}

Status Committer::DecideInto(std::span<Work*> batch, std::size_t& done) {
  batch_.buffer.assign(journal::kFrameHeaderBytes, std::byte{0});
  batch_.first_lsn = position_->last_lsn + 1;
  batch_.count = 0;
  // Commit times never decrease, whatever the wall clock does.
  batch_.time_ms = std::max(context_.env.WallMs(), position_->time_ms);
  batch_.boottime_ms = context_.env.BoottimeMs();
  base::Encoder out(batch_.buffer);
  while (done < batch.size() && batch_.buffer.size() < kFrameBytesSoftMax && batch_.count < kFrameTxnsMax) {
    Work& work = *batch[done];
    const Lsn lsn = batch_.first_lsn + batch_.count;
    if (work.maintenance != nullptr) {
      auto effects = (*work.maintenance)(heads_, lsn);
      if (!effects.ok()) {
        work.answer = std::move(effects).error();
      } else {
        model::CommittedTxn txn;
        txn.lsn = lsn;
        txn.writer = context_.default_writer;
        txn.uid = context_.env.Host().uid;
        txn.effects = std::move(effects).value();
        model::EncodeTxn(txn, out);
        ++batch_.count;
        work.answer = Receipt{lsn, Outcome::kCommitted, batch_.time_ms, false, {}};
      }
      ++done;
      continue;
    }
    auto decision = Decide(heads_, *work.request, lsn, batch_.time_ms);
    if (!decision.ok()) {
      work.answer = std::move(decision).error();
    } else {
      if (decision->txn) {
        model::EncodeTxn(*decision->txn, out);
        ++batch_.count;
      }
      if (decision->rejected) {
        work.answer = std::move(*decision->rejected);
      } else {
        work.answer = std::move(decision->receipt);
      }
    }
    ++done;
  }
  heads_.EndBatch();
  batch_.state_hash = heads_.state_hash();
  return {};
}

/// One frame: decide, append, publish. On failure the answers of the frame are void.
Status Committer::RunFrame(std::span<Work*> batch, std::size_t& done) {
  fenced_ = false;
  TENURE_RETURN_IF_ERROR(DecideInto(batch, done));
  if (batch_.count == 0) return {};
  TENURE_FAIL_POINT("commit.decided");
  if (TENURE_SEEDED_BUG("publish_before_sync")) {
    ownership_.Publish(epoch_, position_->last_lsn, batch_.first_lsn + batch_.count - 1);
  }
  TENURE_ASSIGN(const model::JournalPosition after, writer_->Append(batch_));
  TENURE_FAIL_POINT("commit.before_publish");
  if (!ownership_.Publish(epoch_, position_->last_lsn, after.last_lsn) && !TENURE_SEEDED_BUG("publish_before_sync")) {
    fenced_ = true;
    return Fenced(epoch_);
  }
  TENURE_FAIL_POINT("commit.after_publish");
  position_ = after;
  const std::uint64_t capacity = writer_->segment().header.capacity;
  spare_bytes_.store(journal::NextCapacity(capacity), std::memory_order_relaxed);
  if (writer_->room() * 2 < capacity) wants_spare_.store(true, std::memory_order_relaxed);
  return {};
}

void Committer::Run(std::span<Work*> batch) {
  auto claim = ownership_.Acquire();
  if (!claim.ok()) {
    for (Work* work : batch) work->answer = claim.error();
    return;
  }
  Status entered = Enter(*claim);
  if (!entered.ok()) {
    Forget();
    // Still unsealed after a failed takeover: leave the word as it is, so that the next one seals.
    ownership_.Release(!claim->took_over);
    for (Work* work : batch) work->answer = entered.error();
    return;
  }
  std::size_t done = 0;
  bool clean = true;
  while (done < batch.size() && clean) {
    const std::size_t begin = done;
    Status ran = RunFrame(batch, done);
    if (ran.ok()) continue;
    const bool nothing_written = ran.error().code == ErrorCode::kNoSpace && writer_ && !writer_->poisoned();
    clean = nothing_written;
    Forget();
    const Error answer = nothing_written || fenced_ ? ran.error() : Unknown(ran.error());
    for (std::size_t i = begin; i < batch.size(); ++i) batch[i]->answer = answer;
    break;
  }
  ownership_.Release(clean);
}

Status Committer::RecoverIfNeeded(RecoveryNote& note) {
  const base::Pair64 owner = context_.shared().owner.Load();
  note.epoch = owner.first;
  if (owner.second == 0) return {};
  // Somebody is inside a turn, or died there: only the kernel lock tells.
  TENURE_ASSIGN(const auto claim, ownership_.TryAcquire());
  if (!claim) return {};
  Status entered = Enter(*claim);
  const bool clean = entered.ok() || !claim->took_over;
  if (!entered.ok()) Forget();
  ownership_.Release(clean);
  if (!entered.ok()) return entered;
  if (claim->took_over) note = note_;
  return {};
}

Status Committer::PrepareSpare(const std::function<bool()>& stop) {
  const std::uint64_t bytes = spare_bytes_.load(std::memory_order_relaxed);
  TENURE_ASSIGN(const bool there, factory_.HasSpare(bytes));
  if (!there) TENURE_RETURN_IF_ERROR(factory_.PrepareSpare(bytes, stop));
  wants_spare_.store(false, std::memory_order_relaxed);
  return {};
}

}  // namespace tenure::commit
