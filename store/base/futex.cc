#include "store/base/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "store/base/error.h"

namespace tenure::base {

static_assert(sizeof(std::atomic<std::uint32_t>) == 4 && std::atomic<std::uint32_t>::is_always_lock_free,
              "the kernel compares the word itself");

bool FutexWait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::chrono::nanoseconds timeout) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  timespec bound{};
  const bool bounded = timeout.count() >= 0;
  if (bounded) {
    bound.tv_sec = timeout.count() / kNsPerSecond;
    bound.tv_nsec = timeout.count() % kNsPerSecond;
  }
  // FUTEX_WAIT's relative timeout runs on CLOCK_MONOTONIC.
  if (syscall(SYS_futex, &word, FUTEX_WAIT, expected, bounded ? &bound : nullptr, nullptr, 0) == 0) return true;
  // EAGAIN: the word had changed already. EINTR: a signal; the caller looks at the word again anyway.
  TENURE_CHECK(errno == ETIMEDOUT || errno == EAGAIN || errno == EINTR);
  return errno != ETIMEDOUT;
}

void FutexWake(const std::atomic<std::uint32_t>& word, int count) {
  TENURE_CHECK(syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0) >= 0);
}

}  // namespace tenure::base
