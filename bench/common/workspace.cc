#include "bench/common/workspace.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "bench/common/failure.h"

namespace tenure::bench {
namespace fs = std::filesystem;

Result<Workspace> Workspace::Make(const std::string& parent, bool keep) {
  std::error_code error;
  fs::create_directories(parent, error);
  if (error) return Fail("cannot make " + parent + ": " + error.message());
  const fs::path absolute = fs::canonical(parent, error);
  if (error) return Fail("cannot resolve " + parent + ": " + error.message());
  struct statfs info {};
  if (statfs(absolute.c_str(), &info) != 0) return FailErrno("statfs " + absolute.string());
  if (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC) {
    return Fail(absolute.string() +
                    " is on a file system in memory, where a flush costs nothing: "
                    "durable figures would mean nothing; name a directory on a disk with --dir",
                ErrorCode::kUnsupported);
  }
  std::string name = (absolute / "tenure-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return FailErrno("cannot make " + name);
  return Workspace(std::move(name), keep);
}

Workspace::Workspace(Workspace&& other) noexcept : path_(std::move(other.path_)), keep_(other.keep_) {
  other.path_.clear();
}

Workspace::~Workspace() {
  if (path_.empty()) return;
  if (keep_) {
    std::fprintf(stderr, "kept: %s\n", path_.c_str());
    return;
  }
  std::error_code error;
  fs::remove_all(path_, error);
  if (error) std::fprintf(stderr, "cannot remove %s: %s\n", path_.c_str(), error.message().c_str());
}

Result<std::string> Workspace::Fresh(const std::string& name) const {
  const std::string dir = path_ + "/" + name;
  std::error_code error;
  fs::remove_all(dir, error);
  if (!error) fs::create_directory(dir, error);
  if (error) return Fail("cannot make " + dir + ": " + error.message());
  return dir;
}

void Workspace::Discard(const std::string& dir) const {
  if (keep_) return;
  std::error_code error;
  fs::remove_all(dir, error);
  if (error) std::fprintf(stderr, "cannot remove %s: %s\n", dir.c_str(), error.message().c_str());
}

Status Workspace::Quiesce() const {
  const int fd = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return FailErrno("open " + path_);
  const int outcome = syncfs(fd);
  const Error error = FailErrno("syncfs " + path_);
  close(fd);
  if (outcome != 0) return error;
  return {};
}

}  // namespace tenure::bench
