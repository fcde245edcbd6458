#include "cli/replay_watch.h"

#include <poll.h>
#include <sys/inotify.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "store/base/error.h"

namespace tenure::cli {
namespace {

Error CannotWatch(const std::string& path, int error) {
  Error result = base::MakeError(ErrorCode::kIo, "cannot watch " + path + ": " + std::strerror(error),
                                 error == ENOSPC ? "raise fs.inotify.max_user_watches" : "");
  result.path = path;
  return result;
}

}  // namespace

Result<StoreWatch> StoreWatch::Open(const std::string& journal_dir, const std::string& store_dir) {
  base::UniqueFd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (fd.get() < 0) return CannotWatch(journal_dir, errno);
  const std::uint32_t names = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;
  if (::inotify_add_watch(fd.get(), journal_dir.c_str(), names | IN_MODIFY) < 0) return CannotWatch(journal_dir, errno);
  if (::inotify_add_watch(fd.get(), store_dir.c_str(), names) < 0) return CannotWatch(store_dir, errno);
  return StoreWatch(std::move(fd));
}

Result<bool> StoreWatch::Wait(std::chrono::milliseconds timeout) {
  pollfd poll_fd = {fd_.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&poll_fd, 1, static_cast<int>(timeout.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return CannotWatch("the store", errno);
  if (ready == 0) return false;
  // What happened does not matter, only that something did: take all of it.
  alignas(inotify_event) char events[16384];
  ssize_t n = 0;
  do {
    n = ::read(fd_.get(), events, sizeof events);
  } while (n > 0 || (n < 0 && errno == EINTR));
  if (n < 0 && errno != EAGAIN) return CannotWatch("the store", errno);
  return true;
}

}  // namespace tenure::cli
