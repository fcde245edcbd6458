// A temporary directory with a store in it, and short ways to run `tenure` there.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/process.h"

namespace tenure::testing {

using Json = nlohmann::json;

/// Makes an empty directory; removed with everything in it at the end of the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Parses one JSON document; a failure of the test, and null, when it is none.
Json ParseJson(const std::string& text);
/// One document per line.
std::vector<Json> ParseLines(const std::string& text);
std::vector<std::string> SplitLines(const std::string& text);
void WriteFile(const std::string& path, const std::string& content);
std::string ReadFile(const std::string& path);

/// stderr of a command with --json that failed: one object {"error":{…}} of the published shape.
Json ErrorOf(const Finished& finished);

class CliTest : public ::testing::Test {
 protected:
  const std::string& dir() const { return temporary_.path(); }
  /// "tenure ARGUMENTS…" in dir(), which need not be a store.
  Launch Command(const std::vector<std::string>& arguments) const;
  Finished Tenure(const std::vector<std::string>& arguments, const std::string& input = {}) const;
  /// The same, and the test fails when the status is not 0. Returns stdout.
  std::string Ok(const std::vector<std::string>& arguments, const std::string& input = {}) const;
  /// Ok with --json, parsed.
  Json OkJson(std::vector<std::string> arguments, const std::string& input = {}) const;
  /// With --json: expects this exit status and error code; returns the error object.
  Json Fails(std::vector<std::string> arguments, int status, const std::string& code,
             const std::string& input = {}) const;

 private:
  TemporaryDirectory temporary_;
};

/// The same with a store made in dir().
class StoreTest : public CliTest {
 protected:
  void SetUp() override;
};

inline constexpr char kDigestA[] = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
inline constexpr char kDigestB[] = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

}  // namespace tenure::testing
