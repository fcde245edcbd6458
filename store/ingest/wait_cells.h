// Waiting for leases, across processes: cells with a ticket each, in the order of arrival, that survive every change
// of committer and of epoch. See store/ingest/lease_layout.h.
//
// The futex of a cell moves ("a call") when leases in its way were ended or granted, or a request before it left. A
// call comes before the batch that it is about is published: a waiter that is woken submits again, behind that batch,
// and takes over if its committer died. So no wake-up is lost with a committer.
//
// Any thread of any member.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "store/ingest/membership.h"

namespace tenure::ingest {

class WaitCells {
 public:
  explicit WaitCells(Membership& member) : member_(member), segment_(member.segment()) {}

  struct Place {
    std::uint32_t cell = 0;
    std::uint64_t ticket = 0;
  };
  /// A cell with `body` in it, announced or watching. kLeasesExhausted when all are taken by living processes;
  /// kTooLarge; kNoSpace.
  Result<Place> Claim(WaitState state, base::ByteView body);
  /// Only when it is still this ticket's.
  void Leave(const Place& place);
  /// A committer: a place that is taken becomes `state`. False: it is somebody else's by now, or its process is dead.
  bool Mark(const Place& place, WaitState state);

  struct Seen {
    Place place;
    WaitState state = WaitState::kFree;
    std::uint64_t owner = 0;
    bool called = false;          ///< And has not answered yet.
    std::uint64_t called_ms = 0;  ///< Since when.
    base::Bytes body;
  };
  bool Any() const { return area().wait_cells_used.load(std::memory_order_seq_cst) != 0; }
  /// Announced, queued and watching ones, in the order of cells; those that change meanwhile are left out. Returning
  /// false ends it.
  void ForEach(const std::function<bool(const Seen&)>& visit) const;
  bool IsDead(std::uint64_t owner) const { return member_.IsDead(owner); }

  /// Wakes it, or keeps it from falling asleep. `now_ms`: CLOCK_BOOTTIME.
  void Call(const Place& place, std::uint64_t now_ms) const;
  std::uint32_t Turn(const Place& place) const { return cell(place).turn.load(std::memory_order_seq_cst); }
  /// Its own thread has looked at everything that the calls up to `turn` were about.
  void Answer(const Place& place, std::uint32_t turn) { cell(place).answered.store(turn, std::memory_order_seq_cst); }
  /// Sleeps while the turn is `turn`; negative: unbounded.
  void Sleep(const Place& place, std::uint32_t turn, std::chrono::nanoseconds timeout);

 private:
  LeaseArea& area() const { return segment_.lease_area(); }
  WaitCell& cell(const Place& place) const { return segment_.wait_cell(place.cell); }
  std::optional<Place> ClaimCell();
  Membership& member_;
  SharedSegment& segment_;
};

}  // namespace tenure::ingest
