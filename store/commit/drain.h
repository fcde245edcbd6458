// Takes operations out of all lanes, round-robin and bounded per lane, and out of the double buffer, and answers
// them after publication.
//
// By whoever owns the commit lease:
//   Begin ─▶ (Look ─▶ Next … Next) as often as there is more ─▶ Close ─▶ (appended, published) ─▶ PopAll ─▶ AnswerAll
//   ─▶ Wake
// The next haul may begin as soon as the last one is closed: hauls are popped and answered in the order in which they
// were begun. Nothing is answered before its batch is published and its head has moved: a rejection would otherwise be
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

/// What one batch took. Memory is used again from batch to batch.
struct Haul {
  struct Share {
    std::uint32_t slot = 0;
    std::uint32_t taken = 0;
    ingest::LaneHead mark;  // once closed: where the head goes
    bool bad = false;       // it ended at a record that nobody can read
  };
  std::vector<Share> shares;
  bool with_buffer = false;  // the double buffer is this one's until it is popped
  std::uint32_t looks = 0;

  /// Nothing was found, sound or not.
  bool empty() const { return used == 0 && !bad; }
  std::size_t size() const { return used; }
  LaneWork& at(std::size_t i) { return works[i]; }

  std::deque<LaneWork> works;  // `used` of them are of this batch
  std::size_t used = 0;
  bool bad = false;  // some record of it is
};

class LaneDrain {
 public:
  LaneDrain(const Context& context, ingest::Registry& registry)
      : context_(context), registry_(registry), buffer_(context) {}

  /// Takeover: from here on nothing of a lower epoch pops a lane or the buffer. False: superseded.
  bool TakeOver(std::uint32_t epoch);
  /// Forgets what was taken and not popped: it is taken again.
  void Reset();

  void Begin(Haul& haul);
  /// Looks around for what there is for the haul.
  void Look(std::uint32_t epoch, Haul& haul);
  /// The next operation in turn, or null when every lane seen by the last Look is empty or has had its share of this
  /// batch. The pointer is valid until the haul's next Begin.
  LaneWork* Next(Haul& haul);
  /// Of the operation that Next gave last, unless it came with an answer.
  const Request& request() const { return request_; }
  void Close(Haul& haul);
  /// Moves the heads behind everything that Next gave, and frees its cells. False: fenced; nothing may be answered.
  bool PopAll(Haul& haul, std::uint32_t epoch);
  /// Answers what was taken, then gives up the slots that held bad records. False: some answer bank says that a
  /// higher epoch was there, which only the lease can tell from a bank that was written over.
  bool AnswerAll(Haul& haul, std::uint32_t epoch);
  /// One system call for 32 writer slots with sleepers among those answered; none when nobody sleeps.
  void Wake(const Haul& haul);

  /// Some thread has operations that were not popped. Any thread; waits for nobody.
  bool AnyWork() const { return registry_.AnyWork() || buffer_.AnyWork(); }
  /// Some thread has operations that no haul has taken. Of the committing thread.
  bool AnyNews() const;

 private:
  struct Lane {
    std::unique_ptr<ingest::SlotReader> reader;
    std::uint32_t hauls = 0;   // that took of it and were not popped
    std::uint64_t number = 0;  // of the last haul that it has a share of
    std::size_t share = 0;     // its number there
    bool bad = false;          // until it is given up
  };
  LaneWork& Fresh(Haul& haul) const;
  LaneWork* Take(Lane& lane, Haul& haul);
  LaneWork* NextOfLanes(Haul& haul);
  LaneWork* NextOfBuffer(Haul& haul);
  Haul::Share& ShareOf(Lane& lane, Haul& haul) const;

  const Context& context_;
  ingest::Registry& registry_;
  std::vector<Lane> lanes_;          // by slot
  std::uint64_t number_ = 0;         // of the haul that is being filled
  std::vector<std::uint32_t> turn_;  // slots seen by the last Look, in the order of serving
  std::size_t at_ = 0;
  std::uint32_t first_ = 0;  // where the round begins: moves on, so that nobody is always first
  BufferDrain buffer_;
  bool buffer_taken_ = false;  // by a haul that was not popped
  bool buffer_first_ = false;  // every other batch: a flood on either side leaves the other its share
  ingest::QueuedOperation operation_;
  Request request_;
};

}  // namespace tenure::commit
