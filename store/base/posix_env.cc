#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/filesystem/operations.hpp>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "store/base/env.h"
#include "store/base/error.h"
#include "store/base/file_system.h"
#include "store/base/host.h"
#include "store/base/posix_error.h"
#include "store/base/posix_file.h"

namespace tenure::base {
namespace {

constexpr unsigned kPrivateFile = 0600;
constexpr unsigned kPrivateDirectory = 0700;
constexpr unsigned kGroupFile = 0660;
constexpr unsigned kGroupDirectory = 02770;

std::uint64_t ClockNs(clockid_t clock) {
  timespec now{};
  TENURE_CHECK(clock_gettime(clock, &now) == 0);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

class PosixEnv final : public Env {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Result<bool> Exists(const std::string& path) const override;
  Result<std::vector<std::string>> List(const std::string& dir) const override;
  Status CreateDirectory(const std::string& dir) override;
  Status Remove(const std::string& path) override;
  Status RemoveAll(const std::string& dir) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status RenameNoReplace(const std::string& from, const std::string& to) override;
  Status SyncDirectory(const std::string& dir) override;
  Result<std::string> Canonical(const std::string& path) const override;
  Result<FileSystemInfo> FileSystem(const std::string& path) const override { return DetectFileSystem(path); }
  void SetSharedWithGroup(bool shared) override { shared_with_group_.store(shared, std::memory_order_relaxed); }

  TimeMs WallMs() const override { return static_cast<TimeMs>(ClockNs(CLOCK_REALTIME) / 1'000'000); }
  std::uint64_t MonotonicNs() const override { return ClockNs(CLOCK_MONOTONIC); }
  std::uint64_t BoottimeMs() const override { return ClockNs(CLOCK_BOOTTIME) / 1'000'000; }
  void Random(std::span<std::byte> out) override;
  const HostInfo& Host() const override { return ThisHost(); }

 private:
  /// A setting, not a signal: nothing else is published by it, so relaxed is enough.
  bool shared_with_group() const { return shared_with_group_.load(std::memory_order_relaxed); }
  Result<std::unique_ptr<File>> CreateNew(const std::string& path);

  std::atomic<bool> shared_with_group_{false};
};

Result<std::unique_ptr<File>> OpenExisting(const std::string& path, int flags) {
  const int descriptor = OpenDescriptor(path, flags | O_NOCTTY, 0);
  if (descriptor < 0) return ErrnoError("open", path, -descriptor);
  return std::unique_ptr<File>(PosixFile::Own(descriptor, path));
}

/// A file system without direct access refuses the flag; one whose blocks are larger, the first read or write.
Result<std::unique_ptr<File>> OpenDirect(const std::string& path) {
  int descriptor = OpenDescriptor(path, O_RDWR | O_NOCTTY | O_DIRECT, 0);
  if (descriptor == -EINVAL) descriptor = OpenDescriptor(path, O_RDWR | O_NOCTTY, 0);
  if (descriptor < 0) return ErrnoError("open", path, -descriptor);
  return std::unique_ptr<File>(PosixFile::Own(descriptor, path, /*direct=*/true));
}

Result<std::unique_ptr<File>> PosixEnv::CreateNew(const std::string& path) {
  const bool shared = shared_with_group();
  const unsigned mode = shared ? kGroupFile : kPrivateFile;
  const int descriptor = OpenDescriptor(path, O_RDWR | O_CREAT | O_EXCL | O_NOCTTY, mode);
  if (descriptor < 0) return ErrnoError("create", path, -descriptor);
  auto file = PosixFile::Own(descriptor, path);
  // The umask took the group's bits away; the store's setting decides, not the environment's.
  if (shared && ::fchmod(descriptor, mode) != 0) return ErrnoError("set the mode of", path, errno);
  return std::unique_ptr<File>(std::move(file));
}

Result<std::unique_ptr<File>> PosixEnv::Open(const std::string& path, OpenMode mode) {
  if (mode == OpenMode::kRead) return OpenExisting(path, O_RDONLY);
  if (mode == OpenMode::kReadWrite) return OpenExisting(path, O_RDWR);
  if (mode == OpenMode::kReadWriteDirect) return OpenDirect(path);
  if (mode == OpenMode::kCreateNew) return CreateNew(path);
  // Two steps, because only a creator may set the mode; others may create or remove it in between.
  constexpr int kAttempts = 100;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto existing = OpenExisting(path, O_RDWR);
    if (existing.ok() || existing.error().code != ErrorCode::kNotFound) return existing;
    auto created = CreateNew(path);
    if (created.ok() || created.error().code != ErrorCode::kExists) return created;
  }
  Error error =
      MakeError(ErrorCode::kIo, "cannot open or create " + path + ": it comes and goes, or is a dangling link");
  error.path = path;
  return error;
}

Result<bool> PosixEnv::Exists(const std::string& path) const {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return ErrnoError("look for", path, errno);
}

Result<std::vector<std::string>> PosixEnv::List(const std::string& dir) const {
  const int descriptor = OpenDescriptor(dir, O_RDONLY | O_DIRECTORY, 0);
  if (descriptor < 0) return ErrnoError("list", dir, -descriptor);
  struct Close {
    void operator()(DIR* open) const { ::closedir(open); }
  };
  // There may be no memory for a name.
  const std::unique_ptr<DIR, Close> stream(::fdopendir(descriptor));
  if (stream == nullptr) {
    const int error_number = errno;
    ::close(descriptor);
    return ErrnoError("list", dir, error_number);
  }
  std::vector<std::string> names;
  int error_number = 0;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) {
      error_number = errno;
      break;
    }
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (error_number != 0) return ErrnoError("list", dir, error_number);
  std::sort(names.begin(), names.end());
  return names;
}

Status PosixEnv::CreateDirectory(const std::string& dir) {
  const bool shared = shared_with_group();
  const unsigned mode = shared ? kGroupDirectory : kPrivateDirectory;
  if (::mkdir(dir.c_str(), mode) != 0) return ErrnoError("create directory", dir, errno);
  if (shared && ::chmod(dir.c_str(), mode) != 0) return ErrnoError("set the mode of", dir, errno);
  return {};
}

Status PosixEnv::Remove(const std::string& path) {
  if (::remove(path.c_str()) != 0) return ErrnoError("remove", path, errno);
  return {};
}

Status PosixEnv::RemoveAll(const std::string& dir) {
  boost::system::error_code failure;
  boost::filesystem::remove_all(dir, failure);
  if (failure && failure.value() != ENOENT) return ErrnoError("remove all of", dir, failure.value());
  return {};
}

Status PosixEnv::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return ErrnoError("rename to " + to + " the file", from, errno);
  return {};
}

Status PosixEnv::RenameNoReplace(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  const int error_number = errno;
  if (error_number == EEXIST) return ErrnoError("rename " + from + " to", to, error_number);
  if (error_number == EINVAL || error_number == ENOSYS) {
    Error error =
        MakeError(ErrorCode::kUnsupported,
                  "cannot rename " + from + " to " + to + " without replacing: the file system lacks RENAME_NOREPLACE",
                  "keep the store on ext4 or xfs");
    error.path = from;
    return error;
  }
  return ErrnoError("rename to " + to + " the file", from, error_number);
}

Status PosixEnv::SyncDirectory(const std::string& dir) {
  const int descriptor = OpenDescriptor(dir, O_RDONLY | O_DIRECTORY, 0);
  if (descriptor < 0) return ErrnoError("open directory", dir, -descriptor);
  return PosixFile::Own(descriptor, dir)->SyncAll();
}

Result<std::string> PosixEnv::Canonical(const std::string& path) const {
  // Not boost::filesystem::canonical: it allocates where it must not throw.
  char canonical[PATH_MAX];
  if (::realpath(path.c_str(), canonical) == nullptr) return ErrnoError("resolve", path, errno);
  return std::string(canonical);
}

void PosixEnv::Random(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    TENURE_CHECK(got > 0 || errno == EINTR);
    if (got > 0) out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace

Env& Env::Posix() {
  static Env& env = *new PosixEnv;
  return env;
}

}  // namespace tenure::base
