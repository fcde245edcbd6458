// What a worker does with the groups: transactions over several cells, reads of several at once, and, for the second
// group, leases that contain one another. For one thread.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/torture/driver.h"

namespace tenure::torture {

class GroupSteps {
 public:
  GroupSteps(Driver& driver, std::mt19937_64& random) : driver_(driver), random_(random) {}

  /// One step. False: transactions of one thread were not committed in the order submitted.
  bool Step();

 private:
  std::uint64_t Below(std::uint64_t n) { return random_() % n; }
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
  std::mt19937_64& random_;
  /// As this process saw the cells last.
  std::array<linear::GroupModel::State, kGroups> seen_;
  Lsn last_lsn_ = 0;
};

}  // namespace tenure::torture
