#include "store/ingest/double_buffer_drain.h"

#include <cstring>

#include "store/ingest/changing_copy.h"

namespace tenure::ingest {

bool Drain::TakeOver() {
  std::uint64_t turn = buffer_.control_->turn.load(std::memory_order_acquire);
  for (;;) {
    const TwoWords now = TwoWords::Of(turn);
    if (now.high > epoch_) return false;
    if (now.high == epoch_) return true;
    // From here on no Swap of a lower epoch succeeds: it expects another word.
    if (buffer_.control_->turn.compare_exchange_weak(turn, TwoWords{epoch_, now.low}.word(),
                                                     std::memory_order_seq_cst)) {
      return true;
    }
  }
}

std::uint32_t Drain::Collect(std::uint64_t now_ns, std::uint64_t bound_ns, const Dead& dead, const Each& each) {
  const std::uint32_t round = TwoWords::Of(buffer_.control_->turn.load(std::memory_order_seq_cst)).low;
  const std::uint32_t half = (round & 1) ^ 1;
  if (seen_round_ != round || seen_.empty()) {
    seen_.assign(buffer_.cells_, {});
    seen_round_ = round;
  }
  std::uint32_t waiting = 0;
  for (std::uint32_t i = 0; i < buffer_.cells_; ++i) {
    Cell& cell = buffer_.CellAt(half, i);
    // P, and D: a claim that was made before the halves changed places is seen here.
    const base::Pair64 word = cell.word.Load();
    const CellState state = StateOf(word);
    if (state == CellState::kFree) continue;
    Seen& seen = seen_[i];
    if (seen.sequence != SequenceOf(word)) seen = {SequenceOf(word), now_ns, false};
    if (state == CellState::kClaimed || state == CellState::kAbandoned) {
      if (!ResolveClaim(cell, word, now_ns - seen.since_ns, bound_ns, dead)) ++waiting;
    } else if (!seen.collected) {
      seen.collected = CollectCell(half * buffer_.cells_ + i, word, each);
      if (!seen.collected) ++waiting;
    }
  }
  return waiting;
}

bool Drain::ResolveClaim(Cell& cell, base::Pair64 word, std::uint64_t age_ns, std::uint64_t bound_ns,
                         const Dead& dead) {
  const std::uint64_t sequence = SequenceOf(word);
  const bool claimed = StateOf(word) == CellState::kClaimed;
  if (dead(OwnerOf(word))) {
    // A publication just before the death makes the exchange fail: the next Collect finds it.
    if (!cell.word.CompareExchange(word, CellWord(sequence, CellState::kFree, {}))) return false;
    ++counters_.reclaimed;
    return true;
  }
  // Abandoned: its writer may still be copying into it. It is in nobody's way but cannot be used.
  if (!claimed) return true;
  if (age_ns < bound_ns) return false;
  if (!cell.word.CompareExchange(word, CellWord(sequence, CellState::kAbandoned, OwnerOf(word)))) return false;
  ++counters_.abandoned;
  return true;
}

bool Drain::CollectCell(std::uint32_t number, base::Pair64 word, const Each& each) {
  Cell& cell = buffer_.CellAt(0, number);
  Collected out;
  out.cell = number;
  out.sequence = SequenceOf(word);
  out.owner = OwnerOf(word);
  HeaderWords header;
  CopyChanging(reinterpret_cast<std::byte*>(header.words), cell.record(), sizeof header.words);
  out.fault = StateOf(word) == CellState::kPublished
                  ? CheckHeader(header, sizeof(RecordHeader) + std::uint64_t{buffer_.payload_bytes_})
                  : ReadFault::kType;  // no state that exists
  if (out.fault == ReadFault::kNone) {
    scratch_.resize(header.size());
    CopyChanging(scratch_.data(), cell.record() + sizeof header.words, header.size());
    out.fault = CheckPayload(header, scratch_);
  }
  // Another drain may have freed the cell and a writer claimed it while this one copied.
  if (!(cell.word.Load() == word)) return false;
  if (out.fault == ReadFault::kNone) {
    out.header = header.Header();
    out.payload = scratch_;
  } else {
    ++counters_.faults;
  }
  ++counters_.collected;
  each(out);
  return true;
}

bool Drain::Release(std::uint32_t number, std::uint64_t sequence) {
  if (number >= 2 * buffer_.cells_) return false;
  Cell& cell = buffer_.CellAt(0, number);
  base::Pair64 word = cell.word.Load();
  while (SequenceOf(word) == sequence && StateOf(word) != CellState::kFree && StateOf(word) != CellState::kClaimed &&
         StateOf(word) != CellState::kAbandoned) {
    // F: the copy was taken before the next writer may claim the cell.
    if (cell.word.CompareExchange(word, CellWord(sequence, CellState::kFree, {}))) {
      ++counters_.released;
      return true;
    }
  }
  return false;
}

bool Drain::PrepareNext(std::uint32_t round) {
  // The half whose turn comes had the round before the present one; its next turn is the round after it.
  std::atomic<std::uint64_t>& next_word = buffer_.control_->next[(round + 1) & 1].word;
  std::uint64_t seen = next_word.load(std::memory_order_acquire);
  for (;;) {
    const TwoWords next = TwoWords::Of(seen);
    if (next.high == round + 1) return true;  // prepared, by this drain or one before it
    if (next.high != round - 1) return false;
    // From exactly the round that has ended: a superseded drain that comes late changes nothing.
    if (next_word.compare_exchange_weak(seen, TwoWords{round + 1, 0}.word(), std::memory_order_acq_rel)) return true;
  }
}

Drain::Swapped Drain::Swap() {
  std::uint64_t turn = buffer_.control_->turn.load(std::memory_order_seq_cst);
  const TwoWords now = TwoWords::Of(turn);
  if (now.high != epoch_) return Swapped::kSuperseded;
  const std::uint32_t half = (now.low & 1) ^ 1;
  for (std::uint32_t i = 0; i < buffer_.cells_; ++i) {
    const CellState state = StateOf(buffer_.CellAt(half, i).word.Load());
    if (state != CellState::kFree && state != CellState::kAbandoned) return Swapped::kNotDrained;
  }
  if (!PrepareNext(now.low)) return Swapped::kSuperseded;
  // D: claims that were made before this are seen by Collect; later ones see this, and are taken back.
  const bool swapped = buffer_.control_->turn.compare_exchange_strong(turn, TwoWords{epoch_, now.low + 1}.word(),
                                                                      std::memory_order_seq_cst);
  return swapped ? Swapped::kYes : Swapped::kSuperseded;
}

bool Drain::Pending() const {
  const std::uint32_t round = TwoWords::Of(buffer_.control_->turn.load(std::memory_order_seq_cst)).low;
  return TwoWords::Of(buffer_.control_->next[round & 1].word.load(std::memory_order_seq_cst)).low > 0;
}

}  // namespace tenure::ingest
