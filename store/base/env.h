// What the machine gives: files, locks, clocks, randomness. Everything durable or timed goes through
// an Env, so that tests can record, fail, reorder and replay it.
//
// An Env and its files may be used from any thread. Functions fail with kIo, kNoSpace or kNotFound,
// always with the path. Paths are absolute. Nothing here retries a failed write or sync.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenure/result.h"
#include "tenure/types.h"

namespace tenure::base {

using ByteView = std::span<const std::byte>;
using Bytes = std::vector<std::byte>;

/// An advisory lock over a byte range, bound to the open file description (F_OFD_SETLK): released
/// by the kernel when the process dies or the File is destroyed, inherited by nobody.
enum class LockKind : std::uint8_t { kExclusive, kShared };

class File {
 public:
  virtual ~File() = default;
  virtual const std::string& path() const = 0;
  /// Reads up to `out.size()` bytes at `offset`; returns how many (short only at the end of file).
  virtual Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const = 0;
  /// Writes all of `data` at `offset`.
  virtual Status WriteAt(std::uint64_t offset, ByteView data) = 0;
  /// fdatasync: content and the size needed to read it.
  virtual Status SyncData() = 0;
  /// fsync: content and all metadata.
  virtual Status SyncAll() = 0;
  /// posix_fallocate of [0, bytes): kNoSpace when the file system is full.
  virtual Status Allocate(std::uint64_t bytes) = 0;
  /// posix_fallocate of [offset, offset + bytes): pages of a mapping may then be touched without a SIGBUS.
  virtual Status AllocateRange(std::uint64_t offset, std::uint64_t bytes) = 0;
  virtual Status Truncate(std::uint64_t bytes) = 0;
  virtual Result<std::uint64_t> Size() const = 0;
  /// {device, inode}.
  virtual Result<std::pair<std::uint64_t, std::uint64_t>> Identity() const = 0;
  /// True when the lock was taken, false when somebody else holds a conflicting one.
  virtual Result<bool> TryLock(LockKind kind, std::uint64_t offset, std::uint64_t length) = 0;
  /// Waits for the lock; no bound.
  virtual Status Lock(LockKind kind, std::uint64_t offset, std::uint64_t length) = 0;
  virtual Status Unlock(std::uint64_t offset, std::uint64_t length) = 0;
  /// True when another open file description holds a lock that conflicts with an exclusive one.
  virtual Result<bool> LockedByOthers(std::uint64_t offset, std::uint64_t length) const = 0;
  /// Maps [0, bytes) shared and writable, not inherited over fork. Valid as long as the File.
  virtual Result<std::byte*> MapShared(std::uint64_t bytes) = 0;
};

enum class OpenMode : std::uint8_t {
  kRead,       ///< Existing file, read-only.
  kReadWrite,  ///< Existing file.
  kCreateNew,  ///< Must not exist.
  kOpenOrCreate,
  /// Existing file, read and written past the page cache where the file system can (O_DIRECT): offset, size and address
  /// of each access are multiples of kDirectBlockBytes.
  kReadWriteDirect,
};

/// What direct writes consist of: what ext4 and xfs at most ask for, and what they write back from the page cache at
/// least.
inline constexpr std::uint64_t kDirectBlockBytes = 4096;

struct FileSystemInfo {
  std::string type;  ///< "ext4", "xfs", "btrfs", "tmpfs", "overlayfs", "nfs", "fuse", … or a hex magic.
  std::uint64_t free_bytes = 0;
  bool read_only = false;
};

struct HostInfo {
  std::string host;
  std::string user;
  std::uint32_t uid = 0;
  std::uint32_t pid = 0;
  std::uint64_t process_start = 0;      ///< Start time of this process in clock ticks since boot.
  std::array<std::byte, 16> boot_id{};  ///< From /proc/sys/kernel/random/boot_id.
  std::uint64_t time_namespace = 0;     ///< Inode of /proc/self/ns/time; 0 when unknown.
};

class Env {
 public:
  virtual ~Env() = default;

  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  virtual Result<bool> Exists(const std::string& path) const = 0;
  /// Names (not paths) of the entries of a directory, sorted.
  virtual Result<std::vector<std::string>> List(const std::string& dir) const = 0;
  virtual Status CreateDirectory(const std::string& dir) = 0;
  virtual Status Remove(const std::string& path) = 0;
  virtual Status RemoveAll(const std::string& dir) = 0;
  /// Replaces `to` atomically.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  /// RENAME_NOREPLACE: kExists when `to` is there.
  virtual Status RenameNoReplace(const std::string& from, const std::string& to) = 0;
  /// fsync of the directory itself.
  virtual Status SyncDirectory(const std::string& dir) = 0;
  /// Absolute, symbolic links resolved.
  virtual Result<std::string> Canonical(const std::string& path) const = 0;
  virtual Result<FileSystemInfo> FileSystem(const std::string& path) const = 0;
  /// Mode bits for files and directories made from now on (0600/0700 by default; 0660/02770 when
  /// shared with a group).
  virtual void SetSharedWithGroup(bool shared) = 0;

  virtual TimeMs WallMs() const = 0;                  ///< CLOCK_REALTIME; for people, never for decisions.
  virtual std::uint64_t MonotonicNs() const = 0;      ///< CLOCK_MONOTONIC.
  virtual std::uint64_t BoottimeMs() const = 0;       ///< CLOCK_BOOTTIME.
  virtual void Random(std::span<std::byte> out) = 0;  ///< From the kernel.
  virtual const HostInfo& Host() const = 0;

  /// The machine's own environment; one per process, never destroyed.
  static Env& Posix();
};

/// Whole-file helpers on any Env.
Result<Bytes> ReadFile(Env& env, const std::string& path);
/// Writes `path`.tmp-<random>, syncs it, renames it over `path`, syncs the directory.
Status WriteFileDurably(Env& env, const std::string& path, ByteView data);

inline ByteView AsBytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view AsText(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace tenure::base
