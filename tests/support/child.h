// A real process of a test: started with arguments and environment, its output collected.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/sanitizer_reports.h"

extern char** environ;

namespace tenure::testing {

struct Ended {
  int status = 0;
  int exit_code = -1;  ///< -1: ended by a signal.
  std::string out;
  std::string err;
  bool killed() const { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }
};

class Child {
 public:
  /// `settings` are "NAME=value", in addition to this process's environment.
  explicit Child(const std::vector<std::string>& command, const std::vector<std::string>& settings = {}) {
    int out[2], err[2];
    if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, err[1], 2);
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    std::vector<char*> environment;
    for (const std::string& setting : settings) environment.push_back(const_cast<char*>(setting.c_str()));
    for (char** variable = environ; *variable != nullptr; ++variable) environment.push_back(*variable);
    environment.push_back(nullptr);
    const int failed =
        ::posix_spawn(&pid_, command[0].c_str(), &actions, nullptr, arguments.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    ::close(err[1]);
    out_ = out[0];
    err_ = err[0];
    if (failed != 0) throw std::runtime_error("cannot start " + command[0]);
  }
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)),
        out_(std::exchange(other.out_, -1)),
        err_(std::exchange(other.err_, -1)),
        misbehaves_(other.misbehaves_) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      (void)Wait();
    }
  }

  pid_t pid() const { return pid_; }
  /// It does on purpose what sanitizers report.
  void Misbehaves() { misbehaves_ = true; }
  void Kill(int signal = SIGKILL) { ::kill(pid_, signal); }

  /// Waits for the first output, or until it has ended or stopped.
  void WaitForOutput() {
    for (;;) {
      pollfd fd{out_, POLLIN, 0};
      siginfo_t info{};
      if (::poll(&fd, 1, 5) > 0) return;
      if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT) == 0 &&
          info.si_pid != 0) {
        return;
      }
    }
  }

  /// True when it has stopped (SIGSTOP); false when it ended instead.
  bool WaitStopped() {
    siginfo_t info{};
    // WNOWAIT leaves an end to Wait.
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOWAIT) != 0) {
    }
    return info.si_code == CLD_STOPPED;
  }

  /// Collects the output to its end, then the status. Fails the test when it holds a sanitizer's report.
  Ended Wait() {
    Ended ended;
    pollfd fds[2] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
    std::string* texts[2] = {&ended.out, &ended.err};
    for (int open = 2; open > 0;) {
      if (::poll(fds, 2, -1) < 0) continue;
      for (int i = 0; i < 2; ++i) {
        if (fds[i].fd < 0 || fds[i].revents == 0) continue;
        char buffer[65'536];
        const ssize_t got = ::read(fds[i].fd, buffer, sizeof buffer);
        if (got > 0) {
          texts[i]->append(buffer, static_cast<std::size_t>(got));
        } else {
          fds[i].fd = -1;
          --open;
        }
      }
    }
    ::waitpid(pid_, &ended.status, 0);
    pid_ = 0;
    ::close(std::exchange(out_, -1));
    ::close(std::exchange(err_, -1));
    if (WIFEXITED(ended.status)) ended.exit_code = WEXITSTATUS(ended.status);
    if (!misbehaves_) FailOnSanitizerReport(ended.err);
    return ended;
  }

 private:
  pid_t pid_ = 0;
  int out_ = -1;
  int err_ = -1;
  bool misbehaves_ = false;
};

}  // namespace tenure::testing
