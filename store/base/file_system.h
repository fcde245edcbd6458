// What kind of file system a path is on.
#pragma once

#include <string>

#include "store/base/env.h"

namespace tenure::base {

Result<FileSystemInfo> DetectFileSystem(const std::string& path);

/// The name for a statfs(2) magic number, or "0x…" in hex.
std::string FileSystemName(std::uint64_t magic);

}  // namespace tenure::base
