// `tenure import` and `tenure export` as processes: round trips, conflicts, concurrent importers, kills.
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <memory>

#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// 64 hex digits that differ by `n`.
std::string Digest(std::uint64_t n) {
  char text[65];
  std::snprintf(text, sizeof text, "%064llx", static_cast<unsigned long long>(n));
  return "sha256:" + std::string(text);
}

std::string Line(int n, std::uint64_t content, const std::string& url = {}) {
  std::string line = "{\"digest\":\"" + Digest(content) + "\",\"name\":\"pkg/p" + std::to_string(n) +
                     "\",\"size\":" + std::to_string(n);
  if (!url.empty()) line += ",\"urls\":[\"" + url + "\"]";
  return line + ",\"version\":\"1.0\"}\n";
}

std::string Lines(int begin, int end, std::uint64_t salt = 0) {
  std::string text;
  for (int n = begin; n < end; ++n) text += Line(n, static_cast<std::uint64_t>(n) + salt);
  return text;
}

class ImportTest : public StoreTest {
 protected:
  /// Imports standard input with --json; checks the status.
  Json Import(const std::string& input, int status = 0, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"import", "jsonl", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished finished = Tenure(arguments, input);
    EXPECT_EQ(finished.status, status) << finished.err;
    last_err_ = finished.err;
    return ParseJson(finished.out);
  }
  std::string Export(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"export", "jsonl"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Ok(arguments);
  }
  std::string last_err_;
};

TEST_F(ImportTest, RoundTripIsByteIdentical) {
  Ok({"put", "z/a:1", "--digest", kDigestA, "--size", "3", "--media-type", "text/plain", "--url", "https://e/1",
      "--set", "k=[1,{\"b\":null}]"});
  Ok({"put", "a/@s:2.0"});
  Ok({"put", "a:2"});
  Ok({"put", "a:10"});
  Ok({"put", "gone:1"});
  Ok({"rm", "gone:1"});
  Ok({"tag", "set", "a@prod", "2"});
  Ok({"tag", "set", "a@old", "10"});
  Ok({"tag", "rm", "a@old"});
  const std::string first = Export();
  EXPECT_THAT(SplitLines(first),
              ElementsAre("{\"name\":\"a\",\"version\":\"10\"}", "{\"name\":\"a\",\"version\":\"2\"}",
                          "{\"name\":\"a/@s\",\"version\":\"2.0\"}", HasSubstr("z/a"),
                          "{\"tag\":{\"name\":\"a\",\"tag\":\"prod\",\"version\":\"2\"}}"));
  const std::string other = dir() + "/other";
  Ok({"init", other});
  Ok({"-C", other, "import", "jsonl"}, first);
  EXPECT_EQ(Ok({"-C", other, "export", "jsonl"}), first);
  // The full form imports the same state.
  const std::string third = dir() + "/third";
  Ok({"init", third});
  Ok({"-C", third, "import", "jsonl", "-"}, Export({"--full"}));
  EXPECT_EQ(Ok({"-C", third, "export", "jsonl"}), first);
}

TEST_F(ImportTest, FullExportHasEveryRevisionNewestFirst) {
  Ok({"put", "a:1", "--digest", kDigestA});
  Ok({"put", "a:1", "--digest", kDigestB});
  Ok({"rm", "a:1"});
  Ok({"put", "b:1"});
  Ok({"tag", "set", "b@t", "1"});
  Ok({"tag", "rm", "b@t"});
  const std::vector<Json> lines = ParseLines(Export({"--full"}));
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[0]["revision"], 3);
  EXPECT_EQ(lines[0]["deleted"], true);
  EXPECT_EQ(lines[1]["revision"], 2);
  EXPECT_EQ(lines[1]["digest"], kDigestB);
  EXPECT_EQ(lines[2]["revision"], 1);
  EXPECT_EQ(lines[2]["lsn"], 1);
  EXPECT_EQ(lines[3]["name"], "b");
  EXPECT_EQ(lines[4]["tag"]["deleted"], true);
  EXPECT_EQ(lines[5]["tag"]["version"], "1");
  // As of an LSN there is no more than there was.
  EXPECT_EQ(ParseLines(Export({"--full", "--at", "2"})).size(), 2u);
}

TEST_F(ImportTest, ExportAtShowsThePast) {
  Ok({"put", "a:1", "--digest", kDigestA});
  const std::string before = Export();
  Ok({"put", "a:1", "--digest", kDigestB});
  Ok({"put", "b:1"});
  EXPECT_EQ(Export({"--at", "1"}), before);
  EXPECT_EQ(Export({"--at", "0"}), "");
  Fails({"export", "jsonl", "--at", "99"}, 4, "not_found");
  Fails({"export", "xml"}, 2, "invalid_argument");
}

TEST_F(ImportTest, SameDigestIsUnchangedAndUrlsAreUnited) {
  const Json first = Import(Line(1, 1, "u1") + Line(2, 2));
  EXPECT_EQ(first["committed"], 2);
  EXPECT_EQ(first["transactions"], 1);
  const Json second = Import(Line(1, 1, "u2") + Line(2, 2));
  EXPECT_EQ(second["committed"], 1);
  EXPECT_EQ(second["updated"], 1);
  EXPECT_EQ(second["unchanged"], 1);
  EXPECT_EQ(OkJson({"get", "pkg/p1:1.0"})["urls"], (Json{"u1", "u2"}));
  const Json third = Import(Line(1, 1, "u2") + Line(2, 2));
  EXPECT_EQ(third["unchanged"], 2);
  EXPECT_EQ(third["lsn"], 0);
  EXPECT_EQ(OkJson({"stats"})["durable_lsn"], 2);
}

TEST_F(ImportTest, OtherDigestIsAConflictAndTheStoresIsKept) {
  Import(Line(1, 1));
  const Json report = Import(Line(1, 2) + Line(3, 3), 3);
  EXPECT_EQ(report["conflicts"], 1);
  EXPECT_EQ(report["committed"], 1);
  EXPECT_THAT(last_err_, HasSubstr("standard input:1: pkg/p1:1.0 has " + Digest(2)));
  EXPECT_EQ(OkJson({"get", "pkg/p1:1.0"})["digest"], Digest(1));
  EXPECT_EQ(OkJson({"get", "pkg/p1:1.0"})["revision"], 1);
}

TEST_F(ImportTest, WithoutDigestsEverythingMustAgree) {
  Import("{\"name\":\"a\",\"version\":\"1\",\"annotations\":{\"k\":1}}");
  EXPECT_EQ(Import("{\"name\":\"a\",\"version\":\"1\",\"annotations\":{\"k\":1}}")["unchanged"], 1);
  EXPECT_EQ(Import("{\"name\":\"a\",\"version\":\"1\",\"annotations\":{\"k\":2}}", 3)["conflicts"], 1);
  EXPECT_EQ(Import(std::string("{\"name\":\"a\",\"version\":\"1\",\"digest\":\"") + kDigestA + "\"}", 3)["conflicts"],
            1);
}

TEST_F(ImportTest, OneKeySeveralTimesInOneInput) {
  const Json report = Import(Line(1, 1, "u1") + Line(1, 1, "u2") + Line(1, 2) + Line(2, 2) + Line(1, 1, "u1"), 3);
  EXPECT_EQ(report["added"], 2);
  EXPECT_EQ(report["updated"], 1);
  EXPECT_EQ(report["conflicts"], 1);
  EXPECT_EQ(report["unchanged"], 1);
  EXPECT_EQ(OkJson({"get", "pkg/p1:1.0"})["urls"], (Json{"u1", "u2"}));
}

TEST_F(ImportTest, InvalidLinesAreNamedAndTheOthersImported) {
  WriteFile(dir() + "/in.jsonl", Line(1, 1) + "{\n" + "{\"name\":\"a b:\",\"version\":\"1\"}\n" + Line(2, 2));
  const Finished finished = Tenure({"import", "jsonl", "in.jsonl"});
  EXPECT_EQ(finished.status, 3);
  EXPECT_THAT(finished.err, HasSubstr("in.jsonl:2: "));
  EXPECT_THAT(finished.err, HasSubstr("in.jsonl:3: "));
  EXPECT_THAT(finished.err, HasSubstr("2 committed (2 new, 0 with more URLs), 0 unchanged, 0 conflicts, 2 invalid"));
  EXPECT_EQ(finished.out, "");
  EXPECT_EQ(OkJson({"stats"})["entries"], 2);
}

TEST_F(ImportTest, ComplaintsAreBounded) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "{\n";
  const Json report = Import(text, 3);
  EXPECT_EQ(report["invalid"], 100);
  EXPECT_EQ(SplitLines(last_err_).size(), 21u);
  EXPECT_THAT(SplitLines(last_err_).back(), HasSubstr("and 80 more"));
}

TEST_F(ImportTest, TagsComeAfterTheirEntriesWhereverTheyStand) {
  const std::string tag = "{\"tag\":{\"name\":\"pkg/p1\",\"tag\":\"t\",\"version\":\"1.0\"}}\n";
  EXPECT_EQ(Import(tag + Line(1, 1) + Line(2, 2))["added"], 3);
  EXPECT_EQ(Import(tag)["unchanged"], 1);
  const Json missing = Import("{\"tag\":{\"name\":\"pkg/p1\",\"tag\":\"x\",\"version\":\"9\"}}", 3);
  EXPECT_EQ(missing["invalid"], 1);
  EXPECT_THAT(last_err_, HasSubstr("pkg/p1@x points to pkg/p1:9, which is not in the store"));
  Ok({"put", "pkg/p1:2.0"});
  const Json moved = Import("{\"tag\":{\"name\":\"pkg/p1\",\"tag\":\"t\",\"version\":\"2.0\"}}", 3);
  EXPECT_EQ(moved["conflicts"], 1);
  EXPECT_EQ(OkJson({"get", "pkg/p1@t"})["version"], "1.0");
}

TEST_F(ImportTest, UsageErrorsAreNamed) {
  Fails({"import", "zip"}, 2, "invalid_argument");
  Fails({"import", "jsonl", "--shard", "0/4"}, 2, "invalid_argument");
  Fails({"import", "jsonl", "--overlap", "10"}, 2, "invalid_argument");
  Fails({"import", "jsonl", "--batch", "0"}, 2, "invalid_argument");
  Fails({"import", "jsonl", "--batch", "10001"}, 2, "invalid_argument");
  Fails({"import", "jsonl", "nowhere.jsonl"}, 1, "io");
}

TEST_F(ImportTest, PackageListsAreReadCompressedToo) {
  std::string list;
  for (int i = 0; i < 50; ++i) {
    list += "Package: p" + std::to_string(i) + "\nArchitecture: amd64\nVersion: 1:" + std::to_string(i) +
            "~rc1+b2\nSHA256: " + Digest(static_cast<std::uint64_t>(i)).substr(7) + "\nSize: 5\nFilename: pool/p" +
            std::to_string(i) + ".deb\n\n";
  }
  WriteFile(dir() + "/Packages", list);
  ASSERT_EQ(std::system(("gzip -k " + dir() + "/Packages").c_str()), 0);
  const Json plain = OkJson({"import", "deb-packages", "Packages"});
  EXPECT_EQ(plain["added"], 50);
  const Json packed = OkJson({"import", "deb-packages", "Packages.gz"});
  EXPECT_EQ(packed["unchanged"], 50);
  const Json entry = OkJson({"get", "p7/amd64:1:7~rc1+b2"});
  EXPECT_EQ(entry["digest"], Digest(7));
  EXPECT_EQ(entry["size"], 5);
  EXPECT_EQ(entry["mediaType"], "application/vnd.debian.binary-package");
}

TEST_F(ImportTest, SharesTogetherImportEverything) {
  const std::string input = Lines(0, 500);
  std::uint64_t added = 0;
  for (const char* shard : {"1/3", "2/3", "3/3"}) {
    added += Import(input, 0, {"--shard", shard, "--batch", "40"})["added"].get<std::uint64_t>();
  }
  EXPECT_EQ(added, 500u);
  std::map<std::string, std::string> by_name;
  for (const std::string& line : SplitLines(input)) by_name[ParseJson(line)["name"]] = line;
  std::string expected;
  for (const auto& [name, line] : by_name) expected += line + "\n";
  EXPECT_EQ(Export(), expected);
}

/// Several importers at once, as processes: half the keys are everybody's, with equal or different digests.
TEST_F(ImportTest, ConcurrentImportersLoseNothingAndOverwriteNothing) {
  constexpr int kImporters = 4;
  constexpr int kOwn = 200;
  constexpr int kShared = 300;
  constexpr int kDisputed = 100;
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < kImporters; ++i) {
    const std::string file = dir() + "/in" + std::to_string(i);
    // The same order everywhere, so that they run into each other all the time.
    std::string text = Lines(0, kShared);
    for (int n = 0; n < kDisputed; ++n) {
      text += Line(10'000 + n, 1'000'000 + static_cast<std::uint64_t>(i));
    }
    text += Lines(20'000 + i * kOwn, 20'000 + (i + 1) * kOwn);
    WriteFile(file, text);
    children.push_back(std::make_unique<Child>(
        Command({"import", "jsonl", file, "--json", "--batch", "25", "--acks", file + ".acks"})));
  }
  std::uint64_t added = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t unchanged = 0;
  for (const auto& child : children) {
    const Finished finished = child->Wait();
    EXPECT_TRUE(finished.status == 3 || finished.status == 0) << finished.status << finished.err;
    const Json report = ParseJson(finished.out);
    EXPECT_EQ(report["invalid"], 0);
    EXPECT_EQ(report["updated"], 0);
    added += report["added"].get<std::uint64_t>();
    conflicts += report["conflicts"].get<std::uint64_t>();
    unchanged += report["unchanged"].get<std::uint64_t>();
  }
  EXPECT_EQ(added, static_cast<std::uint64_t>(kShared + kDisputed + kImporters * kOwn));
  EXPECT_EQ(conflicts, static_cast<std::uint64_t>(kDisputed * (kImporters - 1)));
  EXPECT_EQ(unchanged, static_cast<std::uint64_t>(kShared * (kImporters - 1)));
  // Whoever acknowledged a key is the one whose digest is there, and nothing was written twice.
  std::map<std::string, std::string> acknowledged;
  for (int i = 0; i < kImporters; ++i) {
    for (const std::string& line : SplitLines(ReadFile(dir() + "/in" + std::to_string(i) + ".acks"))) {
      const std::size_t tab = line.find('\t');
      EXPECT_TRUE(acknowledged.emplace(line.substr(0, tab), line.substr(tab + 1)).second) << line;
    }
  }
  const std::vector<Json> entries = ParseLines(Ok({"list", "--format", "jsonl"}));
  EXPECT_EQ(entries.size(), acknowledged.size());
  for (const Json& entry : entries) {
    const std::string key = entry["name"].get<std::string>() + ":" + entry["version"].get<std::string>();
    EXPECT_EQ(entry["revision"], 1) << key;
    EXPECT_EQ(acknowledged[key], entry["digest"]) << key;
  }
  EXPECT_EQ(Tenure({"verify", "--deep"}).status, 0);
}

TEST_F(ImportTest, WhatWasAcknowledgedSurvivesAKillAndTheImportGoesOn) {
  constexpr int kEntries = 4'000;
  const std::string acks = dir() + "/acks";
  for (int round = 0; round < 3; ++round) {
    Child child(Command({"import", "jsonl", "--batch", "50", "--acks", acks}));
    // Half of the input, then wait until some of it was acknowledged, then the axe.
    child.Write(Lines(0, 1'000 * (round + 1)));
    struct stat info = {};
    const off_t before = ::stat(acks.c_str(), &info) == 0 ? info.st_size : 0;
    while (::stat(acks.c_str(), &info) != 0 || info.st_size <= before) ::sched_yield();
    child.Signal(SIGKILL);
    EXPECT_EQ(child.Wait().status, -SIGKILL);
    std::map<std::string, std::string> stored;
    for (const Json& entry : ParseLines(Export())) {
      stored[entry["name"].get<std::string>() + ":" + entry["version"].get<std::string>()] = entry["digest"];
    }
    std::string log = ReadFile(acks);
    ASSERT_EQ(log.back(), '\n');
    for (const std::string& line : SplitLines(log)) {
      const std::size_t tab = line.find('\t');
      EXPECT_EQ(stored[line.substr(0, tab)], line.substr(tab + 1)) << line;
    }
  }
  const Json report = Import(Lines(0, kEntries));
  EXPECT_EQ(report["added"].get<int>() + report["unchanged"].get<int>(), kEntries);
  EXPECT_GT(report["unchanged"], 0);
  EXPECT_EQ(OkJson({"stats"})["entries"], kEntries);
  EXPECT_EQ(Tenure({"verify", "--deep"}).status, 0);
}

TEST_F(ImportTest, ASignalEndsItWithASummaryAndNothingHalfDone) {
  const std::string acks = dir() + "/acks";
  Child child(Command({"import", "jsonl", "--batch", "10", "--json", "--acks", acks}));
  child.Write(Lines(0, 100));
  struct stat info = {};
  while (::stat(acks.c_str(), &info) != 0 || info.st_size == 0) ::sched_yield();
  child.Signal(SIGINT);
  const std::string line = child.ReadLine();
  EXPECT_EQ(child.Wait().status, 130);
  const Json report = ParseJson(line);
  EXPECT_EQ(report["interrupted"], true);
  EXPECT_EQ(report["added"], OkJson({"stats"})["entries"]);
  EXPECT_EQ(SplitLines(ReadFile(acks)).size(), report["added"].get<std::size_t>());
}

}  // namespace
}  // namespace tenure::testing
