#include "store/ingest/double_buffer_drain.h"

#include <cstring>

#include "store/base/failpoint.h"
#include "store/ingest/changing_copy.h"

namespace tenure::ingest {

bool Drain::TakeOver() {
  std::uint64_t turn = buffer_.control_->turn.load(std::memory_order_acquire);
  // The turn comes last: with the own epoch in it, every cell has the stamp.
  if (TwoWords::Of(turn).high == epoch_) return true;
  for (std::uint32_t i = 0; i < 2 * buffer_.cells_; ++i) {
    base::Atomic128& word = buffer_.CellAt(0, i).word;
    base::Pair64 seen = word.Load();
    do {
      if (StampOf(seen) > epoch_) return false;
    } while (!word.CompareExchange(seen, WithStamp(seen, epoch_)));
  }
  for (;;) {
    const TwoWords now = TwoWords::Of(turn);
    if (now.high > epoch_) return false;
    // From here on no Swap of a lower epoch succeeds: it expects another word.
    if (buffer_.control_->turn.compare_exchange_weak(turn, TwoWords{epoch_, now.low}.word(),
                                                     std::memory_order_seq_cst)) {
      return true;
    }
  }
}

void Drain::Again() {
  for (Seen& seen : seen_) seen.collected = false;
}

void Drain::Look(const Each& each) {
  for (std::uint32_t i = 0; i < 2 * buffer_.cells_; ++i) {
    const base::Pair64 word = buffer_.CellAt(0, i).word.Load();
    if (StateOf(word) == CellState::kPublished) (void)CollectCell(i, word, each);
  }
}

bool Drain::Holds(std::uint64_t place) const {
  const auto cell = static_cast<std::uint32_t>(place >> 48);
  if (cell >= 2 * buffer_.cells_) return false;
  const base::Pair64 word = buffer_.CellAt(0, cell).word.Load();
  return CellPlace(cell, SequenceOf(word)) == place && StateOf(word) != CellState::kFree;
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
  if (StampOf(word) > epoch_) return false;  // superseded
  if (dead(OwnerOf(word))) {
    // A publication just before the death makes the exchange fail: the next Collect finds it.
    if (!cell.word.CompareExchange(word, CellWord(sequence, CellState::kFree, {}, epoch_))) return false;
    ++counters_.reclaimed;
    return true;
  }
  // Abandoned: its writer may still be copying into it. It is in nobody's way but cannot be used.
  if (!claimed) return true;
  if (age_ns < bound_ns) return false;
  if (!cell.word.CompareExchange(word, CellWord(sequence, CellState::kAbandoned, OwnerOf(word), epoch_))) {
    return false;
  }
  ++counters_.abandoned;
  return true;
}

bool Drain::CollectCell(std::uint32_t number, base::Pair64 word, const Each& each) {
  Cell& cell = buffer_.CellAt(0, number);
  Collected out;
  out.cell = number;
  out.sequence = SequenceOf(word);
  out.word = word;
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

bool Drain::Release(std::uint32_t number, base::Pair64 word) {
  if (number >= 2 * buffer_.cells_) return false;
  const CellState state = StateOf(word);
  if (state == CellState::kFree || state == CellState::kClaimed || state == CellState::kAbandoned) return false;
  base::Atomic128& now = buffer_.CellAt(0, number).word;
  if (TENURE_SEEDED_BUG("release_ignores_stamp")) {
    const base::Pair64 seen = now.Load();
    if (SameClaim(seen, word)) word = seen;
  }
  if (StampOf(word) > epoch_ && !TENURE_SEEDED_BUG("release_ignores_stamp")) return false;
  // F: the copy was taken before the next writer may claim the cell.
  if (!now.CompareExchange(word, CellWord(SequenceOf(word), CellState::kFree, {}, epoch_))) return false;
  ++counters_.released;
  return true;
}

bool Drain::PrepareNext(std::uint32_t round) {
  // The half whose turn comes had the round before the present one; its next turn is the round after it.
  return MoveOn(buffer_.control_->next[(round + 1) & 1].word, round);
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
