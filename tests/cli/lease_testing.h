// Short ways to hold leases in tests of the program.
#pragma once

#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/cli/fixture.h"

namespace tenure::testing {

class LeaseTest : public StoreTest {
 protected:
  /// `tenure lease acquire …`: the token.
  std::string Acquire(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"lease", "acquire"});
    std::string token = Ok(arguments);
    if (!token.empty()) token.pop_back();
    return token;
  }
  static std::uint64_t IdOf(const std::string& token) {
    const std::size_t begin = token.find('-', 4) + 1;
    return std::stoull(token.substr(begin, token.find('-', begin) - begin));
  }
  Launch WithTokens(const std::vector<std::string>& arguments, const std::string& tokens) const {
    Launch launch = Command(arguments);
    launch.environment["TENURE_LEASE_TOKEN"] = tokens;
    return launch;
  }
  /// Until no lease is held. A lease that never ends is found by the test's time limit.
  void AwaitNoLeases() const {
    while (!OkJson({"lease", "list"}).empty()) ::usleep(10'000);
  }
  /// Until so many requests are queued for a scope that is held.
  void AwaitQueued(const std::string& scope, int waiting) const {
    for (;;) {
      const Finished refused = Tenure({"--json", "lease", "acquire", scope});
      ASSERT_EQ(refused.status, 11) << refused.out << refused.err;
      // The last line: what recovery has to say comes before.
      if (ParseJson(SplitLines(refused.err).back()).at("error").at("holder").at("waiting") == waiting) return;
      ::usleep(5'000);
    }
  }
};

}  // namespace tenure::testing
