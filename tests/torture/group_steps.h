// What a worker, or a simulated writer, does with the groups: transactions over several cells, reads of several at
// once, and, for the second group, leases that contain one another. For one thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/torture/driver.h"

namespace tenure::torture {

class GroupSteps {
 public:
  /// `draw` gives a random number at each call; what is done depends on these and on the answers, and on nothing else.
  GroupSteps(Driver& driver, std::function<std::uint64_t()> draw) : driver_(driver), draw_(std::move(draw)) {}

  /// One step. False: transactions of one thread were not committed in the order submitted.
  bool Step();
  /// One without leases, on the first group.
  bool StepFree();
  /// Writes all cells of the first group at once, in half of the cases if they are what they just were: where there is
  /// nothing yet, or little time, this is what fills a group.
  void WriteAll();

 private:
  std::uint64_t Below(std::uint64_t n) { return draw_() % n; }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }

  void StepLeased();
  /// Of the scopes over the second group.
  std::vector<std::uint64_t> HeldLeases();
  void UseLease(std::uint64_t lease);
  CellOp AnyOp(std::uint32_t group, std::uint32_t cell, bool conditional);
  std::vector<CellOp> AnyOps(std::uint32_t group, std::uint32_t cells);
  /// The answer's code.
  std::string Transact(std::uint32_t group, std::uint32_t cells, std::uint64_t lease);
  void Look(std::uint32_t group);
  void Note(const Record& read);

  Driver& driver_;
  std::function<std::uint64_t()> draw_;
  /// As this process saw the cells last.
  std::array<linear::GroupModel::State, kGroups> seen_;
  Lsn last_lsn_ = 0;
};

}  // namespace tenure::torture
