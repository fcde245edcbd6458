// A whole run: phases with faults, each judged when all is quiet, and the store checked from outside at the end.
#pragma once

#include <csignal>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/torture/audit/audit.h"
#include "tests/torture/driver.h"
#include "tests/torture/figures.h"
#include "tests/torture/fleet.h"

namespace tenure::torture {

struct RunOptions {
  FleetOptions fleet;
  double seconds = 60;
  std::uint64_t phase_ms = 2'000;
  std::uint64_t fault_gap_ms = 120;
  bool json = false;
  bool discard = false;  ///< A temporary store is removed after a failure, too.
};

class Run {
 public:
  explicit Run(RunOptions options);
  /// Exit status. `interrupted` ends it after the phase that is under way, with all checks.
  int Go(const volatile std::sig_atomic_t& interrupted);

 private:
  bool OnePhase(std::uint64_t until);
  void Settle(std::vector<Record>& records);
  void FreeScopes();
  bool ReadEvents(std::vector<Event>& events);
  bool FollowFeed(const std::vector<Event>& events);
  bool ReadPassed(std::vector<Event>& events);
  void Count(const std::vector<Record>& records);
  void CheckStore();
  void Progress() const;
  void Report() const;
  void Complain(std::string text);

  RunOptions options_;
  Fleet fleet_;
  Audit audit_;
  std::unique_ptr<Driver> driver_;
  std::vector<Record> own_;  // calls of the one who checks
  std::vector<Figures> figures_;
  std::map<std::string, std::uint64_t> answers_;  // "put ok" -> how many
  std::uint64_t phase_ = 0, calls_ = 0, unanswered_ = 0, longest_wait_ns_ = 0, transactions_verified_ = 0;
  std::string longest_wait_of_;
  std::vector<std::string> problems_;
};

}  // namespace tenure::torture
