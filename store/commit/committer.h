// The committer: drains the lanes, decides each transaction, journals the effects, publishes, pops, answers.
// Everything here happens under the commit lease, one thread of the process at a time.
//
//   Enter(claim) ──▶ Ready ──CommitBatch──▶ Decided ──▶ Appended ──▶ Published ──▶ Popped ──▶ Answered ─┐
//                     ▲ ▲      │ drain       │ write+sync   │ one CAS    │ one CAS      │ a CAS each      │
//                     │ └──────┼─────────────┼──────────────┼────────────┼──────────────┼─────────────────┘
//                     │        ▼             ▼              ▼            ▼              ▼
//                     └──  kNoSpace     kBroken: Abandon the lease    kFenced: a higher epoch has come
//
// Crash or stop at any arrow: before Published the batch never happened (its frame lies beyond the durable LSN
// and is sealed off; its operations are still in the lanes); after it, a successor finds the operations in the
// journal by their origin, pops them and answers. If batch k is not published, every decision of k + 1 is
// void: a process that was fenced or failed forgets everything it remembered.
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

/// What became of a batch.
enum class BatchEnd : std::uint8_t {
  kDone,
  kFenced,  ///< Nothing of it was published, or a successor answers what was: the lease is lost.
  kBroken,  ///< A write or a sync failed: abandon the lease.
};

class Committer {
 public:
  Committer(const Context& context, IndexPool& pool, CommitLease& lease, ingest::Registry& registry);
  ~Committer();

  /// From a claim to a state in which batches can be committed. On failure the caller abandons the lease when
  /// the claim took over, and releases it otherwise.
  Status Enter(const Claim& claim);
  /// One batch: what the lanes hold, then `direct` (may be null; left unanswered when it did not fit any more, or
  /// when nothing says that it was or was not applied: kFenced leaves it to be tried again).
  BatchEnd CommitBatch(Work* direct);
  /// Drops what this process remembers: the next turn starts from the index and the durable word.
  void Forget();

  std::uint64_t epoch() const { return epoch_; }
  /// Of the last batch: operations that came through lanes.
  const LaneDrain& drained() const { return drain_; }
  /// Some thread of some process has operations in its lane or in the double buffer.
  bool AnyWork() const { return drain_.AnyWork(); }
  /// Why the last batch ended as it did.
  const Error& failure() const { return failure_; }
  const RecoveryNote& note() const { return note_; }

  /// Makes sure that the reserve segment is there. Any thread; not inside CommitBatch.
  Status PrepareSpare(const std::function<bool()>& stop);
  bool WantsSpare() const { return wants_spare_.load(std::memory_order_relaxed); }

 private:
  Status CatchUp(Lsn durable);
  Status ReadOn(journal::Reader& reader, Lsn durable);
  Status JumpToIndex();
  Status MoveToNewest(const journal::Chain& chain);
  Status Seal(const Claim& claim);
  Status OpenWriter();
  void RaiseKeys(const model::CommittedTxn& txn);
  void BeginFrame();
  bool FrameFull() const;
  void Decide(Work& work);
  void DecideLane(LaneWork& work);
  std::optional<Result<Receipt>> DecideRequest(const Request& request, const model::Origin& origin);
  BatchEnd AppendAndPublish();
  bool Answer();
  bool OutOfTime() const;
  BatchEnd Fence(const std::string& why);
  void AnswerFailed(Work* direct, const Error& error);

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
  journal::Batch batch_;
  std::uint64_t batch_began_ns_ = 0;
  Error failure_;
  RecoveryNote note_;
  std::atomic<bool> wants_spare_{false};
  std::atomic<std::uint64_t> spare_bytes_{journal::kSegmentBytesMin};
};

}  // namespace tenure::commit
