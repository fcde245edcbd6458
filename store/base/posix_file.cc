#include "store/base/posix_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "store/base/error.h"
#include "store/base/fork.h"
#include "store/base/posix_error.h"

namespace tenure::base {
namespace {

constexpr int kFirstOwnDescriptor = 3;

/// Repeats a call that a signal interrupted before it had any effect.
template <typename Call>
auto RetryInterrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

struct flock LockRequest(short type, std::uint64_t offset, std::uint64_t length) {
  struct flock request {};
  request.l_type = type;
  request.l_whence = SEEK_SET;
  request.l_start = static_cast<off_t>(offset);
  request.l_len = static_cast<off_t>(length);
  request.l_pid = 0;  // required by the open-file-description locks
  return request;
}

short LockType(LockKind kind) { return kind == LockKind::kExclusive ? F_WRLCK : F_RDLCK; }

constexpr bool IsWholeBlocks(std::uint64_t bytes) { return bytes % kDirectBlockBytes == 0; }

std::string Range(const char* verb, std::uint64_t offset, std::size_t bytes) {
  return std::string(verb) + " " + std::to_string(bytes) + " bytes at offset " + std::to_string(offset) + " of";
}

}  // namespace

int OpenDescriptor(const std::string& path, int flags, unsigned mode) {
  const int opened = RetryInterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
  if (opened < 0) return -errno;
  if (opened >= kFirstOwnDescriptor) return opened;
  const int moved = ::fcntl(opened, F_DUPFD_CLOEXEC, kFirstOwnDescriptor);
  const int error_number = errno;
  ::close(opened);
  return moved >= 0 ? moved : -error_number;
}

std::unique_ptr<PosixFile> PosixFile::Own(int descriptor, const std::string& path, bool direct) {
  try {
    return std::unique_ptr<PosixFile>(new PosixFile(path, descriptor, direct));
  } catch (...) {
    ::close(descriptor);
    throw;
  }
}

PosixFile::PosixFile(const std::string& path, int descriptor, bool direct)
    : path_(path), descriptor_(descriptor), direct_(direct), fork_generation_(ForkGeneration()) {}

PosixFile::~PosixFile() {
  // A forked child does not have the mappings; at their addresses it may have mapped something else.
  const bool forked = ForkGeneration() != fork_generation_;
  if (!forked) {
    MutexLock lock(mutex_);
    for (const auto& mapping : mappings_) ::munmap(mapping.first, mapping.second);
  }
  if (locked_.load(std::memory_order_relaxed)) {
    if (forked) return;  // closed at the fork; the number may be somebody else's by now
    ForgetDescriptor(descriptor_);
  }
  ::close(descriptor_);
}

/// From the first lock on, the descriptor must not live on in a forked child.
void PosixFile::NoteLock() {
  if (!locked_.exchange(true, std::memory_order_relaxed)) CloseInChildren(descriptor_);
}

Result<std::size_t> PosixFile::ReadAt(std::uint64_t offset, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = RetryInterrupted(
        [&] { return ::pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done)); });
    if (got < 0 && errno == EINVAL && LeaveDirect()) continue;  // as in WriteAt
    if (got < 0) return ErrnoError(Range("read", offset + done, out.size() - done), path_, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Status PosixFile::WriteAt(std::uint64_t offset, ByteView data) {
  // A write that is none of whole blocks would work, from then on without O_DIRECT, and nobody would notice.
  TENURE_CHECK(!direct_ || (IsWholeBlocks(offset) && IsWholeBlocks(data.size()) &&
                            IsWholeBlocks(reinterpret_cast<std::uintptr_t>(data.data()))));
  std::size_t done = 0;
  while (done < data.size()) {
    // EINTR means that this call wrote nothing; what was written before a signal is a short count.
    const ssize_t put = RetryInterrupted([&] {
      return ::pwrite(descriptor_, data.data() + done, data.size() - done, static_cast<off_t>(offset + done));
    });
    // Its blocks are larger, or it stopped in the middle of one: nothing was written, and the page cache takes it.
    if (put < 0 && errno == EINVAL && LeaveDirect()) continue;
    if (put <= 0) {
      Error error = ErrnoError(Range("write", offset + done, data.size() - done), path_, put < 0 ? errno : EIO);
      error.offset = offset + done;
      return error;
    }
    done += static_cast<std::size_t>(put);
  }
  return {};
}

bool PosixFile::LeaveDirect() const {
  const int flags = direct_ ? ::fcntl(descriptor_, F_GETFL) : 0;
  const bool left = flags > 0 && (flags & O_DIRECT) != 0 && ::fcntl(descriptor_, F_SETFL, flags & ~O_DIRECT) == 0;
  if (!left) errno = EINVAL;
  return left;
}

// After a failed sync the kernel may have dropped the dirty pages and call the next sync a success:
// a second try would be a lie. EINTR is no exception, since it does not say what was done.
Status PosixFile::SyncData() {
  if (::fdatasync(descriptor_) != 0) return ErrnoError("sync the data of", path_, errno);
  return {};
}

Status PosixFile::SyncAll() {
  if (::fsync(descriptor_) != 0) return ErrnoError("sync", path_, errno);
  return {};
}

Status PosixFile::Allocate(std::uint64_t bytes) { return AllocateRange(0, bytes); }

Status PosixFile::AllocateRange(std::uint64_t offset, std::uint64_t bytes) {
  if (bytes == 0) return {};
  int error_number = EINTR;  // posix_fallocate returns its error
  while (error_number == EINTR)
    error_number = ::posix_fallocate(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(bytes));
  if (error_number != 0) return ErrnoError("allocate " + std::to_string(bytes) + " bytes for", path_, error_number);
  return {};
}

Status PosixFile::Truncate(std::uint64_t bytes) {
  if (RetryInterrupted([&] { return ::ftruncate(descriptor_, static_cast<off_t>(bytes)); }) != 0) {
    return ErrnoError("set to " + std::to_string(bytes) + " bytes the file", path_, errno);
  }
  return {};
}

Result<std::uint64_t> PosixFile::Size() const {
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0) return ErrnoError("get the size of", path_, errno);
  return static_cast<std::uint64_t>(info.st_size);
}

Result<std::pair<std::uint64_t, std::uint64_t>> PosixFile::Identity() const {
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0) return ErrnoError("get the identity of", path_, errno);
  return std::pair<std::uint64_t, std::uint64_t>(info.st_dev, info.st_ino);
}

Result<bool> PosixFile::TryLock(LockKind kind, std::uint64_t offset, std::uint64_t length) {
  NoteLock();
  struct flock request = LockRequest(LockType(kind), offset, length);
  if (RetryInterrupted([&] { return ::fcntl(descriptor_, F_OFD_SETLK, &request); }) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return ErrnoError("lock", path_, errno);
}

Status PosixFile::Lock(LockKind kind, std::uint64_t offset, std::uint64_t length) {
  NoteLock();
  struct flock request = LockRequest(LockType(kind), offset, length);
  if (RetryInterrupted([&] { return ::fcntl(descriptor_, F_OFD_SETLKW, &request); }) == 0) return {};
  return ErrnoError("lock", path_, errno);
}

Status PosixFile::Unlock(std::uint64_t offset, std::uint64_t length) {
  struct flock request = LockRequest(F_UNLCK, offset, length);
  if (RetryInterrupted([&] { return ::fcntl(descriptor_, F_OFD_SETLK, &request); }) == 0) return {};
  return ErrnoError("unlock", path_, errno);
}

Result<bool> PosixFile::LockedByOthers(std::uint64_t offset, std::uint64_t length) const {
  struct flock request = LockRequest(F_WRLCK, offset, length);
  if (RetryInterrupted([&] { return ::fcntl(descriptor_, F_OFD_GETLK, &request); }) != 0) {
    return ErrnoError("look at the locks of", path_, errno);
  }
  return request.l_type != F_UNLCK;
}

Result<std::byte*> PosixFile::MapShared(std::uint64_t bytes) {
  TENURE_ASSIGN(const std::uint64_t size, Size());
  // Touching a page behind the end of the file is a SIGBUS, so it is refused here.
  if (bytes == 0 || size < bytes) {
    Error error = MakeError(ErrorCode::kIo, "cannot map " + std::to_string(bytes) + " bytes of " + path_ + ": it has " +
                                                std::to_string(size) + " bytes");
    error.path = path_;
    return error;
  }
  void* address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (address == MAP_FAILED) return ErrnoError("map", path_, errno);
  if (::madvise(address, bytes, MADV_DONTFORK) != 0) {
    const int error_number = errno;
    ::munmap(address, bytes);
    return ErrnoError("keep from child processes the mapping of", path_, error_number);
  }
  MutexLock lock(mutex_);
  mappings_.emplace_back(address, bytes);
  return static_cast<std::byte*>(address);
}

}  // namespace tenure::base
