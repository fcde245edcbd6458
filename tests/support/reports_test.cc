// That a report of a sanitizer in a process that a test starts fails the test, whatever becomes of the process. Built
// with sanitizers only, and twice: for the processes of tests/support/child.h, and for those of tests/cli/process.h.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "store/base/failpoint.h"
#ifdef TENURE_CLI_PROCESSES
#include "tests/cli/process.h"
#else
#include "tests/support/child.h"
#endif

namespace tenure {
namespace {

/// This program again, with a fail point that misuses memory or threads; then it waits to be killed, or ends.
#ifdef TENURE_CLI_PROCESSES
testing::Launch Again(const std::string& life) {
  testing::Launch launch;
  launch.arguments = {"/proc/self/exe", "--gtest_also_run_disabled_tests", "--gtest_filter=Reports.DISABLED_" + life};
  launch.environment["TENURE_FAILPOINT"] = "reports.here=misuse";
  return launch;
}
#else
testing::Child Again(const std::string& life) {
  return testing::Child(
      {"/proc/self/exe", "--gtest_also_run_disabled_tests", "--gtest_filter=Reports.DISABLED_" + life},
      {"TENURE_FAILPOINT=reports.here=misuse"});
}
#endif

TEST(Reports, DISABLED_Ends) { TENURE_FAIL_POINT("reports.here"); }
TEST(Reports, DISABLED_IsKilled) {
  TENURE_FAIL_POINT("reports.here");
  ::raise(SIGKILL);
}
TEST(Reports, DISABLED_Stops) {
  TENURE_FAIL_POINT("reports.here");
  ::raise(SIGSTOP);
}
TEST(Reports, DISABLED_DoesNothingWrong) {}

constexpr const char* kFailure = "has a sanitizer's report";

/// Runs it to its end.
void Live(const std::string& life) {
#ifdef TENURE_CLI_PROCESSES
  (void)testing::RunToEnd(Again(life));
#else
  (void)Again(life).Wait();
#endif
}

TEST(Reports, OfAProcessThatEnds) { EXPECT_NONFATAL_FAILURE(Live("Ends"), kFailure); }

TEST(Reports, OfAProcessThatIsKilled) { EXPECT_NONFATAL_FAILURE(Live("IsKilled"), kFailure); }

/// Nobody waits for it: it is killed with the object.
TEST(Reports, OfAProcessThatIsLeftBehind) {
  EXPECT_NONFATAL_FAILURE(
      {
        testing::Child child(Again("Stops"));
        (void)child.WaitStopped();
      },
      kFailure);
}

TEST(Reports, NoneOfOneThatDoesNothingWrong) { Live("DoesNothingWrong"); }

}  // namespace
}  // namespace tenure
