// What a committer needs to know about leases beyond the journal: clock, shared memory, the queue. One batch at a
// time, by whoever has the commit turn.
//
//   Begin ─▶ (decide: StandingOf, Before, Queue, Install, Touch …) ─▶ TakeTouched ─▶ Call ─▶ (publish)
//
// What it writes in shared memory before a batch is published is harmless when the batch comes to nothing:
// store/ingest/lease_layout.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lease/table.h"
#include "lease/wait_graph.h"
#include "store/commit/context.h"
#include "store/commit/lease_request.h"
#include "store/ingest/lease_cells.h"
#include "store/ingest/wait_cells.h"

namespace tenure::commit {

class LeaseDesk {
 public:
  explicit LeaseDesk(const Context& context);

  /// In a takeover: the old committer, if it still decides, changes no lease any more.
  void TakeOver(std::uint64_t epoch, const lease::Table& table);
  /// At the batch's time. Makes the cells that shared memory has lost, each with one full time to live: see Prepare.
  void Begin(std::uint64_t epoch, std::uint64_t boottime_ms, TimeMs time_ms, const lease::Table& table);

  /// Closes what has expired or lost its process, so that no renewal succeeds after.
  lease::Standing StandingOf(const model::LeaseRow& row);
  const lease::StandingOf& standing() const { return standing_; }
  lease::Presented Check(const lease::Table& table, const PresentedLease& presented);
  bool SecretFits(const model::LeaseRow& row, const lease::Secret& secret);
  /// For refusals: with its age and the time left.
  LeaseInfo Describe(const model::LeaseRow& row) const;

  /// A lease just granted: open from now on.
  void Install(const model::LeaseRow& row, std::uint64_t owner);
  /// A release or a break: closes it. False: it was over already, by its time.
  bool CloseForEnding(const model::LeaseRow& row);

  /// Queued requests that conflict with one and were there before it (all, when `ticket` is 0), whose processes live
  /// and answer their calls.
  std::uint64_t Before(std::uint64_t ticket, std::span<const lease::Scope> scopes, LeaseMode mode);
  /// The request has a place in the queue now: what circle does it close? One that closes a circle has lost it.
  std::optional<std::string> Queue(const lease::Table& table, const ingest::WaitCells::Place& place);
  /// The same for a write, which waits outside the queue.
  std::optional<std::string> Watch(const lease::Table& table, const ingest::WaitCells::Place& place);

  /// Cells that a grant may take: see IsSettled. A batch that comes to nothing would leave the lease that it was to end
  /// in the journal and without a cell.
  bool MayInstall(std::uint32_t slot) const { return cells_.IsSettled(slot, now_ms_); }

  /// Nobody has to look at a cell that is open and past its time again.
  void CloseExpired() { cells_.CloseExpired(now_ms_, epoch_); }

  /// Something since Begin was judged by the batch's time.
  bool judged() const { return judged_; }
  /// Leases of these scopes were granted or ended in this batch.
  void Touch(std::span<const lease::Scope> scopes);
  /// Moves the scopes touched since Begin, or since it was called last, behind those in `scopes`.
  void TakeTouched(std::vector<lease::Scope>& scopes);
  /// A lease whose release or break is in this batch.
  void NoteEnd(Lsn id);
  struct End {
    std::uint32_t slot = 0;
    Lsn id = 0;
  };
  void TakeEnds(std::vector<End>& ends);
  /// The batch with these is published. Any thread.
  void ConfirmEnds(std::span<const End> ends);
  /// Calls all that wait for one of `scopes`. Any thread.
  void Call(std::span<const lease::Scope> scopes, std::uint64_t now_ms) const;

 private:
  std::optional<std::string> FindCircle(const lease::Table& table, const ingest::WaitCells::Place& place);
  void Prepare(const lease::Table& table);
  void Put(const model::LeaseRow& row, std::uint64_t owner, ingest::LeaseCellState state);

  const Context& context_;
  ingest::LeaseCells cells_;
  ingest::WaitCells waits_;
  const lease::StandingOf standing_;
  std::uint64_t epoch_ = 0;
  std::uint64_t now_ms_ = 0;
  TimeMs time_ms_ = 0;
  bool judged_ = false;
  std::vector<lease::Scope> touched_;
  std::vector<End> closed_;  // by releases and breaks since Begin; some may come to nothing
  std::vector<End> ends_;    // of those, the ones that are in the batch
  /// The last secrets that fitted: hashing one takes longer than everything else about it.
  struct Fitted {
    Lsn id = 0;
    lease::Secret secret{};
    base::Hash256 hash{};
  };
  std::array<Fitted, 64> fitted_;
};

}  // namespace tenure::commit
