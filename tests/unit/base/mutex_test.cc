#include "store/base/mutex.h"

#include <gtest/gtest.h>

#include <thread>

namespace tenure::base {
namespace {

struct Box {
  Mutex mutex;
  CondVar changed;
  int value GUARDED_BY(mutex) = 0;
};

TEST(Mutex, PassesTheBallBetweenThreads) {
  constexpr int kPasses = 500;
  Box box;
  const auto play = [&box](int parity) {
    for (int i = 0; i < kPasses; ++i) {
      MutexLock lock(box.mutex);
      while (box.value % 2 != parity) box.changed.Wait(box.mutex);
      ++box.value;
      box.changed.NotifyAll();
    }
  };
  std::thread odd(play, 1);
  play(0);
  odd.join();
  MutexLock lock(box.mutex);
  EXPECT_EQ(box.value, 2 * kPasses);
}

TEST(Mutex, LockMayBeGivenUpInBetween) {
  Mutex mutex;
  MutexLock lock(mutex);
  lock.Unlock();
  const bool was_free = mutex.TryLock();
  EXPECT_TRUE(was_free);
  if (was_free) mutex.Unlock();
  lock.Lock();
  std::thread other([&mutex] {
    const bool taken = mutex.TryLock();
    EXPECT_FALSE(taken);
    if (taken) mutex.Unlock();
  });
  other.join();
}

TEST(CondVar, TellsWhenTheTimeRanOut) {
  Box box;
  MutexLock lock(box.mutex);
  // Spurious wake-ups are allowed, an end of the wait is not.
  while (box.changed.WaitFor(box.mutex, std::chrono::milliseconds(1))) {
  }
  EXPECT_EQ(box.value, 0);
}

}  // namespace
}  // namespace tenure::base
