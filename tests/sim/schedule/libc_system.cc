// Clocks, sleeping, randomness, process numbers, in front of the C library's.
#include <errno.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>

#include "tests/sim/schedule/mappings.h"
#include "tests/sim/schedule/real.h"
#include "tests/sim/schedule/scheduler.h"
#include "tests/sim/schedule/simulated.h"

namespace tenure::sim {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
/// Clocks do not begin at 0; the wall clock in the summer of 2025.
constexpr std::uint64_t kMonotonicBegin = 1'000 * kSecond;
constexpr std::uint64_t kWallBegin = 1'750'000'000 * kSecond;
constexpr pid_t kFirstPid = 1'000;

timespec Spec(std::uint64_t ns) { return {static_cast<time_t>(ns / kSecond), static_cast<long>(ns % kSecond)}; }

}  // namespace

std::uint64_t ClockNs(clockid_t clock) {
  Board& board = TheBoard();
  board.now_ns += 20;  // a loop that only looks at a clock gets on
  if (clock == CLOCK_REALTIME) return kWallBegin + board.now_ns + static_cast<std::uint64_t>(board.wall_offset_ns);
  if (clock == CLOCK_BOOTTIME) return kMonotonicBegin + board.now_ns + board.slept_ns;
  return kMonotonicBegin + board.now_ns;
}

pid_t SimulatedPid(int process) { return kFirstPid + process; }

pid_t RealPid(pid_t simulated) {
  const pid_t process = simulated - kFirstPid;
  if (process < 0 || process >= kProcessesMax) return simulated;
  return TheBoard().processes[static_cast<std::size_t>(process)].pid;
}

}  // namespace tenure::sim

using tenure::sim::InWorld;

TENURE_SIMULATED int clock_gettime(clockid_t clock, timespec* now) noexcept {
  if (!InWorld()) return TENURE_REAL(clock_gettime)(clock, now);
  *now = tenure::sim::Spec(tenure::sim::ClockNs(clock));
  return 0;
}

TENURE_SIMULATED int gettimeofday(timeval* now, void* zone) noexcept {
  if (!InWorld()) return TENURE_REAL(gettimeofday)(now, zone);
  const timespec spec = tenure::sim::Spec(tenure::sim::ClockNs(CLOCK_REALTIME));
  *now = {spec.tv_sec, spec.tv_nsec / 1'000};
  return 0;
}

TENURE_SIMULATED time_t time(time_t* now) noexcept {
  if (!InWorld()) return TENURE_REAL(time)(now);
  const time_t seconds = tenure::sim::Spec(tenure::sim::ClockNs(CLOCK_REALTIME)).tv_sec;
  if (now != nullptr) *now = seconds;
  return seconds;
}

TENURE_SIMULATED int nanosleep(const timespec* length, timespec* left) {
  if (!InWorld()) return TENURE_REAL(nanosleep)(length, left);
  tenure::sim::Sleep("sleep", static_cast<std::uint64_t>(length->tv_sec) * tenure::sim::kSecond +
                                  static_cast<std::uint64_t>(length->tv_nsec));
  return 0;
}

TENURE_SIMULATED int usleep(useconds_t us) {
  if (!InWorld()) return TENURE_REAL(usleep)(us);
  tenure::sim::Sleep("sleep", std::uint64_t{us} * 1'000);
  return 0;
}

TENURE_SIMULATED ssize_t getrandom(void* data, size_t bytes, unsigned int flags) {
  if (!InWorld()) return TENURE_REAL(getrandom)(data, bytes, flags);
  for (std::size_t i = 0; i < bytes; ++i) {
    static_cast<std::byte*>(data)[i] = static_cast<std::byte>(tenure::sim::MyProcess().random.Next());
  }
  return static_cast<ssize_t>(bytes);
}

TENURE_SIMULATED pid_t getpid() noexcept {
  if (!InWorld()) return TENURE_REAL(getpid)();
  return tenure::sim::SimulatedPid(tenure::sim::MyProcessNumber());
}
