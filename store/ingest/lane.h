// The lanes of a writer slot: pools of rings in shared memory between one writer thread and whoever commits.
//
// Index lane (4 rings): one record per operation, in order. The writer fills its *active* ring; when that is full
// it hands it over and goes on in a free one. Handing over appends to a circular list of turns, which is both
// queues at once:
//
//        free queue (drained)          submit queue (handed over)      active
//   … [turn 5: ring 2][turn 6: ring 0] [turn 7: ring 3][turn 8: ring 1] [turn 9: ring 2]
//                       reclaimed ─▶    ▲ the committer's head           ▲ control.turn (the writer's)
//
// The committer drains turn by turn and moves one fenced word, SlotEntry::head {epoch, position, sequence,
// turn}, once per batch: every ring of an earlier turn is thereby in the free queue, and the bytes before
// `position` are free again. Detail lane (2 rings): bodies too large for an index record, which names ring
// and position; its bytes are free once the operation's sequence has been popped, so that it needs no word of
// its own.
//
// Pairing: the writer publishes bytes by the ring's tail (release), the handing over by control.turn (release)
// after it; a reader loads turn, then tail, so that a ring seen as handed over is seen with its last record.
//
// LaneWriter and DetailWriter belong to the slot's thread. Readers trust nothing that the mapping says about
// sizes: geometry is this process's own.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "store/ingest/layout.h"
#include "store/ingest/ring.h"

namespace tenure::ingest {

inline constexpr std::uint32_t kIndexRings = 4;
inline constexpr std::uint32_t kDetailRings = 2;
inline constexpr std::uint32_t kRingBytes = 64 * 1024;
inline constexpr std::uint32_t kTurnsListed = 16;
static_assert(kTurnsListed > kIndexRings && kTurnsListed <= 65'536);

/// What the writer counts; read by others for people.
struct LaneMetrics {
  std::atomic<std::uint64_t> written;     ///< Records.
  std::atomic<std::uint64_t> bytes;       ///< Of payload.
  std::atomic<std::uint64_t> overflowed;  ///< Times the lane was full.
  std::atomic<std::uint64_t> high_water;  ///< Most bytes waiting at once, as the writer saw it.
};

struct LaneControl {
  alignas(64) std::atomic<std::uint64_t> turn;  ///< The active one.
  std::array<std::atomic<std::uint8_t>, kTurnsListed> ring_of_turn;
  std::array<std::atomic<std::uint64_t>, kTurnsListed> start_of_turn;  ///< Position in that ring.
  alignas(64) LaneMetrics metrics;
};
static_assert(sizeof(LaneControl) == 256);

/// Where a lane of `rings` rings keeps them: control, then the rings.
constexpr std::uint64_t LaneBytes(std::uint32_t rings) {
  return sizeof(LaneControl) + rings * ((Ring::BytesFor(kRingBytes) + 63) / 64 * 64);
}
std::span<std::byte> RingMemory(std::byte* lane, std::uint32_t ring);

/// The largest body that a detail ring takes.
inline constexpr std::size_t kDetailBytesMax = kRingBytes - 256;

class LaneWriter {
 public:
  /// A lane without content: turn and positions 0.
  static Result<LaneWriter> Create(std::byte* memory);
  /// False: full; nothing was written. `head` tells what the committer has popped.
  bool TryWrite(std::uint16_t type, std::uint64_t timestamp_ns, std::span<const base::ByteView> pieces,
                const LaneHead& head);

 private:
  explicit LaneWriter(LaneControl& control) : control_(&control) {}
  void Reclaim(const LaneHead& head);
  bool NextRing();

  LaneControl* control_;
  std::vector<Ring> rings_;          // those that were needed so far
  std::vector<std::uint32_t> free_;  // of them; most recently drained last: its lines are warm
  std::uint64_t turn_ = 0;
  std::uint64_t reclaimed_ = 0;  // turns below are in free_ or in use again
};

/// Where a detail is: in the index record.
struct DetailPlace {
  std::uint32_t ring = 0;
  std::uint64_t position = 0;
};

class DetailWriter {
 public:
  static Result<DetailWriter> Create(std::byte* memory);
  /// nullopt: full. `popped`: sequences below it need their details no more.
  std::optional<DetailPlace> TryWrite(base::ByteView body, std::uint64_t sequence, std::uint64_t popped);

 private:
  explicit DetailWriter(LaneControl& control) : control_(&control) {}
  struct Used {
    std::uint64_t sequence;
    std::uint32_t ring;
    std::uint64_t end;
  };
  LaneControl* control_;
  std::vector<Ring> rings_;  // those that were needed so far
  std::deque<Used> used_;
  std::uint32_t active_ = 0;
};

/// Reads an index lane from a committer's head on, without moving anything.
class LaneReader {
 public:
  LaneReader(std::byte* index_lane, std::byte* detail_lane);
  void Seek(const LaneHead& head);
  enum class Step : std::uint8_t { kRecord, kNone, kBad };
  /// The next record's payload, copied before it was checked. kBad: what is there cannot be a record.
  Step Next(RecordHeader& header, base::Bytes& payload);
  /// The detail that a record names. False: what is there is not it.
  bool ReadDetail(const DetailPlace& place, base::Bytes& body) const;
  /// Behind the last record read; epoch and sequence are the caller's.
  std::uint64_t turn() const { return turn_; }
  std::uint64_t position() const { return position_; }

 private:
  const LaneControl* control_;
  std::vector<Ring> rings_;
  std::vector<Ring> details_;
  std::uint64_t turn_ = 0;
  std::uint64_t position_ = 0;
};

}  // namespace tenure::ingest
