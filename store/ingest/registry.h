// The registry of writer slots: who may write through which lanes, across all processes of a store.
//
// A slot is claimed by one compare-and-swap, its memory is allocated and initialised, then `active` is published
// with release; a drain that sees `active` with acquire sees the initialised lanes. A slot whose process is
// dead is first drained by a committer, then reclaimed with a new generation; one whose process only stopped
// never is. All functions may be called from any thread and process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "store/ingest/completion.h"
#include "store/ingest/lane.h"
#include "store/ingest/layout.h"
#include "store/ingest/shared_segment.h"

namespace tenure::ingest {

/// Where the parts of a writer slot are, from the slot's own memory.
struct SlotMemory {
  ReplyBank replies;
  std::byte* index_lane;
  std::byte* detail_lane;

  static constexpr std::uint64_t kIndexLaneAt = ReplyBank::kBytes;
  static constexpr std::uint64_t kDetailLaneAt = kIndexLaneAt + LaneBytes(kIndexRings);
  static constexpr std::uint64_t kBytes = RoundToPage(kDetailLaneAt + LaneBytes(kDetailRings));
  static SlotMemory At(std::byte* memory) {
    return {ReplyBank::At(memory), memory + kIndexLaneAt, memory + kDetailLaneAt};
  }
};

/// A slot that this process holds.
struct SlotClaim {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  std::uint64_t first_sequence = 0;  ///< Operations count on from here: sequences are never used twice.
};

class Registry {
 public:
  /// `dead` says whether the process of an OwnerWord has died for certain.
  Registry(SharedSegment& segment, std::uint64_t process, std::function<bool(std::uint64_t)> dead)
      : segment_(segment), process_(process), dead_(std::move(dead)) {}

  std::uint32_t slots() const { return segment_.writer_slots(); }
  /// Claims a slot; not yet active, its lanes still to be made. kBusy when all are taken: writers then go without.
  Result<SlotClaim> Claim();
  /// Publishes it: from here on it is drained.
  void Activate(const SlotClaim& claim);
  /// Gives a slot back, activated or not. Nothing of it may be in flight.
  void Release(const SlotClaim& claim);

  /// Calls `visit(slot)` for every active slot; later ones may or may not be seen.
  template <typename Visit>
  void ForEachActive(Visit&& visit) const;
  /// Waits for nobody: true when some active slot has operations that were not popped.
  bool AnyWork() const;
  bool HasWork(std::uint32_t slot) const;

  /// {generation << 8 | state, process}, read with acquire.
  base::Pair64 Word(std::uint32_t slot) const { return entry(slot).word.Load(); }
  SlotEntry& entry(std::uint32_t slot) const { return segment_.slot_entry(slot); }
  SlotMemory memory(std::uint32_t slot) const { return SlotMemory::At(segment_.slot_memory(slot)); }
  /// Of the commit lease.
  const base::Atomic128& owner() const { return segment_.commit().owner; }
  bool Quarantined(std::uint32_t slot, std::uint32_t generation) const {
    return entry(slot).quarantine.LoadSecond() == generation;
  }

 private:
  bool TryTake(std::uint32_t slot, SlotClaim& claim);
  Result<SlotClaim> Initialise(SlotClaim claim);
  void SetActiveBit(std::uint32_t slot, bool active);

  SharedSegment& segment_;
  const std::uint64_t process_;
  const std::function<bool(std::uint64_t)> dead_;
};

template <typename Visit>
void Registry::ForEachActive(Visit&& visit) const {
  const ActiveBits& bits = segment_.active_bits();
  for (std::uint32_t word = 0; word * 64 < slots(); ++word) {
    std::uint64_t set = bits.words[word].load(std::memory_order_acquire);
    for (; set != 0; set &= set - 1) {
      const std::uint32_t slot = word * 64 + static_cast<std::uint32_t>(__builtin_ctzll(set));
      if (slot < slots()) visit(slot);
    }
  }
}

}  // namespace tenure::ingest
