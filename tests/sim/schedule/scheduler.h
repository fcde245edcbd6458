// Who runs: exactly one thread of all processes, until it blocks or the dice give the baton to another one.
//
//            Step: the dice keep it or pass it on
//              ┌──────┐      Block: for a key, for a time, or both
//              ▼      │     ┌─────────────────────────────▶ blocked ──┐
//        ┌── runs ────┴─────┘                                         │ Wake, or its time has come
//        │     ▲ PassBaton                                            ▼
//        └─────┴───────────────────────────────────────────────── runnable
//
// Time moves a little at each step; when nobody is runnable it jumps to the next moment at which somebody is. A stopped
// process keeps its state and gets no turn. All of this is called by the thread that has the baton.
#pragma once

#include <cstdint>
#include <functional>

#include "tests/sim/schedule/board.h"

namespace tenure::sim {

/// Whether the calling thread is of the world; otherwise its calls go to the machine. The kernel is not.
bool InWorld();
Process& MyProcess();
int MyProcessNumber();

/// While one lives, this thread keeps the baton: for what must not be interrupted and blocks nowhere.
class Uninterrupted {
 public:
  Uninterrupted();
  ~Uninterrupted();
};

/// A point where others may come first, and where something may happen to this process. `point` is a literal.
void Step(const char* point);
/// The same at a fail point of the product.
void StepAtFailPoint(const char* point);
/// Before a compare-and-swap of a shared word.
void StepAtSwap();
/// Lets others come first if there are any.
void Yield(const char* point);
/// Until somebody wakes `key` with a bit of `mask`, or `timeout_ns` (negative: no bound). False: the time ran out.
bool Block(const char* point, WaitKey key, std::uint32_t mask, std::int64_t timeout_ns);
void Sleep(const char* point, std::uint64_t ns);
/// Makes up to `count` runnable that wait for it; which ones, the dice say.
void Wake(WaitKey key, std::uint32_t mask, int count);

/// A new thread of `process`, runnable when it has been given a turn. Its number.
int AddThread(int process);
/// Makes the calling thread that one; returns when it has the baton.
void BecomeThread(int number);
/// The calling thread ends: everything goes on without it.
void LeaveThread();
/// The calling process ends: the kernel takes over. Does not return to the world.
void LeaveProcess();

/// The kernel's half: lets the world run until something is to be done for it. `crashed` is asked when a process ended
/// behind the world's back: its number, or a negative one.
KernelCall RunWorld(const std::function<int()>& crashed);
/// After its processes were forked and their main threads added.
void BecomeKernel();
/// The kernel wants the baton then.
void WakeKernelAt(std::uint64_t ns);

/// A joined thread's, and a dead process's, places on the board are free again.
void FreeThread(int number);
void FreeThreadsOf(int process);
/// Text for people: what everybody was doing, and the last steps.
void DumpWorld();

}  // namespace tenure::sim
