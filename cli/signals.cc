#include "cli/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace tenure::cli {
namespace {

// Read by the handlers: lock-free atomics and plain memory that is written before g_critical is set.
std::atomic<bool> g_critical{false};
std::atomic<int> g_signal{0};
std::atomic<int> g_wake_write{-1};
std::atomic<void (*)()> g_hook{nullptr};
int g_wake_read = -1;
const char* g_pending = "";
std::size_t g_pending_bytes = 0;
std::string* g_pending_text = nullptr;  // keeps the bytes; never freed, a late handler may read them

static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free &&
              std::atomic<void (*)()>::is_always_lock_free);

void WriteAll(int fd, const char* data, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t n = ::write(fd, data, bytes);
    if (n < 0) {
      if (errno == EINTR) continue;
      return;
    }
    data += n;
    bytes -= static_cast<std::size_t>(n);
  }
}

[[noreturn]] void GiveUp(int signal) {
  WriteAll(STDERR_FILENO, g_pending, g_pending_bytes);
  ::_exit(128 + signal);
}

void OnSignal(int signal) {
  const int saved_errno = errno;
  if (!g_critical.load()) ::_exit(128 + signal);
  const int first = g_signal.exchange(signal);
  if (first != 0) GiveUp(first);
  ::alarm(kGraceSeconds);
  WakeMain();
  if (void (*hook)() = g_hook.load()) hook();
  errno = saved_errno;
}

void OnAlarm(int) {
  if (g_critical.load()) GiveUp(g_signal.load());
}

sigset_t Terminating() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGALRM);
  return set;
}

}  // namespace

void InstallSignalHandlers() {
  struct sigaction action = {};
  action.sa_mask = Terminating();  // one handler at a time
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
  action.sa_handler = OnAlarm;
  ::sigaction(SIGALRM, &action, nullptr);
  action.sa_handler = OnSignal;
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction old = {};
    ::sigaction(signal, nullptr, &old);
    // A shell starts background jobs with SIGINT ignored; that stays so.
    if (old.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
  }
}

void BeginCriticalSection(const std::string& pending) {
  if (g_pending_text == nullptr) g_pending_text = new std::string;
  *g_pending_text = pending;
  g_pending = g_pending_text->data();
  g_pending_bytes = g_pending_text->size();
  g_critical.store(true);
}

void EndCriticalSection() {
  // After a signal the section stays critical in one respect: the process ends with the signal's status
  // once it has told what happened, so the handler must not cut that short.
  if (g_signal.load() == 0) g_critical.store(false);
}

void OnInterrupt(void (*hook)()) { g_hook.store(hook); }

bool Interrupted() { return g_signal.load() != 0; }
int InterruptedExitCode() { return g_signal.load() == 0 ? 0 : 128 + g_signal.load(); }

BlockSignalsForThreads::BlockSignalsForThreads() {
  const sigset_t set = Terminating();
  ::pthread_sigmask(SIG_BLOCK, &set, &before_);
}

BlockSignalsForThreads::~BlockSignalsForThreads() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

int WakeDescriptor() {
  if (g_wake_read < 0) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0) {
      g_wake_read = ends[0];
      g_wake_write.store(ends[1]);
    }
  }
  return g_wake_read;
}

void WakeMain() {
  const int fd = g_wake_write.load();
  if (fd >= 0) WriteAll(fd, "!", 1);
}

}  // namespace tenure::cli
