// Locks of open file descriptions: between two Files, two processes, and over a death.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>

#include "base_testing.h"
#include "store/base/env.h"

namespace tenure::base {
namespace {

class LockTest : public ::testing::Test {
 protected:
  LockTest() { EXPECT_TRUE(env_.Open(path_, OpenMode::kCreateNew).ok()); }
  std::unique_ptr<File> Open() {
    auto file = env_.Open(path_, OpenMode::kReadWrite);
    EXPECT_TRUE(file.ok());
    return std::move(*file);
  }
  Env& env_ = Env::Posix();
  TempDir dir_;
  const std::string path_ = dir_ / "members.lock";
};

TEST_F(LockTest, TwoFilesOfOneProcessConflict) {
  const auto a = Open();
  auto b = Open();
  EXPECT_TRUE(*a->TryLock(LockKind::kExclusive, 3, 1));
  EXPECT_FALSE(*b->TryLock(LockKind::kExclusive, 3, 1));
  EXPECT_FALSE(*b->TryLock(LockKind::kShared, 0, 64));
  EXPECT_TRUE(*b->TryLock(LockKind::kExclusive, 4, 1));
  EXPECT_TRUE(*b->LockedByOthers(3, 1));
  EXPECT_FALSE(*b->LockedByOthers(4, 1)) << "one's own lock is no conflict";
  EXPECT_TRUE(*a->LockedByOthers(0, 0)) << "length 0 reaches to the end";
  ASSERT_TRUE(a->Unlock(3, 1).ok());
  EXPECT_TRUE(*b->TryLock(LockKind::kExclusive, 3, 1));
  b.reset();
  EXPECT_FALSE(*a->LockedByOthers(0, 0)) << "destroying the File releases";
}

TEST_F(LockTest, SharedLocksCoexist) {
  const auto a = Open();
  const auto b = Open();
  EXPECT_TRUE(*a->TryLock(LockKind::kShared, 0, 8));
  EXPECT_TRUE(*b->TryLock(LockKind::kShared, 0, 8));
  EXPECT_FALSE(*b->TryLock(LockKind::kExclusive, 0, 8));
  EXPECT_TRUE(*b->LockedByOthers(0, 8));
}

TEST_F(LockTest, DeathReleases) {
  SharedValue<std::atomic<int>> locked;
  const pid_t child = StartChild([&] {
    const auto mine = Open();
    if (!*mine->TryLock(LockKind::kExclusive, 7, 1)) return 1;
    locked->store(1);
    for (;;) pause();
  });
  while (locked->load() == 0) sched_yield();
  const auto file = Open();
  EXPECT_FALSE(*file->TryLock(LockKind::kExclusive, 7, 1));
  EXPECT_TRUE(*file->LockedByOthers(7, 1));
  EXPECT_EQ(kill(child, SIGSTOP), 0);
  EXPECT_TRUE(WIFSTOPPED(WaitFor(child, WUNTRACED)));
  EXPECT_FALSE(*file->TryLock(LockKind::kExclusive, 7, 1)) << "a stopped process is not dead";
  EXPECT_EQ(kill(child, SIGKILL), 0);
  EXPECT_TRUE(WIFSIGNALED(WaitFor(child)));
  EXPECT_FALSE(*file->LockedByOthers(7, 1));
  EXPECT_TRUE(*file->TryLock(LockKind::kExclusive, 7, 1));
}

/// Yields until the kernel has delivered every signal sent to the process. (A count kept by the handler
/// would not do: ThreadSanitizer runs handlers later.)
void AwaitSignalsDelivered(pid_t process) {
  for (;;) {
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.rfind("ShdPnd:", 0) == 0 && line.find_first_not_of("0\t ", 7) == std::string::npos) return;
    }
    sched_yield();
  }
}

TEST_F(LockTest, WaitSurvivesASignal) {
  SharedValue<std::atomic<int>> ready;
  const auto file = Open();
  ASSERT_TRUE(*file->TryLock(LockKind::kExclusive, 0, 1));
  const pid_t child = StartChild([&] {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // without SA_RESTART: the wait is interrupted
    sigaction(SIGUSR1, &action, nullptr);
    const auto mine = Open();
    ready->store(1);
    return mine->Lock(LockKind::kExclusive, 0, 1).ok() ? 0 : 1;
  });
  while (ready->load() == 0) sched_yield();
  AwaitProcessState(child, 'S');
  EXPECT_EQ(kill(child, SIGUSR1), 0);
  AwaitSignalsDelivered(child);
  AwaitProcessState(child, 'S');
  ASSERT_TRUE(file->Unlock(0, 1).ok());
  EXPECT_TRUE(ExitedWith(WaitFor(child), 0));
}

}  // namespace
}  // namespace tenure::base
