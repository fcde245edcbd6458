#include "store/base/thread_priority.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace tenure::base {
namespace {

/// As sched_setattr(2) has it; the C library has no declaration of it.
struct SchedAttr {
  std::uint32_t size = sizeof(SchedAttr);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0;
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};
static_assert(sizeof(SchedAttr) == 48);

constexpr std::int32_t kNice = 10;
/// The longest slice there is. Since Linux 6.12 a thread that wakes up takes the processor from one with a longer
/// slice than its own, without waiting for that slice, which on a kernel without preemption is milliseconds. SCHED_IDLE
/// would do that on any kernel, but an unprivileged thread cannot leave it again, and on a busy machine its share is
/// next to nothing.
constexpr std::uint64_t kSliceNs = 100'000'000;

}  // namespace

void BecomeBackground() {
  SchedAttr attr;
  attr.nice = kNice;
  attr.runtime_ns = kSliceNs;
  (void)::syscall(SYS_sched_setattr, 0, &attr, 0);
}

}  // namespace tenure::base
