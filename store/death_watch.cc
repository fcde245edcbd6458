#include "store/death_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "store/base/processes.h"
#include "store/base/quiet_thread.h"

namespace tenure {
namespace {

/// A descriptor that becomes readable when the process ends; none when that very process cannot be had.
base::UniqueFd OpenProcess(std::uint32_t pid, std::uint64_t process_start) {
  base::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0)));  // close-on-exec
  if (process.get() < 0) return process;
  // The pid may have been given to another process since: the descriptor names whoever has it now.
  const auto stat = base::ReadProcessStat(pid);
  return stat && stat->start_ticks == process_start ? std::move(process) : base::UniqueFd();
}

void Post(int eventfd) {
  const std::uint64_t one = 1;
  if (::write(eventfd, &one, sizeof one) != sizeof one) return;  // the counter is full: it is readable all the same
}

}  // namespace

DeathWatch::~DeathWatch() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    Post(wake_.get());
    thread_.join();
  }
}

bool DeathWatch::Start() {
  if (thread_.joinable()) return true;
  if (wake_.get() < 0) wake_ = base::UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake_.get() < 0) return false;
  thread_ = base::StartQuietThread([this] { Main(); });
  return true;
}

bool DeathWatch::Watch(std::uint32_t pid, std::uint64_t process_start) {
  if (pid == pid_ && process_start == start_) return true;
  base::UniqueFd process;
  if (pid != 0) {
    process = OpenProcess(pid, process_start);
    if (process.get() >= 0 && !Start()) process = base::UniqueFd();
    if (process.get() < 0) pid = 0;
  }
  const bool watched = process.get() >= 0;
  {
    const std::lock_guard lock(mutex_);
    std::swap(process_, process);
    ++number_;
  }
  if (thread_.joinable()) Post(wake_.get());
  pid_ = pid;
  start_ = watched ? process_start : 0;
  return watched;
}

void DeathWatch::Main() {
  std::uint64_t reported = 0;
  for (;;) {
    pollfd fds[2] = {{wake_.get(), POLLIN, 0}, {-1, POLLIN, 0}};
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      number = number_;
      // Its own copy: the caller may close the other while this thread sleeps.
      if (process_.get() >= 0 && number != reported) fds[1].fd = ::fcntl(process_.get(), F_DUPFD_CLOEXEC, 0);
    }
    (void)::poll(fds, 2, -1);
    std::uint64_t count = 0;
    if ((fds[0].revents & POLLIN) != 0 && ::read(wake_.get(), &count, sizeof count) < 0) count = 0;
    if (fds[1].fd >= 0) {
      if ((fds[1].revents & POLLIN) != 0) {
        reported = number;
        on_death_();
      }
      ::close(fds[1].fd);
    }
  }
}

}  // namespace tenure
