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

/// A descriptor that becomes readable when the process ends; -1 when that very process cannot be had.
int OpenProcess(std::uint32_t pid, std::uint64_t process_start) {
  const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0));  // close-on-exec
  if (fd < 0) return -1;
  // The pid may have been given to another process since: the descriptor names whoever has it now.
  const auto stat = base::ReadProcessStat(pid);
  if (stat && stat->start_ticks == process_start) return fd;
  ::close(fd);
  return -1;
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
    Post(wake_);
    thread_.join();
  }
  if (process_ >= 0) ::close(process_);
  if (wake_ >= 0) ::close(wake_);
}

bool DeathWatch::Start() {
  if (thread_.joinable()) return true;
  if (wake_ < 0) wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) return false;
  thread_ = base::StartQuietThread([this] { Main(); });
  return true;
}

bool DeathWatch::Watch(std::uint32_t pid, std::uint64_t process_start) {
  if (pid == pid_ && process_start == start_) return true;
  int fd = -1;
  if (pid != 0) {
    fd = OpenProcess(pid, process_start);
    if (fd >= 0 && !Start()) {
      ::close(fd);
      fd = -1;
    }
    if (fd < 0) pid = 0;
  }
  int before = -1;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(process_, fd);
    ++number_;
  }
  if (thread_.joinable()) Post(wake_);
  if (before >= 0) ::close(before);
  const bool watched = fd >= 0;
  pid_ = pid;
  start_ = watched ? process_start : 0;
  return watched;
}

void DeathWatch::Main() {
  std::uint64_t reported = 0;
  for (;;) {
    pollfd fds[2] = {{wake_, POLLIN, 0}, {-1, POLLIN, 0}};
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      number = number_;
      // Its own copy: the caller may close the other while this thread sleeps.
      if (process_ >= 0 && number != reported) fds[1].fd = ::fcntl(process_, F_DUPFD_CLOEXEC, 0);
    }
    (void)::poll(fds, 2, -1);
    std::uint64_t count = 0;
    if ((fds[0].revents & POLLIN) != 0 && ::read(wake_, &count, sizeof count) < 0) count = 0;
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
