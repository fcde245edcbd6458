// tenure-load as a process: what goes in comes out, seeds repeat, failures and signals are told.
#include <signal.h>

#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Load : public CliTest {
 protected:
  Launch At(const std::vector<std::string>& arguments) const {
    Launch launch = Command(arguments);
    launch.arguments[0] += "-load";
    return launch;
  }
  Finished Run(const std::vector<std::string>& arguments) const { return RunToEnd(At(arguments)); }
  Json RunJson(std::vector<std::string> arguments) const {
    arguments.push_back("--json");
    const Finished finished = Run(arguments);
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_EQ(finished.err, "");
    return ParseJson(finished.out);
  }
};

void ExpectAddsUp(const Json& json) {
  for (const char* field : {"blocks", "bytes", "succeeded", "succeeded_bytes", "failed", "full"}) {
    std::uint64_t sum = 0;
    for (const Json& writer : json["per_writer"]) sum += writer[field].get<std::uint64_t>();
    EXPECT_EQ(json[field], sum) << field;
  }
  EXPECT_EQ(json["blocks"].get<std::uint64_t>(),
            json["succeeded"].get<std::uint64_t>() + json["failed"].get<std::uint64_t>());
  EXPECT_EQ(json["drained"]["blocks"], json["succeeded"]);
  EXPECT_EQ(json["drained"]["bytes"], json["succeeded_bytes"]);
  EXPECT_EQ(json["drained"]["content_hash"], json["content_hash"]);
  for (const char* field : {"lost", "duplicates", "damaged"}) EXPECT_EQ(json["drained"][field], 0) << field;
}

TEST_F(Load, WhatIsWrittenIsDrained) {
  const Json json = RunJson({"--writers", "4", "--blocks", "500", "--cells", "4"});
  EXPECT_EQ(json["blocks"], 2000);
  EXPECT_EQ(json["succeeded"], 2000);
  EXPECT_EQ(json["sound"], true);
  EXPECT_EQ(json["sink"], "buffer");
  EXPECT_EQ(json["per_writer"].size(), 4u);
  for (const Json& writer : json["per_writer"]) EXPECT_EQ(writer["blocks"], 500);
  EXPECT_GE(json["bytes"].get<std::uint64_t>(), 2000u * 10);
  EXPECT_LE(json["bytes"].get<std::uint64_t>(), 2000u * 10'000);
  EXPECT_GT(json["latency_us"]["p99"].get<double>(), 0);
  EXPECT_GE(json["latency_us"]["p99"].get<double>(), json["latency_us"]["p50"].get<double>());
  ExpectAddsUp(json);
}

TEST_F(Load, EveryShapeAddsUp) {
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--pattern", "zero", "--distribution", "fixed", "--size", "10:5000"},
        {"--pattern", "text", "--distribution", "exponential", "--batch", "7"},
        {"--pattern", "sequence", "--size", "1", "--cells", "1", "--batch", "3"},
        {"--affinity", "auto", "--size", "1:1048576", "--cells", "2"}}) {
    std::vector<std::string> arguments = {"--writers", "3", "--blocks", "40"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Json json = RunJson(arguments);
    EXPECT_EQ(json["blocks"], 120);
    ExpectAddsUp(json);
  }
}

TEST_F(Load, ASeedRepeatsSizesAndContent) {
  const auto run = [&](const char* seed) {
    return RunJson({"--writers", "3", "--blocks", "100", "--seed", seed, "--cells", "2"});
  };
  const Json first = run("7");
  const Json again = run("7");
  const Json other = run("8");
  EXPECT_EQ(first["seed"], 7);
  EXPECT_EQ(first["content_hash"], again["content_hash"]);
  EXPECT_EQ(first["bytes"], again["bytes"]);
  EXPECT_NE(first["content_hash"], other["content_hash"]);
  // Without a seed one is drawn and told, and repeats the run.
  const Json drawn = RunJson({"--writers", "1", "--blocks", "5"});
  const Json repeated = RunJson({"--writers", "1", "--blocks", "5", "--seed", drawn["seed"].dump()});
  EXPECT_EQ(drawn["content_hash"], repeated["content_hash"]);
}

TEST_F(Load, IntoAStoreEachBlockIsAnEntry) {
  Ok({"init"});
  const Json json = RunJson({"--store", dir(), "--writers", "2", "--blocks", "20", "--batch", "8", "--seed", "5"});
  EXPECT_EQ(json["succeeded"], 40);
  EXPECT_EQ(json["sink"], "store");
  EXPECT_FALSE(json.contains("drained"));
  EXPECT_EQ(OkJson({"list"}).size(), 40u);
  const Json entry = OkJson({"get", "load/1:19"});
  EXPECT_THAT(entry["digest"].get<std::string>(), StartsWith("sha256:"));
  EXPECT_GE(entry["size"].get<std::uint64_t>(), 10u);
  EXPECT_EQ(OkJson({"log"}).size(), 40u);
  EXPECT_EQ(OkJson({"stats"})["durable_lsn"], 6);  // transactions of 8, 8 and 4, twice
  Ok({"verify", "--deep"});
  const Finished missing = Run({"--store", dir() + "/nowhere", "--blocks", "1", "--json"});
  EXPECT_EQ(missing.status, 10);
  EXPECT_EQ(ErrorOf(missing).value("code", ""), "no_store");
}

TEST_F(Load, BadInputIsExitTwo) {
  for (const std::vector<std::string>& mistake : std::vector<std::vector<std::string>>{
           {"extra"},
           {"--nope"},
           {"--writers", "0"},
           {"--writers", "1025"},
           {"--writers", "x"},
           {"--size", "10:5"},
           {"--size", "0:5"},
           {"--size", "5:"},
           {"--size", "1:1048577"},
           {"--size", ""},
           {"--distribution", "normal"},
           {"--pattern", "noise"},
           {"--batch", "0"},
           {"--cells", "65537"},
           {"--cells", "4", "--store", "."},
           {"--duration", "soon"},
           {"--duration", "0"},
           {"--blocks", "-1"},
           {"--affinity", "4095"},
           {"--affinity", "1-"},
           {"--affinity", "0,,1"},
           {"--affinity", "3-1"},
       }) {
    const Finished text = Run(mistake);
    EXPECT_EQ(text.status, 2) << ::testing::PrintToString(mistake);
    EXPECT_EQ(text.out, "");
    EXPECT_THAT(text.err, StartsWith("tenure: "));
    std::vector<std::string> json = mistake;
    json.push_back("--json");
    EXPECT_EQ(ErrorOf(Run(json)).value("code", ""), "invalid_argument") << ::testing::PrintToString(mistake);
  }
}

TEST_F(Load, HelpVersionAndTheTable) {
  const Finished help = Run({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, AllOf(HasSubstr("--writers"), HasSubstr("--affinity"), HasSubstr("Exit status")));
  EXPECT_THAT(Run({"--version"}).out, StartsWith("tenure-load "));
  const Finished table = Run({"--writers", "2", "--blocks", "3", "--seed", "1"});
  EXPECT_EQ(table.status, 0);
  EXPECT_EQ(table.err, "");  // no live line where there is no terminal
  EXPECT_THAT(table.out, AllOf(StartsWith("WRITER"), HasSubstr("\nall "), HasSubstr("seed 1, "),
                               HasSubstr("drained 6 blocks"), HasSubstr("lost 0, twice 0, damaged 0")));
}

TEST_F(Load, ADurationEndsIt) {
  const Json json = RunJson({"--writers", "2", "--duration", "20ms"});
  EXPECT_GE(json["seconds"].get<double>(), 0.02);
  EXPECT_GT(json["blocks"].get<std::uint64_t>(), 0u);
  ExpectAddsUp(json);
}

TEST_F(Load, ASignalEndsItWithTheStatistics) {
  Ok({"init"});
  for (const auto& [signal, status] : {std::pair(SIGINT, 130), std::pair(SIGTERM, 143)}) {
    // A store tells when it has begun: entries appear.
    const std::string before = OkJson({"stats"})["durable_lsn"].dump();
    Child child(At({"--store", dir(), "--writers", "2", "--json"}));
    while (OkJson({"stats"})["durable_lsn"].dump() == before) {
    }
    child.Signal(signal);
    const Finished finished = child.WaitForEnd();
    EXPECT_EQ(finished.status, status);
    EXPECT_EQ(finished.err, "");
    const Json json = ParseJson(finished.out);
    EXPECT_GT(json["succeeded"].get<std::uint64_t>(), 0u);
    EXPECT_EQ(json["failed"], 0);
    EXPECT_EQ(json["sound"], true);
  }
}

#ifdef TENURE_TESTING

TEST_F(Load, AFailedWriterLeavesTheOthersRunning) {
  Launch launch = At({"--writers", "3", "--blocks", "100", "--json"});
  launch.environment["TENURE_FAILPOINT"] = "load.write=eio@150";
  const Finished finished = RunToEnd(launch);
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err, HasSubstr("has failed: injected at fail point load.write"));
  const Json json = ParseJson(finished.out);
  ExpectAddsUp(json);
  EXPECT_EQ(json["failed"], 1);
  EXPECT_EQ(json["sound"], false);
  int ended_early = 0;
  for (const Json& writer : json["per_writer"]) {
    ended_early += writer.contains("failure") ? 1 : 0;
    EXPECT_EQ(writer["succeeded"] == 100, !writer.contains("failure"));
  }
  EXPECT_EQ(ended_early, 1);
}

TEST_F(Load, NoMemoryIsToldAndTriedAgain) {
  Launch launch = At({"--writers", "1", "--blocks", "10", "--batch", "4", "--json"});
  launch.environment["TENURE_FAILPOINT"] = "load.allocate=enospc@2";
  const Finished finished = RunToEnd(launch);
  EXPECT_EQ(finished.status, 0);
  EXPECT_THAT(finished.err, HasSubstr("writer 0: no memory for a block; trying again"));
  const Json json = ParseJson(finished.out);
  EXPECT_EQ(json["allocation_failures"], 1);
  EXPECT_EQ(json["succeeded"], 10);
  ExpectAddsUp(json);
}

#endif

}  // namespace
}  // namespace tenure::testing
