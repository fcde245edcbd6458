// A word that several threads or processes raise, and that never falls.
#pragma once

#include <atomic>
#include <functional>

namespace tenure::base {

/// Raises `word` to at least `to`, in the order of `below` (of numbers that go round: which of two is behind). The load
/// too is sequentially consistent: when somebody else has raised it already, that comes before what the caller does
/// next.
template <class Word, class Value, class Below = std::less<>>
void Raise(Word& word, Value to, Below below = {}) {
  Value seen = word.load(std::memory_order_seq_cst);
  while (below(seen, to) && !word.compare_exchange_weak(seen, to, std::memory_order_seq_cst)) {
  }
}

}  // namespace tenure::base
