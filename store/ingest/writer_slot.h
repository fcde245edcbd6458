// The writing end of a slot: pushes operations into its lanes and reads their answers.
//
//   Push ──▶ pending ──(a committer answers)──▶ resolved ──Retire──▶ its cell and reply words are free again
//
// Pushing and retiring are the caller's to serialise (one mutex per slot); IsPending and Read may be called by
// any thread of the process for an operation that was not retired. Sequences are dense and never reused, so the
// order of pushing is the order of committing.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "store/ingest/registry.h"

namespace tenure::ingest {

/// What a record is: its type in the ring.
enum class RecordType : std::uint16_t {
  kInline = 1,  ///< The body is in the record.
  kDetail = 2,  ///< The record names a place in the detail lane.
  kFile = 3,    ///< The record names a staging file.
};
/// A bit beside the type: submitted again, behind what its thread had submitted after it. See commit::Request::late.
inline constexpr std::uint16_t kLate = 0x100;
/// Every record's payload begins with its operation's sequence (8 bytes).
inline constexpr std::size_t kSequenceBytes = 8;
/// Bodies up to this size travel in the index lane.
inline constexpr std::size_t kInlineBytesMax = 8 * 1024;

class WriterSlot {
 public:
  /// kBusy when no slot is free.
  static Result<std::unique_ptr<WriterSlot>> Open(Registry& registry);
  /// Gives the slot back, unless something of it is in flight.
  ~WriterSlot();
  WriterSlot(const WriterSlot&) = delete;
  WriterSlot& operator=(const WriterSlot&) = delete;

  enum class PushResult : std::uint8_t { kOk, kFull };
  /// Pushes `body` (at most kDetailBytesMax), or the name of the file that holds it. `reply_bytes`: what the
  /// answer may need beyond LSN and revision. kFull: back-pressure; an answer or a drain makes room. `again`: in place
  /// of that operation, which was answered, and is retired next; when it is the oldest, the room for its answer counts
  /// as free.
  PushResult TryPush(RecordType type, base::ByteView body, std::size_t reply_bytes, std::uint64_t timestamp_ns,
                     std::uint64_t& sequence, bool late = false, std::optional<std::uint64_t> again = std::nullopt);
  /// Nothing was pushed behind it.
  bool IsNewest(std::uint64_t sequence) const { return sequence + 1 == next_; }
  bool IsPending(std::uint64_t sequence) const { return ingest::IsPending(memory_.replies, sequence); }
  Reply Read(std::uint64_t sequence) const { return ReadReply(memory_.replies, sequence); }
  /// Its answer was read, or is given up: in any order.
  void Retire(std::uint64_t sequence);
  std::uint64_t in_flight() const { return next_ - oldest_; }
  std::uint64_t oldest() const { return oldest_; }
  /// Everything pushed so far was popped by a committer.
  bool Drained() const { return !registry_.HasWork(claim_.slot); }
  bool Quarantined() const { return registry_.Quarantined(claim_.slot, claim_.generation); }

  std::uint32_t slot() const { return claim_.slot; }
  std::uint32_t generation() const { return claim_.generation; }
  SlotEntry& entry() const { return registry_.entry(claim_.slot); }

 private:
  WriterSlot(Registry& registry, const SlotClaim& claim, LaneWriter index, DetailWriter detail);
  bool WriteRecord(RecordType type, base::ByteView body, std::uint64_t timestamp_ns, bool late);

  Registry& registry_;
  const SlotClaim claim_;
  const SlotMemory memory_;
  LaneWriter index_;
  DetailWriter detail_;
  std::uint64_t next_;    // sequence of the next push
  std::uint64_t oldest_;  // everything below is retired
  struct InFlight {
    ReplySpace space;
    bool retired = false;
  };
  std::deque<InFlight> flight_;  // of oldest_ … next_ - 1
  std::uint32_t words_used_ = 0;
  std::uint32_t words_at_ = 0;
};

}  // namespace tenure::ingest
