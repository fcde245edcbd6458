#include "store/base/futex.h"

#include <gtest/gtest.h>

#include <climits>

#include "base_testing.h"

namespace tenure::base {
namespace {

using std::chrono::nanoseconds;
constexpr nanoseconds kForever{-1};

TEST(Futex, ReturnsAtOnceWhenTheWordHasChanged) {
  std::atomic<std::uint32_t> word{7};
  EXPECT_TRUE(FutexWait(word, 6, kForever));
}

TEST(Futex, TellsWhenTheTimeRanOut) {
  std::atomic<std::uint32_t> word{7};
  EXPECT_FALSE(FutexWait(word, 7, nanoseconds(0)));
  EXPECT_FALSE(FutexWait(word, 7, std::chrono::milliseconds(1)));
}

TEST(Futex, WakesSleepersOfOtherProcesses) {
  SharedValue<std::atomic<std::uint32_t>> word;
  const auto body = [&word] {
    while (word->load(std::memory_order_acquire) == 0) FutexWait(*word, 0, kForever);
    return 0;
  };
  const pid_t first = StartChild(body);
  const pid_t second = StartChild(body);
  AwaitProcessState(first, 'S');
  AwaitProcessState(second, 'S');
  word->store(1, std::memory_order_release);
  FutexWake(*word, INT_MAX);
  EXPECT_TRUE(ExitedWith(WaitFor(first), 0));
  EXPECT_TRUE(ExitedWith(WaitFor(second), 0));
}

}  // namespace
}  // namespace tenure::base
