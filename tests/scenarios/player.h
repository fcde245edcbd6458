// Plays one scenario: real processes of the programs, in a temporary store, step by step. README.md has the language.
// One thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/cli/process.h"
#include "tests/scenarios/match.h"
#include "tests/scenarios/variables.h"

namespace tenure::scenarios {

/// What did not go as the scenario says; the message says where.
struct Failed {
  std::string message;
};

class Player {
 public:
  /// `directory` is empty and the scenario's own.
  explicit Player(std::string directory);

  /// Throws Failed at the first step that does not go as it should, and std::exception for what cannot be played.
  void Play(const Json& scenario);

 private:
  /// A command that was started and is not joined yet.
  struct Running {
    std::unique_ptr<testing::Child> child;
    std::string shown;
    std::vector<std::string> read;  // lines that a "read" has taken
  };

  void Step(const Json& step);
  void Run(const Json& step);
  void Start(const Json& step);
  void Read(const Json& step);
  void Write(const Json& step);
  void Stopped(const Json& step);
  void Signal(const Json& step);
  void Join(const Json& step);
  void Parallel(const Json& step);
  void File(const Json& step);
  void CheckEnd(const Json& scenario);

  testing::Launch LaunchOf(const Json& step) const;
  Running& Find(const std::string& name);
  /// Empty, or why `finished` is not what the step expects.
  std::string Judge(const Json& step, const testing::Finished& finished) const;
  void Capture(const Json& step, const std::string& out);
  testing::Finished Tenure(const std::vector<std::string>& arguments) const;

  const std::string directory_;
  std::vector<std::string> writers_;
  Variables variables_;
  std::map<std::string, Running> running_;
};

/// "step 3 (bob publishes)": where a scenario is, for whoever has to say that it hangs.
const std::string& WhereNow();

}  // namespace tenure::scenarios
