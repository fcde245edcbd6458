// Files, locks and mappings, in front of the C library's: each call of a thread of the world is a step, takes the time
// of a simulated disk, and may fail as the plan says. Bytes go to the machine's files; nothing is really synced, since
// power never fails here. SQLite's calls pass here as well.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "tests/sim/schedule/faults.h"
#include "tests/sim/schedule/mappings.h"
#include "tests/sim/schedule/real.h"
#include "tests/sim/schedule/scheduler.h"
#include "tests/sim/schedule/simulated.h"

namespace tenure::sim {
namespace {

enum class FileKind : std::uint8_t { kOther, kJournal, kEvent };
/// By descriptor, of this process.
std::array<FileKind, 1024> kinds;

FileKind& KindOf(int descriptor) {
  static FileKind other;
  if (descriptor < 0 || static_cast<std::size_t>(descriptor) >= kinds.size()) return other = FileKind::kOther;
  return kinds[static_cast<std::size_t>(descriptor)];
}
bool IsJournal(int descriptor) { return KindOf(descriptor) == FileKind::kJournal; }

struct Mapping {
  std::uint64_t bytes = 0;
  std::uint64_t file = 0;
};
std::map<std::uint64_t, Mapping>& Mappings() {
  static auto& mappings = *new std::map<std::uint64_t, Mapping>;  // by address
  return mappings;
}

/// "/proc/1003/stat" names a simulated process.
std::string RealPath(const char* path) {
  constexpr std::string_view kProc = "/proc/";
  const std::string_view text(path);
  if (text.substr(0, kProc.size()) != kProc) return path;
  char* end = nullptr;
  const unsigned long pid = std::strtoul(path + kProc.size(), &end, 10);
  if (end == path + kProc.size()) return path;
  return std::string(kProc) + std::to_string(RealPid(static_cast<pid_t>(pid))) + end;
}

template <class Open>
int OpenWith(const char* path, Open open) {
  if (!InWorld()) return open(path);
  Step("open");
  const int descriptor = open(RealPath(path).c_str());
  if (descriptor >= 0) {
    const std::string_view text(path);
    KindOf(descriptor) = text.find("/journal/") != std::string_view::npos ? FileKind::kJournal : FileKind::kOther;
  }
  return descriptor;
}

void LocksMayBeFree() { Wake({kLocksSpace, 1}, 1, INT_MAX); }

template <class Call>
int Control(int descriptor, int command, void* argument, Call call) {
  if (!InWorld()) return call(command);
  switch (command) {
    case F_OFD_SETLK:
    case F_SETLK: {
      Step("lock");
      const int result = call(command);
      if (static_cast<struct flock*>(argument)->l_type == F_UNLCK) LocksMayBeFree();
      return result;
    }
    case F_OFD_SETLKW:
      Step("lock.wait");
      for (;;) {
        const int result = call(F_OFD_SETLK);
        if (result == 0 || (errno != EAGAIN && errno != EACCES)) return result;
        Block("lock.blocked", {kLocksSpace, 1}, 1, -1);
      }
    case F_DUPFD_CLOEXEC: {
      const int copy = call(command);
      KindOf(copy) = KindOf(descriptor);
      return copy;
    }
    default:
      return call(command);
  }
}

template <class Call>
ssize_t WriteWith(int descriptor, Call call) {
  if (InWorld()) {
    if (const int error = OnDisk(DiskCall::kWrite, "pwrite", IsJournal(descriptor)); error != 0) {
      errno = error;
      return -1;
    }
  }
  return call();
}

template <class Real>
int SyncWith(int descriptor, const char* point, Real real) {
  if (!InWorld()) return real(descriptor);
  if (const int error = OnDisk(DiskCall::kSync, point, IsJournal(descriptor)); error != 0) {
    errno = error;
    return -1;
  }
  return 0;
}

template <class Map>
void* MapWith(std::size_t bytes, int flags, int descriptor, off_t offset, Map map) {
  void* const address = map();
  if (!InWorld() || address == MAP_FAILED || descriptor < 0 || (flags & MAP_SHARED) == 0) return address;
  struct stat info {};
  if (::fstat(descriptor, &info) != 0) std::abort();
  // One file system: its number of the file is enough, with room for the offset.
  Mappings()[reinterpret_cast<std::uint64_t>(address)] = {bytes,
                                                          (info.st_ino << 32) + static_cast<std::uint64_t>(offset)};
  return address;
}

}  // namespace

WaitKey KeyOfShared(const void* address) {
  const auto place = reinterpret_cast<std::uint64_t>(address);
  auto it = Mappings().upper_bound(place);
  if (it != Mappings().begin()) {
    --it;
    if (place < it->first + it->second.bytes) return {kFileSpace, it->second.file + (place - it->first)};
  }
  return {static_cast<std::uint64_t>(MyProcessNumber()), place};
}

}  // namespace tenure::sim

using tenure::sim::InWorld;
using tenure::sim::Step;

TENURE_SIMULATED int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = va_arg(list, mode_t);
  va_end(list);
  return tenure::sim::OpenWith(path, [&](const char* real) { return TENURE_REAL(open)(real, flags, mode); });
}

TENURE_SIMULATED int open64(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = va_arg(list, mode_t);
  va_end(list);
  return tenure::sim::OpenWith(path, [&](const char* real) { return TENURE_REAL(open64)(real, flags, mode); });
}

TENURE_SIMULATED int close(int descriptor) {
  if (InWorld()) Step("close");
  const int result = TENURE_REAL(close)(descriptor);
  if (InWorld()) {
    tenure::sim::KindOf(descriptor) = tenure::sim::FileKind::kOther;
    tenure::sim::LocksMayBeFree();
  }
  return result;
}

TENURE_SIMULATED ssize_t pwrite(int descriptor, const void* data, size_t bytes, off_t offset) {
  return tenure::sim::WriteWith(descriptor, [&] { return TENURE_REAL(pwrite)(descriptor, data, bytes, offset); });
}

TENURE_SIMULATED ssize_t pwrite64(int descriptor, const void* data, size_t bytes, off64_t offset) {
  return tenure::sim::WriteWith(descriptor, [&] { return TENURE_REAL(pwrite64)(descriptor, data, bytes, offset); });
}

TENURE_SIMULATED ssize_t pread(int descriptor, void* data, size_t bytes, off_t offset) {
  if (InWorld()) Step("pread");
  return TENURE_REAL(pread)(descriptor, data, bytes, offset);
}

TENURE_SIMULATED ssize_t pread64(int descriptor, void* data, size_t bytes, off64_t offset) {
  if (InWorld()) Step("pread");
  return TENURE_REAL(pread64)(descriptor, data, bytes, offset);
}

TENURE_SIMULATED int fdatasync(int descriptor) {
  return tenure::sim::SyncWith(descriptor, "fdatasync", [](int real) { return TENURE_REAL(fdatasync)(real); });
}

TENURE_SIMULATED int fsync(int descriptor) {
  return tenure::sim::SyncWith(descriptor, "fsync", [](int real) { return TENURE_REAL(fsync)(real); });
}

TENURE_SIMULATED int ftruncate(int descriptor, off_t bytes) noexcept {
  if (InWorld()) Step("ftruncate");
  return TENURE_REAL(ftruncate)(descriptor, bytes);
}

TENURE_SIMULATED int ftruncate64(int descriptor, off64_t bytes) noexcept {
  if (InWorld()) Step("ftruncate");
  return TENURE_REAL(ftruncate64)(descriptor, bytes);
}

TENURE_SIMULATED int posix_fallocate(int descriptor, off_t offset, off_t bytes) {
  if (InWorld()) {
    using tenure::sim::DiskCall;
    const int error = tenure::sim::OnDisk(DiskCall::kAllocate, "fallocate", tenure::sim::IsJournal(descriptor));
    if (error != 0) return error;
  }
  return TENURE_REAL(posix_fallocate)(descriptor, offset, bytes);
}

TENURE_SIMULATED int rename(const char* from, const char* to) noexcept {
  if (InWorld()) Step("rename");
  return TENURE_REAL(rename)(from, to);
}

TENURE_SIMULATED int renameat2(int from_dir, const char* from, int to_dir, const char* to,
                               unsigned int flags) noexcept {
  if (InWorld()) Step("rename");
  return TENURE_REAL(renameat2)(from_dir, from, to_dir, to, flags);
}

TENURE_SIMULATED int remove(const char* path) noexcept {
  if (InWorld()) Step("remove");
  return TENURE_REAL(remove)(path);
}

TENURE_SIMULATED int unlink(const char* path) noexcept {
  if (InWorld()) Step("unlink");
  return TENURE_REAL(unlink)(path);
}

TENURE_SIMULATED int fcntl(int descriptor, int command, ...) {
  va_list list;
  va_start(list, command);
  void* const argument = va_arg(list, void*);
  va_end(list);
  return tenure::sim::Control(descriptor, command, argument,
                              [&](int real) { return TENURE_REAL(fcntl)(descriptor, real, argument); });
}

TENURE_SIMULATED int fcntl64(int descriptor, int command, ...) {
  va_list list;
  va_start(list, command);
  void* const argument = va_arg(list, void*);
  va_end(list);
  return tenure::sim::Control(descriptor, command, argument,
                              [&](int real) { return TENURE_REAL(fcntl64)(descriptor, real, argument); });
}

TENURE_SIMULATED void* mmap(void* address, size_t bytes, int protection, int flags, int descriptor,
                            off_t offset) noexcept {
  return tenure::sim::MapWith(bytes, flags, descriptor, offset,
                              [&] { return TENURE_REAL(mmap)(address, bytes, protection, flags, descriptor, offset); });
}

TENURE_SIMULATED int munmap(void* address, size_t bytes) noexcept {
  if (InWorld()) tenure::sim::Mappings().erase(reinterpret_cast<std::uint64_t>(address));
  return TENURE_REAL(munmap)(address, bytes);
}

TENURE_SIMULATED int eventfd(unsigned int count, int flags) noexcept {
  const int descriptor = TENURE_REAL(eventfd)(count, flags);
  if (InWorld()) tenure::sim::KindOf(descriptor) = tenure::sim::FileKind::kEvent;
  return descriptor;
}

TENURE_SIMULATED ssize_t write(int descriptor, const void* data, size_t bytes) {
  const ssize_t written = TENURE_REAL(write)(descriptor, data, bytes);
  if (InWorld() && tenure::sim::KindOf(descriptor) == tenure::sim::FileKind::kEvent) {
    Step("eventfd");
    tenure::sim::Wake({tenure::sim::kPollSpace, 1}, 1, INT_MAX);
  }
  return written;
}

/// Wakes up with every event and every death, and looks again.
TENURE_SIMULATED int poll(pollfd* descriptors, nfds_t count, int timeout_ms) {
  if (!InWorld()) return TENURE_REAL(poll)(descriptors, count, timeout_ms);
  if (timeout_ms >= 0) std::abort();  // nobody of the product does
  for (;;) {
    const int ready = TENURE_REAL(poll)(descriptors, count, 0);
    if (ready != 0) return ready;
    tenure::sim::Block("poll", {tenure::sim::kPollSpace, 1}, 1, -1);
  }
}
