// Leases in time: cells of shared memory (store/ingest/lease_layout.h). What a lease covers, and whether it was
// granted at all, the journal says.
//
// Views of the segment, which outlives them. Any thread of any member; those that take an epoch by committers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "store/ingest/membership.h"

namespace tenure::ingest {

class LeaseCells {
 public:
  explicit LeaseCells(Membership& member) : member_(member), segment_(member.segment()) {}

  struct Look {
    LeaseCellState state = LeaseCellState::kNever;
    std::uint64_t deadline_ms = 0;
    std::uint64_t owner = 0;  ///< OwnerWord, or 0.
  };
  /// The cell, when it is this lease's. Never waits.
  std::optional<Look> At(std::uint32_t slot, std::uint64_t id) const;
  /// Where a lease is: a walk over the cells in use, for those who know only its id.
  std::optional<std::uint32_t> Find(std::uint64_t id) const;

  /// Moves the deadline to `now_ms` + `ttl_ms`. False: it is over, or was never granted.
  bool Renew(std::uint32_t slot, std::uint64_t id, std::uint64_t now_ms, std::uint64_t ttl_ms);
  /// Makes the cell this lease's. False: a committer of a higher epoch has it, so whoever asks was superseded.
  bool Publish(std::uint32_t slot, std::uint64_t id, std::uint64_t epoch, std::uint64_t deadline_ms,
               LeaseCellState state, std::uint64_t owner);
  /// Ends renewals; tells the process that it is bound to. With `expired_at_ms`: only when the deadline is not behind
  /// that time. True: it is over. False also for who was superseded: the cell is as it was.
  bool Close(std::uint32_t slot, std::uint64_t id, std::uint64_t epoch, LeaseCellState state,
             std::optional<std::uint64_t> expired_at_ms = std::nullopt);
  /// kEnding becomes kOpen: the release or break that closed it came to nothing. Not by who was superseded.
  void Reopen(std::uint32_t slot, std::uint64_t id, std::uint64_t epoch) {
    Decide(slot, id, LeaseCellState::kOpen, epoch);
  }
  /// kEnding becomes kClosed: it is published, which is true whoever has come after.
  void ConfirmEnd(std::uint32_t slot, std::uint64_t id) { Decide(slot, id, LeaseCellState::kClosed, std::nullopt); }
  /// Stamps every cell in use with the epoch of a committer that has just taken over: from here on no older one gives a
  /// cell to another lease, closes it or opens it again. `held`: the id of the journal's lease by slot, 0: none. Cells
  /// of others are nobody's any more: the stamp must not make them look as new as those that were granted.
  void TakeOver(std::uint64_t epoch, std::span<const std::uint64_t> held);
  /// Whether another lease may have the cell: not while one that its time has not ended may be opened again.
  bool IsSettled(std::uint32_t slot, std::uint64_t now_ms) const;
  /// Closes every cell whose deadline is not behind `now_ms`, also those of leases that were never granted.
  void CloseExpired(std::uint64_t now_ms, std::uint64_t epoch);
  /// The earliest deadline of an open cell.
  std::optional<std::uint64_t> EarliestDeadline() const;
  bool IsDead(std::uint64_t owner) const { return member_.IsDead(owner); }

  LeaseArea& area() const { return segment_.lease_area(); }
  Membership& member() const { return member_; }

 private:
  void Decide(std::uint32_t slot, std::uint64_t id, LeaseCellState state, std::optional<std::uint64_t> epoch);
  LeaseCell& cell(std::uint32_t slot) const { return segment_.lease_cell(slot); }
  Membership& member_;
  SharedSegment& segment_;
};

}  // namespace tenure::ingest
