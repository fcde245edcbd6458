#include "cli/file_digest.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <vector>

#include "store/base/error.h"
#include "store/base/hash.h"
#include "store/base/unique_fd.h"

namespace tenure::cli {
namespace {

constexpr std::size_t kChunkBytes = 256u << 10;

Error CannotDigest(const std::string& path, int error) {
  Error result = base::MakeError(ErrorCode::kIo, "cannot read " + path + ": " + std::strerror(error));
  result.path = path;
  return result;
}

}  // namespace

Result<FileDigest> DigestFile(Context& ctx, const std::string& path) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (fd.get() < 0) return CannotDigest(path, errno);
  struct stat info = {};
  if (::fstat(fd.get(), &info) != 0) return CannotDigest(path, errno);
  if (S_ISDIR(info.st_mode)) return CannotDigest(path, EISDIR);
  const auto progress = ctx.StartProgress("reading " + path);
  base::Sha256 hash;
  FileDigest result;
  std::vector<std::byte> chunk(kChunkBytes);
  for (;;) {
    const ssize_t n = ::read(fd.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return CannotDigest(path, errno);
    if (n == 0) break;
    hash.Update({chunk.data(), static_cast<std::size_t>(n)});
    result.size += static_cast<std::uint64_t>(n);
    progress->Update(result.size, static_cast<std::uint64_t>(info.st_size));
  }
  result.digest = "sha256:" + base::Hex(hash.Finish());
  return result;
}

namespace {

Result<std::string> ReadAll(int fd, const std::string& name, std::size_t bytes_max) {
  std::string text;
  char chunk[16384];
  for (;;) {
    const ssize_t n = ::read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return CannotDigest(name, errno);
    if (n == 0) return text;
    text.append(chunk, static_cast<std::size_t>(n));
    if (text.size() > bytes_max) {
      return base::MakeError(ErrorCode::kTooLarge, name + " holds more than " + std::to_string(bytes_max) + " bytes");
    }
  }
}

}  // namespace

Result<std::string> ReadStandardInput(std::size_t bytes_max) {
  return ReadAll(STDIN_FILENO, "standard input", bytes_max);
}

Result<std::string> ReadWhole(const std::string& path, std::size_t bytes_max) {
  if (path == "-") return ReadStandardInput(bytes_max);
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (fd.get() < 0) return CannotDigest(path, errno);
  return ReadAll(fd.get(), path, bytes_max);
}

}  // namespace tenure::cli
