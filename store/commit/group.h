// Group commit across all processes of a store, seen from one of them: how a transaction gets to whoever
// commits, who that is, and how its answer comes back.
//
//   Commit, nobody owns the lease     this thread claims it and commits in line: its own transaction never
//                                     enters a lane, no thread is woken
//   Commit or Submit, somebody does   push into the thread's lane; the owner's next batch takes it; wait for the
//                                     completion cell
//   Commit without a writer slot      the same through the double buffer and the process's answer bank
//   an in-line commit that finds others' work goes on in the process's committing thread, which keeps the lease
//   while there is work, lingers a moment, and releases it
//
//         ┌────────────── idle, sleeps untimed ◀───────────┐
//         ▼ Wake: work was left, or Submit                 │ no work for kLinger: Release
//     owning: the pipeline, while any lane has work ──▶ lingering ── work ──▶ owning
//
// Whoever waits for an answer watches the owner: dead, abandoned, or without a heartbeat for the time to live, and
// the waiter takes over. Nobody else wakes up on its own: an idle store makes no system call.
//
// The committing thread holds commit_mutex_ as long as anything is on its way: whoever holds it finds nothing of
// another thread's in flight.
//
// Exceptions (there is no memory): before it is queued, and in line before it is written, an operation is refused with
// kOutOfMemory; afterwards its fate is told, or is kOutcomeUnknown. The committing path never throws: committer.h. Nor
// does the committing thread; without one, for which there was no memory, those who wait commit themselves.
//
// Thread-safe. Lock order: SlotUse::mutex and commit_mutex_ are never held together.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "store/commit/buffered_writer.h"
#include "store/commit/committer.h"
#include "store/commit/pipeline.h"
#include "store/commit/writer_slots.h"
#include "store/ingest/done_bell.h"

namespace tenure::commit {

/// One transaction on its way and, when `done`, its answer.
struct Pending {
  Request request;
  Work work;
  std::shared_ptr<SlotUse> use;  // while it is in a lane
  std::uint64_t sequence = 0;
  bool asynchronous = false;        // nobody need be waiting for it
  bool late = false;                // see Request
  base::Bytes body;                 // encoded, or the name of the staging file
  std::size_t operation_count = 0;  // of the request that was encoded,
  std::size_t reply_bytes = 0;      // and what its answer may need
  std::string staged;               // name of its staging file
  Lsn durable_before = 0;           // when it was pushed: it was committed behind this, if at all
  std::atomic<bool> done{false};    // `work.answer` is set and does not change any more

  /// As new; what memory a small one takes is kept.
  void Renew();
};

/// For an operation that is queued and whose fate cannot be told now: `cause`, as kOutcomeUnknown. Allocates only what
/// it can do without.
Error StillQueued(Error cause) noexcept;

/// Whoever turns idle to busy wakes all that sleep there: one of them need not be the owner any more.
void SetBusy(ingest::CommitArea& area);

class Group {
 public:
  Group(const Context& context, ingest::Registry& registry, CommitLease& lease, Committer& committer, bool keep_lease);
  ~Group() { Stop(); }

  /// One to fill in. A thread that commits one transaction after the other is given the same one each time.
  std::shared_ptr<Pending> NewPending();
  /// One that was committed, and that the caller has no more use for.
  void Recycle(std::shared_ptr<Pending> pending);
  /// Waits for the answer, which is taken out of `pending`.
  Result<Receipt> Commit(const std::shared_ptr<Pending>& pending);
  /// Commits in this thread, asking the owner for the lease: maintenance.
  Result<Receipt> CommitAlone(Pending& pending);
  /// Queues; waits only while the lane or the window is full.
  Status Submit(const std::shared_ptr<Pending>& pending);
  bool Poll(Pending& pending);
  Result<Receipt> Wait(Pending& pending);

  /// At opening: takes over from an owner that died, and seals.
  Status RecoverIfNeeded(RecoveryNote& note);
  /// Called after every batch, by the committing thread, with the lease held.
  void OnBatch(std::function<void()> callback) { on_batch_ = std::move(callback); }
  /// Waits for what is in flight, gives lease and slots back. No call may follow.
  void Stop();

 private:
  /// What one waiting thread remembers from round to round.
  struct Waiting {
    OwnerWatch watch;
    std::chrono::nanoseconds slice{0};
    std::optional<std::uint64_t> failures_before;
    bool led = false;  // just now, and the answer did not come of it: sleep before leading again
  };
  /// Where a thread sleeps until something of its own is answered.
  struct Bed {
    std::atomic<std::uint32_t>& waiting;
    ingest::DonePlace place;
    std::function<bool()> answered;
  };
  /// Takeovers that one waiting thread sees end in a failed write or sync before it gives up.
  static constexpr std::uint64_t kWriteFailuresMax = 3;

  Result<Receipt> CommitBuffered(Pending& pending);
  Status WriteBuffered(BufferedWriter::Ticket& ticket, const Pending& pending, Waiting& waiting);
  Status AwaitBuffered(BufferedWriter::Ticket& ticket, Waiting& waiting);
  std::optional<Result<Receipt>> AnswerIn(const BufferedWriter::Ticket& ticket, const Pending& pending) const;

  Result<bool> TryLead(Work* work);
  void LeadLocked(Work* work);
  bool CommitOneLocked(Work* work);
  void GiveUpLocked(bool broken);
  void LeaveLocked() noexcept;
  void ReleaseLocked();
  Result<bool> ClaimLocked();
  std::string LastFailure();

  Status Encode(Pending& pending, std::size_t inline_bytes_max) const;
  Status Push(const std::shared_ptr<SlotUse>& use, const std::shared_ptr<Pending>& pending);
  bool TryPush(const std::shared_ptr<SlotUse>& use, const std::shared_ptr<Pending>& pending, bool late = false,
               std::optional<std::uint64_t> again = std::nullopt);
  void MakeRoom(SlotUse& use);
  void Nudge(bool asynchronous);
  bool Collect(Pending& pending);
  Status WaitOnce(Pending& pending, Waiting& waiting);
  Status AwaitDone(Pending& pending);
  static bool IsIdle(SlotUse& use);
  bool CollectLocked(const std::shared_ptr<SlotUse>& use, Pending& pending);
  Result<Receipt> FindCommitted(const Pending& pending, const model::Origin& origin) const;
  Result<Receipt> ReadReceipt(const Pending& pending, const model::Origin& origin) const;
  Status AwaitTurn(SlotUse& use, std::uint64_t sequence, Waiting& waiting);
  Result<bool> LeadIfFree(Waiting& waiting);
  Status Sleep(const Bed& bed, Waiting& waiting);
  Status CheckOwner(Waiting& waiting);
  Status TakeOver(const base::Pair64& seen);

  bool WakeLoop() noexcept;
  Status LookAfterAsynchronous(Waiting& waiting);
  void LoopMain();
  void CommitUntilIdle();
  bool StepLocked();
  bool SettleLocked();
  bool Linger(std::unique_lock<std::mutex>& lock);
  void AwaitSubmitted();
  bool HasAsynchronous() const { return asynchronous_.load(std::memory_order_seq_cst) != 0; }

  const Context& context_;
  ingest::Registry& registry_;
  CommitLease& lease_;
  Committer& committer_;
  const bool keep_lease_;  // false: no committing thread; right for a process that commits once and leaves
  std::function<void()> on_batch_;
  WriterSlots slots_;
  BufferedWriter buffered_;

  std::mutex commit_mutex_;  // guards committer_, pipeline_ and the two below
  Pipeline pipeline_;        // the committing thread's
  bool held_ = false;        // this process owns the lease
  bool stopped_ = false;

  std::atomic<std::uint64_t> write_failures_{0};
  std::atomic<std::uint64_t> asynchronous_{0};  // in flight
  std::mutex loop_mutex_;
  std::condition_variable loop_wake_;
  /// What a submission has to do about the committing thread. Watching, it looks after a while by itself at whoever has
  /// the lease; untimed (or not started yet) it knows of no asynchronous operation.
  enum class LoopSleep : std::uint8_t { kAwake, kWatching, kUntimed };
  std::atomic<LoopSleep> loop_sleep_{LoopSleep::kUntimed};
  std::atomic<bool> closing_{false};  // the store is: others go on without this process
  bool loop_woken_ = false;           // guarded by loop_mutex_
  bool loop_stopping_ = false;        // guarded by loop_mutex_
  std::thread loop_;                  // started when first needed, under loop_mutex_
};

}  // namespace tenure::commit
