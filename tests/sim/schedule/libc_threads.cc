// Threads, mutexes, condition variables and futexes, in front of the C library's: a thread of the world that would
// sleep gives the baton away instead. Everything else, and whoever is not of the world, gets the machine's own.
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <map>
#include <memory>

#include "tests/sim/schedule/mappings.h"
#include "tests/sim/schedule/real.h"
#include "tests/sim/schedule/scheduler.h"
#include "tests/sim/schedule/simulated.h"

namespace tenure::sim {
namespace {

constexpr std::uint32_t kAny = 0xffffffffu;

WaitKey KeyOf(const void* object) {
  return {static_cast<std::uint64_t>(MyProcessNumber()), reinterpret_cast<std::uint64_t>(object)};
}

std::int64_t Until(clockid_t clock, const timespec& at) {
  const auto ns = static_cast<std::int64_t>(at.tv_sec) * 1'000'000'000 + at.tv_nsec;
  const auto now = static_cast<std::int64_t>(ClockNs(clock));
  return ns > now ? ns - now : 0;
}

/// Where SQLite's code is.
struct Code {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
} sqlite_code;

int FindSqlite(dl_phdr_info* info, std::size_t, void*) {
  const auto inside = reinterpret_cast<std::uint64_t>(&sqlite3_libversion_number);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const std::uint64_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
    const Code code{begin, begin + info->dlpi_phdr[i].p_memsz};
    if (info->dlpi_phdr[i].p_type != PT_LOAD || inside < code.begin || inside >= code.end) continue;
    sqlite_code = code;
    return 1;
  }
  return 0;
}

/// SQLite takes a mutex for each of thousands of allocations, of which nothing can come: its steps are its file calls.
bool IsSqlite(const void* caller) {
  const auto address = reinterpret_cast<std::uint64_t>(caller);
  return address >= sqlite_code.begin && address < sqlite_code.end;
}

// The numbers of threads that were started here and not joined. One thread runs at a time.
std::map<pthread_t, int>& Started() {
  static auto& started = *new std::map<pthread_t, int>;
  return started;
}

/// Runs behind the destructors of thread-locals; the second round of keys is behind everybody else's first.
pthread_key_t end_key;
void AtThreadEnd(void* value) {
  if (value == &end_key) {
    static int second;
    pthread_setspecific(end_key, &second);
    return;
  }
  LeaveThread();
}

struct Beginning {
  void* (*run)(void*);
  void* argument;
  int number;
};

void* Begin(void* raw) {
  const std::unique_ptr<Beginning> beginning(static_cast<Beginning*>(raw));
  BecomeThread(beginning->number);
  pthread_setspecific(end_key, &end_key);
  return beginning->run(beginning->argument);
}

template <class Try>
int LockWith(const char* point, const void* object, Try attempt) {
  for (;;) {
    const int result = attempt();
    if (result != EBUSY) return result;
    Block(point, KeyOf(object), kAny, -1);
  }
}

int LockAgain(pthread_mutex_t* mutex) {
  return LockWith("mutex.wait", mutex, [&] { return TENURE_REAL(pthread_mutex_trylock)(mutex); });
}

int Unlock(pthread_mutex_t* mutex) {
  const int result = TENURE_REAL(pthread_mutex_unlock)(mutex);
  if (result == 0) Wake(KeyOf(mutex), kAny, 1);
  return result;
}

int WaitCondition(pthread_cond_t* condition, pthread_mutex_t* mutex, std::int64_t timeout_ns) {
  Board& board = TheBoard();
  Unlock(mutex);
  bool in_time = true;
  if (board.dice.OneIn(board.plan.spurious_one_in)) {
    ++board.counts.spurious;
    Yield("condition.spurious");
  } else {
    in_time = Block("condition.wait", KeyOf(condition), kAny, timeout_ns);
  }
  LockAgain(mutex);
  return in_time ? 0 : ETIMEDOUT;
}

long SimulatedFutex(const std::uint32_t* word, int operation, std::uint32_t value, const timespec* until,
                    std::uint32_t mask) {
  const int command = operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
  const WaitKey key = KeyOfShared(word);
  if (command == FUTEX_WAKE || command == FUTEX_WAKE_BITSET) {
    Step("futex.wake");
    Wake(key, command == FUTEX_WAKE ? kAny : mask, static_cast<int>(value));
    return 0;
  }
  if (command != FUTEX_WAIT && command != FUTEX_WAIT_BITSET) std::abort();
  Step("futex.wait");
  if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != value) {
    errno = EAGAIN;
    return -1;
  }
  std::int64_t timeout_ns = -1;
  if (until != nullptr && command == FUTEX_WAIT_BITSET) timeout_ns = Until(CLOCK_MONOTONIC, *until);
  if (until != nullptr && command == FUTEX_WAIT) timeout_ns = until->tv_sec * 1'000'000'000 + until->tv_nsec;
  if (Block("futex.asleep", key, command == FUTEX_WAIT ? kAny : mask, timeout_ns)) return 0;
  errno = ETIMEDOUT;
  return -1;
}

}  // namespace

void PrepareThreads() {
  if (pthread_key_create(&end_key, AtThreadEnd) != 0) std::abort();
  if (dl_iterate_phdr(FindSqlite, nullptr) != 1) std::abort();
}

}  // namespace tenure::sim

using tenure::sim::InWorld;

TENURE_SIMULATED int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                                    void* argument) {
  using namespace tenure::sim;
  if (!InWorld()) return TENURE_REAL(pthread_create)(thread, attributes, run, argument);
  const int number = AddThread(MyProcessNumber());
  auto beginning = std::make_unique<Beginning>(Beginning{run, argument, number});
  const int result = TENURE_REAL(pthread_create)(thread, attributes, Begin, beginning.get());
  if (result != 0) std::abort();
  (void)beginning.release();
  Started()[*thread] = number;
  Step("thread.create");
  return 0;
}

TENURE_SIMULATED int pthread_join(pthread_t thread, void** result) {
  using namespace tenure::sim;
  if (!InWorld()) return TENURE_REAL(pthread_join)(thread, result);
  const auto it = Started().find(thread);
  if (it == Started().end()) std::abort();
  const int number = it->second;
  Started().erase(it);
  Step("thread.join");
  while (TheBoard().threads[static_cast<std::size_t>(number)].state != Thread::State::kOver) {
    Block("thread.join", {kJoinSpace, static_cast<std::uint64_t>(number)}, kAny, -1);
  }
  FreeThread(number);
  return TENURE_REAL(pthread_join)(thread, result);
}

TENURE_SIMULATED int pthread_mutex_lock(pthread_mutex_t* mutex) {
  if (!InWorld()) return TENURE_REAL(pthread_mutex_lock)(mutex);
  if (!tenure::sim::IsSqlite(__builtin_return_address(0))) tenure::sim::Step("mutex.lock");
  return tenure::sim::LockAgain(mutex);
}

TENURE_SIMULATED int pthread_mutex_trylock(pthread_mutex_t* mutex) {
  if (InWorld()) tenure::sim::Step("mutex.try");
  return TENURE_REAL(pthread_mutex_trylock)(mutex);
}

TENURE_SIMULATED int pthread_mutex_unlock(pthread_mutex_t* mutex) {
  if (!InWorld()) return TENURE_REAL(pthread_mutex_unlock)(mutex);
  return tenure::sim::Unlock(mutex);
}

TENURE_SIMULATED int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  if (!InWorld()) return TENURE_REAL(pthread_cond_wait)(condition, mutex);
  return tenure::sim::WaitCondition(condition, mutex, -1);
}

TENURE_SIMULATED int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                                            const timespec* until) {
  if (!InWorld()) return TENURE_REAL(pthread_cond_clockwait)(condition, mutex, clock, until);
  return tenure::sim::WaitCondition(condition, mutex, tenure::sim::Until(clock, *until));
}

TENURE_SIMULATED int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  if (!InWorld()) return TENURE_REAL(pthread_cond_timedwait)(condition, mutex, until);
  return tenure::sim::WaitCondition(condition, mutex, tenure::sim::Until(CLOCK_REALTIME, *until));
}

TENURE_SIMULATED int pthread_cond_signal(pthread_cond_t* condition) {
  if (!InWorld()) return TENURE_REAL(pthread_cond_signal)(condition);
  tenure::sim::Wake(tenure::sim::KeyOf(condition), tenure::sim::kAny, 1);
  return 0;
}

TENURE_SIMULATED int pthread_cond_broadcast(pthread_cond_t* condition) {
  if (!InWorld()) return TENURE_REAL(pthread_cond_broadcast)(condition);
  tenure::sim::Wake(tenure::sim::KeyOf(condition), tenure::sim::kAny, INT_MAX);
  return 0;
}

TENURE_SIMULATED int pthread_once(pthread_once_t* once, void (*run)()) {
  // The others would really sleep behind whoever is at it.
  const tenure::sim::Uninterrupted whole;
  return TENURE_REAL(pthread_once)(once, run);
}

TENURE_SIMULATED int pthread_rwlock_rdlock(pthread_rwlock_t* lock) {
  if (!InWorld()) return TENURE_REAL(pthread_rwlock_rdlock)(lock);
  return tenure::sim::LockWith("rwlock.wait", lock, [&] { return ::pthread_rwlock_tryrdlock(lock); });
}

TENURE_SIMULATED int pthread_rwlock_wrlock(pthread_rwlock_t* lock) {
  if (!InWorld()) return TENURE_REAL(pthread_rwlock_wrlock)(lock);
  return tenure::sim::LockWith("rwlock.wait", lock, [&] { return ::pthread_rwlock_trywrlock(lock); });
}

TENURE_SIMULATED int pthread_rwlock_unlock(pthread_rwlock_t* lock) {
  const int result = TENURE_REAL(pthread_rwlock_unlock)(lock);
  if (InWorld()) tenure::sim::Wake(tenure::sim::KeyOf(lock), tenure::sim::kAny, INT_MAX);
  return result;
}

TENURE_SIMULATED int sched_yield() {
  if (!InWorld()) return TENURE_REAL(sched_yield)();
  tenure::sim::Yield("yield");
  return 0;
}

TENURE_SIMULATED long syscall(long number, ...) {
  using namespace tenure::sim;
  va_list list;
  va_start(list, number);
  long a[6];
  for (long& argument : a) argument = va_arg(list, long);
  va_end(list);
  if (InWorld()) {
    if (number == SYS_futex) {
      return SimulatedFutex(reinterpret_cast<const std::uint32_t*>(a[0]), static_cast<int>(a[1]),
                            static_cast<std::uint32_t>(a[2]), reinterpret_cast<const timespec*>(a[3]),
                            static_cast<std::uint32_t>(a[5]));
    }
    if (number == SYS_sched_setattr) return 0;  // whoever has the baton must be able to run
    if (number == SYS_pidfd_open) a[0] = RealPid(static_cast<pid_t>(a[0]));
  }
  return TENURE_REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
