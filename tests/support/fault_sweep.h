// Fails every call that something makes of its environment, one after the other.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>

#include "store/base/error.h"
#include "store/base/recording_env.h"

namespace tenure::testing {

/// Runs `act` on an environment whose first call fails, then on one whose second call does, until none is left, and
/// returns how many there were. Each time the answer must be success (what failed was done on the side) or the injected
/// error itself: its code, and the path. `behind` sees the answer and the path, and puts everything back. `step` passes
/// over calls, where each life is long.
inline std::uint64_t FailEveryCall(const std::function<Status(base::Env& env)>& act,
                                   const std::function<void(const Status& answer, const std::string& path)>& behind,
                                   std::uint64_t step = 1) {
  for (std::uint64_t index = 0;; index += step) {
    base::RecordingEnv env(base::Env::Posix());
    std::string path;
    env.SetFaultPlan([&](std::uint64_t call, base::TraceStep::Kind, const std::string& of) -> Status {
      if (call != index) return {};
      path = of;
      Error error = base::MakeError(ErrorCode::kIo, of + ": injected by the test");
      error.path = of;
      return error;
    });
    const Status answer = act(env);
    if (!answer.ok()) {
      EXPECT_EQ(answer.error().code, ErrorCode::kIo) << "call " << index << ": " << answer.error().message;
      EXPECT_NE(answer.error().message.find(path + ": injected by the test"), std::string::npos)
          << "call " << index << ", " << path << ": " << answer.error().message;
    }
    const bool none_left = path.empty();
    if (none_left) {
      EXPECT_TRUE(answer.ok()) << answer.error().message;
    }
    behind(answer, path);
    if (none_left || ::testing::Test::HasFatalFailure()) return index;
  }
}

}  // namespace tenure::testing
