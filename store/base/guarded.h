// Where exceptions end. The library reports failures as values and throws nothing itself; what can be thrown is
// std::bad_alloc and its like, by containers, and what a visitor of the caller throws. Nothing of it may cross the
// public API, leave a thread of the library, or leave what it interrupted half done:
//
//   public functions       end in TENURE_CATCH_ALL
//   a step of a thread     Guarded(...), and the thread goes on
//   the committing path    an exception ends the epoch: see store/commit/committer.h
//
// Making the error allocates nothing: there may be no memory for it.
#pragma once

#include <utility>

#include "tenure/result.h"

namespace tenure::base {

/// The error for the exception that is being handled: kOutOfMemory, or kInternal with what it says.
Error ErrorOfException() noexcept;

/// The Result or Status of `call`, or the error for what it threw.
template <typename Call>
auto Guarded(Call&& call) noexcept -> decltype(call()) {
  try {
    return std::forward<Call>(call)();
  } catch (...) {
    return ErrorOfException();
  }
}

/// For what nobody has to know of when it fails.
template <typename Call>
void Attempt(Call&& call) noexcept {
  try {
    std::forward<Call>(call)();
  } catch (...) {
    (void)ErrorOfException();
  }
}

}  // namespace tenure::base

/// Behind a function whose body is `try { … }`.
#define TENURE_CATCH_ALL                       \
  catch (...) {                                \
    return ::tenure::base::ErrorOfException(); \
  }
