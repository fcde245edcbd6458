#include "tests/cli/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "tests/support/sanitizer_reports.h"

namespace tenure::testing {
namespace {

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::abort();
}

int MemoryFile() {
  const int fd = ::memfd_create("test", MFD_CLOEXEC);
  if (fd < 0) Die("memfd_create");
  return fd;
}

std::string Content(int fd) {
  std::string text;
  char chunk[65536];
  off_t at = 0;
  ssize_t n = 0;
  while ((n = ::pread(fd, chunk, sizeof chunk, at)) > 0) {
    text.append(chunk, static_cast<std::size_t>(n));
    at += n;
  }
  return text;
}

std::vector<std::string> EnvironmentOf(const Launch& launch) {
  std::map<std::string, std::string> all;
  for (const char* kept : {"PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (const char* value = std::getenv(kept)) all[kept] = value;
  }
  for (const auto& [name, value] : launch.environment) all[name] = value;
  std::vector<std::string> texts;
  for (const auto& [name, value] : all) texts.push_back(name + "=" + value);
  return texts;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

pid_t Spawn(const Launch& launch, int in, int out, int err) {
  std::vector<std::string> arguments = launch.arguments;
  std::vector<std::string> environment = EnvironmentOf(launch);
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(environment);
  const pid_t parent = ::getpid();
  // A signal that the test sends at once waits until the child has its defaults back. Where the test's own parent
  // ignores it, as shells do for what runs in the background, it would be lost.
  sigset_t held, before;
  ::sigemptyset(&held);
  ::sigaddset(&held, SIGINT);
  ::sigprocmask(SIG_BLOCK, &held, &before);
  const pid_t pid = ::fork();
  if (pid < 0) Die("fork");
  if (pid > 0) {
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    return pid;
  }
  // The child: nothing may outlive the test.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGINT, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (!launch.directory.empty() && ::chdir(launch.directory.c_str()) != 0) ::_exit(126);
  if (!launch.output_path.empty()) out = ::open(launch.output_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  for (const int fd : launch.closed) ::close(fd);
  ::execve(argv[0], argv.data(), envp.data());
  ::_exit(127);
}

int StatusOf(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) Die("waitpid");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

Finished RunToEnd(const Launch& launch) {
  const int in = MemoryFile();
  const int out = MemoryFile();
  const int err = MemoryFile();
  if (::pwrite(in, launch.input.data(), launch.input.size(), 0) != static_cast<ssize_t>(launch.input.size())) {
    Die("pwrite");
  }
  Finished finished;
  finished.status = StatusOf(Spawn(launch, in, out, err));
  finished.out = Content(out);
  finished.err = Content(err);
  for (const int fd : {in, out, err}) ::close(fd);
  FailOnSanitizerReport(finished.err);
  return finished;
}

Child::Child(const Launch& launch) : err_(MemoryFile()) {
  int input[2];
  int output[2];
  if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) Die("pipe2");
  ::signal(SIGPIPE, SIG_IGN);
  pid_ = Spawn(launch, input[0], output[1], err_);
  ::close(input[0]);
  ::close(output[1]);
  in_ = input[1];
  out_ = output[0];
}

Child::~Child() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    StatusOf(pid_);
    FailOnSanitizerReport(Content(err_));
  }
  CloseInput();
  CloseOutput();
  ::close(err_);
}

void Child::Write(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(in_, text.data() + done, text.size() - done);
    if (n < 0 && errno == EPIPE) return;
    if (n < 0) Die("write");
    done += static_cast<std::size_t>(n);
  }
}

void Child::CloseInput() {
  if (in_ >= 0) ::close(in_);
  in_ = -1;
}

void Child::CloseOutput() {
  if (out_ >= 0) ::close(out_);
  out_ = -1;
}

std::string Child::ReadLine() {
  std::size_t end = 0;
  while ((end = buffer_.find('\n')) == std::string::npos) {
    char chunk[4096];
    const ssize_t n = ::read(out_, chunk, sizeof chunk);
    if (n < 0) Die("read");
    if (n == 0) return std::exchange(buffer_, {});
    buffer_.append(chunk, static_cast<std::size_t>(n));
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return line;
}

void Child::Signal(int number) { ::kill(pid_, number); }

bool Child::WaitStopped() {
  siginfo_t info = {};
  // WNOWAIT: the end, should it come instead, is left for Wait.
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOWAIT) < 0) {
    if (errno != EINTR) Die("waitid");
  }
  return info.si_code == CLD_STOPPED;
}

Finished Child::Wait() {
  CloseInput();
  return WaitForEnd();
}

Finished Child::WaitForEnd() {
  Finished finished;
  char chunk[65536];
  ssize_t n = 0;
  while (out_ >= 0 && (n = ::read(out_, chunk, sizeof chunk)) > 0) buffer_.append(chunk, static_cast<std::size_t>(n));
  finished.out = std::exchange(buffer_, {});
  finished.status = StatusOf(std::exchange(pid_, -1));
  finished.err = Content(err_);
  FailOnSanitizerReport(finished.err);
  return finished;
}

}  // namespace tenure::testing
