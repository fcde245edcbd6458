// Child processes and interruption.
//
// Children are started with posix_spawn (fork and exec, never fork alone), so no subject inherits a
// handle, a lock or a cache of another. SIGINT and SIGTERM set a flag that every wait looks at; the
// caller then ends its children, removes its files and leaves with the customary status.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tenure/result.h"

namespace tenure::bench {

/// Installs the handlers; once, in main.
void CatchInterrupts();
/// The signal that asked to stop, or 0.
int InterruptSignal();

/// This program's own file, as the kernel names it.
const std::string& SelfPath();
/// The directory that holds it.
std::string SelfDirectory();

struct SpawnOptions {
  int inherit_fd = -1;        ///< Stays open in the child under the same number.
  bool quiet_stdout = false;  ///< The child's standard output goes to /dev/null.
};
/// Starts `program` with `arguments` (without the program's name).
Result<pid_t> Spawn(const std::string& program, const std::vector<std::string>& arguments,
                    const SpawnOptions& options = {});

struct Exit {
  pid_t pid = 0;
  int status = 0;  ///< As wait(2) has it.
  bool clean() const { return status == 0; }
};
/// Waits for `pid` (-1: any child). kClosed when a signal asked to stop meanwhile.
Result<Exit> WaitFor(pid_t pid);
/// Like WaitFor(-1) without waiting: pid 0 when nobody has ended.
Result<Exit> ReapOne();
/// SIGKILL to each, then waits for all of them.
void KillAll(const std::vector<pid_t>& pids);
/// "exit status 3" or "signal 9 (Killed)".
std::string DescribeExit(int status);

/// A child of this program that reports through a pipe: `SelfPath() command arguments… FD`.
class ReportingChild {
 public:
  static Result<ReportingChild> Start(const std::string& command, std::vector<std::string> arguments);
  ReportingChild(ReportingChild&& other) noexcept;
  ReportingChild& operator=(ReportingChild&&) = delete;
  /// Kills the child if it still runs.
  ~ReportingChild();
  /// The next line that the child wrote; its failure as an error when it ended without one.
  Result<std::string> ReadLine();
  /// Waits for a clean end.
  Status Finish();
  /// SIGKILL, and waits for the end.
  void Kill();

 private:
  ReportingChild(pid_t pid, int fd, std::string command);
  pid_t pid_;
  int fd_;
  std::string command_;
  std::string buffer_;
};
/// Used by such a child: one line to the parent. "error <message>" is how a failure is told.
void SendLine(int fd, const std::string& line);
/// The child dies with its parent; call first in every child.
void DieWithParent();

}  // namespace tenure::bench
