// The processes of a run, and what is done to them: killed, stopped and continued, started again, some with a fail
// point at which they kill or stop themselves. For one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/torture/record.h"

namespace tenure::torture {

struct FleetOptions {
  std::string store;
  int processes = 16;
  std::uint64_t seed = 1;
  std::uint64_t commit_ttl_ms = 200;
};

struct Process {
  std::uint64_t number = 0;
  int slot = 0;
  pid_t pid = 0;
  int in = -1, out = -1;  ///< Its stdin and stdout.
  std::string text;       ///< Of an unfinished line.
  std::string fail_point;
  std::uint64_t quiet_phase = 0;
  bool killed = false;           ///< By us.
  std::uint64_t stopped_at = 0;  ///< 0: it runs.
  std::uint64_t continue_at = 0;
};

struct FaultCounts {
  std::uint64_t kills = 0, stops = 0, killed_stopped = 0, point_kills = 0, point_stops = 0, starts = 0;
};

class Fleet {
 public:
  explicit Fleet(FleetOptions options) : options_(std::move(options)), random_(options_.seed) {}
  ~Fleet();

  /// Lets all run until `until`, with faults; then waits until all are quiet. Calls that were not answered are among
  /// the records, too. False: see problems().
  bool RunPhase(std::uint64_t phase, std::uint64_t until, std::uint64_t fault_gap_ms);
  /// Between phases: notices who died at a fail point while it was quiet, and so lost its leases.
  void BuryDead();
  /// Lets all close the store and end.
  bool End();

  std::vector<Record> TakeRecords();
  /// When a process that has died was last heard of; 0: it lives.
  std::uint64_t DeadSince(std::uint64_t process) const;
  /// Whether it was stopped at any time between, or all were.
  bool WasStopped(std::uint64_t process, std::uint64_t from, std::uint64_t to) const;
  pid_t PidOfSlot(int slot) const;
  std::vector<pid_t> Pids() const;
  const FaultCounts& counts() const { return counts_; }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  void Start(int slot, bool with_fail_point);
  void Send(Process& process, const std::string& line);
  void ReadSome(int timeout_ms);
  bool ReadFrom(Process& process);
  void Handle(Process& process, const std::string& line);
  void Watch(std::uint64_t phase, std::uint64_t until);
  bool WaitForEnd(Process& process, int& status);
  void Bury(Process& process, int status);
  void Fault();
  void Stop(Process& process);
  void Continue(Process& process);
  std::uint64_t Below(std::uint64_t n) { return random_() % n; }

  FleetOptions options_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Process>> processes_;  // by slot; null: none there
  std::uint64_t last_number_ = 1;                    // 1: the one who checks
  std::vector<Record> records_;
  std::map<std::uint64_t, std::size_t> open_;  // id -> records_
  std::map<std::uint64_t, std::uint64_t> last_heard_;
  std::map<std::uint64_t, std::uint64_t> dead_since_;
  std::map<std::uint64_t, std::vector<std::pair<std::uint64_t, std::uint64_t>>> stops_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> stalls_;  // of all
  FaultCounts counts_;
  std::vector<std::string> problems_;
};

}  // namespace tenure::torture
