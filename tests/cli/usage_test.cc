// How the program is called: options, help, where the store is, exit statuses, broken outputs.
#include <sys/stat.h>

#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Usage : public CliTest {};
class Lookup : public CliTest {};
class Streams : public StoreTest {};

TEST_F(Usage, HelpListsEveryCommand) {
  const std::string help = Ok({"--help"});
  for (const char* command :
       {"init",     "put",     "patch",  "get",     "list",  "rm",           "tag set",   "tag rm",
        "tag list", "history", "apply",  "log",     "diff",  "undo",         "verify",    "stats",
        "compact",  "backup",  "doctor", "outcome", "watch", "cursors list", "cursors rm"}) {
    EXPECT_THAT(help, HasSubstr(std::string("\n  ") + command + " "));
    std::vector<std::string> words;
    for (std::size_t at = 0; at != std::string::npos;) {
      const std::string rest = std::string(command).substr(at);
      words.push_back(rest.substr(0, rest.find(' ')));
      at = rest.find(' ') == std::string::npos ? std::string::npos : at + rest.find(' ') + 1;
    }
    words.push_back("--help");
    const std::string own = Ok(words);
    EXPECT_THAT(own, AllOf(HasSubstr(std::string("tenure ") + command), HasSubstr("--json"), HasSubstr("--store")));
  }
  EXPECT_EQ(Ok({"-h"}), help);
  EXPECT_EQ(Ok({"help"}), help);
  EXPECT_EQ(Ok({"help", "put"}), Ok({"put", "--help"}));
  EXPECT_EQ(Ok({"help", "tag", "set"}), Ok({"tag", "set", "-h"}));
  EXPECT_THAT(Ok({"--version"}), StartsWith("tenure "));
}

TEST_F(Usage, MistakesAreExitTwo) {
  const std::vector<std::vector<std::string>> mistakes = {
      {},
      {"fly"},
      {"tag"},
      {"tag", "fly"},
      {"put"},
      {"put", "app:1", "extra"},
      {"put", "app:1", "--nope"},
      {"put", "app:1", "--size"},
      {"put", "app:1", "--size", "x"},
      {"put", "app:1", "--size", "1", "--size", "2"},
      {"put", "app:1", "--if-absent=yes"},
      {"put", "app:1", "-z"},
      {"--nope", "put", "app:1"},
      {"list", "--format", "xml"},
      {"list", "--format"},
  };
  for (std::vector<std::string> arguments : mistakes) {
    const Finished text = Tenure(arguments);
    EXPECT_EQ(text.status, 2) << ::testing::PrintToString(arguments) << text.err;
    EXPECT_EQ(text.out, "");
    EXPECT_THAT(text.err, StartsWith("tenure: "));
  }
  EXPECT_THAT(Tenure({"lsit"}).err, HasSubstr("did you mean 'tenure list'"));
  EXPECT_THAT(Tenure({"put", "a:1", "--media", "x"}).err, HasSubstr("--media-type"));
  EXPECT_THAT(Tenure({"tag"}).err, HasSubstr("tag set"));
}

// An unset shell variable must not silently mean the default: another store, no request id, no digest.
TEST_F(Usage, EmptyValuesAreRefused) {
  Ok({"init"});
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"-C", "", "list"},
                                                    {"--store=", "list"},
                                                    {"put", "a:1", "--request-id", ""},
                                                    {"put", "a:1", "--digest="},
                                                    {"put", "a:1", "--file", ""},
                                                    {"put", "a:1", "--if-revision", ""},
                                                    {"backup", ""},
                                                    {"list", ""},
                                                    {"init", ""},
                                                    {"apply", ""},
                                                    {"put", ""}}) {
    Fails(arguments, 2, "invalid_argument");
  }
  Ok({"list", "--after", ""});
}

TEST_F(Usage, UsageErrorsAreJsonWhenAsked) {
  Fails({"put"}, 2, "invalid_argument");
  Fails({"fly"}, 2, "invalid_argument");
  Fails({}, 2, "invalid_argument");
  Fails({"list", "--format", "tsv"}, 2, "invalid_argument");  // contradicts --json
  const Finished finished = Tenure({"put", "--format", "jsonl"});
  EXPECT_EQ(ErrorOf(finished)["code"], "invalid_argument");
}

TEST_F(Usage, OptionsStandAnywhereAndInEverySpelling) {
  Ok({"init"});
  Ok({"-C", ".", "put", "a:1", "--size=3"});
  Ok({"put", "--size", "4", "a:1", "-C."});
  Ok({"--store=.", "put", "--media-type=text/x", "b:1"});
  Ok({"--json", "tag", "-C", ".", "set", "a@t", "1"});
  Ok({"tag", "rm", "-yC", ".", "a@t"});
  EXPECT_EQ(OkJson({"get", "a:1"})["size"], 4);
  Fails({"get", "++"}, 4, "not_found");  // an ordinary name
}

TEST_F(Lookup, NoStoreIsExitTenWithAHint) {
  for (const char* command : {"list", "stats", "verify", "doctor", "log"}) {
    const Json error = Fails({command}, 10, "no_store");
    EXPECT_THAT(error.value("hint", ""), HasSubstr("tenure init")) << command;
  }
  EXPECT_THAT(Fails({"-C", "nowhere", "list"}, 10, "no_store").value("hint", ""), HasSubstr("tenure init"));
  const Finished text = Tenure({"list"});
  EXPECT_THAT(text.err, AllOf(StartsWith("tenure: "), HasSubstr("\nhint: ")));
}

TEST_F(Lookup, OptionBeforeEnvironmentBeforeWalk) {
  for (const char* name : {"one", "two", "three"}) {
    Ok({"init", name});
    Ok({"-C", name, "put", std::string(name) + ":1"});
  }
  ASSERT_EQ(::mkdir((dir() + "/three/deep").c_str(), 0700), 0);
  ASSERT_EQ(::mkdir((dir() + "/three/deep/er").c_str(), 0700), 0);
  Launch launch = Command({"list", "--json"});
  launch.directory = dir() + "/three/deep/er";
  EXPECT_EQ(ParseJson(RunToEnd(launch).out)[0]["name"], "three");
  launch.environment["TENURE_STORE"] = dir() + "/two";
  EXPECT_EQ(ParseJson(RunToEnd(launch).out)[0]["name"], "two");
  launch.environment["TENURE_STORE"] = dir() + "/two/.tenure";
  EXPECT_EQ(ParseJson(RunToEnd(launch).out)[0]["name"], "two");
  launch.arguments.insert(launch.arguments.begin() + 1, {"-C", "../../../one"});
  EXPECT_EQ(ParseJson(RunToEnd(launch).out)[0]["name"], "one");
  launch.environment["TENURE_STORE"] = "";
  launch.arguments = {TENURE_PROGRAM, "list", "--json"};
  EXPECT_EQ(ParseJson(RunToEnd(launch).out)[0]["name"], "three");
}

TEST_F(Lookup, EtcdIsRefusedClearly) {
  const Json error = Fails({"--store", "etcd://h:2379/p", "list"}, 2, "invalid_argument");
  EXPECT_THAT(error.value("message", ""), HasSubstr("not supported by this build"));
}

TEST_F(Streams, AFullDiskForOutputIsExitOne) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"put", "app:1"}, {"list"}, {"--help"}, {"apply", "--each"}}) {
    Launch launch = Command(arguments);
    launch.output_path = "/dev/full";
    launch.input = "{\"op\":\"put\",\"name\":\"x\",\"version\":\"1\"}\n";
    const Finished finished = RunToEnd(launch);
    EXPECT_EQ(finished.status, 1) << arguments[0];
    EXPECT_THAT(finished.err, HasSubstr("standard output: No space left on device")) << arguments[0];
  }
  EXPECT_EQ(OkJson({"list"}).size(), 2u);  // what was committed is
  Launch put = Command({"put", "app:2"});
  put.output_path = "/dev/full";
  EXPECT_THAT(RunToEnd(put).err, HasSubstr("committed with lsn 3"));
}

TEST_F(Streams, ClosedDescriptorsHarmNothing) {
  Launch launch = Command({"put", "app:1"});
  launch.closed = {0, 1, 2};
  EXPECT_EQ(RunToEnd(launch).status, 1);  // the answer could not be written
  launch = Command({"put", "app:2"});
  launch.closed = {0, 2};
  EXPECT_EQ(RunToEnd(launch).status, 0);
  EXPECT_EQ(OkJson({"list"}).size(), 2u);
  Ok({"verify", "--deep"});
  launch = Command({"apply"});
  launch.closed = {0};
  EXPECT_EQ(RunToEnd(launch).status, 1);
}

TEST_F(Streams, AReaderThatLeavesIsNoError) {
  std::string input;
  for (int i = 0; i < 3000; ++i) {
    input += R"({"op":"put","name":"a-rather-long-name-to-fill-the-pipe/)" + std::to_string(i) + R"(","version":"1"})" +
             "\n";
  }
  Ok({"apply"}, input);
  Child child(Command({"list", "--format", "jsonl"}));
  EXPECT_NE(child.ReadLine(), "");
  child.CloseOutput();
  const Finished finished = child.Wait();
  EXPECT_EQ(finished.status, 141);
  EXPECT_EQ(finished.err, "");
}

TEST_F(Streams, SignalsWhileReadingEndAtOnce) {
  for (const auto& [signal, status] : {std::pair(SIGINT, 130), std::pair(SIGTERM, 143)}) {
    Child child(Command({"apply"}));
    child.Write("{\"op\":\"put\",\"name\":\"x\",\"version\":\"1\"}\n");
    // It reads before it opens the store; the signal may even come before the handlers are in place, and
    // then its default action ends the process.
    child.Signal(signal);
    const Finished finished = child.WaitForEnd();
    EXPECT_TRUE(finished.status == status || finished.status == -signal) << finished.status;
  }
  EXPECT_EQ(OkJson({"list"}), Json::array());
}

TEST_F(Streams, NoEscapeSequencesWithoutATerminal) {
  Launch launch = Command({"get", "nothing:1"});
  launch.environment["TERM"] = "xterm-256color";
  EXPECT_EQ(RunToEnd(launch).err.find('\033'), std::string::npos);
}

}  // namespace
}  // namespace tenure::testing
