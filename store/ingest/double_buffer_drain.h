// The side of a double buffer that empties it.
//
//   Drain drain(buffer, epoch);
//   drain.TakeOver();                              once; again never hurts
//   for (;;) {
//     drain.Collect(now, bound, dead, each);       `each` copies; what was dealt with is given to Release
//     if (drain.Swap() == Drain::Swapped::kNotDrained) …wait, Collect again
//   }
//
// One thread at a time per Drain. Drains of several processes may exist at once; only the one with the highest
// epoch swaps halves, and from the moment that its TakeOver returns, none of a lower epoch changes any cell: a
// superseded one may still collect copies, but Release and giving up claims fail (the stamp in the cell's word;
// see double_buffer_layout.h). So a copy that was acted on, and released under the own epoch, was acted on by
// nobody else.
//
// Time is an argument: nothing here reads a clock, waits, or calls into the kernel.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "store/ingest/double_buffer.h"

namespace tenure::ingest {

class Drain {
 public:
  /// True when that process is gone and will never write again.
  using Dead = std::function<bool(CellOwner)>;

  /// A published cell, copied. With a fault the header and the payload are empty: the cell holds what no healthy
  /// writer wrote. Release it all the same.
  struct Collected {
    std::uint32_t cell = 0;  ///< For Release.
    std::uint64_t sequence = 0;
    base::Pair64 word;  ///< For Release: exactly what was collected.
    CellOwner owner;
    ReadFault fault = ReadFault::kNone;
    RecordHeader header;
    base::ByteView payload;  ///< Private; valid during the call.
  };
  using Each = std::function<void(const Collected&)>;

  enum class Swapped : std::uint8_t {
    kYes,
    kNotDrained,  ///< The half that would be written next still has cells claimed or published.
    kSuperseded,  ///< A higher epoch has taken over.
  };

  struct Counters {
    std::uint64_t collected = 0;
    std::uint64_t released = 0;
    std::uint64_t abandoned = 0;  ///< Claims that their writers did not publish within the bound.
    std::uint64_t reclaimed = 0;  ///< Cells of dead processes.
    std::uint64_t faults = 0;
  };

  Drain(const DoubleBuffer& buffer, std::uint32_t epoch) : buffer_(buffer), epoch_(epoch) {}

  /// Stamps the own epoch on every cell of both halves, then on the turn. False when a higher one is there.
  bool TakeOver();

  /// Hands the published cells of the half that is not being written to `each`, in the order in which they were
  /// claimed, each once per Drain, or once more after Again. A claim that is not published is passed over (what its
  /// writer does next comes later anyway), given up `bound_ns` after it was first seen here, and freed when its process
  /// is dead. Returns how many claims it is still waiting for.
  std::uint32_t Collect(std::uint64_t now_ns, std::uint64_t bound_ns, const Dead& dead, const Each& each);

  /// What was collected and not released is collected again.
  void Again();
  /// Hands the published cells of both halves to `each`, whatever was collected before.
  void Look(const Each& each);

  /// Frees a collected cell, from exactly the word that was collected. False: a higher epoch has been here, or it
  /// was released already.
  bool Release(std::uint32_t cell, base::Pair64 word);
  /// Whether the write of that CellPlace is still in its cell: claimed, published, or given up and not freed.
  bool Holds(std::uint64_t place) const;

  /// Lets the collected half be written, and the written one be collected.
  Swapped Swap();

  /// Whether a Collect after a Swap would find something.
  bool Pending() const;
  const Counters& counters() const { return counters_; }

 private:
  friend struct DoubleBufferSteps;  // tests that stop a drain between two steps
  struct Seen {
    std::uint64_t sequence = ~std::uint64_t{0};  // no cell's: those have 48 bits
    std::uint64_t since_ns = 0;
    bool collected = false;
  };
  bool CollectCell(std::uint32_t number, base::Pair64 word, const Each& each);
  bool ResolveClaim(Cell& cell, base::Pair64 word, std::uint64_t age_ns, std::uint64_t bound_ns, const Dead& dead);
  bool PrepareNext(std::uint32_t round);
  /// Moves the word of a half from the round that ended before `round` to the one that comes after it. False: it is
  /// elsewhere already. A template for tests that come in between.
  template <class Word>
  static bool MoveOn(Word& next_word, std::uint32_t round);

  const DoubleBuffer buffer_;  // a view
  std::uint32_t epoch_;
  std::uint32_t seen_round_ = 0;
  std::vector<Seen> seen_;  // of the half being collected
  base::Bytes scratch_;
  Counters counters_;
};

template <class Word>
bool Drain::MoveOn(Word& next_word, std::uint32_t round) {
  std::uint64_t seen = next_word.load(std::memory_order_acquire);
  for (;;) {
    const TwoWords next = TwoWords::Of(seen);
    if (next.high == round + 1) return true;  // prepared, by this drain or one before it
    if (next.high != round - 1) return false;
    // From exactly the round that has ended: a superseded drain that comes late changes nothing.
    if (next_word.compare_exchange_weak(seen, TwoWords{round + 1, 0}.word(), std::memory_order_acq_rel)) return true;
  }
}

}  // namespace tenure::ingest
