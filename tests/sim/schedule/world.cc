#include "tests/sim/schedule/world.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "tests/sim/schedule/actors.h"
#include "tests/sim/schedule/mappings.h"
#include "tests/sim/schedule/scheduler.h"
#include "tests/sim/sim_scratch.h"

/// What a coverage build has counted, which a process that leaves without exit() would not write.
extern "C" void __gcov_dump() __attribute__((weak));

namespace tenure::sim {
namespace {

constexpr int kRealTimeMs = 60'000, kRealTimeSliceMs = 500;
constexpr std::uint64_t kMs = 1'000'000;

class Kernel {
 public:
  explicit Kernel(std::string store) : store_(std::move(store)), board_(TheBoard()) {}

  void Run() {
    BecomeKernel();
    if (!RunAlone(LiveAsCreator)) return;
    board_.faults_left = board_.plan.faults;
    for (int i = 0; i < board_.plan.processes; ++i) StartWriter();
    while (board_.busy_writers > 0) {
      if (!Serve()) return;
    }
    board_.faults_over = true;
    restart_at_ = 0;
    Start(LiveAsChecker, true);
    while (alive_ > 0) {
      if (!Serve()) return;
    }
  }

 private:
  Process& At(int process) { return board_.processes[static_cast<std::size_t>(process)]; }

  bool RunAlone(void (*life)(const std::string&)) {
    Start(life, true);
    while (alive_ > 0) {
      if (!Serve()) return false;
    }
    return true;
  }

  void StartWriter() {
    ++board_.busy_writers;
    ++board_.open_writers;
    Start(LiveAsWriter, false);
  }

  void Start(void (*life)(const std::string&), bool faultless) {
    if (board_.processes_used == kProcessesMax) std::abort();
    const int number = board_.processes_used++;
    Process& process = At(number);
    process.state = Process::State::kRuns;
    process.faultless = faultless;
    process.random = Dice(board_.dice.Next());
    const int thread = AddThread(number);
    ++alive_;
    ++board_.counts.starts;
    const pid_t pid = ::fork();
    if (pid < 0) std::abort();
    if (pid > 0) {
      process.pid = pid;
      return;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    PrepareThreads();
    BecomeThread(thread);
    life(store_);
    LeaveProcess();
    if (__gcov_dump != nullptr) __gcov_dump();
    ::_exit(0);
  }

  /// Lets the world run until it wants something, and does that. False: it is at its end.
  bool Serve() {
    WakeKernelAt(restart_at_);
    const KernelCall call = RunWorld([this] { return FindCrashed(); });
    switch (call.what) {
      case KernelCall::What::kNothing:
        if (restart_at_ == 0 || restart_at_ > board_.now_ns) return true;  // the last writer is done
        restart_at_ = 0;
        StartWriter();
        return true;
      case KernelCall::What::kKill:
        ::kill(At(call.process).pid, SIGKILL);
        Bury(call.process, Process::State::kDead);
        // Another one comes in its place, unless one is on its way already.
        if (restart_at_ == 0) restart_at_ = board_.now_ns + board_.dice.Between(kMs / 10, 200 * kMs);
        return true;
      case KernelCall::What::kLeft:
        Bury(call.process, Process::State::kLeft);
        return true;
      case KernelCall::What::kCrashed:
        Complain("a process crashed");
        break;
      case KernelCall::What::kStuck:
        Complain("nobody gets on: all wait for each other");
        break;
      case KernelCall::What::kTooLong:
        Complain("it takes too long: somebody does not get on");
        break;
    }
    DumpWorld();
    return false;
  }

  void Bury(int number, Process::State state) {
    Process& process = At(number);
    while (::waitpid(process.pid, nullptr, 0) < 0 && errno == EINTR) continue;
    process.state = state;
    process.ended_at = ClockNs(CLOCK_BOOTTIME);
    --alive_;
    if (!process.faultless) {
      --board_.open_writers;
      if (state == Process::State::kDead && !process.done) --board_.busy_writers;
    }
    FreeThreadsOf(number);
    Wake({kLocksSpace, 1}, 1, INT_MAX);
    Wake({kPollSpace, 1}, 1, INT_MAX);
    Wake({kBarrierSpace, 1}, 1, INT_MAX);
  }

  /// Somebody ended without the kernel.
  int FindCrashed() {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    for (int i = 1; pid > 0 && i < board_.processes_used; ++i) {
      if (At(i).pid == pid) return i;
    }
    return -1;
  }

  std::string store_;
  Board& board_;
  int alive_ = 0;
  std::uint64_t restart_at_ = 0;
};

[[noreturn]] void LiveAsKernel(const WorldOptions& options, const std::string& directory) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  Board& board = TheBoard();
  board.verbose = options.verbose;
  if (!options.trace_file.empty()) {
    board.trace_fd = ::open(options.trace_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
  }
  Kernel kernel(directory);
  kernel.Run();
  ::_exit(0);
}

/// In slices: where the machine was suspended, or this whole run stopped, that is one slice, however long it took.
bool EndsInTime(pid_t pid) {
  pollfd ended{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), POLLIN, 0};
  bool in_time = false;
  for (int ms = 0; ms < kRealTimeMs && !in_time; ms += kRealTimeSliceMs) {
    in_time = ::poll(&ended, 1, kRealTimeSliceMs) == 1;
  }
  ::close(ended.fd);
  return in_time;
}

}  // namespace

Verdict RunSeed(const WorldOptions& options) {
  const SimScratch scratch;
  MapBoard();
  Board& board = TheBoard();
  board.plan = Plan::Of(options.seed);
  board.dice = Dice(options.seed ^ 0x5eed5eed5eed5eedu);
  const pid_t pid = ::fork();
  if (pid < 0) std::abort();
  if (pid == 0) LiveAsKernel(options, scratch / "store");
  ::setpgid(pid, pid);
  const bool in_time = EndsInTime(pid);
  ::kill(-pid, SIGKILL);
  int status = 0;
  (void)::waitpid(pid, &status, 0);
  if (!in_time) {
    Complain("it takes too long by the machine's clock: somebody really sleeps, or the machine is busy");
    DumpWorld();
  } else if (status != 0) {
    Complain("the simulation itself ended badly");
  } else if (!board.checked) {
    Complain("nobody came to check");
  }
  Verdict verdict;
  verdict.seed = options.seed;
  verdict.hash = board.hash;
  verdict.counts = board.counts;
  verdict.problems.assign(board.problems.data(), board.problems_used);
  verdict.ok = verdict.problems.empty();
  UnmapBoard();
  return verdict;
}

}  // namespace tenure::sim
