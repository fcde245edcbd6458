// Where those sleep that wait for an answer: 32 writer slots to a futex word, each with a bit of its own, so that one
// system call wakes exactly those of a word that were answered. Threads without a writer slot share the last word.
//
//   sleeper                               committer
//   waiting += 1                          answer the cell
//   turn := word                          look at waiting
//   look at the cell; futex(word, turn)   word += 1; wake the bits
//
// Everything seq_cst: either the sleeper sees the answer, or the committer sees it waiting; and a word that changed
// behind the sleeper's look does not let it fall asleep.
#pragma once

#include <array>
#include <cstdint>

#include "store/base/futex.h"
#include "store/ingest/layout.h"

namespace tenure::ingest {

struct DonePlace {
  std::uint32_t word = 0;
  std::uint32_t bit = 0;

  static constexpr DonePlace OfSlot(std::uint32_t slot) { return {slot / 32, 1u << (slot % 32)}; }
  /// Of buffered operations: members share bits.
  static constexpr DonePlace OfMember(std::uint32_t slot) { return {kDoneWords - 1, 1u << (slot % 31)}; }
  /// Who waits for room in the double buffer.
  static constexpr DonePlace OfRoom() { return {kDoneWords - 1, 1u << 31}; }
};

/// Collects whom to wake, then wakes them.
class DoneBell {
 public:
  explicit DoneBell(CommitArea& area) : area_(area) {}

  void Add(DonePlace place) { masks_[place.word] |= place.bit; }
  /// Everybody.
  void AddAll() { masks_.fill(~0u); }
  void Ring() {
    for (std::uint32_t i = 0; i < kDoneWords; ++i) {
      if (masks_[i] == 0) continue;
      area_.done[i].fetch_add(1, std::memory_order_seq_cst);
      base::FutexWakeMask(area_.done[i], masks_[i]);
    }
  }

 private:
  CommitArea& area_;
  std::array<std::uint32_t, kDoneWords> masks_{};
};

}  // namespace tenure::ingest
