// The bytes of a double buffer in memory that threads or processes share.
//
//   0     magic, layout version, cells per half, payload bytes per cell      written once
//   64    turn: {epoch, round}; half `round & 1` is the one that writers claim in
//   128   next of half 0: {round, index of the next cell to claim}
//   192   next of half 1
//   256   the cells of half 0, then those of half 1, each on a 64-byte boundary:
//           word (16 bytes), record header (24), payload
//
// A cell's word is changed by compare-and-swap only:
//   first   sequence << 16 | process slot << 4 | state        second   generation << 32 | stamp
//
//              Write: claim                Write: publish                  Drain::Release
//     kFree ------------------> kClaimed ------------------> kPublished ------------------> kFree
//       ^                          |  |
//       |   Write: turn is over    |  | Collect: bound passed
//       +--------------------------+  v
//       +------------------------ kAbandoned
//           Write: publish failed; or Collect: its process is dead
//
// A sequence names one write for as long as the memory lives: a claim adds the number of cells to the cell's
// last one (which starts as the cell's number), so no two writes share one.
// 48 bits last nine years at a million writes a second.
//
// The stamp fences the cells. A drain that takes over puts its epoch into every cell's word, free ones included;
// claims and publications keep the stamp that they find. So once it has gone over all cells, every word has its
// stamp or a higher one, for ever; and since a drain changes a word only from exactly what it collected, and only
// from a stamp that is not above its own epoch, none of a lower epoch frees, gives up or reclaims a cell any more.
// A writer whose exchange fails because of a stamp, and of nothing else, tries again.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "store/base/atomic128.h"
#include "store/ingest/record.h"

namespace tenure::ingest {

inline constexpr std::uint64_t kDoubleBufferMagic = 0x31304c42'44524e54;  // "TNRDBL01"
inline constexpr std::uint32_t kDoubleBufferLayoutVersion = 2;

enum class CellState : std::uint8_t { kFree = 0, kClaimed = 1, kPublished = 2, kAbandoned = 3 };

/// Who writes: a process slot and its generation, for the question whether it is dead.
struct CellOwner {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const CellOwner&, const CellOwner&) = default;
};

/// Process slots are below this.
inline constexpr std::uint32_t kCellOwnerSlots = 1 << 12;

inline base::Pair64 CellWord(std::uint64_t sequence, CellState state, CellOwner owner, std::uint32_t stamp) {
  return {sequence << 16 | std::uint64_t{owner.slot & (kCellOwnerSlots - 1)} << 4 | static_cast<std::uint64_t>(state),
          std::uint64_t{owner.generation} << 32 | stamp};
}
inline CellState StateOf(base::Pair64 word) { return static_cast<CellState>(word.first & 0xF); }
inline std::uint64_t SequenceOf(base::Pair64 word) { return word.first >> 16; }
inline std::uint32_t StampOf(base::Pair64 word) { return static_cast<std::uint32_t>(word.second); }
inline CellOwner OwnerOf(base::Pair64 word) {
  return {static_cast<std::uint32_t>(word.first >> 4) & (kCellOwnerSlots - 1),
          static_cast<std::uint32_t>(word.second >> 32)};
}
inline base::Pair64 WithStamp(base::Pair64 word, std::uint32_t stamp) {
  return {word.first, (word.second & ~std::uint64_t{0xFFFFFFFF}) | stamp};
}
/// Equal but for the stamp.
inline bool SameClaim(base::Pair64 a, base::Pair64 b) { return WithStamp(a, 0) == WithStamp(b, 0); }

/// Where a write is on its way: number of the cell << 48 | sequence. 0: nowhere.
inline std::uint64_t CellPlace(std::uint32_t cell, std::uint64_t sequence) {
  return std::uint64_t{cell} << 48 | sequence;
}

/// Two 32-bit values that change together: {epoch, round} or {round, index}.
struct TwoWords {
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  static TwoWords Of(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint32_t>(word)};
  }
  std::uint64_t word() const { return std::uint64_t{high} << 32 | low; }
};

/// The word; the record header and the payload lie behind it, up to the next cell.
struct Cell {
  static constexpr std::size_t kRecordOffset = 16;
  base::Atomic128 word;
  std::byte* record() { return reinterpret_cast<std::byte*>(this) + kRecordOffset; }
};
static_assert(sizeof(Cell) == Cell::kRecordOffset && alignof(Cell) == 16);

struct DoubleBufferControl {
  alignas(64) std::atomic<std::uint64_t> magic;
  std::atomic<std::uint32_t> layout_version;
  std::atomic<std::uint32_t> cells_per_half;
  std::atomic<std::uint32_t> payload_bytes;
  alignas(64) std::atomic<std::uint64_t> turn;
  struct alignas(64) Next {
    std::atomic<std::uint64_t> word;
  } next[2];
};
static_assert(sizeof(DoubleBufferControl) == 256 && offsetof(DoubleBufferControl, magic) == 0 &&
              offsetof(DoubleBufferControl, layout_version) == 8 &&
              offsetof(DoubleBufferControl, cells_per_half) == 12 &&
              offsetof(DoubleBufferControl, payload_bytes) == 16 && offsetof(DoubleBufferControl, turn) == 64 &&
              offsetof(DoubleBufferControl, next) == 128);

/// From one cell to the next.
constexpr std::uint64_t CellStride(std::uint32_t payload_bytes) {
  return (Cell::kRecordOffset + sizeof(RecordHeader) + std::uint64_t{payload_bytes} + 63) & ~std::uint64_t{63};
}

}  // namespace tenure::ingest
