#include "cli/working_directory.h"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "store/base/error.h"

namespace tenure::cli {

Result<std::string> WorkingDirectory() {
  char buffer[PATH_MAX];
  if (::getcwd(buffer, sizeof buffer) == nullptr) {
    return base::MakeError(ErrorCode::kIo, std::string("cannot tell the working directory: ") + std::strerror(errno),
                           "name the store with -C DIR");
  }
  return std::string(buffer);
}

Result<std::string> AbsolutePath(const std::string& path) {
  if (!path.empty() && path[0] == '/') return path;
  TENURE_ASSIGN(const std::string dir, WorkingDirectory());
  return path == "." ? dir : dir + "/" + path;
}

}  // namespace tenure::cli
