#include "tests/sim/schedule/faults.h"

#include <cerrno>

#include "tests/sim/schedule/scheduler.h"

namespace tenure::sim {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

/// Somebody who may be harmed, alive and not the caller; -1: nobody.
int AnotherProcess(Board& board) {
  int found[kProcessesMax];
  std::uint64_t count = 0;
  for (int i = 1; i < board.processes_used; ++i) {
    const Process& process = board.processes[static_cast<std::size_t>(i)];
    const bool alive = process.state == Process::State::kRuns || process.state == Process::State::kStopped;
    if (alive && !process.faultless && i != MyProcessNumber()) found[count++] = i;
  }
  return count == 0 ? -1 : found[board.dice.Below(count)];
}

void Stop(Board& board, Process& process) {
  const std::uint64_t kind = board.dice.Below(4);
  std::uint64_t lasts = board.dice.Between(100 * kMs, 600 * kMs);  // long enough for a takeover
  if (kind == 0) lasts = board.dice.Between(kMs / 100, 20 * kMs);
  if (kind == 1) lasts = board.dice.Between(kMs, 3'000 * kMs);
  process.state = Process::State::kStopped;
  process.continue_at = board.now_ns + lasts;
  ++process.stops;
  ++board.counts.stops;
}

void JumpClock(Board& board) {
  ++board.counts.jumps;
  if (board.dice.OneIn(2)) {
    // Somebody sets the clock, by up to two days.
    constexpr std::uint64_t kRangeMs = 4ull * 86'400'000;
    board.wall_offset_ns +=
        (static_cast<std::int64_t>(board.dice.Below(kRangeMs)) - static_cast<std::int64_t>(kRangeMs / 2)) *
        static_cast<std::int64_t>(kMs);
  } else {
    board.slept_ns += board.dice.Between(kMs, 2'000 * kMs);  // the machine was suspended
  }
}

void CountKill(Board& board, int victim) {
  ++board.counts.kills;
  for (int i = 1; i < board.threads_used; ++i) {
    const Thread& thread = board.threads[static_cast<std::size_t>(i)];
    const bool alive = thread.state == Thread::State::kRunnable || thread.state == Thread::State::kBlocked;
    if (alive && thread.process == victim && thread.at_point != nullptr) board.counts.AddKills(thread.at_point, 1);
  }
}

bool Spend(Board& board) {
  if (board.faults_over || board.faults_left == 0) return false;
  --board.faults_left;
  return true;
}

}  // namespace

void MaybeFault(Place place) {
  Board& board = TheBoard();
  const Plan& plan = board.plan;
  if (board.faults_left == 0 || board.faults_over || MyProcess().faultless) return;
  std::uint64_t one_in = plan.fault_one_in;
  if (place == Place::kFailPoint) one_in = plan.fault_at_point_one_in;
  if (place == Place::kSwap) one_in = plan.fault_at_swap_one_in;
  if (!board.dice.OneIn(one_in)) return;
  const std::uint64_t what = board.dice.Below(3);
  if (!(what == 0 ? plan.kills : what == 1 ? plan.stops : plan.clock_jumps)) return;
  int victim = MyProcessNumber();
  if (what != 2 && board.dice.OneIn(place == Place::kAnywhere ? 2 : 8)) victim = AnotherProcess(board);
  if (victim < 0 || !Spend(board)) return;
  if (what == 0) {
    CountKill(board, victim);
    board.call = {KernelCall::What::kKill, victim};
  } else if (what == 1) {
    Stop(board, board.processes[static_cast<std::size_t>(victim)]);
  } else {
    JumpClock(board);
  }
}

int OnDisk(DiskCall call, const char* point, bool journal) {
  Board& board = TheBoard();
  const Plan& plan = board.plan;
  const bool harm = !board.faults_over && !MyProcess().faultless;
  std::uint64_t takes = call == DiskCall::kSync ? board.dice.Between(plan.sync_ns / 2, plan.sync_ns * 2) : 0;
  if (harm && journal && board.dice.OneIn(plan.slow_one_in)) {
    takes += board.dice.Between(kMs, plan.slow_ns_max);
    ++board.counts.slow;
  }
  if (takes != 0) {
    Sleep(point, takes);
  } else {
    Step(point);
  }
  if (!harm || !journal) return 0;
  const bool fails = call == DiskCall::kSync    ? board.dice.OneIn(plan.sync_error_one_in)
                     : call == DiskCall::kWrite ? board.dice.OneIn(plan.write_error_one_in)
                                                : false;
  const bool full = call != DiskCall::kSync && board.dice.OneIn(plan.no_space_one_in);
  if (!fails && !full) return 0;
  ++board.counts.io_errors;
  return fails ? EIO : ENOSPC;
}

}  // namespace tenure::sim
