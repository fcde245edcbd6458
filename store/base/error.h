// Short ways to make and pass on errors inside the library.
#pragma once

#include <string>
#include <utility>

#include "tenure/result.h"

namespace tenure::base {

inline Error MakeError(ErrorCode code, std::string message, std::string hint = {}) {
  Error e;
  e.code = code;
  e.message = std::move(message);
  e.hint = std::move(hint);
  return e;
}

/// Corruption of `path` at `offset`.
inline Error CorruptionAt(std::string path, std::uint64_t offset, const std::string& what) {
  Error e;
  e.code = ErrorCode::kCorruption;
  e.message = path + " at offset " + std::to_string(offset) + ": " + what;
  e.hint = "nothing was changed; run 'tenure-replay verify' for the whole report";
  e.path = std::move(path);
  e.offset = offset;
  return e;
}

}  // namespace tenure::base

/// Returns the error of a Result or Status expression from the enclosing function.
#define TENURE_RETURN_IF_ERROR(expr)            \
  do {                                          \
    if (auto status_ = (expr); !status_.ok()) { \
      return std::move(status_).error();        \
    }                                           \
  } while (0)

#define TENURE_CONCAT_INNER(a, b) a##b
#define TENURE_CONCAT(a, b) TENURE_CONCAT_INNER(a, b)
/// TENURE_ASSIGN(auto file, env.Open(...)): binds the value or returns the error.
#define TENURE_ASSIGN(decl, expr) TENURE_ASSIGN_INNER(TENURE_CONCAT(result_, __LINE__), decl, expr)
#define TENURE_ASSIGN_INNER(tmp, decl, expr)    \
  auto tmp = (expr);                            \
  if (!tmp.ok()) return std::move(tmp).error(); \
  decl = std::move(tmp).value()

/// A broken invariant: prints and aborts, in every build.
#define TENURE_CHECK(cond)                                               \
  do {                                                                   \
    if (!(cond)) ::tenure::base::CheckFailed(#cond, __FILE__, __LINE__); \
  } while (0)

namespace tenure::base {
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);
}
