#include "store/ingest/double_buffer.h"

#include <cstring>
#include <new>

#include "store/base/error.h"

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
    TENURE_CHECK(cell->word.CompareExchange(zero, CellWord(i, CellState::kFree, {})));
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
    claim = {&cell, CellWord(SequenceOf(word) + 2 * std::uint64_t{cells_}, CellState::kClaimed, owner)};
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
  const std::uint64_t sequence = SequenceOf(claim.word);
  base::Pair64 mine = claim.word;
  if (!cell.word.CompareExchange(mine, CellWord(sequence, CellState::kFree, {})) &&
      mine == CellWord(sequence, CellState::kAbandoned, owner)) {
    cell.word.CompareExchange(mine, CellWord(sequence, CellState::kFree, {}));
  }
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

bool DoubleBuffer::Publish(const Claim& claim) {
  const std::uint64_t sequence = SequenceOf(claim.word);
  const CellOwner owner = OwnerOf(claim.word);
  base::Pair64 word = claim.word;
  // P: the record is whole before the word says so.
  if (claim.cell->word.CompareExchange(word, CellWord(sequence, CellState::kPublished, owner))) return true;
  // Given up by the drain. Nobody else touches it until its writer, which is done with it now, frees it. Anything
  // but the own sequence means that this process was declared dead, and the cell belongs to somebody else.
  if (word == CellWord(sequence, CellState::kAbandoned, owner)) {
    claim.cell->word.CompareExchange(word, CellWord(sequence, CellState::kFree, {}));
  }
  return false;
}

WriteResult DoubleBuffer::Write(CellOwner owner, std::uint16_t type, std::uint64_t timestamp_ns, base::ByteView payload,
                                std::uint64_t* sequence) {
  if (payload.data() == nullptr || payload.empty() || payload.size() > payload_bytes_ || type == 0) {
    return WriteResult::kInvalid;
  }
  for (;;) {
    Claim claim;
    if (ClaimCell(owner, claim) != WriteResult::kOk) return WriteResult::kFull;
    Fill(claim, type, timestamp_ns, payload);
    if (!Publish(claim)) continue;
    if (sequence != nullptr) *sequence = SequenceOf(claim.word);
    return WriteResult::kOk;
  }
}

}  // namespace tenure::ingest
