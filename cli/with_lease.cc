// tenure with-lease SCOPE... -- CMD...
//
//   acquire ─▶ run CMD ──────────────────────────────▶ CMD has ended ─▶ release ─▶ CMD's status
//                 │  lost: TERM, then KILL after 5 s ─▶ CMD has ended ─▶ 125
//
// Own failures follow timeout(1): 124 busy, 125 internal or lost, 126 and 127 the command cannot be run or found.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "cli/args.h"
#include "cli/command.h"
#include "cli/lease_options.h"
#include "cli/registry.h"
#include "cli/terminal.h"
#include "store/base/error.h"
#include "store/base/quiet_thread.h"
#include "store/base/unique_fd.h"

namespace tenure::cli {
namespace {

constexpr int kBusyStatus = 124;
constexpr int kOwnFailure = 125;
constexpr int kCannotRun = 126;
constexpr int kNotFound = 127;
constexpr std::uint64_t kGraceMs = 5'000;
constexpr std::chrono::milliseconds kLong = std::chrono::hours(24);

/// What is handed on to the command, and its end.
sigset_t Handled() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

/// Readable once the lease is lost.
class LossWatch {
 public:
  explicit LossWatch(const Lease& lease) : event_(::eventfd(0, EFD_CLOEXEC)) {
    thread_ = base::StartQuietThread([this, &lease] {
      while (!lease.WaitLost(kLong)) {
      }
      const std::uint64_t one = 1;
      if (::write(event_.get(), &one, sizeof one) < 0) return;  // nobody reads it any more
    });
  }
  ~LossWatch() { thread_.join(); }  // after the lease was lost or released
  LossWatch(const LossWatch&) = delete;
  LossWatch& operator=(const LossWatch&) = delete;
  int fd() const { return event_.get(); }

 private:
  base::UniqueFd event_;
  std::thread thread_;
};

[[noreturn]] void RunInChild(const std::vector<std::string>& command, const std::string& tokens,
                             const std::string& fencing_token, const sigset_t& mask, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kOwnFailure);  // it died before the line above
  ::setenv("TENURE_LEASE_TOKEN", tokens.c_str(), 1);
  ::setenv("TENURE_FENCING_TOKEN", fencing_token.c_str(), 1);
  ::signal(SIGPIPE, SIG_DFL);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  ::execvp(arguments[0], arguments.data());
  const int error = errno;
  WriteStderr("tenure: cannot run '" + command.front() + "': " + std::strerror(error) + "\n");
  ::_exit(error == ENOENT ? kNotFound : kCannotRun);
}

int ChildStatus(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

class WithLease : public Command {
 public:
  void Define(Args& args) override {
    lease_.Define(args);
    args.CommandLine(command_);
    args.Footer(
        "with-lease SCOPE... -- COMMAND...: the lease is renewed while COMMAND runs, and ends with this process. "
        "COMMAND\nfinds TENURE_LEASE_TOKEN, which 'tenure put' and the like take from there, and TENURE_FENCING_TOKEN. "
        "When the\nlease is lost it is sent TERM, and KILL after 5 s. Status: COMMAND's; 124 busy, 125 lease lost or "
        "another failure,\n126 and 127 COMMAND cannot be run or found.");
  }

  Result<int> Run(Context& ctx) override {
    TENURE_ASSIGN(const AcquireOptions options, lease_.Options());
    auto store = ctx.OpenStore({.writer = options.writer});
    if (!store.ok()) return Fail(ctx, store.error());
    auto lease = store->Acquire(options);
    if (!lease.ok()) return Fail(ctx, lease.error());
    return Hold(ctx, *lease, options.held_tokens);
  }

 private:
  static int Fail(Context& ctx, const Error& error) {
    WriteStderr(ErrorText(error, ctx.format()));
    if (error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kTooLarge) return ExitCode(error.code);
    return ExitCode(error.code) == ExitCode(ErrorCode::kLeaseHeld) ? kBusyStatus : kOwnFailure;
  }

  Result<int> Hold(Context& ctx, Lease& lease, const std::vector<std::string>& outer) {
    std::string tokens = lease.token();
    for (const std::string& token : outer) tokens += " " + token;
    const std::string fencing_token = std::to_string(lease.fencing_token());
    const sigset_t handled = Handled();
    sigset_t before;
    ::sigprocmask(SIG_BLOCK, &handled, &before);
    const base::UniqueFd signals(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
    const pid_t parent = ::getpid();
    const pid_t child = signals.get() < 0 ? -1 : ::fork();
    if (child == 0) RunInChild(command_, tokens, fencing_token, before, parent);
    if (child < 0) {
      return Fail(ctx, base::MakeError(ErrorCode::kIo, std::string("cannot start a process: ") + std::strerror(errno)));
    }
    bool lost = false;
    int status = 0;
    Status released;
    {
      const LossWatch loss(lease);
      status = Await(ctx, child, signals.get(), loss.fd(), lost);
      released = lease.Release();
    }
    if (!lost && released.ok()) return status;
    if (!lost) WriteStderr(ErrorText(released.error(), ctx.format()));
    return kOwnFailure;
  }

  /// Until the child has ended: hands signals on, and ends it when the lease is lost.
  static int Await(Context& ctx, pid_t child, int signals, int loss, bool& lost) {
    std::uint64_t kill_at_ms = 0;  // 0: not yet, or done
    for (;;) {
      int status = 0;
      if (::waitpid(child, &status, WNOHANG) == child) return ChildStatus(status);
      int timeout = -1;
      if (kill_at_ms != 0) {
        const std::uint64_t now = ctx.env().BoottimeMs();
        timeout = kill_at_ms > now ? static_cast<int>(kill_at_ms - now) : 0;
      }
      pollfd fds[2] = {{signals, POLLIN, 0}, {lost ? -1 : loss, POLLIN, 0}};
      const int ready = ::poll(fds, 2, timeout);
      if (ready == 0 && kill_at_ms != 0) {
        ::kill(child, SIGKILL);
        kill_at_ms = 0;
      }
      if ((fds[1].revents & POLLIN) != 0) {
        lost = true;
        ctx.Warn("the lease is lost: the command is ended (TERM, and KILL after 5 s)");
        ::kill(child, SIGTERM);
        ::kill(child, SIGCONT);  // a stopped process takes no TERM
        kill_at_ms = ctx.env().BoottimeMs() + kGraceMs;
      }
      signalfd_siginfo info = {};
      while (::read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        const auto number = static_cast<int>(info.ssi_signo);
        // What the terminal sends, it sends to the command too.
        if (number != SIGCHLD && info.ssi_code != SI_KERNEL) ::kill(child, number);
      }
    }
  }

  LeaseArguments lease_;
  std::vector<std::string> command_;
};

}  // namespace

std::unique_ptr<Command> MakeWithLease() { return std::make_unique<WithLease>(); }

}  // namespace tenure::cli
