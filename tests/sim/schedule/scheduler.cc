#include "tests/sim/schedule/scheduler.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/sim/schedule/faults.h"
#include "tests/sim/schedule/real.h"

namespace tenure::sim {
namespace {

constexpr std::uint64_t kStepsMax = 3'000'000;
constexpr std::uint64_t kTimeMaxNs = 300'000'000'000;
/// How often the kernel looks whether a process has crashed, by the machine's clock.
constexpr int kLookMs = 20;
/// For so long a thread is favoured, at most.
constexpr std::uint64_t kWeightsNs = 20'000'000;

thread_local int me = -1;
thread_local int uninterrupted = 0;

Thread& ThreadOf(int number) { return TheBoard().threads[static_cast<std::size_t>(number)]; }
Process& ProcessOf(const Thread& thread) { return TheBoard().processes[thread.process]; }

void MixHash(Board& board, std::uint64_t value) {
  board.hash = (board.hash ^ value) * 0x100000001b3u;
  board.hash ^= board.hash >> 29;
}

void Record(const char* point) {
  Board& board = TheBoard();
  Thread& thread = ThreadOf(me);
  const std::uint64_t step = ++board.counts.steps;
  thread.point = point;
  thread.at_point = nullptr;
  thread.at_step = step;
  std::uint64_t name = 0xcbf29ce484222325u;
  for (const char* c = point; *c != '\0'; ++c) name = (name ^ static_cast<unsigned char>(*c)) * 0x100000001b3u;
  MixHash(board, name);
  MixHash(board, board.now_ns ^ static_cast<std::uint64_t>(thread.process) << 48 ^
                     static_cast<std::uint64_t>(thread.number) << 56);
  board.trace[step % kTraceKept] = {step, board.now_ns, point, thread.process, thread.number};
  if (board.trace_fd >= 0) {
    char line[160];
    const int length =
        std::snprintf(line, sizeof line, "%llu %llu %u.%u %s\n", static_cast<unsigned long long>(step),
                      static_cast<unsigned long long>(board.now_ns), thread.process, thread.number, point);
    if (TENURE_REAL(write)(board.trace_fd, line, static_cast<std::size_t>(length)) != length) std::abort();
  }
}

void Ready(Thread& thread, bool timed_out) {
  if (thread.key != WaitKey{}) --TheBoard().blocked;
  thread.state = Thread::State::kRunnable;
  thread.timed_out = timed_out;
  thread.key = {};
  thread.wake_at = 0;
}

bool MayRun(const Thread& thread) {
  return thread.state == Thread::State::kRunnable && ProcessOf(thread).state == Process::State::kRuns;
}

/// Whose time has come.
void Expire(Board& board) {
  for (int i = 0; i < board.processes_used; ++i) {
    Process& process = board.processes[static_cast<std::size_t>(i)];
    if (process.state == Process::State::kStopped && process.continue_at <= board.now_ns) {
      process.state = Process::State::kRuns;
    }
  }
  for (int i = 0; i < board.threads_used; ++i) {
    Thread& thread = ThreadOf(i);
    if (thread.state == Thread::State::kBlocked && thread.wake_at != 0 && thread.wake_at <= board.now_ns) {
      Ready(thread, true);
    }
  }
}

/// The next moment at which somebody is runnable; 0: never.
std::uint64_t NextMoment(Board& board) {
  std::uint64_t next = 0;
  const auto take = [&next](std::uint64_t at) { next = at != 0 && (next == 0 || at < next) ? at : next; };
  for (int i = 0; i < board.processes_used; ++i) {
    const Process& process = board.processes[static_cast<std::size_t>(i)];
    if (process.state == Process::State::kStopped) take(process.continue_at);
  }
  for (int i = 0; i < board.threads_used; ++i) {
    const Thread& thread = ThreadOf(i);
    if (thread.state == Thread::State::kBlocked && ProcessOf(thread).state == Process::State::kRuns) {
      take(thread.wake_at);
    }
  }
  return next;
}

void DrawWeights(Board& board) {
  if (!board.plan.uneven || board.now_ns < board.next_weights_at) return;
  board.next_weights_at = board.now_ns + board.dice.Between(kWeightsNs / 20, kWeightsNs);
  constexpr std::uint32_t kWeights[] = {1, 16, 16, 16, 128};
  for (int i = 0; i < board.threads_used; ++i) ThreadOf(i).weight = kWeights[board.dice.Below(5)];
}

/// Somebody runnable, not the kernel; -1: nobody.
int Draw(Board& board) {
  std::uint64_t total = 0;
  for (int i = 1; i < board.threads_used; ++i) {
    if (MayRun(ThreadOf(i))) total += ThreadOf(i).weight;
  }
  if (total == 0) return -1;
  std::uint64_t left = board.dice.Below(total);
  for (int i = 1; i < board.threads_used; ++i) {
    if (!MayRun(ThreadOf(i))) continue;
    if (left < ThreadOf(i).weight) return i;
    left -= ThreadOf(i).weight;
  }
  return -1;
}

int Next(Board& board) {
  if (board.call.what != KernelCall::What::kNothing) return kKernel;
  for (;;) {
    Expire(board);
    if (MayRun(ThreadOf(kKernel))) return kKernel;
    DrawWeights(board);
    if (const int drawn = Draw(board); drawn > 0) return drawn;
    const std::uint64_t moment = NextMoment(board);
    if (moment == 0 || moment > kTimeMaxNs) {
      board.call = {moment == 0 ? KernelCall::What::kStuck : KernelCall::What::kTooLong, 0};
      return kKernel;
    }
    board.now_ns = std::max(board.now_ns, moment);
  }
}

void AwaitBaton(int number) {
  Thread& thread = ThreadOf(number);
  while (!AwaitWord(thread.go, -1)) continue;
  thread.go.store(0, std::memory_order_relaxed);
}

void Give(int next) {
  Board& board = TheBoard();
  board.current = next;
  ++board.counts.switches;
  PostWord(ThreadOf(next).go);
}

/// To whoever is next; returns with the baton.
void PassBaton() {
  const int self = me;
  const int next = Next(TheBoard());
  if (next == self) return;
  Give(next);
  AwaitBaton(self);
}

void Advance(Board& board) {
  board.now_ns += 1 + board.dice.Below(board.plan.step_ns_max);
  if (board.counts.steps <= kStepsMax || board.call.what != KernelCall::What::kNothing) return;
  board.call = {KernelCall::What::kTooLong, 0};
  PassBaton();
}

/// `at_point`: the fail point, when `place` is one.
void StepWith(const char* point, Place place, const char* at_point = nullptr) {
  if (!InWorld() || uninterrupted > 0) return;
  Board& board = TheBoard();
  Record(point);
  ThreadOf(me).at_point = at_point;
  Advance(board);
  MaybeFault(place);
  if (board.call.what != KernelCall::What::kNothing || MyProcess().state != Process::State::kRuns ||
      board.dice.OneIn(board.plan.switch_one_in)) {
    PassBaton();
  }
}

}  // namespace

bool InWorld() { return me > kKernel; }
int MyProcessNumber() { return ThreadOf(me).process; }
Process& MyProcess() { return ProcessOf(ThreadOf(me)); }

Uninterrupted::Uninterrupted() { ++uninterrupted; }
Uninterrupted::~Uninterrupted() { --uninterrupted; }

void Step(const char* point) { StepWith(point, Place::kAnywhere); }
void StepAtFailPoint(const char* point) {
  StepWith(point, Place::kFailPoint, point);
  if (InWorld()) ThreadOf(me).behind_point = point;
}
void StepAtSwap() {
  // Fail points stand in front of what matters, and that is one compare-and-swap.
  const char* behind = InWorld() ? std::exchange(ThreadOf(me).behind_point, nullptr) : nullptr;
  StepWith("swap", behind != nullptr ? Place::kFailPoint : Place::kSwap, behind);
}

void Yield(const char* point) {
  Step(point);
  if (uninterrupted == 0) PassBaton();
}

bool Block(const char* point, WaitKey key, std::uint32_t mask, std::int64_t timeout_ns) {
  Board& board = TheBoard();
  Record(point);
  board.now_ns += 1;
  Thread& thread = ThreadOf(me);
  thread.state = Thread::State::kBlocked;
  thread.timed_out = false;
  thread.key = key;
  if (key != WaitKey{}) ++board.blocked;
  thread.mask = mask;
  thread.wake_at =
      timeout_ns < 0 ? 0 : std::max<std::uint64_t>(board.now_ns + static_cast<std::uint64_t>(timeout_ns), 1);
  PassBaton();
  return !thread.timed_out;
}

void Sleep(const char* point, std::uint64_t ns) { (void)Block(point, {}, 0, static_cast<std::int64_t>(ns)); }

void Wake(WaitKey key, std::uint32_t mask, int count) {
  Board& board = TheBoard();
  if (board.blocked == 0) return;
  int found[kThreadsMax];
  std::uint64_t waiting = 0;
  for (int i = 1; i < board.threads_used; ++i) {
    const Thread& thread = ThreadOf(i);
    if (thread.state == Thread::State::kBlocked && thread.key == key && (thread.mask & mask) != 0) found[waiting++] = i;
  }
  for (; waiting > 0 && count > 0; --count) {
    const std::uint64_t chosen = board.dice.Below(waiting);
    Ready(ThreadOf(found[chosen]), false);
    found[chosen] = found[--waiting];
  }
}

int AddThread(int process) {
  Board& board = TheBoard();
  int number = 1;
  while (ThreadOf(number).state != Thread::State::kFree) {
    if (++number == kThreadsMax) std::abort();
  }
  Thread& thread = ThreadOf(number);
  thread.go.store(0, std::memory_order_relaxed);
  thread.state = Thread::State::kRunnable;
  thread.process = static_cast<std::uint16_t>(process);
  thread.number = ++board.processes[static_cast<std::size_t>(process)].threads;
  thread.weight = 16;
  thread.point = "start";
  thread.at_point = nullptr;
  board.threads_used = std::max(board.threads_used, number + 1);
  return number;
}

void BecomeThread(int number) {
  me = -1;
  AwaitBaton(number);
  me = number;
}

void LeaveThread() {
  Record("thread.end");
  const int self = me;
  ThreadOf(self).state = Thread::State::kOver;
  me = -1;
  Wake({kJoinSpace, static_cast<std::uint64_t>(self)}, 1, 1);
  Give(Next(TheBoard()));
}

void LeaveProcess() {
  TheBoard().call = {KernelCall::What::kLeft, MyProcessNumber()};
  me = -1;
  Give(kKernel);
}

void BecomeKernel() {
  me = kKernel;
  Board& board = TheBoard();
  board.processes[0].state = Process::State::kRuns;
  board.processes_used = std::max(board.processes_used, 1);
  board.threads_used = std::max(board.threads_used, 1);
}

KernelCall RunWorld(const std::function<int()>& crashed) {
  Board& board = TheBoard();
  Thread& kernel = ThreadOf(kKernel);
  board.call = {};
  kernel.timed_out = false;
  kernel.state = Thread::State::kBlocked;
  const int next = Next(board);
  if (next != kKernel) {
    Give(next);
    while (!AwaitWord(kernel.go, kLookMs)) {
      // Who left gave the baton back before.
      const int process = crashed();
      if (process >= 0 && kernel.go.load(std::memory_order_acquire) == 0) {
        return {KernelCall::What::kCrashed, process};
      }
    }
    kernel.go.store(0, std::memory_order_relaxed);
  }
  return board.call;
}

void WakeKernelAt(std::uint64_t ns) { ThreadOf(kKernel).wake_at = ns; }

void FreeThreadsOf(int process) {
  Board& board = TheBoard();
  for (int i = 1; i < board.threads_used; ++i) {
    Thread& thread = ThreadOf(i);
    if (thread.process != process || thread.state == Thread::State::kFree) continue;
    if (thread.state == Thread::State::kBlocked) Ready(thread, false);
    thread.state = Thread::State::kFree;
  }
}

void FreeThread(int number) { ThreadOf(number).state = Thread::State::kFree; }

void DumpWorld() {
  const Board& board = TheBoard();
  constexpr const char* kThreadStates[] = {"free", "runnable", "blocked", "over"};
  constexpr const char* kProcessStates[] = {"none", "runs", "stopped", "dead", "left"};
  std::fprintf(stderr, "at %.3f ms, step %llu:\n", static_cast<double>(board.now_ns) / 1e6,
               static_cast<unsigned long long>(board.counts.steps));
  for (int i = 0; i < board.threads_used; ++i) {
    const Thread& thread = ThreadOf(i);
    if (thread.state == Thread::State::kFree) continue;
    std::fprintf(stderr, "  %u.%u %s (process %s) since step %llu: %s", thread.process, thread.number,
                 kThreadStates[static_cast<int>(thread.state)],
                 kProcessStates[static_cast<int>(ProcessOf(thread).state)],
                 static_cast<unsigned long long>(thread.at_step), thread.point);
    if (thread.wake_at != 0) std::fprintf(stderr, ", until %.3f ms", static_cast<double>(thread.wake_at) / 1e6);
    std::fprintf(stderr, "\n");
  }
  const std::uint64_t last = board.counts.steps;
  for (std::uint64_t step = last > 60 ? last - 60 : 1; step <= last; ++step) {
    const TraceLine& line = board.trace[step % kTraceKept];
    std::fprintf(stderr, "  %llu at %.3f ms: %u.%u %s\n", static_cast<unsigned long long>(line.step),
                 static_cast<double>(line.now_ns) / 1e6, line.process, line.thread, line.point);
  }
}

}  // namespace tenure::sim
