#include "tests/sim/schedule/plan.h"

#include "tests/sim/schedule/dice.h"

namespace tenure::sim {

Plan Plan::Of(std::uint64_t seed) {
  // Neighbouring seeds have nothing in common.
  Dice dice(Dice(seed).Next());
  Plan plan;
  plan.seed = seed;
  plan.processes = static_cast<int>(dice.Between(2, 4));
  plan.writers = static_cast<int>(dice.Between(1, 2));
  plan.calls = static_cast<int>(dice.Between(6, 14));
  plan.writer_slots = dice.OneIn(4) ? 2 : 8;  // two: some threads go through the double buffer
  plan.leases = !dice.OneIn(3);
  constexpr std::uint64_t kSwitch[] = {2, 5, 20, 100};
  plan.switch_one_in = kSwitch[dice.Below(4)];
  plan.step_ns_max = dice.OneIn(3) ? 20'000 : 1'000;
  plan.uneven = dice.OneIn(2);
  plan.sync_ns = dice.OneIn(3) ? 4'000'000 : 100'000;
  if (dice.OneIn(3)) plan.slow_one_in = dice.Between(10, 60);
  if (dice.OneIn(6)) plan.sync_error_one_in = dice.Between(20, 80);
  if (dice.OneIn(8)) plan.write_error_one_in = dice.Between(20, 80);
  if (dice.OneIn(8)) plan.no_space_one_in = dice.Between(20, 80);
  plan.kills = !dice.OneIn(3);
  plan.stops = !dice.OneIn(3);
  plan.clock_jumps = dice.OneIn(3);
  if (plan.kills || plan.stops || plan.clock_jumps) {
    plan.faults = static_cast<int>(dice.Between(1, 6));
    plan.fault_one_in = dice.OneIn(2) ? 200 : 1'500;
    plan.fault_at_point_one_in = dice.OneIn(2) ? 15 : 120;
    plan.fault_at_swap_one_in = dice.OneIn(2) ? 30 : 500;
  }
  if (dice.OneIn(4)) plan.spurious_one_in = 50;
  plan.groups = !dice.OneIn(3);
  return plan;
}

std::string Plan::Text() const {
  const auto number = [](const char* name, std::uint64_t value) {
    return value == 0 ? std::string() : std::string(" ") + name + "=" + std::to_string(value);
  };
  return "processes=" + std::to_string(processes) + number("writers", static_cast<std::uint64_t>(writers)) +
         number("calls", static_cast<std::uint64_t>(calls)) + number("slots", writer_slots) +
         (leases ? " leases" : "") + (groups ? " groups" : "") + number("switch=1/", switch_one_in) +
         number("step_ns", step_ns_max) + (uneven ? " uneven" : "") + number("sync_us", sync_ns / 1'000) +
         number("slow=1/", slow_one_in) + number("sync_error=1/", sync_error_one_in) +
         number("write_error=1/", write_error_one_in) + number("no_space=1/", no_space_one_in) +
         number("faults", static_cast<std::uint64_t>(faults)) + (kills ? " kills" : "") + (stops ? " stops" : "") +
         (clock_jumps ? " jumps" : "") + number("spurious=1/", spurious_one_in);
}

}  // namespace tenure::sim
