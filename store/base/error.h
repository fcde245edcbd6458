// Short ways to make and pass on errors inside the library.
#pragma once

#include <string>
#include <utility>

#include "tenure/result.h"

/// What is seldom run: the compiler moves it, and everything that leads nowhere else, out of the code that succeeds,
/// which then takes a fraction of the cache lines and pages. A writer whose turn comes behind many others finds few of
/// either.
#define TENURE_COLD __attribute__((cold, noinline))

namespace tenure::base {

TENURE_COLD inline Error MakeError(ErrorCode code, std::string message, std::string hint = {}) {
  Error e;
  e.code = code;
  e.message = std::move(message);
  e.hint = std::move(hint);
  return e;
}

/// Corruption of `path` at `offset`.
TENURE_COLD inline Error CorruptionAt(std::string path, std::uint64_t offset, const std::string& what) {
  Error e;
  e.code = ErrorCode::kCorruption;
  e.message = path + " at offset " + std::to_string(offset) + ": " + what;
  e.hint = "nothing was changed; run 'tenure-replay verify' for the whole report";
  e.path = std::move(path);
  e.offset = offset;
  return e;
}

/// An error on its way to the caller.
TENURE_COLD inline Error Pass(Error&& error) { return std::move(error); }

}  // namespace tenure::base

/// Returns the error of a Result or Status expression from the enclosing function.
#define TENURE_RETURN_IF_ERROR(expr)                           \
  do {                                                         \
    if (auto status_ = (expr); !status_.ok()) {                \
      return ::tenure::base::Pass(std::move(status_).error()); \
    }                                                          \
  } while (0)

#define TENURE_CONCAT_INNER(a, b) a##b
#define TENURE_CONCAT(a, b) TENURE_CONCAT_INNER(a, b)
/// TENURE_ASSIGN(auto file, env.Open(...)): binds the value or returns the error.
#define TENURE_ASSIGN(decl, expr) TENURE_ASSIGN_INNER(TENURE_CONCAT(result_, __LINE__), decl, expr)
#define TENURE_ASSIGN_INNER(tmp, decl, expr)                          \
  auto tmp = (expr);                                                  \
  if (!tmp.ok()) return ::tenure::base::Pass(std::move(tmp).error()); \
  decl = std::move(tmp).value()

/// A broken invariant: prints and aborts, in every build.
#define TENURE_CHECK(cond)                                               \
  do {                                                                   \
    if (!(cond)) ::tenure::base::CheckFailed(#cond, __FILE__, __LINE__); \
  } while (0)

namespace tenure::base {
[[noreturn]] TENURE_COLD void CheckFailed(const char* condition, const char* file, int line);
}
