// The committer: drains the lanes, decides each transaction, journals the effects, publishes, pops, answers.
// Everything here happens under the commit lease, by one thread of the process at a time; only Fly may be another
// thread's.
//
//   Enter(claim) ─▶ Ready ─▶ Begin ─▶ Gather … ─▶ Fly: written ─▶ synced ─▶ published ─▶ Land: popped ─▶ answered
//                    ▲                              │       │        one CAS        │        │   a CAS each    │
//                    │                              ▼       ▼                       ▼        ▼                 │
//                    │                    kNoSpace or kVoid   kBroken: Abandon the lease   kFenced              │
//                    └──────────────────────────────────────────────────────────────────────────────────────────┘
//
// CommitBatch does all of it in one thread. With a flusher (pipeline.h), batch k + 1 is begun and gathered while k
// flies; batches fly and land in the order in which they were begun.
//
// Crash or stop anywhere: before it is published a batch never happened (its frame lies beyond the durable LSN and is
// sealed off; its operations are still in the lanes); after it, a successor finds the operations in the journal by
// their origin, pops them and answers. If batch k is not published, every decision of k + 1 is void: nothing of k + 1
// is written, and a process that was fenced or failed forgets everything it remembered. What is resolved only ever
// grows up to the last batch that was answered, not to the last one published.
//
// Exceptions (there is no memory): whatever is thrown between the claim and the release ends the epoch, like a failed
// write. What it interrupted may be half done in this process's memory, so all of that is forgotten, and the lease is
// abandoned: a successor, often this process itself, builds its own from index and journal. In shared memory nothing
// can be half done that a crash at the same place would not leave: what was not published never happened and is still
// in the lanes, what was published is popped and answered by the successor. Nothing is retried here. The in-line
// transaction is answered with kOutOfMemory before its frame is handed to the writer, with kOutcomeUnknown while it is
// written, and with its receipt once that counts. Entering a turn reports what is thrown as its error.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "store/commit/commit_lease.h"
#include "store/commit/decide.h"
#include "store/commit/drain.h"
#include "store/commit/flight.h"
#include "store/commit/heads.h"
#include "store/journal/reader.h"
#include "store/journal/writer.h"
#include "tenure/store.h"

namespace tenure::commit {

/// A transaction that its own thread commits, without a lane, and its answer.
struct Work {
  const Request* request = nullptr;
  /// Instead of a request: effects decided by maintenance, inside the turn. They may read the heads.
  const std::function<Result<std::vector<model::Effect>>(Heads&, Lsn)>* maintenance = nullptr;
  std::optional<Result<Receipt>> answer;
};

class Committer {
 public:
  Committer(const Context& context, IndexPool& pool, CommitLease& lease, ingest::Registry& registry);
  ~Committer();

  /// From a claim to a state in which batches can be committed. On failure the caller abandons the lease when
  /// the claim took over, and releases it otherwise. Throws nothing.
  Status Enter(const Claim& claim);
  /// One batch: what the lanes hold, then `direct` (may be null; left unanswered when it did not fit any more, or
  /// when nothing says that it was or was not applied: kFenced leaves it to be tried again). Nothing may be on its way.
  /// Throws nothing.
  BatchEnd CommitBatch(Work* direct);
  /// For the exception that is being handled, thrown by one of the functions below: nothing is remembered any more, and
  /// failure() says why. The lease is lost as with kBroken.
  void NoteException() noexcept;

  /// Finds its place again where a batch failed cleanly or the index was switched. Nothing may be on its way. False:
  /// failure() says why, and the lease is lost as with kFenced (kClosed) or kBroken.
  bool MakeReady();
  /// It would have something to do.
  bool IsReady() const;
  /// Begins a batch behind `last`, the newest one on its way; null: behind what is published.
  void Begin(Flight& flight, const Flight* last);
  /// Takes and decides what the lanes hold, until the frame is full. Again and again, until it flies.
  void Gather(Flight& flight);
  bool IsFull(const Flight& flight) const;
  /// Writes, syncs, publishes. Any thread, one at a time, in order. Touches nothing that the other functions use, but
  /// for `flight`. Throws nothing.
  void Fly(Flight& flight);
  /// Pops and answers. Anything but kDone: whatever comes behind it is void, and this process remembers nothing. kVoid:
  /// so is this one. In order.
  BatchEnd Land(Flight& flight, Work* direct);

  /// Drops what this process remembers, and what is on its way: the next turn starts from the index and the durable
  /// word.
  void Forget();

  std::uint64_t epoch() const { return epoch_; }
  /// Some thread of some process has operations in its lane or in the double buffer. Any thread.
  bool AnyWork() const { return drain_.AnyWork(); }
  /// The same, without those that were gathered.
  bool AnyNews() const { return drain_.AnyNews(); }
  /// False: somebody has taken over, and failure() says so. Who writes finds that out by writing. But a superseded one
  /// cannot take what is in the double buffer, so it may have nothing to write and see work for ever.
  bool OwnsLease();
  /// Why the last batch ended as it did.
  const Error& failure() const { return failure_; }
  const RecoveryNote& note() const { return note_; }

  /// Makes sure that the reserve segment is there. Any thread; not inside CommitBatch.
  Status PrepareSpare(const std::function<bool()>& stop);
  bool WantsSpare() const { return wants_spare_.load(std::memory_order_relaxed); }

 private:
  Status EnterTurn(const Claim& claim);
  BatchEnd CommitOne(Work* direct);
  static void AnswerThrown(const Flight& flight, Work& direct) noexcept;
  Status CatchUp(Lsn durable);
  Status ReadFromPosition(Lsn durable);
  Status ReadOn(journal::Reader& reader, Lsn durable);
  Status JumpToIndex();
  Status MoveToNewest(const journal::Chain& chain);
  Status Seal(const Claim& claim);
  Status OpenWriter();
  void RaiseKeys(const model::CommittedTxn& txn);
  void Close(Flight& flight);
  void Decide(Flight& flight, Work& work);
  Result<Receipt> DecideRequest(Flight& flight, const Request& request, const model::Origin& origin);
  BatchEnd AppendAndPublish(Flight& flight);
  bool Answer(Flight& flight);
  std::uint64_t AgeNs(const Flight& flight) const;
  static void AnswerFailed(Flight& flight, Work* direct, const Error& error);

  const Context& context_;
  IndexPool& pool_;
  CommitLease& lease_;
  ingest::Registry& registry_;
  journal::SegmentFactory factory_;
  Heads heads_;
  LeaseDesk desk_;
  LaneDrain drain_;
  std::unique_ptr<journal::Writer> writer_;
  std::unique_ptr<journal::Reader> reader_;
  std::optional<model::JournalPosition> position_;  // what this process knows of the journal; heads_ match it
  std::uint64_t epoch_ = 0;
  model::CommittedTxn txn_;  // what is being decided
  std::string key_;          // of one of its effects
  Flight alone_;             // CommitBatch's
  Error failure_;
  RecoveryNote note_;
  std::atomic<bool> wants_spare_{false};
  std::atomic<std::uint64_t> spare_bytes_{journal::kSegmentBytesMin};
};

}  // namespace tenure::commit
