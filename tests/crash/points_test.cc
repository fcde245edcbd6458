// Every fail point of the sources is the place of a kill -9: it is the parameter of a test that starts a process to be
// killed there, and that fails when it was not.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

namespace tenure {
namespace {

/// With the file that it was found in first.
std::map<std::string, std::string> PointsOfTheSources() {
  std::map<std::string, std::string> points;
  for (const char* room : {"store", "lease", "conflict", "cli"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(TENURE_SOURCES) + "/" + room)) {
      if (entry.path().extension() != ".cc" && entry.path().extension() != ".h") continue;
      std::ifstream in(entry.path());
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      for (const std::string macro : {"TENURE_FAIL_POINT(\"", "TENURE_FAIL_POINT_STATUS(\""}) {
        for (std::size_t at = text.find(macro); at != std::string::npos; at = text.find(macro, at + 1)) {
          const std::size_t begin = at + macro.size();
          points.emplace(text.substr(begin, text.find('"', begin) - begin), entry.path());
        }
      }
    }
  }
  return points;
}

/// Suites whose tests assert that their process was killed, by their names; those of stops are called otherwise, and in
/// takeovers of the double buffer somebody else may be faster.
bool Kills(const std::string& suite) {
  return (suite.find("/Crash") != std::string::npos || suite.find("/Killed") != std::string::npos) &&
         suite.find("KilledInTakeoverOfBuffered") == std::string::npos;
}

TEST(CrashPoints, EveryFailPointIsKilledAt) {
  std::map<std::string, int> scenarios;
  const ::testing::UnitTest& all = *::testing::UnitTest::GetInstance();
  for (int s = 0; s < all.total_test_suite_count(); ++s) {
    const ::testing::TestSuite& suite = *all.GetTestSuite(s);
    if (!Kills(suite.name())) continue;
    for (int t = 0; t < suite.total_test_count(); ++t) {
      // "<point> at hit <n>": see PrintTo in fixture.h.
      const std::string parameter = suite.GetTestInfo(t)->value_param();
      ++scenarios[parameter.substr(0, parameter.find(' '))];
    }
  }
  const auto points = PointsOfTheSources();
  EXPECT_GT(points.size(), 60u) << "or the sources are elsewhere";
  for (const auto& [point, file] : points) {
    EXPECT_GT(scenarios[point], 0) << "no test kills a process at " << point << " (" << file << ")";
  }
  for (const auto& [point, count] : scenarios) {
    EXPECT_TRUE(points.contains(point)) << point << " is no fail point of the sources";
    std::printf("%-28s %d\n", point.c_str(), count);
  }
}

}  // namespace
}  // namespace tenure
