// Errors of the benchmark itself: the same Result type as the library, with a plain message.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "store/base/error.h"
#include "tenure/result.h"

namespace tenure::bench {

inline Error Fail(std::string message, ErrorCode code = ErrorCode::kIo) {
  return base::MakeError(code, std::move(message));
}

/// "<what>: <strerror(errno)>".
inline Error FailErrno(const std::string& what) { return Fail(what + ": " + std::strerror(errno)); }

}  // namespace tenure::bench
