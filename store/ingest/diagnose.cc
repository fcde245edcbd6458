#include "store/ingest/diagnose.h"

#include <algorithm>

#include "store/ingest/registry.h"

namespace tenure::ingest {
namespace {

/// The member slot of an OwnerWord, while its row still has that generation.
std::optional<std::uint32_t> MemberOf(SharedSegment& segment, std::uint64_t process) {
  const std::uint32_t slot = OwnerSlot(process);
  if (slot >= kMemberSlots) return std::nullopt;
  if (segment.member(slot).generation.load(std::memory_order_acquire) != OwnerGeneration(process)) return std::nullopt;
  return slot;
}

std::uint32_t PidOf(SharedSegment& segment, std::optional<std::uint32_t> member) {
  return member ? segment.member(*member).pid.load(std::memory_order_acquire) : 0;
}

void LookAtCommitLease(SharedSegment& segment, StoreDiagnosis& diagnosis) {
  const CommitArea& area = segment.commit();
  CommitLeaseDiagnosis& lease = diagnosis.lease;
  lease.epoch = area.owner.LoadFirst();
  const std::uint64_t owner = area.owner.LoadSecond();
  lease.state = owner == 0 ? LeaseState::kFree : owner == kAbandoned ? LeaseState::kAbandoned : LeaseState::kOwned;
  if (lease.state == LeaseState::kOwned) {
    lease.member = MemberOf(segment, owner);
    lease.pid = PidOf(segment, lease.member);
  }
  lease.wanted = area.wanted_by.load(std::memory_order_relaxed) != 0;
  lease.heartbeat = area.heartbeat.LoadSecond();
  lease.takeovers_unpublished = area.takeovers.LoadSecond();
  // In this order: each is at most the one read before it, unless a rebuilt index starts over.
  diagnosis.applied_lsn = area.applied_lsn.load(std::memory_order_acquire);
  diagnosis.resolved_lsn = area.resolved.LoadSecond();
  diagnosis.durable_lsn = area.durable.LoadSecond();
}

LaneDiagnosis LookAtLane(const std::byte* lane) {
  const LaneMetrics& metrics = reinterpret_cast<const LaneControl*>(lane)->metrics;
  return {metrics.written.load(std::memory_order_relaxed), metrics.bytes.load(std::memory_order_relaxed),
          metrics.overflowed.load(std::memory_order_relaxed), metrics.high_water.load(std::memory_order_relaxed)};
}

WriterSlotDiagnosis LookAtSlot(SharedSegment& segment, std::uint32_t slot) {
  const SlotEntry& entry = segment.slot_entry(slot);
  const std::uint64_t word = entry.word.LoadFirst();
  WriterSlotDiagnosis found;
  found.slot = slot;
  found.generation = GenerationOf(word);
  found.state = static_cast<WriterSlotState>(StateOf(word));
  if (found.state == WriterSlotState::kFree) return found;
  found.member = MemberOf(segment, entry.word.LoadSecond());
  found.pid = PidOf(segment, found.member);
  found.quarantined = entry.quarantine.LoadSecond() == found.generation;
  if (found.state == WriterSlotState::kClaimed) return found;  // what is in it is being made
  found.thread = entry.thread.load(std::memory_order_relaxed);
  found.sleeping = entry.waiting.load(std::memory_order_relaxed);
  // The head first: it never passes what was submitted.
  found.popped = LaneHead::Unpack({0, entry.head.LoadSecond()}).sequence;
  found.submitted = entry.submitted.load(std::memory_order_acquire);
  found.waiting = found.submitted - std::min(found.submitted, found.popped);
  const SlotMemory memory = SlotMemory::At(segment.slot_memory(slot));
  found.index_lane = LookAtLane(memory.index_lane);
  found.detail_lane = LookAtLane(memory.detail_lane);
  return found;
}

/// Closed cells tell nothing: their leases are over, or never were.
void LookAtLeases(SharedSegment& segment, std::uint64_t now_ms, std::vector<LeaseDiagnosis>& leases) {
  leases.clear();
  const std::uint32_t used =
      std::min(segment.lease_area().lease_cells_used.load(std::memory_order_acquire), kLeaseCells);
  for (std::uint32_t slot = 0; slot < used; ++slot) {
    const LeaseCell& cell = segment.lease_cell(slot);
    LeaseDiagnosis found;
    found.id = cell.word.LoadFirst();
    const std::uint64_t word = cell.word.LoadSecond();
    const LeaseCellState state = LeaseStateOf(word);
    if (state != LeaseCellState::kOpen && state != LeaseCellState::kEnding) continue;
    const std::uint64_t deadline_ms = LeaseDeadline(word);
    found.left_ms = deadline_ms - std::min(deadline_ms, now_ms);
    found.state = state == LeaseCellState::kEnding ? LeaseTermState::kEnding
                  : found.left_ms == 0             ? LeaseTermState::kExpired
                                                   : LeaseTermState::kHeld;
    const std::uint64_t owner = cell.owner.LoadSecond();
    const bool of_it = cell.owner.LoadFirst() == found.id && LeaseOwnerEpoch(owner) == LeaseEpoch(word);
    found.bound = of_it && LeaseOwnerOf(owner) != 0;
    if (found.bound) found.member = MemberOf(segment, LeaseOwnerOf(owner));
    found.pid = PidOf(segment, found.member);
    leases.push_back(found);
  }
  std::sort(leases.begin(), leases.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
}

void LookAtLeaseWaiters(SharedSegment& segment, std::vector<LeaseWaitDiagnosis>& waiters) {
  waiters.clear();
  const std::uint32_t used = std::min(segment.lease_area().wait_cells_used.load(std::memory_order_acquire), kWaitCells);
  for (std::uint32_t i = 0; i < used; ++i) {
    const WaitCell& cell = segment.wait_cell(i);
    const std::uint64_t word = cell.word.LoadFirst();
    const WaitState state = WaitStateOf(word);
    if (state != WaitState::kAnnounced && state != WaitState::kQueued && state != WaitState::kWatching) continue;
    LeaseWaitDiagnosis found;
    found.ticket = TicketOf(word);
    found.queued = state != WaitState::kWatching;
    found.member = MemberOf(segment, cell.word.LoadSecond());
    found.pid = PidOf(segment, found.member);
    found.called = cell.turn.load(std::memory_order_relaxed) != cell.answered.load(std::memory_order_relaxed);
    waiters.push_back(found);
  }
  std::sort(waiters.begin(), waiters.end(), [](const auto& a, const auto& b) { return a.ticket < b.ticket; });
}

}  // namespace

void LookAtSegment(SharedSegment& segment, StoreDiagnosis& diagnosis, std::vector<std::uint64_t>& starts,
                   std::uint64_t boottime_ms) {
  diagnosis.slots.clear();
  diagnosis.members.clear();
  starts.clear();
  LookAtCommitLease(segment, diagnosis);
  LookAtLeases(segment, boottime_ms, diagnosis.leases);
  LookAtLeaseWaiters(segment, diagnosis.lease_waiters);
  diagnosis.writer_slots = segment.writer_slots();
  for (std::uint32_t slot = 0; slot < segment.writer_slots(); ++slot) {
    WriterSlotDiagnosis found = LookAtSlot(segment, slot);
    if (found.state != WriterSlotState::kFree) diagnosis.slots.push_back(found);
  }
  diagnosis.writer_slots_free = diagnosis.writer_slots - static_cast<std::uint32_t>(diagnosis.slots.size());
  for (std::uint32_t slot = 0; slot < kMemberSlots; ++slot) {
    const MemberRow& row = segment.member(slot);
    MemberDiagnosis member;
    member.slot = slot;
    member.pid = row.pid.load(std::memory_order_acquire);  // pairs with Membership::EnterRow
    if (member.pid == 0) continue;                         // never used, or left in good order
    member.generation = row.generation.load(std::memory_order_relaxed);
    member.uid = row.uid.load(std::memory_order_relaxed);
    diagnosis.members.push_back(member);
    starts.push_back(row.process_start.load(std::memory_order_relaxed));
  }
}

}  // namespace tenure::ingest
