#include "store/base/failpoint.h"

#ifdef TENURE_TESTING

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "store/base/error.h"
#include "store/base/mutex.h"

/// What a coverage build has counted so far, which a killed process would not write. Only in such a build is it there.
extern "C" void __gcov_dump() __attribute__((weak));

namespace tenure::base {
namespace {

enum class Action : std::uint8_t { kNone, kKill, kStop, kIoError, kNoSpace, kMisuse };

struct Point {
  std::string name;
  Action action = Action::kNone;
  std::uint64_t from = 1;  ///< The first hit that acts, counted from 1.
  bool sticky = false;     ///< Later hits act too.
};

struct Registry {
  Mutex mutex;
  std::vector<Point> points GUARDED_BY(mutex);
  std::map<std::string, std::uint64_t, std::less<>> hits GUARDED_BY(mutex);
  std::string log_path GUARDED_BY(mutex);
  std::vector<std::string> bugs GUARDED_BY(mutex);
  std::function<void(const char*)> hook;  // see SetFailPointHook
};

Registry& TheRegistry() {
  static Registry& registry = *new Registry;
  return registry;
}

// Whether there is anything to look up: the common answer costs one load. Written under the mutex
// with release and read with acquire, so that whoever sees kOn finds the tables filled.
enum Switch : int { kUnread, kOff, kOn };
std::atomic<int> points_switch{kUnread};
std::atomic<int> bugs_switch{kUnread};

/// Does what the sanitizer of this build reports, to test that tests notice it.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kMisuseIsReported = true;
void Misuse() {
  volatile int* const volatile freed = new int(1);  // volatile, or the compiler leaves it out
  delete freed;
  *freed = 2;
}
#elif defined(__SANITIZE_THREAD__)
constexpr bool kMisuseIsReported = true;
void Misuse() {
  static int raced = 0;
  std::thread other([] { ++raced; });
  ++raced;
  other.join();
}
#else
constexpr bool kMisuseIsReported = false;
void Misuse() {}
#endif

[[noreturn]] void RefuseSpec(std::string_view item) {
  // A test whose fail point never fires would pass for the wrong reason.
  std::fprintf(stderr, "tenure: bad fail point '%.*s'; expected NAME=kill|stop|eio|enospc[@N[+]]\n",
               static_cast<int>(item.size()), item.data());
  std::abort();
}

std::vector<std::string> Split(std::string_view list) {
  std::vector<std::string> items;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (comma != 0) items.emplace_back(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return items;
}

Point ParsePoint(const std::string& item) {
  const std::size_t equals = item.find('=');
  if (equals == std::string::npos || equals == 0) RefuseSpec(item);
  Point point;
  point.name = item.substr(0, equals);
  const std::size_t at = item.find('@', equals);
  const std::string action = item.substr(equals + 1, at == std::string::npos ? at : at - equals - 1);
  if (action == "kill") point.action = Action::kKill;
  if (action == "stop") point.action = Action::kStop;
  if (action == "eio") point.action = Action::kIoError;
  if (action == "enospc") point.action = Action::kNoSpace;
  if (action == "misuse" && kMisuseIsReported) point.action = Action::kMisuse;
  if (point.action == Action::kNone) RefuseSpec(item);
  if (at == std::string::npos) {
    point.sticky = point.action == Action::kIoError || point.action == Action::kNoSpace;
    return point;
  }
  char* end = nullptr;
  point.from = std::strtoull(item.c_str() + at + 1, &end, 10);
  if (*end == '+') {
    point.sticky = true;
    ++end;
  }
  if (point.from == 0 || *end != '\0') RefuseSpec(item);
  return point;
}

void FillPoints(Registry& registry, std::string_view spec) REQUIRES(registry.mutex) {
  registry.points.clear();
  registry.hits.clear();
  for (const std::string& item : Split(spec)) registry.points.push_back(ParsePoint(item));
  const char* log_path = std::getenv("TENURE_FAILPOINT_LOG");
  registry.log_path = log_path != nullptr ? log_path : "";
  const bool on = !registry.points.empty() || !registry.log_path.empty() || registry.hook;
  points_switch.store(on ? kOn : kOff, std::memory_order_release);
}

void FillBugs(Registry& registry, std::string_view spec) REQUIRES(registry.mutex) {
  registry.bugs = Split(spec);
  bugs_switch.store(registry.bugs.empty() ? kOff : kOn, std::memory_order_release);
}

std::string_view Environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr ? value : "";
}

void AppendLog(const std::string& path, std::string_view name) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  TENURE_CHECK(descriptor >= 0);
  const std::string line = std::string(name) + "\n";
  TENURE_CHECK(::write(descriptor, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
  ::close(descriptor);
}

/// Counts the hit and says what is to be done about it.
Action Count(std::string_view name) {
  Registry& registry = TheRegistry();
  MutexLock lock(registry.mutex);
  if (points_switch.load(std::memory_order_relaxed) == kUnread) FillPoints(registry, Environment("TENURE_FAILPOINT"));
  auto found = registry.hits.find(name);
  if (found == registry.hits.end()) found = registry.hits.emplace(std::string(name), 0).first;
  const std::uint64_t hit = ++found->second;
  if (hit == 1 && !registry.log_path.empty()) AppendLog(registry.log_path, name);
  for (const Point& point : registry.points) {
    if (point.name == name && (hit == point.from || (point.sticky && hit > point.from))) return point.action;
  }
  return Action::kNone;
}

/// Outside the mutex, so that a stopped or killed process never holds it.
Action CountAndSignal(const char* name) {
  if (points_switch.load(std::memory_order_acquire) == kOff) return Action::kNone;
  const Action action = Count(name);
  if (const auto& hook = TheRegistry().hook) hook(name);
  if (action == Action::kKill && __gcov_dump != nullptr) __gcov_dump();
  if (action == Action::kKill) ::raise(SIGKILL);
  if (action == Action::kStop) ::raise(SIGSTOP);
  if (action == Action::kMisuse) Misuse();
  return action;
}

}  // namespace

void HitFailPoint(const char* name) { CountAndSignal(name); }

Status FailPointError(const char* name) {
  const Action action = CountAndSignal(name);
  const std::string what = "injected at fail point " + std::string(name);
  if (action == Action::kIoError) return MakeError(ErrorCode::kIo, what);
  if (action == Action::kNoSpace) return MakeError(ErrorCode::kNoSpace, what);
  return {};
}

bool SeededBug(const char* name) {
  if (bugs_switch.load(std::memory_order_acquire) == kOff) return false;
  Registry& registry = TheRegistry();
  MutexLock lock(registry.mutex);
  if (bugs_switch.load(std::memory_order_relaxed) == kUnread) FillBugs(registry, Environment("TENURE_SEEDED_BUG"));
  for (const std::string& bug : registry.bugs) {
    if (bug == name) return true;
  }
  return false;
}

void SetFailPointHook(std::function<void(const char* name)> hook) {
  Registry& registry = TheRegistry();
  MutexLock lock(registry.mutex);
  registry.hook = std::move(hook);
  FillPoints(registry, "");
}

void SetFailPoints(const char* spec) {
  Registry& registry = TheRegistry();
  MutexLock lock(registry.mutex);
  FillPoints(registry, spec != nullptr ? spec : "");
}

void SetSeededBug(const char* name) {
  Registry& registry = TheRegistry();
  MutexLock lock(registry.mutex);
  FillBugs(registry, name != nullptr ? name : "");
}

}  // namespace tenure::base

#endif  // TENURE_TESTING
