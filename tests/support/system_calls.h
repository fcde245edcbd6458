// The system calls that one thread makes: those between begin and end of a SystemCallWatch are counted instead of made.
// By "syscall user dispatch" (Linux 5.11, x86-64): a byte of this thread decides whether a call enters the kernel or
// comes back as a SIGSYS, which tells its number. The call is not made and fails; so only for code that should make
// none.
#pragma once

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <vector>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

namespace tenure::testing {
namespace system_calls {

inline volatile char selector = 0;  // 0: calls are made, 1: they are counted; read by the kernel
inline std::array<volatile int, 64> seen;
inline volatile std::size_t seen_used = 0;

inline void Note(int, siginfo_t* info, void*) {
  selector = 0;  // the return from this handler is a call, too
  if (seen_used < seen.size()) seen[seen_used] = info->si_syscall;
  seen_used = seen_used + 1;
}

}  // namespace system_calls

/// A sanitizer's runtime makes calls of its own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// One at a time; begin and end on the same thread.
class SystemCallWatch {
 public:
  SystemCallWatch() {
    struct sigaction action {};
    action.sa_sigaction = system_calls::Note;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGSYS, &action, &before_);
    available_ = !kSanitized && ::prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, &system_calls::selector) == 0;
  }
  ~SystemCallWatch() {
    (void)::prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0);
    ::sigaction(SIGSYS, &before_, nullptr);
  }
  SystemCallWatch(const SystemCallWatch&) = delete;
  SystemCallWatch& operator=(const SystemCallWatch&) = delete;

  /// Not on every machine.
  bool available() const { return available_; }
  /// The numbers of the calls that `body` would have made, up to the first: from there on calls are made.
  template <typename Body>
  std::vector<int> During(Body&& body) {
    system_calls::seen_used = 0;
    system_calls::selector = 1;
    body();
    system_calls::selector = 0;
    const std::size_t used = system_calls::seen_used;
    return {system_calls::seen.begin(), system_calls::seen.begin() + static_cast<std::ptrdiff_t>(used)};
  }

 private:
  struct sigaction before_ {};
  bool available_ = false;
};

}  // namespace tenure::testing
