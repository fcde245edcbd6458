// What SIGINT and SIGTERM do: end the process at once, or, while something is submitted, only say so.
//
//             Install                 BeginCritical
//   default ----------> immediate <-----------------> critical --signal--> critical, interrupted
//                          |signal      EndCritical      |second signal, or kGraceSeconds after the first
//                          v                             v
//                     _exit(128 + n)             prints `pending`, _exit(128 + n)
//
// SIGPIPE is ignored: a reader that left is found by the failing write, see Output::broken_pipe.
// Call everything here from the main thread, except WakeMain.
#pragma once

#include <signal.h>

#include <string>

namespace tenure::cli {

inline constexpr unsigned kGraceSeconds = 5;

void InstallSignalHandlers();
/// `pending`: the whole text for stderr, with its newline.
void BeginCriticalSection(const std::string& pending);
void EndCriticalSection();
/// Called in the handler when a signal comes in a critical section; must be safe there. Null: nothing is.
void OnInterrupt(void (*hook)());
/// A signal came in a critical section.
bool Interrupted();
/// 130 for SIGINT, 143 for SIGTERM; 0 when none came.
int InterruptedExitCode();

/// Keeps SIGINT and SIGTERM out of threads made in its scope, so that they reach the main thread.
class BlockSignalsForThreads {
 public:
  BlockSignalsForThreads();
  ~BlockSignalsForThreads();
  BlockSignalsForThreads(const BlockSignalsForThreads&) = delete;
  BlockSignalsForThreads& operator=(const BlockSignalsForThreads&) = delete;

 private:
  sigset_t before_;
};

/// A descriptor that becomes readable when a signal comes in a critical section, or WakeMain was
/// called: for poll beside standard input. Made by the first call; -1 when there are no descriptors left.
int WakeDescriptor();
/// From any thread.
void WakeMain();

}  // namespace tenure::cli
