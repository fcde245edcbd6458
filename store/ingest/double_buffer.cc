#include "store/ingest/double_buffer.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "store/base/error.h"
#include "store/base/failpoint.h"

namespace tenure::ingest {
namespace {

/// How often a claim is tried before it is called full. Each failure means that another thread got on; only memory
/// that somebody damaged can exhaust it.
constexpr int kClaimTries = 1 << 14;

Status CheckShape(std::uint32_t cells, std::uint32_t payload_bytes, std::size_t bytes, ErrorCode code) {
  if (cells == 0 || cells > DoubleBuffer::kMaxCells || payload_bytes == 0 ||
      payload_bytes > DoubleBuffer::kMaxPayload) {
    return base::MakeError(code, "a double buffer has 1 to 65,536 cells of 1 byte to 16 MiB a half, not " +
                                     std::to_string(cells) + " of " + std::to_string(payload_bytes));
  }
  if (bytes < DoubleBuffer::BytesFor(cells, payload_bytes)) {
    return base::MakeError(code, "a double buffer of 2 x " + std::to_string(cells) + " cells of " +
                                     std::to_string(payload_bytes) + " bytes needs " +
                                     std::to_string(DoubleBuffer::BytesFor(cells, payload_bytes)) + " bytes, not " +
                                     std::to_string(bytes));
  }
  return {};
}

Status CheckStart(std::span<std::byte> memory) {
  if (memory.data() == nullptr || reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(DoubleBufferControl) != 0) {
    return base::MakeError(ErrorCode::kInvalidArgument, "a double buffer's memory must start on a 64-byte boundary");
  }
  return {};
}

}  // namespace

Result<DoubleBuffer> DoubleBuffer::Create(std::span<std::byte> memory, std::uint32_t cells_per_half,
                                          std::uint32_t payload_bytes) {
  TENURE_RETURN_IF_ERROR(CheckStart(memory));
  TENURE_RETURN_IF_ERROR(CheckShape(cells_per_half, payload_bytes, memory.size(), ErrorCode::kInvalidArgument));
  auto* control = new (memory.data()) DoubleBufferControl{};
  control->layout_version.store(kDoubleBufferLayoutVersion, std::memory_order_relaxed);
  control->cells_per_half.store(cells_per_half, std::memory_order_relaxed);
  control->payload_bytes.store(payload_bytes, std::memory_order_relaxed);
  // Half 0 has round 0 and half 1 will have round 1.
  control->next[1].word.store(TwoWords{1, 0}.word(), std::memory_order_relaxed);
  DoubleBuffer buffer(control, memory.data() + sizeof *control, cells_per_half, payload_bytes);
  for (std::uint32_t i = 0; i < 2 * cells_per_half; ++i) {
    Cell* cell = new (&buffer.CellAt(0, i)) Cell{};
    base::Pair64 zero;
    TENURE_CHECK(cell->word.CompareExchange(zero, CellWord(i, CellState::kFree, {}, 0)));
  }
  // Whoever sees the magic (acquire, in Attach) sees the rest.
  control->magic.store(kDoubleBufferMagic, std::memory_order_release);
  return buffer;
}

Result<DoubleBuffer> DoubleBuffer::Attach(std::span<std::byte> memory) {
  TENURE_RETURN_IF_ERROR(CheckStart(memory));
  auto* control = std::launder(reinterpret_cast<DoubleBufferControl*>(memory.data()));
  if (memory.size() < sizeof *control || control->magic.load(std::memory_order_acquire) != kDoubleBufferMagic) {
    return base::MakeError(ErrorCode::kUnsupported, "there is no double buffer in this memory");
  }
  const std::uint32_t version = control->layout_version.load(std::memory_order_relaxed);
  if (version != kDoubleBufferLayoutVersion) {
    return base::MakeError(ErrorCode::kUnsupported, "the double buffer has layout version " + std::to_string(version) +
                                                        ", this library uses " +
                                                        std::to_string(kDoubleBufferLayoutVersion));
  }
  const std::uint32_t cells = control->cells_per_half.load(std::memory_order_relaxed);
  const std::uint32_t payload_bytes = control->payload_bytes.load(std::memory_order_relaxed);
  TENURE_RETURN_IF_ERROR(CheckShape(cells, payload_bytes, memory.size(), ErrorCode::kCorruption));
  return DoubleBuffer(control, memory.data() + sizeof *control, cells, payload_bytes);
}

DoubleBuffer::Attempt DoubleBuffer::TryClaim(std::uint32_t round, CellOwner owner, Claim& claim) {
  std::atomic<std::uint64_t>& next_word = control_->next[round & 1].word;
  std::uint64_t seen = next_word.load(std::memory_order_acquire);
  const TwoWords next = TwoWords::Of(seen);
  if (next.high != round) return Attempt::kAgain;  // the halves have changed places
  if (next.low >= cells_) return Round() == round ? Attempt::kFull : Attempt::kAgain;
  Cell& cell = CellAt(round & 1, next.low);
  base::Pair64 word = cell.word.Load();
  bool claimed = false;
  if (StateOf(word) == CellState::kFree) {
    claim = {&cell, (round & 1) * cells_ + next.low,
             CellWord(SequenceOf(word) + 2 * std::uint64_t{cells_}, CellState::kClaimed, owner, StampOf(word))};
    claimed = cell.word.CompareExchange(word, claim.word);
  }
  // Whoever finds the cell taken moves `next` on, so that a claimant that dies in between holds nobody up. The
  // round in the word makes a late helper's attempt fail.
  if (claimed || StateOf(word) != CellState::kFree) {
    next_word.compare_exchange_strong(seen, TwoWords{round, next.low + 1}.word(), std::memory_order_acq_rel);
  }
  if (!claimed) return Attempt::kAgain;
  // D. The same 32 bits cannot have come round meanwhile: no half's turn comes while a cell of it is claimed.
  if (Round() == round) return Attempt::kClaimed;
  if (!Change(claim, CellState::kClaimed, CellState::kFree)) Change(claim, CellState::kAbandoned, CellState::kFree);
  return Attempt::kAgain;
}

WriteResult DoubleBuffer::ClaimCell(CellOwner owner, Claim& claim) {
  for (int tries = 0; tries < kClaimTries; ++tries) {
    const Attempt attempt = TryClaim(Round(), owner, claim);
    if (attempt == Attempt::kClaimed) return WriteResult::kOk;
    if (attempt == Attempt::kFull) break;
  }
  return WriteResult::kFull;
}

void DoubleBuffer::Fill(const Claim& claim, std::uint16_t type, std::uint64_t timestamp_ns, base::ByteView payload) {
  HeaderWords header(payload.size(), type, 0, timestamp_ns);
  header.words[2] = RecordChecksum(header, payload);
  std::memcpy(claim.cell->record(), header.words, sizeof header.words);
  std::memcpy(claim.cell->record() + sizeof header.words, payload.data(), payload.size());
}

bool DoubleBuffer::Change(const Claim& claim, CellState from, CellState to) {
  const std::uint64_t sequence = SequenceOf(claim.word);
  const base::Pair64 expected = CellWord(sequence, from, OwnerOf(claim.word), 0);
  base::Pair64 word = claim.cell->word.Load();
  while (SameClaim(word, expected)) {
    const CellOwner owner = to == CellState::kFree ? CellOwner{} : OwnerOf(claim.word);
    if (claim.cell->word.CompareExchange(word, CellWord(sequence, to, owner, StampOf(word)))) return true;
  }
  return false;
}

bool DoubleBuffer::Publish(const Claim& claim, std::atomic<std::uint64_t>* place) {
  // P: the record is whole before the word says so.
  if (Change(claim, CellState::kClaimed, CellState::kPublished)) return true;
  // Given up by the drain. Nobody else touches it until its writer, which is done with it now, frees it. Anything
  // but the own sequence means that this process was declared dead, and the cell belongs to somebody else.
  if (place != nullptr) place->store(0, std::memory_order_seq_cst);
  Change(claim, CellState::kAbandoned, CellState::kFree);
  return false;
}

WriteResult DoubleBuffer::Write(CellOwner owner, std::uint16_t type, std::uint64_t timestamp_ns, base::ByteView payload,
                                std::uint64_t* sequence, std::atomic<std::uint64_t>* place) {
  if (payload.data() == nullptr || payload.empty() || payload.size() > payload_bytes_ || type == 0 ||
      owner.slot >= kCellOwnerSlots) {
    return WriteResult::kInvalid;
  }
  for (;;) {
    Claim claim;
    if (ClaimCell(owner, claim) != WriteResult::kOk) return WriteResult::kFull;
    if (place != nullptr) {
      place->store(CellPlace(claim.number, SequenceOf(claim.word)), std::memory_order_seq_cst);
    }
    TENURE_FAIL_POINT("buffer.claimed");
    Fill(claim, type, timestamp_ns, payload);
    if (!Publish(claim, place)) continue;
    if (sequence != nullptr) *sequence = SequenceOf(claim.word);
    return WriteResult::kOk;
  }
}

bool DoubleBuffer::AnyReady() const {
  const std::uint32_t round = Round();
  bool published[2] = {false, false};  // in the half being written, and in the other one
  bool claimed_there = false;
  for (const std::uint32_t other : {1u, 0u}) {
    const std::uint32_t half = (round + other) & 1;
    // Cells are claimed in order, one ahead of `next` at most: the rest of the half is free.
    const std::uint32_t used = TwoWords::Of(control_->next[half].word.load(std::memory_order_seq_cst)).low;
    for (std::uint32_t i = 0; i < std::min(used + std::uint64_t{1}, std::uint64_t{cells_}); ++i) {
      const CellState state = StateOf(CellAt(half, i).word.Load());
      const bool claimed = state == CellState::kClaimed;
      published[other] |= !claimed && state != CellState::kFree && state != CellState::kAbandoned;
      claimed_there |= claimed && other == 1;
    }
  }
  return published[1] || (published[0] && !claimed_there);
}

}  // namespace tenure::ingest
