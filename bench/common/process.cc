#include "bench/common/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "bench/common/failure.h"

extern char** environ;

namespace tenure::bench {
namespace {

volatile sig_atomic_t interrupt_signal = 0;

void OnInterrupt(int signal_number) { interrupt_signal = signal_number; }

std::vector<char*> ArgumentVector(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  argv.push_back(const_cast<char*>(program.c_str()));
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  return argv;
}

Error Interrupted() { return Fail("interrupted", ErrorCode::kClosed); }

}  // namespace

void CatchInterrupts() {
  struct sigaction action {};
  action.sa_handler = OnInterrupt;  // No SA_RESTART: waits must return and look at the flag.
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int InterruptSignal() { return interrupt_signal; }

const std::string& SelfPath() {
  static const std::string path = [] {
    char text[4096];
    const ssize_t n = readlink("/proc/self/exe", text, sizeof text);
    return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string("/proc/self/exe");
  }();
  return path;
}

std::string SelfDirectory() { return SelfPath().substr(0, SelfPath().rfind('/')); }

Result<pid_t> Spawn(const std::string& program, const std::vector<std::string>& arguments,
                    const SpawnOptions& options) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // dup2 onto itself clears close-on-exec in the child.
  if (options.inherit_fd >= 0) posix_spawn_file_actions_adddup2(&actions, options.inherit_fd, options.inherit_fd);
  if (options.quiet_stdout) posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  std::vector<char*> argv = ArgumentVector(program, arguments);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return Fail("cannot start " + program + ": " + std::strerror(error));
  return pid;
}

Result<Exit> WaitFor(pid_t pid) {
  for (;;) {
    if (interrupt_signal != 0) return Interrupted();
    Exit exit;
    exit.pid = waitpid(pid, &exit.status, 0);
    if (exit.pid >= 0) return exit;
    if (errno != EINTR) return FailErrno("waitpid");
  }
}

Result<Exit> ReapOne() {
  if (interrupt_signal != 0) return Interrupted();
  Exit exit;
  exit.pid = waitpid(-1, &exit.status, WNOHANG);
  if (exit.pid < 0) return FailErrno("waitpid");
  return exit;
}

void KillAll(const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids) kill(pid, SIGKILL);
  for (const pid_t pid : pids) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

std::string DescribeExit(int status) {
  if (WIFSIGNALED(status)) {
    return "signal " + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) + ")";
  }
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

ReportingChild::ReportingChild(pid_t pid, int fd, std::string command)
    : pid_(pid), fd_(fd), command_(std::move(command)) {}

ReportingChild::ReportingChild(ReportingChild&& other) noexcept
    : pid_(other.pid_), fd_(other.fd_), command_(std::move(other.command_)), buffer_(std::move(other.buffer_)) {
  other.pid_ = 0;
  other.fd_ = -1;
}

ReportingChild::~ReportingChild() {
  Kill();
  if (fd_ >= 0) close(fd_);
}

Result<ReportingChild> ReportingChild::Start(const std::string& command, std::vector<std::string> arguments) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return FailErrno("pipe");
  arguments.insert(arguments.begin(), command);
  arguments.push_back(std::to_string(ends[1]));
  SpawnOptions options;
  options.inherit_fd = ends[1];
  Result<pid_t> pid = Spawn(SelfPath(), arguments, options);
  close(ends[1]);
  if (!pid.ok()) {
    close(ends[0]);
    return pid.error();
  }
  return ReportingChild(*pid, ends[0], command);
}

Result<std::string> ReportingChild::ReadLine() {
  for (;;) {
    const std::size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      if (line.rfind("error ", 0) == 0) return Fail(line.substr(6));
      return line;
    }
    char chunk[4096];
    const ssize_t n = read(fd_, chunk, sizeof chunk);
    if (n > 0) {
      buffer_.append(chunk, static_cast<std::size_t>(n));
      continue;
    }
    if (n < 0 && errno == EINTR) {
      if (interrupt_signal != 0) return Interrupted();
      continue;
    }
    return Fail(command_ + " ended without an answer");
  }
}

Status ReportingChild::Finish() {
  TENURE_ASSIGN(const Exit exit, WaitFor(pid_));
  pid_ = 0;
  if (!exit.clean()) return Fail(command_ + " ended with " + DescribeExit(exit.status));
  return {};
}

void ReportingChild::Kill() {
  if (pid_ == 0) return;
  KillAll({pid_});
  pid_ = 0;
}

void SendLine(int fd, const std::string& line) {
  std::string text = line;
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  text += '\n';
  if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::exit(1);
}

void DieWithParent() { prctl(PR_SET_PDEATHSIG, SIGKILL); }

}  // namespace tenure::bench
