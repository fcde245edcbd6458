#include "store/commit/committer.h"

#include <algorithm>
#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/guarded.h"
#include "store/commit/decide_lease.h"
#include "store/commit/request_codec.h"
#include "store/ingest/feed_bell.h"
#include "store/ingest/slot_reader.h"

namespace tenure::commit {
namespace {

/// A frame is closed when it has grown to this: one flush of it takes about as long as an idle one.
constexpr std::size_t kFrameBytesSoftMax = 1u << 20;
constexpr std::uint32_t kFrameTxnsMax = 65'536;
/// The memory of a transaction that takes more of a frame is given back.
constexpr std::size_t kKeptTxnBytes = 16u << 10;

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

void Committer::Forget() {
  writer_.reset();
  reader_.reset();
  position_.reset();
  heads_.Clear();
  drain_.Reset();
}

void Committer::Begin(Flight& flight, const Flight* last) {
  journal::Batch& frame = flight.frame;
  frame.buffer.assign(journal::kFrameHeaderBytes, std::byte{0});
  frame.first_lsn = (last != nullptr ? last->last_lsn() : position_->last_lsn) + 1;
  frame.count = 0;
  // Commit times never decrease, whatever the wall clock does.
  frame.time_ms = std::max(context_.env.WallMs(), last != nullptr ? last->frame.time_ms : position_->time_ms);
  frame.boottime_ms = context_.env.BoottimeMs();
  flight.began_ns = context_.env.MonotonicNs();
  flight.judged_leases = false;
  flight.waited = false;
  flight.touched.clear();
  flight.ends.clear();
  flight.end = BatchEnd::kDone;
  flight.flown = false;
  flight.landed.store(false, std::memory_order_relaxed);
  desk_.Begin(epoch_, frame.boottime_ms, frame.time_ms, heads_.leases());
  drain_.Begin(flight.haul);
}

bool Committer::IsFull(const Flight& flight) const {
  return flight.frame.buffer.size() >= kFrameBytesSoftMax || flight.frame.count >= kFrameTxnsMax;
}

void Committer::Gather(Flight& flight) {
  drain_.Look(static_cast<std::uint32_t>(epoch_), flight.haul);
  while (!IsFull(flight)) {
    LaneWork* work = drain_.Next(flight.haul);
    if (work == nullptr) break;
    if (work->answer) continue;
    const Request& request = drain_.request();
    work->answer = EncodeReply(DecideRequest(flight, request, work->origin), request.operations.size());
  }
  Close(flight);
}

/// As it is now, it could fly.
void Committer::Close(Flight& flight) {
  drain_.Close(flight.haul);
  heads_.EndBatch();
  flight.frame.state_hash = heads_.state_hash();
  flight.judged_leases = desk_.judged();
  desk_.TakeTouched(flight.touched);
  desk_.TakeEnds(flight.ends);
}

bool Committer::OwnsLease() {
  const base::Pair64 owner = lease_.Look();
  if (owner.first == epoch_ && lease_.IsMine()) return true;
  failure_ = base::MakeError(ErrorCode::kClosed, "epoch " + std::to_string(epoch_) + ": superseded");
  return false;
}

/// Leases are judged by a clock that goes on while the machine is suspended.
std::uint64_t Committer::AgeNs(const Flight& flight) const {
  const std::uint64_t age_ns = context_.env.MonotonicNs() - flight.began_ns;
  if (!flight.judged_leases) return age_ns;
  const std::uint64_t now_ms = context_.env.BoottimeMs();
  return std::max(age_ns, (now_ms - std::min(now_ms, flight.frame.boottime_ms)) * 1'000'000);
}

/// Before the publication: who reads afterwards knows which keys to wait for.
void Committer::RaiseKeys(const model::CommittedTxn& txn) {
  ingest::KeyTable keys = context_.member.segment().key_table();
  for (const model::Effect& effect : txn.effects) {
    switch (effect.kind) {
      case model::EffectKind::kPutEntry:
      case model::EffectKind::kDeleteEntry:
        key_.assign(effect.entry.name).append(1, ':').append(effect.entry.version);
        keys.Raise(key_, txn.lsn);
        break;
      case model::EffectKind::kSetTag:
      case model::EffectKind::kDeleteTag:
        key_.assign(effect.tag.name).append(1, '@').append(effect.tag.tag);
        keys.Raise(key_, txn.lsn);
        break;
      default:
        break;  // no current row changes
    }
  }
}

Result<Receipt> Committer::DecideRequest(Flight& flight, const Request& request, const model::Origin& origin) {
  journal::Batch& frame = flight.frame;
  auto decision = commit::Decide(heads_, desk_, request, frame.first_lsn + frame.count, frame.time_ms, txn_);
  if (!decision.ok()) return std::move(decision).error();
  if (decision->journaled) {
    // Leases that ended while the request itself was rejected: a successor must not take that for its commit.
    if (!decision->rejected || txn_.cancelled) txn_.origin = origin;
    RaiseKeys(txn_);
    TouchLeases(heads_, desk_, txn_);
    const std::size_t before = frame.buffer.size();
    base::Encoder out(frame.buffer);
    model::EncodeTxn(txn_, out);
    ++frame.count;
    if (frame.buffer.size() - before > kKeptTxnBytes) txn_ = {};
  }
  if (decision->rejected) return std::move(*decision->rejected);
  return std::move(decision->receipt);
}

void Committer::Decide(Flight& flight, Work& work) {
  if (work.maintenance == nullptr) {
    work.answer = DecideRequest(flight, *work.request, {});
    return;
  }
  journal::Batch& frame = flight.frame;
  const Lsn lsn = frame.first_lsn + frame.count;
  auto effects = (*work.maintenance)(heads_, lsn);
  if (!effects.ok()) {
    work.answer = std::move(effects).error();
    return;
  }
  model::CommittedTxn txn;
  txn.lsn = lsn;
  txn.writer = context_.default_writer;
  txn.uid = context_.uid;
  txn.effects = std::move(effects).value();
  base::Encoder out(frame.buffer);
  model::EncodeTxn(txn, out);
  ++frame.count;
  work.answer = Receipt{lsn, Outcome::kCommitted, frame.time_ms, false, {}};
}

/// A batch that has waited too long before it is written, or before it counts, may rest on leases that have
/// ended meanwhile: its committer fences itself. One that only waited for the one before it is decided again, while
/// there is time; one that looked at no lease is as good as new.
BatchEnd Committer::AppendAndPublish(Flight& flight) {
  journal::Batch& frame = flight.frame;
  const auto fenced = [&](const char* why) {
    flight.failure = base::MakeError(ErrorCode::kClosed, "epoch " + std::to_string(epoch_) + ": " + why);
    return BatchEnd::kFenced;
  };
  if (frame.count == 0) return BatchEnd::kDone;
  TENURE_FAIL_POINT("commit.decided");
  if (!lease_.Beat(epoch_)) return fenced("superseded");
  const std::uint64_t ttl_ns = lease_.TtlNs(context_.commit_ttl_ns);
  if (!flight.judged_leases) flight.began_ns = context_.env.MonotonicNs();
  if (AgeNs(flight) > ttl_ns) return fenced("the batch was too old to be written");
  if (flight.waited && AgeNs(flight) > ttl_ns / 2) return BatchEnd::kVoid;
  const Lsn before = frame.first_lsn - 1;
  if (TENURE_SEEDED_BUG("publish_before_sync")) lease_.Publish(epoch_, before, flight.last_lsn());
  auto after = writer_->Append(frame);
  if (!after.ok()) {
    flight.failure = std::move(after).error();
    // A full disk before anything was written fails this batch and nothing else.
    return flight.failure.code == ErrorCode::kNoSpace && !writer_->poisoned() ? BatchEnd::kVoid : BatchEnd::kBroken;
  }
  TENURE_FAIL_POINT("commit.before_publish");
  // Before it counts, so that no wake-up is lost with this process: store/ingest/wait_cells.h.
  desk_.Call(flight.touched, frame.boottime_ms);
  if (AgeNs(flight) > ttl_ns) return fenced("the batch was too old to be published");
  if (!lease_.Publish(epoch_, before, after->last_lsn) && !TENURE_SEEDED_BUG("publish_before_sync")) {
    return fenced("superseded before the batch was published");
  }
  TENURE_FAIL_POINT("commit.after_publish");
  desk_.ConfirmEnds(flight.ends);
  flight.after = *after;
  const std::uint64_t capacity = writer_->segment().header.capacity;
  spare_bytes_.store(journal::NextCapacity(capacity), std::memory_order_relaxed);
  if (writer_->room() * 2 < capacity) wants_spare_.store(true, std::memory_order_relaxed);
  return BatchEnd::kDone;
}

void Committer::Fly(Flight& flight) {
  flight.failure = {};
  try {
    flight.end = AppendAndPublish(flight);
  } catch (...) {
    // Behind the publication nothing is thrown.
    flight.failure = base::ErrorOfException();
    flight.end = BatchEnd::kBroken;
  }
  flight.flown = true;
}

void Committer::AnswerFailed(Flight& flight, Work* direct, const Error& error) {
  for (std::size_t i = 0; i < flight.haul.size(); ++i) flight.haul.at(i).answer = EncodeReply(error, 0);
  if (direct != nullptr && direct->answer) direct->answer = error;
}

bool Committer::IsReady() const { return position_ && writer_ && heads_.generation() == pool_.Live(); }

bool Committer::MakeReady() {
  // The index was switched: the rows that the cache has dropped may not be in the new one yet.
  if (position_ && !(heads_.generation() == pool_.Live())) Forget();
  if (position_ && writer_) return true;
  Status entered = Enter({epoch_, lease_.DurableLsn(), false});
  const bool ready = entered.ok();
  if (!ready) failure_ = std::move(entered).error();
  return ready;
}

void Committer::NoteException() noexcept {
  failure_ = base::ErrorOfException();
  Forget();
}

/// For the exception that is being handled: what can still be said of an in-line transaction.
void Committer::AnswerThrown(const Flight& flight, Work& direct) noexcept {
  const bool published = flight.flown && flight.end == BatchEnd::kDone && flight.frame.count != 0;
  if (published && direct.answer) return;
  if (TENURE_SEEDED_BUG("swallow_bad_alloc")) {
    direct.answer = Receipt{flight.frame.first_lsn, Outcome::kCommitted, flight.frame.time_ms, false, {}};
    return;
  }
  Error error = base::ErrorOfException();
  if (flight.flown && flight.end == BatchEnd::kBroken) error.code = ErrorCode::kOutcomeUnknown;
  direct.answer = std::move(error);
}

BatchEnd Committer::CommitBatch(Work* direct) {
  alone_.flown = false;
  try {
    return CommitOne(direct);
  } catch (...) {
    NoteException();
    if (direct != nullptr) AnswerThrown(alone_, *direct);
    return BatchEnd::kBroken;
  }
}

BatchEnd Committer::CommitOne(Work* direct) {
  if (!MakeReady()) {
    const bool fenced = failure_.code == ErrorCode::kClosed;
    if (direct != nullptr) fenced ? direct->answer.reset() : void(direct->answer = failure_);
    return fenced ? BatchEnd::kFenced : BatchEnd::kBroken;
  }
  Begin(alone_, nullptr);
  Gather(alone_);
  // Behind what its thread has in the lanes.
  if (direct != nullptr && !IsFull(alone_)) {
    Decide(alone_, *direct);
    Close(alone_);
  }
  Fly(alone_);
  const BatchEnd end = Land(alone_, direct);
  if (end != BatchEnd::kDone && !TENURE_SEEDED_BUG("remember_void_batch")) Forget();
  return end == BatchEnd::kVoid ? BatchEnd::kDone : end;
}

BatchEnd Committer::Land(Flight& flight, Work* direct) {
  const auto lost = [&](BatchEnd end) {
    failure_ = flight.failure;
    return end;
  };
  switch (flight.end) {
    case BatchEnd::kFenced:
      if (direct != nullptr) direct->answer.reset();
      return lost(BatchEnd::kFenced);
    case BatchEnd::kBroken:
      // What came through lanes is still there: the next owner commits it.
      if (direct != nullptr && direct->answer) direct->answer = Unknown(flight.failure);
      return lost(BatchEnd::kBroken);
    case BatchEnd::kVoid:
      if (flight.failure.code == ErrorCode::kNoSpace) {
        AnswerFailed(flight, direct, flight.failure);
        flight.frame.count = 0;
        break;
      }
      if (direct != nullptr) direct->answer.reset();
      return BatchEnd::kVoid;
    case BatchEnd::kDone:
      if (flight.frame.count != 0) position_ = flight.after;
      break;
  }
  const bool answered = Answer(flight);
  // Behind the answers: who only follows delays nobody. Also when fenced: the batch counts.
  if (flight.frame.count > 0) ingest::FeedBell(context_.shared().feed).Ring();
  if (answered) return flight.end;
  // What was published counts all the same: the successor answers for the lanes, and `direct` has its answer. A
  // rejection was decided on what a successor may have changed since.
  if (direct != nullptr && flight.frame.count == 0) direct->answer.reset();
  failure_ = base::MakeError(ErrorCode::kClosed, "epoch " + std::to_string(epoch_) + ": superseded after publication");
  return BatchEnd::kFenced;
}

/// Pops, answers, wakes. False: fenced.
bool Committer::Answer(Flight& flight) {
  const auto epoch = static_cast<std::uint32_t>(epoch_);
  if (!flight.haul.empty()) {
    // The first beat: a batch of rejections has met no fence yet, and popping a cell must not be the first one.
    if (!lease_.Beat(epoch_) || !drain_.PopAll(flight.haul, epoch) || !lease_.Beat(epoch_)) return false;
    // The values in a bank may be what its own process wrote there: the lease says whether we were superseded.
    if (!drain_.AnswerAll(flight.haul, epoch) && !lease_.Beat(epoch_)) return false;
    drain_.Wake(flight.haul);
    TENURE_FAIL_POINT("commit.woken");
  }
  return lease_.Resolve(epoch_, position_->last_lsn);
}

Status Committer::PrepareSpare(const std::function<bool()>& stop) {
  const std::uint64_t bytes = spare_bytes_.load(std::memory_order_relaxed);
  TENURE_ASSIGN(const bool there, factory_.HasSpare(bytes));
  if (!there) TENURE_RETURN_IF_ERROR(factory_.PrepareSpare(bytes, stop));
  wants_spare_.store(false, std::memory_order_relaxed);
  return {};
}

}  // namespace tenure::commit
