#include "tests/scenarios/player.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace tenure::scenarios {
namespace {

using testing::Finished;
using testing::Launch;

/// An "eventually" that has not come true by then never will.
constexpr std::chrono::seconds kEventuallyBound{30};
constexpr std::chrono::milliseconds kLookAgain{5};

std::string g_where = "before the first step";

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string ProgramDirectory() {
  const std::string tenure = TENURE_PROGRAM;
  return tenure.substr(0, tenure.rfind('/'));
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

Json Parsed(const std::string& text, const std::string& what) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) throw Failed{what + " is not JSON: '" + text + "'"};
  return json;
}

/// A line that is no JSON is a text.
Json LineOf(const std::string& line) {
  Json json = Json::parse(line, nullptr, false);
  return json.is_discarded() ? Json(line) : json;
}

int SignalNumber(const std::string& name) {
  static const std::map<std::string, int> kSignals = {{"KILL", SIGKILL}, {"TERM", SIGTERM}, {"INT", SIGINT},
                                                      {"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"HUP", SIGHUP}};
  const auto found = kSignals.find(name);
  if (found == kSignals.end()) throw std::runtime_error("there is no signal " + name);
  return found->second;
}

/// Operations and texts as the lines of standard input.
std::string InputOf(const Json& lines, const Variables& variables) {
  std::string text;
  for (const Json& line : lines) {
    text += line.is_string() ? variables.InText(line.get<std::string>()) : variables.InJson(line).dump();
    text += "\n";
  }
  return text;
}

std::string Output(const Finished& finished) {
  return "status " + std::to_string(finished.status) + "\n  stdout: " + finished.out + "\n  stderr: " + finished.err;
}

std::string ErrorWhyNot(const Json& expected, const std::string& err) {
  // Notes and warnings of a recovery may stand before it.
  for (const std::string& line : Lines(err)) {
    const Json document = Json::parse(line, nullptr, false);
    if (document.is_object() && document.contains("error")) return WhyNot(expected, document["error"], "error");
  }
  return "stderr holds no error";
}

}  // namespace

const std::string& WhereNow() { return g_where; }

Player::Player(std::string directory) : directory_(std::move(directory)) {
  variables_.Set("dir", directory_);
  variables_.Set("bin", ProgramDirectory());
}

void Player::Play(const Json& scenario) {
  for (const Json& writer : scenario.at("writers")) writers_.push_back(writer);
  std::vector<std::string> init = {"init", directory_};
  for (const Json& option : scenario.value("init", Json::array())) init.push_back(option);
  const Finished made = Tenure(init);
  if (made.status != 0) throw Failed{"the store could not be made: " + Output(made)};
  int number = 0;
  for (const Json& step : scenario.at("steps")) {
    g_where = "step " + std::to_string(++number);
    if (step.contains("note")) g_where += " (" + step.at("note").get<std::string>() + ")";
    Step(step);
  }
  g_where = "the end";
  CheckEnd(scenario);
}

void Player::Step(const Json& step) {
  static constexpr std::pair<const char*, void (Player::*)(const Json&)> kKinds[] = {
      {"start", &Player::Start}, {"run", &Player::Run},           {"read", &Player::Read},
      {"write", &Player::Write}, {"signal", &Player::Signal},     {"stopped", &Player::Stopped},
      {"join", &Player::Join},   {"parallel", &Player::Parallel}, {"file", &Player::File}};
  for (const auto& [name, play] : kKinds) {
    if (step.contains(name)) return (this->*play)(step);
  }
  throw std::runtime_error("no step is like " + step.dump());
}

Launch Player::LaunchOf(const Json& step) const {
  Launch launch;
  launch.directory = directory_;
  launch.environment["TENURE_STORE"] = directory_;
  const std::string program = step.value("program", "tenure");
  launch.arguments = {ProgramDirectory() + "/" + program, "--json"};
  for (const Json& word : step.at("run")) launch.arguments.push_back(variables_.InText(word));
  if (step.contains("writer")) {
    const std::string writer = step.at("writer");
    if (std::find(writers_.begin(), writers_.end(), writer) == writers_.end()) {
      throw std::runtime_error("writer " + writer + " is not among the scenario's writers");
    }
    launch.arguments.insert(launch.arguments.end(), {"--writer", writer});
  }
  if (step.contains("env")) {
    for (const auto& [name, value] : step.at("env").items()) launch.environment[name] = variables_.InText(value);
  }
  if (step.contains("stdin")) launch.input = InputOf(step.at("stdin"), variables_);
  return launch;
}

std::string Player::Judge(const Json& step, const Finished& finished) const {
  const Json expect = variables_.InJson(step.value("expect", Json::object()));
  const int status = expect.contains("signal") ? -SignalNumber(expect.at("signal")) : expect.value("exit", 0);
  std::string why;
  if (finished.status != status) why = "the exit status is not " + std::to_string(status);
  if (why.empty() && expect.contains("out")) why = WhyNot(expect["out"], Parsed(finished.out, "stdout"), "stdout");
  if (why.empty() && expect.contains("lines")) {
    Json lines = Json::array();
    for (const std::string& line : Lines(finished.out)) lines.push_back(LineOf(line));
    why = WhyNot(expect["lines"], lines, "stdout");
  }
  if (why.empty() && expect.contains("text")) why = WhyNot(expect["text"], finished.out, "stdout");
  if (why.empty() && expect.contains("error")) why = ErrorWhyNot(expect["error"], finished.err);
  return why.empty() ? why : why + "\n  " + Output(finished);
}

void Player::Capture(const Json& step, const std::string& out) {
  if (!step.contains("capture")) return;
  const Json document = Parsed(out, "stdout");
  for (const auto& [name, pointer] : step.at("capture").items()) {
    const Json::json_pointer at(pointer.get<std::string>());
    if (!document.contains(at)) throw Failed{"stdout has no " + pointer.dump() + " to capture: " + out};
    variables_.Set(name, document.at(at));
  }
}

void Player::Run(const Json& step) {
  const Launch launch = LaunchOf(step);
  const auto give_up = std::chrono::steady_clock::now() + kEventuallyBound;
  for (;;) {
    const Finished finished = testing::RunToEnd(launch);
    const std::string why = Judge(step, finished);
    if (why.empty()) return Capture(step, finished.out);
    if (!step.value("eventually", false) || std::chrono::steady_clock::now() > give_up) {
      throw Failed{Joined(launch.arguments) + ": " + why};
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

void Player::Start(const Json& step) {
  const std::string name = step.at("start");
  if (running_.contains(name)) throw std::runtime_error("process " + name + " runs already");
  const Launch launch = LaunchOf(step);
  Running running{std::make_unique<testing::Child>(launch), Joined(launch.arguments), {}};
  if (!launch.input.empty()) running.child->Write(launch.input);
  running_.emplace(name, std::move(running));
}

Player::Running& Player::Find(const std::string& name) {
  const auto found = running_.find(name);
  if (found == running_.end()) throw std::runtime_error("process " + name + " was not started, or is joined already");
  return found->second;
}

/// Waits for each line: a barrier.
void Player::Read(const Json& step) {
  Running& running = Find(step.at("read"));
  for (const Json& expected : step.at("lines")) {
    const std::string line = running.child->ReadLine();
    if (line.empty()) throw Failed{running.shown + ": its output ended before a line like " + expected.dump()};
    running.read.push_back(line);
    const std::string why = WhyNot(variables_.InJson(expected), LineOf(line), "line");
    if (!why.empty()) throw Failed{running.shown + ": " + why};
  }
  Capture(step, running.read.back());
}

void Player::Write(const Json& step) {
  Running& running = Find(step.at("write"));
  running.child->Write(InputOf(step.at("lines"), variables_));
  if (step.value("close", false)) running.child->CloseInput();
}

void Player::Stopped(const Json& step) {
  Running& running = Find(step.at("stopped"));
  if (!running.child->WaitStopped()) throw Failed{running.shown + ": it ended instead of stopping"};
}

void Player::Signal(const Json& step) { Find(step.at("signal")).child->Signal(SignalNumber(step.at("send"))); }

void Player::Join(const Json& step) {
  const std::string name = step.at("join");
  Running& running = Find(name);
  const Finished finished = running.child->Wait();
  const std::string why = Judge(step, finished);
  if (!why.empty()) throw Failed{running.shown + ": " + why};
  Capture(step, finished.out);
  running_.erase(name);
}

void Player::File(const Json& step) {
  const std::string path = directory_ + "/" + step.at("file").get<std::string>();
  const Json& content = step.at("content");
  std::ofstream out(path, std::ios::binary);
  out << (content.is_string() ? variables_.InText(content.get<std::string>()) : variables_.InJson(content).dump());
  if (!out.flush()) throw std::runtime_error(path + " cannot be written");
}

/// All at once; then every one's own expectation, and how many ended how.
void Player::Parallel(const Json& step) {
  struct One {
    Json step;
    std::string shown;
    std::unique_ptr<testing::Child> child;
  };
  std::vector<One> all;
  for (const Json& part : step.at("parallel")) {
    const int times = part.value("times", 1);
    for (int i = 1; i <= times; ++i) {
      if (times > 1) variables_.Set("i", i);
      const Launch launch = LaunchOf(part);
      Json own = part;
      if (part.contains("expect")) own["expect"] = variables_.InJson(part.at("expect"));
      all.push_back({std::move(own), Joined(launch.arguments), std::make_unique<testing::Child>(launch)});
      if (!launch.input.empty()) all.back().child->Write(launch.input);
      all.back().child->CloseInput();
    }
  }
  std::map<std::string, int> exits;
  std::string outputs;
  for (One& one : all) {
    const Finished finished = one.child->Wait();
    ++exits[std::to_string(finished.status)];
    outputs += "\n" + one.shown + ": " + Output(finished);
    const std::string why = one.step.contains("expect") ? Judge(one.step, finished) : std::string();
    if (!why.empty()) throw Failed{one.shown + ": " + why};
  }
  if (!step.contains("exits")) return;
  const std::string why = WhyNot(step.at("exits"), Json(exits), "exits");
  if (!why.empty()) throw Failed{why + outputs};
  if (Json(exits).size() != step.at("exits").size()) throw Failed{"exits are " + Json(exits).dump() + outputs};
}

Finished Player::Tenure(const std::vector<std::string>& arguments) const {
  Json step;
  step["run"] = arguments;
  return testing::RunToEnd(LaunchOf(step));
}

/// What the store holds in the end, and that it is sound.
void Player::CheckEnd(const Json& scenario) {
  if (!running_.empty()) throw std::runtime_error("process " + running_.begin()->first + " is never joined");
  const Json final = variables_.InJson(scenario.value("final", Json::object()));
  static constexpr std::pair<const char*, const char*> kLists[] = {
      {"entries", "list"}, {"tags", "tag list"}, {"log", "log"}};
  for (const auto& [member, command] : kLists) {
    if (!final.contains(member)) continue;
    std::vector<std::string> words;
    std::istringstream in(command);
    for (std::string word; in >> word;) words.push_back(word);
    const Finished finished = Tenure(words);
    if (finished.status != 0) throw Failed{std::string(command) + ": " + Output(finished)};
    const std::string why = WhyNot(final.at(member), Parsed(finished.out, "stdout"), member);
    if (!why.empty()) throw Failed{"final " + why};
  }
  const Finished verified = Tenure({"verify", "--deep"});
  if (verified.status != 0) throw Failed{"verify --deep: " + Output(verified)};
}

}  // namespace tenure::scenarios
