// The committing end of a slot: copies operations out of its lanes, pops them, answers them.
//
// Used by whoever owns the commit lease, one thread at a time, and by readers of uncommitted operations, who only
// copy. Everything that changes shared memory is one compare-and-swap under the committer's epoch.
#pragma once

#include <cstdint>
#include <optional>

#include "store/ingest/registry.h"
#include "store/ingest/writer_slot.h"

namespace tenure::ingest {

/// One operation as it lies in the lanes.
struct QueuedOperation {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  std::uint64_t sequence = 0;
  std::uint64_t timestamp_ns = 0;
  bool in_file = false;  ///< `body` is the name of a staging file.
  bool late = false;     ///< It was submitted again, behind others of its thread.
  base::Bytes body;
};

class SlotReader {
 public:
  SlotReader(Registry& registry, std::uint32_t slot) : registry_(registry), slot_(slot) {}

  enum class Step : std::uint8_t { kOperation, kNone, kBad };
  /// Goes to the slot's head. False: not active, or quarantined. kBad content shows in Next.
  bool Begin();
  /// The next operation behind the last one read.
  Step Next(QueuedOperation& operation);
  /// Something was submitted behind the last one read.
  bool HasMore() const { return entry().submitted.load(std::memory_order_seq_cst) != read_; }

  /// The head as it will be when everything read so far is popped.
  LaneHead Mark() const;
  /// Moves the head on to `to`, a Mark taken since Begin: what was read behind it stays, and is popped later. False: a
  /// higher epoch has been here.
  bool Pop(const LaneHead& to, std::uint32_t epoch);
  /// Everything read so far.
  bool Pop(std::uint32_t epoch) { return Pop(Mark(), epoch); }
  /// Answers `sequence` of this slot's generation as of Begin. False: fenced.
  bool Answer(std::uint64_t sequence, std::uint32_t epoch, const Reply& reply) {
    return Complete(registry_.memory(slot_).replies, sequence, epoch, reply, &registry_.owner());
  }
  /// Gives the slot up: nothing is read from it any more, and what is pending is answered kBadRecord.
  bool Quarantine(std::uint32_t epoch);

  std::uint32_t slot() const { return slot_; }
  std::uint32_t generation() const { return generation_; }
  const LaneHead& head() const { return head_; }
  SlotEntry& entry() const { return registry_.entry(slot_); }

 private:
  Registry& registry_;
  const std::uint32_t slot_;
  std::uint32_t generation_ = 0;
  std::optional<LaneReader> lanes_;
  LaneHead head_;           // as of Begin, then what Pop left
  std::uint64_t read_ = 0;  // the next sequence expected
  RecordHeader header_;
  base::Bytes payload_;
};

/// Takeover: stamps every head with `epoch`, so that nothing of a lower one can pop any more. False: fenced.
bool RestampHeads(Registry& registry, std::uint32_t epoch);

}  // namespace tenure::ingest
