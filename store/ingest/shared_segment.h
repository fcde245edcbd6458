// The memory that the processes of one store share: `ingest.shm`, mapped by every member. Its bytes are
// described in store/ingest/layout.h.
//
// Nothing here was acknowledged and not journaled: the segment can be lost at any time and is rebuilt
// from the journal. A header that does not match this boot, time namespace or file is *foreign*.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "store/base/env.h"
#include "store/ingest/double_buffer.h"
#include "store/ingest/key_table.h"
#include "store/ingest/layout.h"

namespace tenure::ingest {

/// A mapped segment. Destroying it unmaps; the file stays.
class SharedSegment {
 public:
  /// Maps an existing segment. kNotFound when there is none; kForeignSegment when it is of another
  /// boot, time namespace, layout, store or file (a copied store).
  static Result<std::unique_ptr<SharedSegment>> Attach(base::Env& env, const std::string& path,
                                                       const std::array<std::byte, 16>& journal_id);
  /// Makes a new one under a unique name, lets `initialise` fill the commit area, and puts it in place
  /// of whatever is at `path`. Only under the exclusive lock over members.lock.
  static Result<std::unique_ptr<SharedSegment>> Create(base::Env& env, const std::string& path,
                                                       const std::array<std::byte, 16>& journal_id,
                                                       std::uint32_t writer_slots,
                                                       const std::function<Status(CommitArea&)>& initialise);

  CommitArea& commit() { return *reinterpret_cast<CommitArea*>(memory_ + kCommitAreaAt); }
  MemberRow& member(std::uint32_t slot) { return reinterpret_cast<MemberRow*>(memory_ + kMembersAt)[slot]; }
  KeyTable key_table() {
    return KeyTable(reinterpret_cast<std::atomic<std::uint64_t>*>(memory_ + kKeyTableAt), commit().key_table_floor);
  }
  ActiveBits& active_bits() { return *reinterpret_cast<ActiveBits*>(memory_ + kRegistryAt); }
  SlotEntry& slot_entry(std::uint32_t slot) { return reinterpret_cast<SlotEntry*>(memory_ + kEntriesAt)[slot]; }
  std::byte* slot_memory(std::uint32_t slot) {
    return memory_ + SlotsAt(writer_slots_) + std::uint64_t{slot} * slot_bytes_;
  }
  std::uint32_t writer_slots() const { return writer_slots_; }
  /// Makes sure that the slot's pages exist. kNoSpace when the file system is full.
  Status AllocateSlot(std::uint32_t slot);
  DoubleBuffer& buffer() { return *buffer_; }
  /// A member slot's; see answer_bank.h.
  std::byte* bank_memory(std::uint32_t member_slot) {
    return memory_ + SlotsAt(writer_slots_) + std::uint64_t{writer_slots_} * slot_bytes_ + member_slot * kBankBytes;
  }
  Status AllocateBank(std::uint32_t member_slot);
  LeaseArea& lease_area() { return *reinterpret_cast<LeaseArea*>(memory_ + LeasesAt(writer_slots_)); }
  WaitCell& wait_cell(std::uint32_t cell) {
    return reinterpret_cast<WaitCell*>(memory_ + LeasesAt(writer_slots_) + sizeof(LeaseArea))[cell];
  }
  LeaseCell& lease_cell(std::uint32_t slot) {
    return reinterpret_cast<LeaseCell*>(memory_ + LeasesAt(writer_slots_) + sizeof(LeaseArea) +
                                        kWaitCells * sizeof(WaitCell))[slot];
  }
  std::byte* wait_body(std::uint32_t cell) { return memory_ + WaitBodiesAt() + std::uint64_t{cell} * kWaitBodyBytes; }
  Status AllocateWaitBody(std::uint32_t cell);

  /// Moves `applied_lsn` up to `lsn` and wakes who waits for it.
  void AdvanceApplied(Lsn lsn);

 private:
  SharedSegment(std::unique_ptr<base::File> file, std::byte* memory, const SegmentHeader& header)
      : file_(std::move(file)), memory_(memory), writer_slots_(header.writer_slots), slot_bytes_(header.slot_bytes) {}
  std::uint64_t WaitBodiesAt() const {
    return SlotsAt(writer_slots_) + std::uint64_t{writer_slots_} * slot_bytes_ + kMemberSlots * kBankBytes;
  }
  std::span<std::byte> buffer_memory() { return {memory_ + BufferAt(writer_slots_), kBufferBytes}; }

  std::unique_ptr<base::File> file_;
  std::byte* memory_;
  std::uint32_t writer_slots_;  // copies: what the mapping says later is not asked again
  std::uint32_t slot_bytes_;
  std::optional<DoubleBuffer> buffer_;  // always, once made
};

}  // namespace tenure::ingest
