// A lock-free buffer that many threads write and one drains: for threads that have no slot of their own.
//
// Two halves of fixed cells over memory that the caller gives. Writers claim cells of one half, in the order
// of the cells, while the drain collects the other; then the halves change places by one compare-and-swap.
// Write may be called by any thread of any process that has attached. It never waits: a full half is an
// answer. The drain is in double_buffer_drain.h; the words and their states in double_buffer_layout.h.
//
// The orderings, each with what it prevents:
//   P  publish (CAS) by the writer, load of the cell's word by the drain: without it the drain may see
//      kPublished and still read the bytes of an older write.
//   F  free (CAS) by the drain, load of the word by the next writer: without it the writer's bytes may
//      overtake the drain's copying of the old ones.
//   D  claim (CAS), then load of `turn`, by the writer; CAS of `turn`, then loads of the words, by the drain
//      (all sequentially consistent): one of them sees the other. Without it a write could be claimed in a half
//      after the drain has looked through it, and a later write of the same thread would overtake it.
#pragma once

#include <atomic>
#include <span>

#include "store/base/env.h"
#include "store/ingest/double_buffer_layout.h"

namespace tenure::ingest {

enum class WriteResult : int {
  kOk = 0,
  kFull = -1,     ///< Temporary: the drain has not come round yet.
  kInvalid = -2,  ///< No bytes, more than max_payload(), or type 0.
};

class DoubleBuffer {
 public:
  static constexpr std::uint32_t kMaxCells = 1 << 16;
  static constexpr std::uint32_t kMaxPayload = 1 << 24;

  static constexpr std::size_t BytesFor(std::uint32_t cells_per_half, std::uint32_t payload_bytes) {
    return sizeof(DoubleBufferControl) + 2 * std::size_t{cells_per_half} * CellStride(payload_bytes);
  }
  /// Empty. The memory starts on a 64-byte boundary and outlives every DoubleBuffer over it.
  static Result<DoubleBuffer> Create(std::span<std::byte> memory, std::uint32_t cells_per_half,
                                     std::uint32_t payload_bytes);
  /// Uses the buffer that is there, with whatever it holds.
  static Result<DoubleBuffer> Attach(std::span<std::byte> memory);

  /// Copies `payload` into a cell. After kOk it will be collected exactly once; `sequence`, when given, then names
  /// this write. When the drain gave it up for being slow it is written again, under a new sequence.
  /// `place`, when given, must be 0 and becomes the CellPlace of the write before it is published; it is 0 again
  /// before the cell of a claim that was given up is freed. So while `place` names a write that its cell no
  /// longer holds, that write was published and released: see Drain::Holds.
  WriteResult Write(CellOwner owner, std::uint16_t type, std::uint64_t timestamp_ns, base::ByteView payload,
                    std::uint64_t* sequence = nullptr, std::atomic<std::uint64_t>* place = nullptr);
  /// Whether a drain would find something now: published cells, unless they are in the half that is being written
  /// and a claim in the other one keeps the halves from changing places. Sequentially consistent: either a drain's
  /// owner that is about to sleep sees the write, or the writer, behind it, sees that it sleeps.
  bool AnyReady() const;

  std::uint32_t cells_per_half() const { return cells_; }
  std::uint32_t max_payload() const { return payload_bytes_; }

 private:
  friend class Drain;
  friend struct DoubleBufferSteps;  // tests that stop a writer between two steps
  struct Claim {
    Cell* cell = nullptr;
    std::uint32_t number = 0;  // of the cell, over both halves
    base::Pair64 word;
  };
  DoubleBuffer(DoubleBufferControl* control, std::byte* cells, std::uint32_t count, std::uint32_t payload_bytes)
      : control_(control), cell_bytes_(cells), cells_(count), payload_bytes_(payload_bytes) {}

  Cell& CellAt(std::uint32_t half, std::uint32_t index) const {
    return *reinterpret_cast<Cell*>(cell_bytes_ + (std::uint64_t{half} * cells_ + index) * CellStride(payload_bytes_));
  }
  /// kOk with a claim in the half whose turn it is, or kFull.
  WriteResult ClaimCell(CellOwner owner, Claim& claim);
  enum class Attempt : std::uint8_t { kClaimed, kAgain, kFull };
  /// One attempt by a writer that saw `round`, which may be over.
  Attempt TryClaim(std::uint32_t round, CellOwner owner, Claim& claim);
  std::uint32_t Round() const { return TwoWords::Of(control_->turn.load(std::memory_order_seq_cst)).low; }
  static void Fill(const Claim& claim, std::uint16_t type, std::uint64_t timestamp_ns, base::ByteView payload);
  /// False when the drain has abandoned the claim; the cell is free again then.
  static bool Publish(const Claim& claim, std::atomic<std::uint64_t>* place = nullptr);
  /// From `claim`, in whichever state `from` and under whichever stamp, to `to`. False: it is not in that state.
  static bool Change(const Claim& claim, CellState from, CellState to);

  DoubleBufferControl* control_;
  std::byte* cell_bytes_;
  std::uint32_t cells_;
  std::uint32_t payload_bytes_;
};

}  // namespace tenure::ingest
