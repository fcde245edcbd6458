#include "store/base/failpoint.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>
#include <vector>

#include "base_testing.h"

#ifdef TENURE_TESTING

namespace tenure::base {
namespace {

class FailPoint : public ::testing::Test {
 protected:
  ~FailPoint() override {
    unsetenv("TENURE_FAILPOINT_LOG");
    SetFailPoints("");
    SetSeededBug("");
  }
};

Status Work() {
  TENURE_FAIL_POINT("work.begin");
  TENURE_FAIL_POINT_STATUS("work.middle");
  return {};
}

TEST_F(FailPoint, NothingHappensWithoutASpec) {
  SetFailPoints("");
  EXPECT_TRUE(Work().ok());
}

TEST_F(FailPoint, InjectsErrorsAlwaysOnceOrFromThen) {
  SetFailPoints("work.middle=eio");
  EXPECT_EQ(Work().error().code, ErrorCode::kIo);
  EXPECT_EQ(Work().error().code, ErrorCode::kIo);
  SetFailPoints("other=eio,work.middle=enospc@2");
  EXPECT_TRUE(Work().ok());
  const Status second = Work();
  EXPECT_EQ(second.error().code, ErrorCode::kNoSpace);
  EXPECT_NE(second.error().message.find("work.middle"), std::string::npos);
  EXPECT_TRUE(Work().ok());
  SetFailPoints("work.middle=eio@2+");
  EXPECT_TRUE(Work().ok());
  EXPECT_FALSE(Work().ok());
  EXPECT_FALSE(Work().ok());
}

TEST_F(FailPoint, ErrorsAtAPointThatCannotFailAreIgnored) {
  SetFailPoints("work.begin=eio");
  EXPECT_TRUE(Work().ok());
}

TEST_F(FailPoint, KillsAtTheHitAskedFor) {
  SharedValue<int> reached;
  const pid_t child = StartChild([&reached] {
    SetFailPoints("work.begin=kill@3");
    for (;;) {
      if (!Work().ok()) return 1;
      ++*reached;
    }
  });
  const int status = WaitFor(child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_EQ(*reached, 2);
}

TEST_F(FailPoint, StopsOnceAndGoesOn) {
  const pid_t child = StartChild([] {
    SetFailPoints("work.middle=stop");
    return Work().ok() && Work().ok() ? 0 : 1;
  });
  EXPECT_TRUE(WIFSTOPPED(WaitFor(child, WUNTRACED)));
  EXPECT_EQ(kill(child, SIGCONT), 0);
  EXPECT_TRUE(ExitedWith(WaitFor(child, WUNTRACED), 0));
}

TEST_F(FailPoint, ReadsTheEnvironmentOfANewProcess) {
  // The child's program starts anew, so nothing in it has called SetFailPoints.
  const pid_t child = StartChild([] {
    setenv("TENURE_FAILPOINT", "work.begin=kill", 1);
    execl("/proc/self/exe", "test_base", "--gtest_filter=FailPoint.DISABLED_WorkOnce",
          "--gtest_also_run_disabled_tests", "--gtest_brief=1", static_cast<char*>(nullptr));
    return 127;
  });
  const int status = WaitFor(child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

// Only for the child of the test above.
TEST_F(FailPoint, DISABLED_WorkOnce) { EXPECT_TRUE(Work().ok()); }

TEST_F(FailPoint, LogsEachPointOnce) {
  TempDir dir;
  setenv("TENURE_FAILPOINT_LOG", (dir / "log").c_str(), 1);
  SetFailPoints("");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Work().ok());
  const auto log = ReadFile(Env::Posix(), dir / "log");
  ASSERT_TRUE(log.ok());
  EXPECT_EQ(AsText(*log), "work.begin\nwork.middle\n");
}

TEST_F(FailPoint, CountsOverThreads) {
  SetFailPoints("work.middle=eio@2000");
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&failures] {
      for (int i = 0; i < 1000; ++i) {
        if (!Work().ok()) failures.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures.load(), 1);
}

TEST_F(FailPoint, SeededBugsByName) {
  EXPECT_FALSE(TENURE_SEEDED_BUG("skip_fdatasync"));
  SetSeededBug("skip_fdatasync,other");
  EXPECT_TRUE(TENURE_SEEDED_BUG("skip_fdatasync"));
  EXPECT_TRUE(TENURE_SEEDED_BUG("other"));
  EXPECT_FALSE(TENURE_SEEDED_BUG("skip"));
  SetSeededBug("");
  EXPECT_FALSE(TENURE_SEEDED_BUG("skip_fdatasync"));
}

TEST_F(FailPoint, RefusesASpecThatWouldNeverFire) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const char* bad : {"name", "=kill", "name=explode", "name=kill@", "name=kill@0", "name=kill@2x"}) {
    EXPECT_DEATH(SetFailPoints(bad), "bad fail point") << bad;
  }
}

}  // namespace
}  // namespace tenure::base

#endif  // TENURE_TESTING
