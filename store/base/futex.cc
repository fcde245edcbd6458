#include "store/base/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "store/base/error.h"

namespace tenure::base {

static_assert(sizeof(std::atomic<std::uint32_t>) == 4 && std::atomic<std::uint32_t>::is_always_lock_free,
              "the kernel compares the word itself");

bool FutexWait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::chrono::nanoseconds timeout) {
  return FutexWaitMask(word, expected, timeout, FUTEX_BITSET_MATCH_ANY);
}

bool FutexWaitMask(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::chrono::nanoseconds timeout,
                   std::uint32_t mask) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  timespec until{};
  const bool bounded = timeout.count() >= 0;
  if (bounded) {
    // FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC.
    TENURE_CHECK(::clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    const std::int64_t ns = until.tv_nsec + timeout.count() % kNsPerSecond;
    until.tv_sec += timeout.count() / kNsPerSecond + ns / kNsPerSecond;
    until.tv_nsec = ns % kNsPerSecond;
  }
  if (syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected, bounded ? &until : nullptr, nullptr, mask) == 0) {
    return true;
  }
  // EAGAIN: the word had changed already. EINTR: a signal; the caller looks at the word again anyway.
  TENURE_CHECK(errno == ETIMEDOUT || errno == EAGAIN || errno == EINTR);
  return errno != ETIMEDOUT;
}

void FutexWakeMask(const std::atomic<std::uint32_t>& word, std::uint32_t mask) {
  TENURE_CHECK(syscall(SYS_futex, &word, FUTEX_WAKE_BITSET, INT_MAX, nullptr, nullptr, mask) >= 0);
}

void FutexWake(const std::atomic<std::uint32_t>& word, int count) {
  TENURE_CHECK(syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0) >= 0);
}

}  // namespace tenure::base
