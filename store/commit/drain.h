// Takes operations out of all lanes, round-robin and bounded per lane, and out of the double buffer, and answers
// them after publication.
//
// One batch at a time, by whoever owns the commit lease:
//   Begin ─▶ Next … Next ─▶ (decided, appended, published) ─▶ PopAll ─▶ AnswerAll ─▶ Wake
// Nothing is answered before its batch is published and its head has moved: a rejection would otherwise be
// fenced by nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "store/base/env.h"
#include "store/commit/buffer_drain.h"
#include "store/commit/context.h"
#include "store/commit/lane_work.h"
#include "store/ingest/slot_reader.h"

namespace tenure::commit {

class LaneDrain {
 public:
  LaneDrain(const Context& context, ingest::Registry& registry)
      : context_(context), registry_(registry), buffer_(context) {}

  /// Takeover: from here on nothing of a lower epoch pops a lane or the buffer. False: superseded.
  bool TakeOver(std::uint32_t epoch);
  void Begin(std::uint32_t epoch);
  /// The next operation in turn, or null when every lane is empty or has had its share of this batch. The pointer is
  /// valid until the next Begin.
  LaneWork* Next();
  /// Moves the heads behind everything that Next gave, and frees its cells. False: fenced; nothing may be answered.
  bool PopAll(std::uint32_t epoch);
  /// Answers what was taken, then gives up the slots that held bad records. False: some answer bank says that a
  /// higher epoch was there, which only the lease can tell from a bank that was written over.
  bool AnswerAll(std::uint32_t epoch);
  /// One system call for all sleepers among those answered; none when nobody sleeps.
  void Wake();

  /// Nothing was found, sound or not.
  bool empty() const { return used_ == 0 && !bad_ && !buffer_.HasBad(); }
  /// Some thread has operations that a batch would take. Waits for nobody.
  bool AnyWork() const { return registry_.AnyWork() || buffer_.AnyWork(); }
  std::size_t size() const { return used_; }
  LaneWork& at(std::size_t i) { return works_[i]; }

 private:
  struct Lane {
    std::unique_ptr<ingest::SlotReader> reader;
    std::uint32_t taken = 0;  // in this batch
    bool popped = false;
    bool bad = false;
  };
  LaneWork& Fresh();
  LaneWork* Take(Lane& lane);
  LaneWork* NextOfLanes();
  LaneWork* NextOfBuffer();

  const Context& context_;
  ingest::Registry& registry_;
  std::vector<Lane> lanes_;          // by slot
  std::vector<std::uint32_t> turn_;  // slots of this batch, in the order of serving
  std::size_t at_ = 0;
  std::uint32_t first_ = 0;  // where the round begins: moves on, so that nobody is always first
  BufferDrain buffer_;
  bool buffer_first_ = false;  // every other batch: a flood on either side leaves the other its share
  ingest::QueuedOperation operation_;
  std::deque<LaneWork> works_;  // reused; used_ of them are of this batch
  std::size_t used_ = 0;
  bool bad_ = false;  // some lane of this batch is
};

}  // namespace tenure::commit
