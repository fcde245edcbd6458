// The committer of one process: takes the turn, catches up with what others committed, decides a batch
// of transactions, writes one frame, publishes, gives the turn back, and only then answers.
//
//   Idle ──Acquire──▶ Claimed ──(took over: Seal)──▶ CaughtUp ──Decide──▶ Decided ──Append──▶ Durable
//     ▲                                                                                         │
//     └──────────── answer all ◀──Release(clean)◀── Published ◀──────────Publish────────────────┘
//   A failed append, or a failed publication, goes to Release(not clean): everything in the batch is
//   answered "outcome unknown" or "fenced", what the process remembered is dropped, and the next
//   claimant seals at the durable word.
//
// No answer, a rejection included, leaves before its batch is published. One thread at a time (the
// group of store/commit/group.h sees to it).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "store/commit/decide.h"
#include "store/commit/heads.h"
#include "store/commit/ownership.h"
#include "store/journal/reader.h"
#include "store/journal/writer.h"
#include "tenure/store.h"

namespace tenure::commit {

/// One transaction of a batch and, after Run, its answer.
struct Work {
  const Request* request = nullptr;
  /// Instead of a request: effects decided by maintenance, inside the turn. They may read the heads.
  const std::function<Result<std::vector<model::Effect>>(Heads&, Lsn)>* maintenance = nullptr;
  std::optional<Result<Receipt>> answer;
};

class Committer {
 public:
  Committer(const Context& context, IndexPool& pool, Ownership& ownership);
  ~Committer();

  /// Commits the batch; every Work has its answer afterwards. Works that did not fit into one frame
  /// are committed in further ones, in order.
  void Run(std::span<Work*> batch);

  /// At opening: takes the turn if the last owner died, and seals. Else does nothing but look.
  Status RecoverIfNeeded(RecoveryNote& note);

  /// Makes sure that the reserve segment is there. Any thread; not inside Run.
  Status PrepareSpare(const std::function<bool()>& stop);
  bool WantsSpare() const { return wants_spare_.load(std::memory_order_relaxed); }

 private:
  Status Enter(const Claim& claim);
  Status CatchUp(Lsn durable);
  Status ReadOn(journal::Reader& reader, Lsn durable);
  Status JumpToIndex();
  Status MoveToNewest(const journal::Chain& chain);
  Status Seal(const Claim& claim);
  Status OpenWriter();
  Status RunFrame(std::span<Work*> batch, std::size_t& done);
  Status DecideInto(std::span<Work*> batch, std::size_t& done);
  void Forget();

  const Context& context_;
  IndexPool& pool_;
  Ownership& ownership_;
  journal::SegmentFactory factory_;
  Heads heads_;
  std::unique_ptr<journal::Writer> writer_;
  std::unique_ptr<journal::Reader> reader_;
  std::optional<model::JournalPosition> position_;  // what this process knows of the journal; heads_ match it
  std::uint64_t epoch_ = 0;
  journal::Batch batch_;
  RecoveryNote note_;
  std::atomic<bool> wants_spare_{false};
  std::atomic<std::uint64_t> spare_bytes_{journal::kSegmentBytesMin};
  bool fenced_ = false;
};

}  // namespace tenure::commit
