// scenario FILE: plays it. Status 0: as it says; 1: not so; 2: the file is no scenario; 77: it needs what this build
// has not.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>

#include "tests/scenarios/player.h"
#include "tests/support/scratch.h"
#include "tests/unit/model/schema_check.h"

namespace tenure::scenarios {
namespace {

constexpr int kSkipped = 77;
/// A scenario that waits for longer waits for what will not come.
constexpr unsigned kSecondsMax = 100;

Json Load(const std::string& path) {
  std::ifstream in(path);
  Json json = Json::parse(in, nullptr, false);
  if (!in || json.is_discarded()) throw std::runtime_error(path + " cannot be read, or is not JSON");
  return json;
}

void OnAlarm(int) {
  const std::string text = "FAILED at " + WhereNow() + ": it does not end\n";
  (void)!::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(1);
}

bool CanPlay(const Json& scenario) {
  for (const Json& need : scenario.value("needs", Json::array())) {
#ifndef TENURE_TESTING
    if (need == "fail points") return false;
#endif
    if (need != "fail points") return false;
  }
  return true;
}

int Main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: scenario FILE\n";
    return 2;
  }
  try {
    const Json scenario = Load(argv[1]);
    const model::testing::SchemaCheck schema(Load(TENURE_SOURCES "/tests/scenarios/scenario.schema.json"));
    if (const std::string why = schema.Why(scenario); !why.empty()) throw std::runtime_error(why);
    if (!CanPlay(scenario)) return kSkipped;
    ::signal(SIGALRM, OnAlarm);
    ::alarm(kSecondsMax);
    const tenure::testing::Scratch scratch;
    Player(scratch.path()).Play(scenario);
    return 0;
  } catch (const Failed& failed) {
    std::cerr << "FAILED at " << WhereNow() << ": " << failed.message << "\n";
    return 1;
  } catch (const std::exception& error) {
    std::cerr << argv[1] << ", " << WhereNow() << ": " << error.what() << "\n";
    return 2;
  }
}

}  // namespace
}  // namespace tenure::scenarios

int main(int argc, char** argv) { return tenure::scenarios::Main(argc, argv); }
