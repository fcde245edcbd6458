#include "store/ingest/diagnose.h"

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

void LookAtLease(SharedSegment& segment, StoreDiagnosis& diagnosis) {
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

}  // namespace

void LookAtSegment(SharedSegment& segment, StoreDiagnosis& diagnosis, std::vector<std::uint64_t>& starts) {
  diagnosis.slots.clear();
  diagnosis.members.clear();
  starts.clear();
  LookAtLease(segment, diagnosis);
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
