// apply: one transaction of many lines, and one transaction per line.
#include <signal.h>

#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Put(const std::string& name, const std::string& more = {}) {
  return R"({"op":"put","name":")" + name + R"(","version":"1")" + more + "}\n";
}

class Apply : public StoreTest {};
class ApplyEach : public StoreTest {};

TEST_F(Apply, IsOneTransaction) {
  const std::string text = Ok({"apply"}, Put("a") + "\n" + Put("b") +
                                             R"({"op":"patch","name":"a","version":"1","annotations":{"k":1}})"
                                             "\r\n" +
                                             R"({"op":"set_tag","name":"a","tag":"prod","version":"1"})");
  EXPECT_EQ(text, "committed 4 operations lsn 1\n");
  EXPECT_EQ(OkJson({"get", "a@prod"})["annotations"]["k"], 1);
  const Json receipt = OkJson({"apply", "-"}, R"({"op":"delete_tag","name":"a","tag":"prod"})"
                                              "\n"
                                              R"({"op":"delete","name":"a","version":"1"})");
  EXPECT_EQ(receipt["lsn"], 2);
  EXPECT_EQ(receipt["results"].size(), 2u);
}

TEST_F(Apply, AllOrNothing) {
  Fails({"apply"}, 4, "not_found", Put("a") + R"({"op":"delete","name":"nothing","version":"1"})");
  EXPECT_EQ(OkJson({"list"}), Json::array());
  Fails({"apply"}, 5, "exists", Put("a") + Put("a", R"(,"if_absent":true)"));
  EXPECT_EQ(OkJson({"list"}), Json::array());
}

TEST_F(Apply, ReadsAFile) {
  WriteFile(dir() + "/ops.jsonl", Put("a"));
  EXPECT_EQ(Ok({"apply", "ops.jsonl"}), "committed 1 operation lsn 1\n");
  EXPECT_THAT(Fails({"apply", "missing.jsonl"}, 1, "io")["message"].get<std::string>(), HasSubstr("missing.jsonl"));
  Fails({"apply", "."}, 1, "io");
}

TEST_F(Apply, ErrorsNameTheLine) {
  const std::vector<std::string> bad = {
      "{",
      "[]",
      "null",
      R"({"op":"put","name":"x"})",
      R"({"op":"put","name":"x","version":"1","versoin":"2"})",
      R"({"op":"fly","name":"x","version":"1"})",
      R"({"op":"put","name":"x","version":"1","size":-1})",
      R"({"op":"put","name":"x","name":"y","version":"1"})",
      R"({"op":"put","name":"x","version":"1","lease":"t"})",
      R"({"op":"put","name":"x","version":"1","on_conflict":"mingle"})",
      R"({"op":"set_policy","glob":"x","policy":{"imutable":true}})",
      R"({"op":"resolve","conflict":"x","take":"ours"})",
      "\xff\xfe",
      R"({"op":"put","name":"x)" + std::string(1, '\0') + R"(","version":"1"})",
  };
  for (const std::string& line : bad) {
    const Json error = Fails({"apply"}, 2, "invalid_argument", Put("a") + "\n" + line + "\n" + Put("b"));
    EXPECT_THAT(error.value("message", ""), HasSubstr("standard input line 3")) << line;
  }
  EXPECT_EQ(OkJson({"list"}), Json::array());
  Fails({"apply"}, 2, "invalid_argument", "\n \n");
}

TEST_F(Apply, RequestIdOfTheWhole) {
  EXPECT_EQ(OkJson({"apply", "--request-id", "r"}, Put("a") + Put("b"))["lsn"], 1);
  EXPECT_EQ(OkJson({"apply", "--request-id", "r"}, Put("a") + Put("b"))["replayed"], true);
  EXPECT_EQ(OkJson({"apply"}, Put("a", R"(,"request_id":"r")") + Put("b"))["replayed"], true);
  Fails({"apply"}, 2, "invalid_argument", Put("a", R"(,"request_id":"r")") + Put("b", R"(,"request_id":"s")"));
}

TEST_F(Apply, TooManyOperationsAreRefusedEarly) {
  std::string input;
  for (int i = 0; i <= 10'000; ++i) input += Put("n" + std::to_string(i));
  EXPECT_THAT(Fails({"apply"}, 2, "too_large", input)["message"].get<std::string>(), HasSubstr("line 10001"));
}

TEST_F(Apply, LinesHaveALimit) {
  const std::string input = Put("a") + std::string((16u << 20) + 1, 'x') + "\n";
  EXPECT_THAT(Fails({"apply"}, 2, "too_large", input)["message"].get<std::string>(), HasSubstr("line 2"));
}

TEST_F(Apply, OptionsOfEachNeedEach) {
  Fails({"apply", "--window", "3"}, 2, "invalid_argument");
  Fails({"apply", "--each", "--window", "0"}, 2, "invalid_argument");
  Fails({"apply", "--each", "--window", "2", "--wait", "1s"}, 2, "invalid_argument");
  Fails({"apply", "--each", "--request-id", "r"}, 2, "invalid_argument");
}

TEST_F(ApplyEach, OneResultPerLineInOrder) {
  const Finished finished =
      Tenure({"apply", "--each", "--window", "4"},
             Put("a") + "\n" + Put("a") + "nonsense\n" + Put("a", R"(,"if_absent":true)") +
                 Put("a", R"(,"size":3,"request_id":"r")") + Put("a", R"(,"size":3,"request_id":"r")"));
  EXPECT_EQ(finished.status, 3);
  EXPECT_EQ(finished.err, "");
  const std::vector<Json> lines = ParseLines(finished.out);
  ASSERT_THAT(lines, SizeIs(6));
  EXPECT_EQ(lines[0]["line"], 1);
  EXPECT_EQ(lines[0]["ok"], true);
  EXPECT_EQ(lines[0]["lsn"], 1);
  EXPECT_EQ(lines[0]["revision"], 1);
  EXPECT_EQ(lines[1]["line"], 3);
  EXPECT_EQ(lines[1]["outcome"], "unchanged");
  EXPECT_EQ(lines[2]["ok"], false);
  EXPECT_EQ(lines[2]["error"]["code"], "invalid_argument");
  EXPECT_THAT(lines[2]["error"]["message"].get<std::string>(), HasSubstr("line 4"));
  EXPECT_EQ(lines[3]["error"]["code"], "exists");
  EXPECT_EQ(lines[4]["lsn"], 2);
  EXPECT_EQ(lines[5]["lsn"], 2);
  EXPECT_EQ(lines[5]["replayed"], true);
}

TEST_F(ApplyEach, AllGoodIsZero) {
  std::string input;
  for (int i = 0; i < 3000; ++i) input += Put("n" + std::to_string(i));
  const Finished finished = Tenure({"apply", "--each", "--window", "64"}, input);
  EXPECT_EQ(finished.status, 0) << finished.err;
  const std::vector<Json> lines = ParseLines(finished.out);
  ASSERT_THAT(lines, SizeIs(3000));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    ASSERT_EQ(lines[i]["line"], i + 1);
    ASSERT_EQ(lines[i]["lsn"], i + 1);  // one writer: in the order submitted
  }
}

TEST_F(ApplyEach, ALongLineIsOneFailure) {
  const Finished finished = Tenure({"apply", "--each"}, Put("a") + std::string((16u << 20) + 1, 'x') + "\n" + Put("b"));
  EXPECT_EQ(finished.status, 3);
  const std::vector<Json> lines = ParseLines(finished.out);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(lines[1]["error"]["code"], "too_large");
  EXPECT_EQ(lines[2]["line"], 3);
  EXPECT_EQ(lines[2]["ok"], true);
}

TEST_F(ApplyEach, AnswersAsSoonAsAcknowledged) {
  Child child(Command({"apply", "--each"}));
  for (int i = 1; i <= 20; ++i) {
    child.Write(Put("n" + std::to_string(i)));
    // Input stays open: the answer must come without more of it.
    const Json line = ParseJson(child.ReadLine());
    ASSERT_EQ(line["line"], i);
    ASSERT_EQ(line["ok"], true);
  }
  EXPECT_EQ(child.Wait().status, 0);
}

TEST_F(ApplyEach, InterruptedAnswersWhatWasSubmitted) {
  for (const auto& [signal, status] : {std::pair(SIGINT, 130), std::pair(SIGTERM, 143)}) {
    Child child(Command({"apply", "--each"}));
    child.Write(Put("n" + std::to_string(signal)));
    EXPECT_EQ(ParseJson(child.ReadLine())["ok"], true);
    child.Signal(signal);
    const Finished finished = child.WaitForEnd();
    EXPECT_EQ(finished.status, status);
    EXPECT_THAT(finished.err, HasSubstr("interrupted behind line 1"));
  }
  EXPECT_EQ(OkJson({"list"}).size(), 2u);
}

TEST_F(ApplyEach, AReaderThatLeavesEndsItQuietly) {
  Child child(Command({"apply", "--each"}));
  child.Write(Put("a"));
  EXPECT_EQ(ParseJson(child.ReadLine())["ok"], true);
  child.CloseOutput();
  child.Write(Put("b"));
  // Input stays open: it ends because of the output.
  const Finished finished = child.WaitForEnd();
  EXPECT_EQ(finished.status, 141);
  EXPECT_EQ(finished.err, "");
}

}  // namespace
}  // namespace tenure::testing
