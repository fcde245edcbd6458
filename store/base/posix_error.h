// Errors of the operating system as values of tenure.
#pragma once

#include <string>

#include "tenure/result.h"

namespace tenure::base {

/// "cannot <action> <path>: <text of errno>", with the code that tenure's callers decide by:
/// ENOENT kNotFound, EEXIST kExists, ENOSPC and EDQUOT kNoSpace, EROFS kReadOnly, ENOMEM kOutOfMemory, all else kIo.
Error ErrnoError(const std::string& action, const std::string& path, int error_number);
/// What to do about it, for those who have the errno of somebody else's call; may be empty.
const char* ErrnoHint(int error_number);

}  // namespace tenure::base
