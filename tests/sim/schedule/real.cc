#include "tests/sim/schedule/real.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace tenure::sim {

long RawSyscall(long number, long a, long b, long c, long d, long e, long f) {
  return TENURE_REAL(syscall)(number, a, b, c, d, e, f);
}

bool AwaitWord(std::atomic<std::uint32_t>& word, int timeout_ms) {
  const timespec timeout{0, timeout_ms * 1'000'000L};
  while (word.load(std::memory_order_acquire) == 0) {
    const long slept = RawSyscall(SYS_futex, reinterpret_cast<long>(&word), FUTEX_WAIT, 0,
                                  timeout_ms < 0 ? 0 : reinterpret_cast<long>(&timeout));
    if (slept != 0 && errno != EAGAIN) return false;
  }
  return true;
}

void PostWord(std::atomic<std::uint32_t>& word) {
  word.store(1, std::memory_order_release);
  RawSyscall(SYS_futex, reinterpret_cast<long>(&word), FUTEX_WAKE, 1);
}

}  // namespace tenure::sim
