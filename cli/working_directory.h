// Paths that the command line is given, made absolute.
#pragma once

#include <string>

#include "tenure/result.h"

namespace tenure::cli {

Result<std::string> WorkingDirectory();
/// `path` under the working directory, unless it is absolute.
Result<std::string> AbsolutePath(const std::string& path);

}  // namespace tenure::cli
