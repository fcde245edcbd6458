// File on a descriptor of this machine. Any thread may call anything.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/base/env.h"
#include "store/base/mutex.h"

namespace tenure::base {

/// open(2) with O_CLOEXEC, retried on EINTR, the descriptor moved to 3 or above: a library must never
/// end up as standard input, output or error of its host. Returns the descriptor, or -errno.
int OpenDescriptor(const std::string& path, int flags, unsigned mode);

class PosixFile final : public File {
 public:
  /// Owns `descriptor`, and closes it, too, when there is no memory for an object that would. `direct`: each write is
  /// of whole blocks (OpenMode::kReadWriteDirect), which is checked.
  static std::unique_ptr<PosixFile> Own(int descriptor, const std::string& path, bool direct = false);
  ~PosixFile() override;
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  const std::string& path() const override { return path_; }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override;
  Status WriteAt(std::uint64_t offset, ByteView data) override;
  Status SyncData() override;
  Status SyncAll() override;
  Status Allocate(std::uint64_t bytes) override;
  Status AllocateRange(std::uint64_t offset, std::uint64_t bytes) override;
  Status Truncate(std::uint64_t bytes) override;
  Result<std::uint64_t> Size() const override;
  Result<std::pair<std::uint64_t, std::uint64_t>> Identity() const override;
  Result<bool> TryLock(LockKind kind, std::uint64_t offset, std::uint64_t length) override;
  Status Lock(LockKind kind, std::uint64_t offset, std::uint64_t length) override;
  Status Unlock(std::uint64_t offset, std::uint64_t length) override;
  Result<bool> LockedByOthers(std::uint64_t offset, std::uint64_t length) const override;
  Result<std::byte*> MapShared(std::uint64_t bytes) override;

 private:
  PosixFile(const std::string& path, int descriptor, bool direct);
  void NoteLock();
  /// From O_DIRECT to the page cache. False, with errno EINVAL, when there is nothing to leave.
  bool LeaveDirect() const;

  const std::string path_;
  const int descriptor_;
  const bool direct_;
  const std::uint64_t fork_generation_;  ///< The mappings exist in this process only: MADV_DONTFORK.
  std::atomic<bool> locked_{false};
  Mutex mutex_;
  std::vector<std::pair<void*, std::size_t>> mappings_ GUARDED_BY(mutex_);
};

}  // namespace tenure::base
