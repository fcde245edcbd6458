// What all processes of one simulated world share: threads, processes, the clock, the dice, the trace, and the calls
// that were made. It lies in anonymous memory mapped before the first fork.
//
// Exactly one thread of the world runs at a time, and it alone may touch the board: whoever has the baton. The baton is
// handed over by a store to `Thread::go` (release) that its new holder waits for (acquire).
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "tests/sim/schedule/dice.h"
#include "tests/sim/schedule/plan.h"
#include "tests/torture/record.h"

namespace tenure::sim {

inline constexpr int kThreadsMax = 512;
inline constexpr int kProcessesMax = 48;
inline constexpr int kKernel = 0;  ///< The thread that forks, kills and buries; not part of any process.

/// What a blocked thread waits for. Addresses mean something within one process only, so `space` names it; what lies
/// in a file mapped by several is named by the file.
struct WaitKey {
  std::uint64_t space = 0;
  std::uint64_t place = 0;
  friend bool operator==(const WaitKey&, const WaitKey&) = default;
};

/// Spaces that are no process.
inline constexpr std::uint64_t kJoinSpace = 1'000, kLocksSpace = 1'001, kPollSpace = 1'002, kFileSpace = 1'003,
                               kBarrierSpace = 1'004;

struct Thread {
  enum class State : std::uint8_t { kFree, kRunnable, kBlocked, kOver };
  std::atomic<std::uint32_t> go{0};
  State state = State::kFree;
  bool timed_out = false;
  const char* behind_point = nullptr;  ///< Its last fail point, when that is nearer than its last compare-and-swap.
  /// Where it is, for the count of kills: a fail point, also at the compare-and-swap behind it; null elsewhere.
  const char* at_point = nullptr;
  std::uint16_t process = 0;
  std::uint16_t number = 0;  ///< Within its process; with it, the name that the trace knows.
  std::uint32_t weight = 16;
  WaitKey key;
  std::uint32_t mask = 0;
  std::uint64_t wake_at = 0;  ///< 0: never.
  const char* point = "";     ///< Its last step. The same address in all processes: they were forked, not executed.
  std::uint64_t at_step = 0;
};

struct Process {
  enum class State : std::uint8_t { kNone, kRuns, kStopped, kDead, kLeft };
  State state = State::kNone;
  pid_t pid = 0;
  std::uint16_t threads = 0;  ///< Started so far.
  bool done = false;          ///< Its writers have made their calls.
  bool faultless = false;     ///< Nothing is done to it: who makes the store, and who checks.
  Dice random;                ///< What getrandom tells it.
  std::uint64_t continue_at = 0;
  std::uint64_t ended_at = 0;  ///< By the boottime clock; 0: it lives.
  std::uint64_t stops = 0;
};

/// What the kernel is asked for with the baton.
struct KernelCall {
  enum class What : std::uint8_t { kNothing, kKill, kLeft, kCrashed, kStuck, kTooLong };
  What what = What::kNothing;
  int process = 0;
};

/// Of one transaction on a group, and what is told of its operations, or of the cells that a read saw.
inline constexpr std::size_t kCallOpsMax = 6, kCallSeenMax = 6;

/// One call of a writer: its record, in memory that outlives the process. See calls.h.
struct CallSlot {
  std::uint64_t id, a, b, c, called, returned, lsn, revision, value, stops;
  std::uint64_t waited_ns;  ///< By the monotonic clock, which does not jump.
  std::uint32_t object;
  std::uint8_t kind;
  bool flag;
  bool disturbed;  ///< Its process was stopped meanwhile.
  bool settled;    ///< Its caller was not told; who checks was.
  char code[24];
  std::array<torture::CellOp, kCallOpsMax> ops;
  std::array<torture::Seen, kCallSeenMax> seen;
  std::uint8_t ops_used, seen_used;
};
inline constexpr std::size_t kCallsMax = 1024;

struct TraceLine {
  std::uint64_t step, now_ns;
  const char* point;
  std::uint16_t process, thread;
};
inline constexpr std::size_t kTraceKept = 256;

/// How many processes were killed with a thread at one fail point. The name's address is the same in all processes.
struct KillsAt {
  const char* point = nullptr;
  std::uint64_t kills = 0;
};
inline constexpr std::size_t kPointsMax = 128;

struct Counts {
  std::uint64_t steps = 0, switches = 0, kills = 0, stops = 0, slow = 0, io_errors = 0, jumps = 0, spurious = 0;
  std::uint64_t calls = 0, acknowledged = 0, lsn = 0, takeovers = 0, starts = 0, longest_wait_ns = 0;
  std::uint64_t group_transactions = 0, several_effects = 0;  ///< In the log; of the former those with several.
  std::array<KillsAt, kPointsMax> kills_at;                   ///< Up to the first without a name.
  void AddKills(const char* point, std::uint64_t kills);
};

struct Board {
  Plan plan;
  Dice dice;
  std::uint64_t now_ns = 0;         ///< CLOCK_MONOTONIC.
  std::uint64_t slept_ns = 0;       ///< CLOCK_BOOTTIME is so far ahead.
  std::int64_t wall_offset_ns = 0;  ///< And CLOCK_REALTIME from its beginning.
  std::uint64_t hash = 0;
  int current = kKernel;
  int threads_used = 1;
  int blocked = 0;  ///< Threads that wait for a key, timed or not.
  int trace_fd = -1;
  bool faults_over = false;
  int faults_left = 0;
  std::uint64_t next_weights_at = 0;
  KernelCall call;
  Counts counts;
  std::array<Thread, kThreadsMax> threads;
  std::array<Process, kProcessesMax> processes;
  int processes_used = 0;
  int busy_writers = 0;  ///< Processes whose writers are not done yet.
  int open_writers = 0;  ///< Processes of writers that have the store open, or will.
  bool over = false;     ///< Everybody closes the store.
  bool checked = false;  ///< To the end.
  bool verbose = false;
  std::array<CallSlot, kCallsMax> calls;
  std::size_t calls_used = 0;
  std::array<TraceLine, kTraceKept> trace;
  std::array<char, 16 * 1024> problems;  ///< Text, one a line.
  std::size_t problems_used = 0;
};

/// Mapped once, before the first process of the world.
Board& TheBoard();
void MapBoard();
void UnmapBoard();
/// Anybody with the baton may.
void Complain(const char* text);

}  // namespace tenure::sim
