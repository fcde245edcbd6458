#include "store/commit/group.h"

#include <algorithm>
#include <climits>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/futex.h"
#include "store/base/guarded.h"
#include "store/commit/request_codec.h"
#include "store/commit/resolve.h"
#include "store/commit/staging.h"
#include "store/journal/reader.h"

namespace tenure::commit {

using ingest::AnswerState;
using ingest::WriterSlot;

Group::Group(const Context& context, ingest::Registry& registry, CommitLease& lease, Committer& committer,
             bool keep_lease)
    : context_(context),
      registry_(registry),
      lease_(lease),
      committer_(committer),
      keep_lease_(keep_lease),
      slots_(registry),
      buffered_(context),
      pipeline_(context.env, committer, [this] { SetBusy(context_.shared()); }) {}

void Pending::Renew() {
  constexpr std::size_t kKeptBytes = 4'096;
  request.operations.GiveBack();
  ShedMemory(request);
  request.request_id.clear();
  request.body_hash = {};
  request.on_conflict.reset();
  request.leases.clear();
  request.lease_action.reset();
  request.asks_outcome = request.late = false;
  work = {};
  use.reset();
  sequence = 0;
  asynchronous = late = false;
  body.clear();
  if (body.capacity() > kKeptBytes) body = base::Bytes();
  operation_count = reply_bytes = 0;
  staged.clear();
  durable_before = 0;
  done.store(false, std::memory_order_relaxed);
}

std::shared_ptr<Pending> Group::NewPending() {
  const std::shared_ptr<SlotUse>& use = slots_.OfThisThread();
  if (use && use->spare) return std::move(use->spare);
  return std::make_shared<Pending>();
}

void Group::Recycle(std::shared_ptr<Pending> pending) {
  // In a lane still, or looked at by another thread: it is no more than memory that is not used again.
  if (pending.use_count() != 1) return;
  const std::shared_ptr<SlotUse>& use = slots_.OfThisThread();
  if (!use) return;
  pending->Renew();
  use->spare = std::move(pending);
}

Result<Receipt> Group::Commit(const std::shared_ptr<Pending>& pending) {
  const std::shared_ptr<SlotUse>& use = slots_.OfThisThread();
  if (!use) return CommitBuffered(*pending);
  // In line only when nothing of this thread is in its lane: its order would be lost. And only when there is nothing of
  // others, where there is a committing thread: that one decides their next batch while it writes this one.
  if (!lease_.IsOthers() && IsIdle(*use) && !(keep_lease_ && committer_.AnyWork())) {
    if (lease_.IsAbandoned()) TENURE_RETURN_IF_ERROR(TakeOver(lease_.Look()));
    TENURE_ASSIGN(const bool led, TryLead(&pending->work));
    if (led && pending->work.answer) return std::move(*pending->work.answer);
  }
  TENURE_RETURN_IF_ERROR(Push(use, pending));
  Nudge(false);
  TENURE_RETURN_IF_ERROR(AwaitDone(*pending));
  return std::move(*pending->work.answer);
}

bool Group::IsIdle(SlotUse& use) {
  const std::lock_guard lock(use.mutex);
  return use.slot && use.slot->in_flight() == 0;
}

Result<Receipt> Group::CommitAlone(Pending& pending) {
  Waiting waiting;
  for (;;) {
    TENURE_ASSIGN(const bool led, TryLead(&pending.work));
    if (led && pending.work.answer) return std::move(*pending.work.answer);
    lease_.AskFor();
    TENURE_RETURN_IF_ERROR(CheckOwner(waiting));
  }
}

Status Group::Submit(const std::shared_ptr<Pending>& pending) {
  const std::shared_ptr<SlotUse>& use = slots_.OfThisThread();
  if (!use) {
    auto answer = CommitBuffered(*pending);
    pending->work.answer = std::move(answer);
    pending->done.store(true, std::memory_order_release);
    return {};
  }
  pending->asynchronous = true;
  asynchronous_.fetch_add(1, std::memory_order_seq_cst);  // before Nudge looks at loop_sleep_: see LoopMain
  Status pushed = base::Guarded([&] { return Push(use, pending); });
  if (!pushed.ok()) {
    asynchronous_.fetch_sub(1, std::memory_order_relaxed);
    return pushed;
  }
  Nudge(true);
  return {};
}

/// Encodes, and spills what is larger than that.
Status Group::Encode(Pending& pending, std::size_t inline_bytes_max) const {
  EncodeRequest(pending.request, pending.body);
  pending.operation_count = pending.request.operations.size();
  pending.reply_bytes = ReplyBytesMax(pending.request);
  if (pending.body.size() > inline_bytes_max) {
    TENURE_ASSIGN(pending.staged, StageBody(context_.env, context_.staging_dir, pending.body));
    const auto name = base::AsBytes(pending.staged);
    pending.body.assign(name.begin(), name.end());
  }
  pending.durable_before = lease_.DurableLsn();
  return {};
}

/// Pushes; waits while there is no room.
Status Group::Push(const std::shared_ptr<SlotUse>& use, const std::shared_ptr<Pending>& pending) {
  TENURE_RETURN_IF_ERROR(Encode(*pending, ingest::kDetailBytesMax));
  pending->request.operations.GiveBack();  // it may stay longer than the call
  Waiting waiting;
  for (;;) {
    std::uint64_t oldest = 0;
    {
      const std::lock_guard lock(use->mutex);
      if (!use->slot) return base::MakeError(ErrorCode::kClosed, "the store was closed");
      if (use->slot->Quarantined()) {
        return base::MakeError(ErrorCode::kInternal, "this thread's writer slot was given up: its memory was damaged",
                               "submit from another thread, or open the store again");
      }
      if (TryPush(use, pending)) return {};
      MakeRoom(*use);
      if (TryPush(use, pending)) return {};
      oldest = use->slot->oldest();
    }
    Nudge(pending->asynchronous);
    TENURE_RETURN_IF_ERROR(AwaitTurn(*use, oldest, waiting));
  }
}

/// With use->mutex held. False: no room.
bool Group::TryPush(const std::shared_ptr<SlotUse>& use, const std::shared_ptr<Pending>& pending, bool late,
                    std::optional<std::uint64_t> again) {
  if (use->in_flight.empty()) use->in_flight.resize(ingest::kWindow);  // not for threads that commit in line
  const auto type = pending->staged.empty() ? ingest::RecordType::kInline : ingest::RecordType::kFile;
  std::uint64_t sequence = 0;
  const auto pushed =
      use->slot->TryPush(type, pending->body, pending->reply_bytes, context_.env.MonotonicNs(), sequence, late, again);
  if (pushed != WriterSlot::PushResult::kOk) return false;
  pending->sequence = sequence;
  pending->use = use;
  use->in_flight[sequence % ingest::kWindow] = pending;
  return true;
}

/// With use.mutex held: reads the answers that are there.
void Group::MakeRoom(SlotUse& use) {
  for (std::size_t i = 0; i < use.in_flight.size(); ++i) {
    const std::shared_ptr<Pending> kept = use.in_flight[i];
    if (!kept || use.slot->IsPending(kept->sequence)) continue;
    (void)CollectLocked(kept->use, *kept);
  }
}

/// After a push: somebody must be on the way to commit it.
void Group::Nudge(bool asynchronous) {
  ingest::CommitArea& area = context_.shared();
  // seq_cst, behind the push: either the owner, which sets kIdle and then looks at the lanes, sees the operation, or
  // this sees kIdle. While the owner is busy this is one load.
  if (area.work.load(std::memory_order_seq_cst) == ingest::kIdle &&
      area.work.exchange(ingest::kBusy, std::memory_order_seq_cst) == ingest::kIdle) {
    base::FutexWake(area.work, INT_MAX);  // one that sleeps there need not be the owner any more
  }
  // Nobody waits for an asynchronous operation: the committing thread claims the lease, or watches its owner. Who
  // releases the lease after it was seen here sees the operation.
  if (!asynchronous) return;
  const LoopSleep loop = loop_sleep_.load(std::memory_order_seq_cst);
  if (loop == LoopSleep::kUntimed || (loop == LoopSleep::kWatching && lease_.IsFree())) WakeLoop();
}

bool Group::Poll(Pending& pending) {
  if (pending.done.load(std::memory_order_acquire)) return true;
  return pending.use && Collect(pending);
}

Error StillQueued(Error cause) noexcept {
  cause.code = ErrorCode::kOutcomeUnknown;
  base::Attempt([&cause] {
    cause.message = "the transaction is queued, and nobody can commit it now: " + cause.message;
    if (cause.hint.empty()) cause.hint = "it may be committed later; retry with the same request id";
  });
  return cause;
}

Status Group::WaitOnce(Pending& pending, Waiting& waiting) {
  return Collect(pending) ? Status() : AwaitTurn(*pending.use, pending.sequence, waiting);
}

Status Group::AwaitDone(Pending& pending) {
  Waiting waiting;
  while (!pending.done.load(std::memory_order_acquire)) {
    Status waited = base::Guarded([&] { return WaitOnce(pending, waiting); });
    if (!waited.ok()) return StillQueued(std::move(waited).error());
  }
  return {};
}

Result<Receipt> Group::Wait(Pending& pending) {
  TENURE_RETURN_IF_ERROR(AwaitDone(pending));
  auto answer = base::Guarded([&]() -> Result<Receipt> { return *pending.work.answer; });
  // It was committed, perhaps: only its copy found no memory.
  if (!answer.ok() && pending.work.answer->ok()) return StillQueued(std::move(answer).error());
  return answer;
}

/// One round of waiting for operation `sequence`: leads if nobody does, else sleeps a bounded while. Fails
/// only when nobody owns the lease and this process cannot use it.
Status Group::AwaitTurn(SlotUse& use, std::uint64_t sequence, Waiting& waiting) {
  TENURE_ASSIGN(const bool led, LeadIfFree(waiting));
  if (led) return {};
  const auto pending = [&] { return use.slot && use.slot->IsPending(sequence); };
  ingest::SlotEntry* entry = nullptr;
  ingest::DonePlace place;
  {
    const std::lock_guard lock(use.mutex);
    if (!pending()) return {};
    entry = &use.slot->entry();
    place = ingest::DonePlace::OfSlot(use.slot->slot());
  }
  return Sleep({entry->waiting, place,
                [&] {
                  const std::lock_guard lock(use.mutex);
                  return !pending();
                }},
               waiting);
}

/// True when this thread was the committer for a while, or found that it need not sleep.
Result<bool> Group::LeadIfFree(Waiting& waiting) {
  if (!waiting.led && lease_.IsFree()) {
    TENURE_ASSIGN(waiting.led, TryLead(nullptr));
    if (waiting.led) return true;
  }
  if (!lease_.IsAbandoned()) return false;
  TENURE_RETURN_IF_ERROR(CheckOwner(waiting));
  return true;
}

/// Sleeps a bounded while, longer from round to round, then looks after the owner.
Status Group::Sleep(const Bed& bed, Waiting& waiting) {
  constexpr std::chrono::nanoseconds kFirst = std::chrono::milliseconds(10);
  ingest::CommitArea& area = context_.shared();
  const std::chrono::nanoseconds longest(lease_.TtlNs(context_.commit_ttl_ns) / 4);
  waiting.slice = waiting.slice.count() == 0 ? std::min(kFirst, longest) : std::min(2 * waiting.slice, longest);
  // seq_cst: pairs with the committer's {answer the cell; look at waiting}.
  bed.waiting.fetch_add(1, std::memory_order_seq_cst);
  const std::atomic<std::uint32_t>& word = area.done[bed.place.word];
  const std::uint32_t turn = word.load(std::memory_order_seq_cst);
  bool answered = bed.answered();
  const bool free = lease_.IsFree() && !waiting.led;
  waiting.led = false;
  if (!answered && !free) answered = base::FutexWaitMask(word, turn, waiting.slice, bed.place.bit);
  bed.waiting.fetch_sub(1, std::memory_order_seq_cst);
  return answered || free ? Status() : CheckOwner(waiting);
}

/// Takes over when the owner is dead, gave up, or has stood still for the time to live.
Status Group::CheckOwner(Waiting& waiting) {
  const base::Pair64 owner = lease_.Look();
  if (owner.second == 0 || owner.second == context_.member.word()) return {};
  const std::uint64_t ttl_ns = lease_.TtlNs(context_.commit_ttl_ns);
  const bool abandoned = owner.second == ingest::kAbandoned;
  const bool gone = abandoned || context_.member.IsDead(owner.second) ||
                    waiting.watch.IsStale(owner, lease_.Heartbeat(), context_.env.MonotonicNs(), ttl_ns);
  if (!gone) return {};
  const std::uint64_t failures = write_failures_.load(std::memory_order_relaxed);
  if (!waiting.failures_before) waiting.failures_before = failures;
  if (abandoned && failures - *waiting.failures_before >= kWriteFailuresMax) {
    return base::MakeError(ErrorCode::kIo, "every attempt to write the journal failed; the last one: " + LastFailure());
  }
  return TakeOver(owner);
}

bool Group::Collect(Pending& pending) {
  const std::shared_ptr<SlotUse> use = pending.use;
  const std::lock_guard lock(use->mutex);
  if (pending.done.load(std::memory_order_acquire)) return true;
  if (!use->slot) return false;
  if (CollectLocked(use, pending)) return true;
  // To be submitted again, and there is no room: it comes of answers that nobody has read.
  if (!use->slot->IsPending(pending.sequence)) MakeRoom(*use);
  return pending.done.load(std::memory_order_acquire);
}

/// With use->mutex held. True when the answer is there.
bool Group::CollectLocked(const std::shared_ptr<SlotUse>& use, Pending& pending) {
  const std::uint64_t sequence = pending.sequence;
  const ingest::Reply reply = use->slot->Read(sequence);
  if (reply.state == AnswerState::kPending) return false;
  auto answer = DecodeReply(reply, pending.operation_count);
  if (reply.state == AnswerState::kBadRecord) {
    answer = Result<Receipt>(base::MakeError(
        ErrorCode::kOutcomeUnknown, "the memory of this writer slot was damaged while the transaction was queued",
        "read the entry, then submit again"));
  } else if (!answer && ingest::IsJournaled(reply.state)) {
    answer = FindCommitted(pending, {use->slot->slot(), use->slot->generation(), sequence});
  }
  const std::shared_ptr<Pending> kept = use->in_flight[sequence % ingest::kWindow];
  if (!answer) {
    // Not applied by anybody, and popped: nobody will. No room means that it is tried again with the next look. What
    // this thread has submitted since stays in front of it.
    pending.late = pending.late || !use->slot->IsNewest(sequence);
    if (!TryPush(use, kept, pending.late, sequence)) return false;
    use->in_flight[sequence % ingest::kWindow] = nullptr;
    use->slot->Retire(sequence);
    Nudge(pending.asynchronous);
    return false;
  }
  // Nothing here is thrown until the answer is there: thrown before, it is collected once more.
  use->in_flight[sequence % ingest::kWindow] = nullptr;
  use->slot->Retire(sequence);
  if (pending.asynchronous) asynchronous_.fetch_sub(1, std::memory_order_relaxed);
  pending.work.answer = std::move(*answer);
  if (pending.asynchronous) pending.body = base::Bytes();  // a ticket may be kept long after its answer
  pending.done.store(true, std::memory_order_release);
  base::Attempt([&] {
    if (!pending.staged.empty()) RemoveStaged(context_.env, context_.staging_dir, pending.staged);
  });
  return true;
}

/// Two committers answered at once, and only the journal has the whole receipt. Whatever keeps it from being read, the
/// transaction was committed: nothing else may be said of it.
Result<Receipt> Group::FindCommitted(const Pending& pending, const model::Origin& origin) const {
  auto found = ReadReceipt(pending, origin);
  if (found.ok() || found.error().code == ErrorCode::kOutcomeUnknown) return found;
  Error error = std::move(found).error();
  error.code = ErrorCode::kOutcomeUnknown;
  error.message = "the transaction was committed, but its receipt cannot be read: " + error.message;
  error.hint = "read the entry";
  return error;
}

Result<Receipt> Group::ReadReceipt(const Pending& pending, const model::Origin& origin) const {
  const Lsn durable = lease_.DurableLsn();
  TENURE_ASSIGN(auto reader, journal::Reader::OpenAtLsn(context_.env, context_.journal_dir, context_.journal_id,
                                                        pending.durable_before + 1, context_.trimmed_below, durable));
  for (;;) {
    TENURE_ASSIGN(journal::Step step, reader->Next(durable, durable));
    if (step.stop != journal::Stop::kFrame) break;
    for (const model::CommittedTxn& txn : step.frame.txns) {
      if (txn.origin == origin) return ReceiptOf(txn);
    }
  }
  return base::MakeError(ErrorCode::kOutcomeUnknown,
                         "the transaction was committed, but its receipt was lost in a takeover", "read the entry");
}

}  // namespace tenure::commit
