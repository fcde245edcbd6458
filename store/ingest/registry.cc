#include "store/ingest/registry.h"

#include <string>

#include "store/base/error.h"
#include "store/base/failpoint.h"

namespace tenure::ingest {

using base::Pair64;

/// Free, or left behind by a dead process with nothing in it that still has to be committed.
bool Registry::TryTake(std::uint32_t slot, SlotClaim& claim) {
  SlotEntry& e = entry(slot);
  Pair64 word = e.word.Load();
  const std::uint32_t generation = GenerationOf(word.first);
  const bool free = StateOf(word.first) == SlotState::kFree;
  if (!free) {
    const bool drained = StateOf(word.first) == SlotState::kClaimed || !HasWork(slot) || Quarantined(slot, generation);
    if (!drained || word.second == process_ || !dead_(word.second)) return false;
  }
  if (!e.word.CompareExchange(word, {SlotWord(generation + 1, SlotState::kClaimed), process_})) return false;
  claim.slot = slot;
  claim.generation = generation + 1;
  return true;
}

Result<SlotClaim> Registry::Claim() {
  // Starting at a place of one's own spreads threads that register at once.
  const std::uint32_t start = (OwnerSlot(process_) * 7 + OwnerGeneration(process_)) % slots();
  for (std::uint32_t i = 0; i < slots(); ++i) {
    SlotClaim claim;
    const std::uint32_t slot = (start + i) % slots();
    // The bits tell most of the taken ones apart without touching their lines; the second round asks everybody.
    const std::uint64_t bits = segment_.active_bits().words[slot / 64].load(std::memory_order_relaxed);
    if ((bits >> (slot % 64)) & 1) continue;
    if (TryTake(slot, claim)) return Initialise(claim);
  }
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    SlotClaim claim;
    if (TryTake(slot, claim)) return Initialise(claim);
  }
  return base::MakeError(ErrorCode::kBusy, "all " + std::to_string(slots()) + " writer slots are taken");
}

Result<SlotClaim> Registry::Initialise(SlotClaim claim) {
  TENURE_FAIL_POINT("slot.claimed");
  SlotEntry& e = entry(claim.slot);
  const auto give_up = [&](Error error) {
    Pair64 mine{SlotWord(claim.generation, SlotState::kClaimed), process_};
    (void)e.word.CompareExchange(mine, {SlotWord(claim.generation, SlotState::kFree), 0});
    return error;
  };
  // Once per slot and segment: nothing ever takes the pages away, and asking again costs a third of a claim. Acquire
  // and release: an earlier owner's allocation has returned before anybody relies on it.
  if (e.allocated.load(std::memory_order_acquire) == 0) {
    if (auto allocated = segment_.AllocateSlot(claim.slot); !allocated.ok()) {
      return give_up(std::move(allocated).error());
    }
    e.allocated.store(1, std::memory_order_release);
  }
  // The head goes on from a sequence that no earlier owner can have used, at the beginning of the new lanes. A
  // takeover may stamp its epoch meanwhile; it leaves the rest alone.
  Pair64 word = e.head.Load();
  LaneHead head;
  do {
    head = LaneHead::Unpack(word);
    head.sequence += kWindow;
    head.position = 0;
    head.turn = 0;
    claim.first_sequence = head.sequence;
  } while (!e.head.CompareExchange(word, head.Pack()));
  e.submitted.store(head.sequence, std::memory_order_release);
  e.waiting.store(0, std::memory_order_relaxed);
  return claim;
}

void Registry::Activate(const SlotClaim& claim) {
  TENURE_FAIL_POINT("slot.initialised");
  Pair64 mine{SlotWord(claim.generation, SlotState::kClaimed), process_};
  TENURE_CHECK(
      entry(claim.slot).word.CompareExchange(mine, {SlotWord(claim.generation, SlotState::kActive), process_}));
  SetActiveBit(claim.slot, true);
}

void Registry::Release(const SlotClaim& claim) {
  SetActiveBit(claim.slot, false);
  base::Atomic128& word = entry(claim.slot).word;
  Pair64 seen = word.Load();
  // Active, or only claimed: making its lanes may have failed.
  while (GenerationOf(seen.first) == claim.generation && seen.second == process_) {
    if (word.CompareExchange(seen, {SlotWord(claim.generation, SlotState::kFree), 0})) return;
  }
  // Somebody took this process for dead: the slot is theirs, and so is the bit.
  if (StateOf(seen.first) == SlotState::kActive) SetActiveBit(claim.slot, true);
}

void Registry::SetActiveBit(std::uint32_t slot, bool active) {
  std::atomic<std::uint64_t>& word = segment_.active_bits().words[slot / 64];
  const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
  // Release pairs with ForEachActive: who sees the bit sees the initialised lanes.
  if (active) {
    word.fetch_or(bit, std::memory_order_acq_rel);
  } else {
    word.fetch_and(~bit, std::memory_order_acq_rel);
  }
}

bool Registry::HasWork(std::uint32_t slot) const {
  const SlotEntry& e = entry(slot);
  // seq_cst: pairs with the writer's {submitted := n; look at owner and work}.
  return e.submitted.load(std::memory_order_seq_cst) != LaneHead::Unpack({0, e.head.LoadSecond()}).sequence;
}

bool Registry::AnyWork() const {
  bool any = false;
  ForEachActive([&](std::uint32_t slot) {
    any = any || (HasWork(slot) && !Quarantined(slot, GenerationOf(entry(slot).word.LoadFirst())));
  });
  return any;
}

}  // namespace tenure::ingest
