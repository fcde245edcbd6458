// What a seed decides before the first step: how many take part, how the scheduler is inclined, what goes wrong how
// often. A plan is a value; the same seed gives the same one.
#pragma once

#include <cstdint>
#include <string>

namespace tenure::sim {

struct Plan {
  std::uint64_t seed = 0;
  int processes = 2;  ///< At a time; one that was killed is followed by another.
  int writers = 1;    ///< Threads that make calls, in each.
  int calls = 10;     ///< Of each writer.
  std::uint64_t commit_ttl_ms = 100;
  std::uint32_t writer_slots = 8;
  bool leases = false;
  bool groups = false;  ///< Half of the steps are on groups: transactions over several entries and tags.
  // The scheduler. "One in n" of the occasions; 0: never.
  std::uint64_t switch_one_in = 8;
  std::uint64_t step_ns_max = 1'000;
  bool uneven = false;  ///< Some threads get a turn rarely, others for a while, in turns.
  // The disk.
  std::uint64_t sync_ns = 100'000;
  std::uint64_t slow_one_in = 0;  ///< Syncs and writes that take several times to live.
  std::uint64_t slow_ns_max = 400'000'000;
  std::uint64_t sync_error_one_in = 0;
  std::uint64_t write_error_one_in = 0;
  std::uint64_t no_space_one_in = 0;
  // Processes. A fault is drawn at each step; those of one seed are few, so that something is left to go right.
  int faults = 0;
  std::uint64_t fault_one_in = 0;
  std::uint64_t fault_at_point_one_in = 0;  ///< The same at a fail point: there it hurts most.
  std::uint64_t fault_at_swap_one_in = 0;   ///< And before a compare-and-swap of a shared word.
  bool kills = false;
  bool stops = false;
  bool clock_jumps = false;
  std::uint64_t spurious_one_in = 0;  ///< Waits for a condition that end for no reason.

  /// Calls may be answered with an error of the disk.
  bool MayFail() const { return (sync_error_one_in | write_error_one_in | no_space_one_in) != 0; }
  static Plan Of(std::uint64_t seed);
  std::string Text() const;
};

}  // namespace tenure::sim
