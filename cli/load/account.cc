#include "cli/load/account.h"

namespace tenure::cli::load {

void Account::Add(const Counts& delta) {
  Counts copy = delta;
  const std::uint64_t sequence = sequence_.load(std::memory_order_relaxed);
  sequence_.store(sequence + 1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < Counts::kFields; ++i) {
    const std::uint64_t value = fields_[i].load(std::memory_order_relaxed) + *copy.Fields()[i];
    fields_[i].store(value, std::memory_order_release);
  }
  sequence_.store(sequence + 2, std::memory_order_release);
}

Counts Account::Snapshot() const {
  for (;;) {
    const std::uint64_t before = sequence_.load(std::memory_order_acquire);
    Counts counts;
    for (std::size_t i = 0; i < Counts::kFields; ++i) {
      *counts.Fields()[i] = fields_[i].load(std::memory_order_acquire);
    }
    if (before % 2 == 0 && sequence_.load(std::memory_order_relaxed) == before) return counts;
  }
}

}  // namespace tenure::cli::load
