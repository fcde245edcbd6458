#include "store/base/helper_thread.h"

#include <gtest/gtest.h>

#include <signal.h>

namespace tenure::base {
namespace {

TEST(HelperThread, RunsWithSignalsBlockedAndLeavesTheCallersMaskAlone) {
  sigset_t before;
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &before), 0);
  sigset_t inside;
  sigemptyset(&inside);
  std::thread::id ran_on;
  HelperThread helper;
  ASSERT_TRUE(helper.Start([&] {
    ran_on = std::this_thread::get_id();
    pthread_sigmask(SIG_SETMASK, nullptr, &inside);
  }));
  helper.Join();
  EXPECT_NE(ran_on, std::this_thread::get_id());
  sigset_t after;
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &after), 0);
  for (const int signal : {SIGINT, SIGTERM, SIGALRM, SIGCHLD, SIGUSR1, SIGPROF}) {
    EXPECT_EQ(sigismember(&inside, signal), 1) << signal;
    EXPECT_EQ(sigismember(&after, signal), sigismember(&before, signal)) << signal;
  }
}

TEST(HelperThread, MayBeStartedAgainAndJoinsAtTheEnd) {
  int done = 0;
  {
    HelperThread helper;
    helper.Join();  // nothing was started
    ASSERT_TRUE(helper.Start([&] { ++done; }));
    helper.Join();
    ASSERT_TRUE(helper.Start([&] { ++done; }));
  }
  EXPECT_EQ(done, 2);
}

}  // namespace
}  // namespace tenure::base
