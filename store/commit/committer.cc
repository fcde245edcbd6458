#include "store/commit/committer.h"

#include <algorithm>
#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/commit/decide_lease.h"
#include "store/commit/resolve.h"
#include "store/ingest/feed_bell.h"
#include "store/ingest/slot_reader.h"

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

}  // namespace

Committer::Committer(const Context& context, IndexPool& pool, CommitLease& lease, ingest::Registry& registry)
    : context_(context),
      pool_(pool),
      lease_(lease),
      registry_(registry),
      factory_(context.env, context.journal_dir),
      heads_(context, pool),
      desk_(context),
      drain_(context, registry) {}

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
  TENURE_RETURN_IF_ERROR(view->BeginSnapshot());  // until the view is given back
  TENURE_ASSIGN(const index::Mark mark, view->ReadMark());
  std::vector<model::LeaseRow> leases;
  TENURE_RETURN_IF_ERROR(view->ForEachLease([&leases](const model::LeaseRow& row) {
    leases.push_back(row);
    return true;
  }));
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
  Status status = CatchUp(claim.durable_lsn);
  if (status.ok() && claim.took_over) {
    // Nothing of an older epoch may pop a lane or the buffer any more before its journal is sealed.
    if (!drain_.TakeOver(static_cast<std::uint32_t>(claim.epoch))) {
      status = base::MakeError(ErrorCode::kClosed, "superseded while taking over");
    }
    if (status.ok()) status = Seal(claim);
    if (status.ok()) status = ResolveLanes(context_, registry_, lease_, claim);
    // The last owner may have died between its last publication and this.
    ingest::FeedBell(context_.shared().feed).Ring();
  } else if (status.ok() && !writer_) {
    TENURE_FAIL_POINT("turn.entering");
    status = OpenWriter();
  }
  if (!status.ok()) {
    Forget();
    // What a process reads after somebody took over from it, stopped as it was, need not fit together: that is no
    // damage. The heartbeat is of the highest epoch.
    if (!lease_.Beat(claim.epoch)) status = base::MakeError(ErrorCode::kClosed, "superseded while entering the turn");
  }
  return status;
}

void Committer::BeginFrame() {
  batch_.buffer.assign(journal::kFrameHeaderBytes, std::byte{0});
  batch_.first_lsn = position_->last_lsn + 1;
  batch_.count = 0;
  // Commit times never decrease, whatever the wall clock does.
  batch_.time_ms = std::max(context_.env.WallMs(), position_->time_ms);
  batch_.boottime_ms = context_.env.BoottimeMs();
  batch_began_ns_ = context_.env.MonotonicNs();
  desk_.Begin(epoch_, batch_.boottime_ms, batch_.time_ms, heads_.leases());
}

bool Committer::FrameFull() const {
  return batch_.buffer.size() >= kFrameBytesSoftMax || batch_.count >= kFrameTxnsMax;
}

/// A batch that has waited too long before it is written, or before it counts, may rest on leases that have
/// ended meanwhile: its committer fences itself.
bool Committer::OutOfTime() const {
  return context_.env.MonotonicNs() - batch_began_ns_ > lease_.TtlNs(context_.commit_ttl_ns);
}

/// Before the publication: who reads afterwards knows which keys to wait for.
void Committer::RaiseKeys(const model::CommittedTxn& txn) {
  ingest::KeyTable keys = context_.member.segment().key_table();
  for (const model::Effect& effect : txn.effects) {
    switch (effect.kind) {
      case model::EffectKind::kPutEntry:
      case model::EffectKind::kDeleteEntry:
        keys.Raise(effect.entry.name + ':' + effect.entry.version, txn.lsn);
        break;
      case model::EffectKind::kSetTag:
      case model::EffectKind::kDeleteTag:
        keys.Raise(effect.tag.name + '@' + effect.tag.tag, txn.lsn);
        break;
      default:
        break;  // no current row changes
    }
  }
}

std::optional<Result<Receipt>> Committer::DecideRequest(const Request& request, const model::Origin& origin) {
  const Lsn lsn = batch_.first_lsn + batch_.count;
  auto decision = commit::Decide(heads_, desk_, request, lsn, batch_.time_ms);
  if (!decision.ok()) return std::move(decision).error();
  if (decision->txn) {
    // Leases that ended while the request itself was rejected: a successor must not take that for its commit.
    if (!decision->rejected || decision->txn->cancelled) decision->txn->origin = origin;
    RaiseKeys(*decision->txn);
    TouchLeases(heads_, desk_, *decision->txn);
    base::Encoder out(batch_.buffer);
    model::EncodeTxn(*decision->txn, out);
    ++batch_.count;
  }
  if (decision->rejected) return std::move(*decision->rejected);
  return std::move(decision->receipt);
}

void Committer::DecideLane(LaneWork& work) { work.answer = DecideRequest(work.request, work.origin); }

void Committer::Decide(Work& work) {
  if (work.maintenance == nullptr) {
    work.answer = DecideRequest(*work.request, {});
    return;
  }
  const Lsn lsn = batch_.first_lsn + batch_.count;
  auto effects = (*work.maintenance)(heads_, lsn);
  if (!effects.ok()) {
    work.answer = std::move(effects).error();
    return;
  }
  model::CommittedTxn txn;
  txn.lsn = lsn;
  txn.writer = context_.default_writer;
  txn.uid = context_.env.Host().uid;
  txn.effects = std::move(effects).value();
  base::Encoder out(batch_.buffer);
  model::EncodeTxn(txn, out);
  ++batch_.count;
  work.answer = Receipt{lsn, Outcome::kCommitted, batch_.time_ms, false, {}};
}

BatchEnd Committer::Fence(const std::string& why) {
  failure_ = base::MakeError(ErrorCode::kClosed, "epoch " + std::to_string(epoch_) + ": " + why);
  Forget();
  return BatchEnd::kFenced;
}

/// On anything but kDone the answers of the batch are void.
BatchEnd Committer::AppendAndPublish() {
  if (batch_.count == 0) return BatchEnd::kDone;
  TENURE_FAIL_POINT("commit.decided");
  if (!lease_.Beat(epoch_)) return Fence("superseded");
  if (OutOfTime()) return Fence("the batch was too old to be written");
  if (TENURE_SEEDED_BUG("publish_before_sync")) {
    lease_.Publish(epoch_, position_->last_lsn, batch_.first_lsn + batch_.count - 1);
  }
  auto after = writer_->Append(batch_);
  if (!after.ok()) {
    failure_ = std::move(after).error();
    return BatchEnd::kBroken;
  }
  TENURE_FAIL_POINT("commit.before_publish");
  // Before it counts, so that no wake-up is lost with this process: store/ingest/wait_cells.h.
  desk_.CallTouched();
  if (OutOfTime()) return Fence("the batch was too old to be published");
  if (!lease_.Publish(epoch_, position_->last_lsn, after->last_lsn) && !TENURE_SEEDED_BUG("publish_before_sync")) {
    return Fence("superseded before the batch was published");
  }
  TENURE_FAIL_POINT("commit.after_publish");
  position_ = *after;
  const std::uint64_t capacity = writer_->segment().header.capacity;
  spare_bytes_.store(journal::NextCapacity(capacity), std::memory_order_relaxed);
  if (writer_->room() * 2 < capacity) wants_spare_.store(true, std::memory_order_relaxed);
  return BatchEnd::kDone;
}

void Committer::AnswerFailed(Work* direct, const Error& error) {
  for (std::size_t i = 0; i < drain_.size(); ++i) drain_.at(i).answer = error;
  if (direct != nullptr && direct->answer) direct->answer = error;
}

BatchEnd Committer::CommitBatch(Work* direct) {
  // The index was switched: the rows that the cache has dropped may not be in the new one yet.
  if (position_ && !(heads_.generation() == pool_.Live())) Forget();
  if (!position_ || !writer_) {
    // An earlier batch failed cleanly, or the index is another: find the place again.
    const Status entered = Enter({epoch_, lease_.DurableLsn(), false});
    if (!entered.ok()) {
      failure_ = entered.error();
      if (failure_.code == ErrorCode::kClosed) {
        if (direct != nullptr) direct->answer.reset();
        return BatchEnd::kFenced;
      }
      if (direct != nullptr) direct->answer = entered.error();
      return BatchEnd::kBroken;
    }
  }
  BeginFrame();
  drain_.Begin(static_cast<std::uint32_t>(epoch_));
  bool drained = false;
  while (!FrameFull() && !drained) {
    LaneWork* work = drain_.Next();
    drained = work == nullptr;
    if (!drained) DecideLane(*work);
  }
  // Behind what its thread has in the lanes.
  if (direct != nullptr && drained && !FrameFull()) Decide(*direct);
  heads_.EndBatch();
  batch_.state_hash = heads_.state_hash();
  BatchEnd end = AppendAndPublish();
  if (end == BatchEnd::kBroken) {
    // A full disk before anything was written fails this batch and nothing else.
    const bool nothing_written = failure_.code == ErrorCode::kNoSpace && writer_ && !writer_->poisoned();
    if (nothing_written) {
      AnswerFailed(direct, failure_);
      Forget();
      end = BatchEnd::kDone;
    } else {
      // What came through lanes is still there: the next owner commits it.
      if (direct != nullptr && direct->answer) direct->answer = Unknown(failure_);
      Forget();
      return end;
    }
  }
  if (end == BatchEnd::kFenced) {
    if (direct != nullptr) direct->answer.reset();
    return end;
  }
  const bool answered = Answer();
  // Behind the answers: who only follows delays nobody. Also when fenced: the batch counts.
  if (batch_.count > 0) ingest::FeedBell(context_.shared().feed).Ring();
  if (answered) return BatchEnd::kDone;
  // What was published counts all the same: the successor answers for the lanes, and `direct` has its answer. A
  // rejection was decided on what a successor may have changed since.
  if (direct != nullptr && batch_.count == 0) direct->answer.reset();
  return Fence("superseded after publication");
}

/// Pops, answers, wakes. False: fenced.
bool Committer::Answer() {
  const Lsn published = lease_.DurableLsn();
  const auto epoch = static_cast<std::uint32_t>(epoch_);
  if (!drain_.empty()) {
    // The first beat: a batch of rejections has met no fence yet, and popping a cell must not be the first one.
    if (!lease_.Beat(epoch_) || !drain_.PopAll(epoch) || !lease_.Beat(epoch_)) return false;
    // The values in a bank may be what its own process wrote there: the lease says whether we were superseded.
    if (!drain_.AnswerAll(epoch) && !lease_.Beat(epoch_)) return false;
    drain_.Wake();
    TENURE_FAIL_POINT("commit.woken");
  }
  return lease_.Resolve(epoch_, published);
}

Status Committer::PrepareSpare(const std::function<bool()>& stop) {
  const std::uint64_t bytes = spare_bytes_.load(std::memory_order_relaxed);
  TENURE_ASSIGN(const bool there, factory_.HasSpare(bytes));
  if (!there) TENURE_RETURN_IF_ERROR(factory_.PrepareSpare(bytes, stop));
  wants_spare_.store(false, std::memory_order_relaxed);
  return {};
}

}  // namespace tenure::commit
