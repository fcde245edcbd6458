#include "cli/formats/ack_log.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "store/base/error.h"

namespace tenure::cli {
namespace {

Error AckFailed(const std::string& path, int error) {
  const ErrorCode code = error == ENOSPC ? ErrorCode::kNoSpace : ErrorCode::kIo;
  Error result = base::MakeError(code, "cannot write " + path + ": " + std::strerror(error));
  result.path = path;
  return result;
}

}  // namespace

Result<AckLog> AckLog::Open(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666));
  if (fd.get() < 0) return AckFailed(path, errno);
  return AckLog(std::move(fd), path);
}

void AckLog::Add(std::string_view key, std::string_view digest) {
  lines_ += key;
  lines_ += '\t';
  lines_ += digest;
  lines_ += '\n';
}

Status AckLog::Flush() {
  std::string_view rest = lines_;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_.get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return AckFailed(path_, errno);
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  lines_.clear();
  return {};
}

}  // namespace tenure::cli
