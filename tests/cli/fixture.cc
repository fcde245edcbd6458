#include "tests/cli/fixture.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tenure::testing {

TemporaryDirectory::TemporaryDirectory() {
  const char* base = std::getenv("TMPDIR");
  std::string pattern = std::string(base == nullptr ? "/tmp" : base) + "/tenure-cli-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) std::abort();
  path_ = std::filesystem::canonical(pattern);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Json ParseJson(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) {
    ADD_FAILURE() << "not one JSON document: '" << text << "'";
    return {};
  }
  return json;
}

std::vector<std::string> SplitLines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<Json> ParseLines(const std::string& text) {
  std::vector<Json> documents;
  for (const std::string& line : SplitLines(text)) documents.push_back(ParseJson(line));
  return documents;
}

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream out(path, std::ios::binary);
  out << content;
  ASSERT_TRUE(out.good()) << path;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Json ErrorOf(const Finished& finished) {
  const std::vector<std::string> lines = SplitLines(finished.err);
  if (lines.size() != 1) {
    ADD_FAILURE() << "stderr is not one line: '" << finished.err << "'";
    return {};
  }
  const Json document = ParseJson(lines[0]);
  if (!document.is_object() || document.size() != 1 || !document.contains("error")) {
    ADD_FAILURE() << "not {\"error\":…}: " << lines[0];
    return {};
  }
  const Json& error = document["error"];
  EXPECT_TRUE(error.value("code", Json()).is_string()) << lines[0];
  EXPECT_FALSE(error.value("message", "").empty()) << lines[0];
  for (const auto& [name, value] : error.items()) {
    const bool text = name == "code" || name == "message" || name == "hint" || name == "path" || name == "key";
    const bool number = name == "offset" || name == "revision" || name == "lsn" || name == "retry_after_ms";
    EXPECT_TRUE((text && value.is_string()) || (number && value.is_number_unsigned()) ||
                (name == "holder" && value.is_object()))
        << name << " in " << lines[0];
  }
  return error;
}

Launch CliTest::Command(const std::vector<std::string>& arguments) const {
  Launch launch;
  launch.arguments = {TENURE_PROGRAM};
  launch.arguments.insert(launch.arguments.end(), arguments.begin(), arguments.end());
  launch.directory = dir();
  return launch;
}

Finished CliTest::Tenure(const std::vector<std::string>& arguments, const std::string& input) const {
  Launch launch = Command(arguments);
  launch.input = input;
  return RunToEnd(launch);
}

std::string CliTest::Ok(const std::vector<std::string>& arguments, const std::string& input) const {
  const Finished finished = Tenure(arguments, input);
  EXPECT_EQ(finished.status, 0) << ::testing::PrintToString(arguments) << "\n" << finished.err;
  return finished.out;
}

Json CliTest::OkJson(std::vector<std::string> arguments, const std::string& input) const {
  arguments.push_back("--json");
  return ParseJson(Ok(arguments, input));
}

Json CliTest::Fails(std::vector<std::string> arguments, int status, const std::string& code,
                    const std::string& input) const {
  const std::string shown = ::testing::PrintToString(arguments);
  arguments.insert(arguments.begin(), "--json");
  const Finished finished = Tenure(arguments, input);
  EXPECT_EQ(finished.status, status) << shown << "\n" << finished.err;
  const Json error = ErrorOf(finished);
  if (!error.is_object()) return Json::object();
  EXPECT_EQ(error.value("code", ""), code) << shown << "\n" << finished.err;
  return error;
}

void StoreTest::SetUp() { Ok({"init"}); }

}  // namespace tenure::testing
