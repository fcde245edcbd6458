// init, put, patch, rm, tag set, tag rm: what they answer, and every way they refuse.
#include <sys/stat.h>

#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class Init : public CliTest {};
class Write : public StoreTest {};

TEST_F(Init, MakesAStoreAndSaysWhere) {
  EXPECT_EQ(Ok({"init", "sub"}), "created store " + dir() + "/sub/.tenure\n");
  EXPECT_EQ(Ok({"-C", "sub", "put", "app:1.0"}), "committed app:1.0 revision 1 lsn 1\n");
  EXPECT_EQ(Ok({"--store", "sub/.tenure", "put", "app:1.1"}), "committed app:1.1 revision 1 lsn 2\n");
}

TEST_F(Init, JsonNamesPathAndStoreId) {
  const Json made = OkJson({"init"});
  EXPECT_EQ(made["path"], dir() + "/.tenure");
  EXPECT_THAT(made["store_id"].get<std::string>(), MatchesRegex("[0-9a-f]{32}"));
}

TEST_F(Init, RefusesAnExistingStore) {
  Ok({"init"});
  const Json error = Fails({"init"}, 1, "already_a_store");
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr(dir() + "/.tenure"));
}

TEST_F(Init, ModesArePrivateUnlessShared) {
  Ok({"init", "mine"});
  Ok({"init", "ours", "--shared=group"});
  struct stat info = {};
  ASSERT_EQ(::stat((dir() + "/mine/.tenure").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  ASSERT_EQ(::stat((dir() + "/ours/.tenure").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 02770u);
  Fails({"init", "x", "--shared", "world"}, 2, "invalid_argument");
}

TEST_F(Init, RefusesTwoPlacesAndEtcd) {
  Fails({"-C", "a", "init", "b"}, 2, "invalid_argument");
  Fails({"init", "etcd://h/p"}, 2, "invalid_argument");
}

TEST_F(Write, PutAnswersRevisionAndLsn) {
  EXPECT_EQ(Ok({"put", "app:1.0"}), "committed app:1.0 revision 1 lsn 1\n");
  EXPECT_EQ(Ok({"put", "app:1.0", "--size", "7"}), "committed app:1.0 revision 2 lsn 2\n");
  EXPECT_EQ(Ok({"put", "app:1.0", "--size", "7"}), "unchanged app:1.0 revision 2 lsn 2\n");
  EXPECT_EQ(Ok({"put", "app:1.0", "--format", "tsv"}), "committed\tapp:1.0\t3\t3\n");
  const Json receipt = OkJson({"put", "app:1.0", "--size", "8"});
  EXPECT_EQ(receipt["lsn"], 4);
  EXPECT_EQ(receipt["revision"], 4);
  EXPECT_EQ(receipt["outcome"], "committed");
  EXPECT_EQ(receipt["key"], "app:1.0");
}

TEST_F(Write, PutKeepsEveryField) {
  Ok({"put", "lib/x:1.0+b2", "--digest", kDigestA, "--size", "0", "--media-type", "text/plain", "--url", "https://a/1",
      "--url", "[b,c]", "--writer", "ci@build"});
  const Json entry = OkJson({"get", "lib/x:1.0+b2"});
  EXPECT_EQ(entry["name"], "lib/x");
  EXPECT_EQ(entry["version"], "1.0+b2");
  EXPECT_EQ(entry["digest"], kDigestA);
  EXPECT_EQ(entry["size"], 0);
  EXPECT_EQ(entry["mediaType"], "text/plain");
  EXPECT_EQ(entry["urls"], Json::array({"https://a/1", "[b,c]"}));
  EXPECT_EQ(entry["writer"], "ci@build");
  EXPECT_EQ(entry["revision"], 1);
  EXPECT_EQ(entry["lsn"], 1);
  EXPECT_THAT(entry["createdAt"].get<std::string>(), MatchesRegex("[-0-9]{10}T[:0-9]{8}\\.[0-9]{3}Z"));
}

TEST_F(Write, SetBuildsAnnotations) {
  Ok({"put", "app:1", "--set", "n=1", "--set", "s=plain text", "--set", "quoted=\"1\"", "--set", "list=[1,2]", "--set",
      "a.b.c=true", "--set", "a.b.d=null", "--set", "\"org.example.title\"=App=x", "--set", "empty="});
  EXPECT_EQ(OkJson({"get", "app:1"})["annotations"],
            Json::parse(R"({"n":1,"s":"plain text","quoted":"1","list":[1,2],"a":{"b":{"c":true,"d":null}},
                            "org.example.title":"App=x","empty":""})"));
}

TEST_F(Write, SetRefusesWhatItCannotMean) {
  for (const char* bad : {"novalue", "=1", "a..b=1", ".a=1", "a.=1", "\"open=1", "\"a\"b=1"}) {
    EXPECT_THAT(Fails({"put", "app:1", "--set", bad}, 2, "invalid_argument")["message"].get<std::string>(),
                HasSubstr(bad));
  }
  Fails({"put", "app:1", "--set", "a=1", "--set", "a=2"}, 2, "invalid_argument");
  Fails({"put", "app:1", "--set", "a=1", "--set", "a.b=2"}, 2, "invalid_argument");
  Fails({"put", "app:1", "--set", "a.b=1", "--set", "a=2"}, 2, "invalid_argument");
  Fails({"get", "app:1"}, 4, "not_found");
}

TEST_F(Write, FileGivesDigestAndSize) {
  WriteFile(dir() + "/f", "abc");
  const std::string digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  Ok({"put", "app:1", "--file", "f"});
  EXPECT_EQ(OkJson({"get", "app:1"})["digest"], digest);
  EXPECT_EQ(OkJson({"get", "app:1"})["size"], 3);
  Ok({"put", "app:2", "--file", "f", "--digest", digest, "--size", "3"});
  Fails({"put", "app:3", "--file", "f", "--digest", kDigestA}, 2, "invalid_argument");
  Fails({"put", "app:3", "--file", "f", "--size", "4"}, 2, "invalid_argument");
  EXPECT_THAT(Fails({"put", "app:3", "--file", "missing"}, 1, "io")["message"].get<std::string>(),
              HasSubstr("missing"));
  Fails({"put", "app:3", "--file", "."}, 1, "io");
}

TEST_F(Write, FailedConditionsAreExitFive) {
  Ok({"put", "app:1", "--digest", kDigestA});
  EXPECT_EQ(Fails({"put", "app:1", "--if-absent"}, 5, "exists")["revision"], 1);
  EXPECT_EQ(Fails({"put", "app:1", "--if-revision", "9"}, 5, "revision_mismatch")["revision"], 1);
  Fails({"put", "app:1", "--if-revision", "0"}, 5, "exists");
  Fails({"put", "app:1", "--if-digest", kDigestB}, 5, "digest_mismatch");
  Fails({"put", "app:1", "--base", "7", "--size", "1"}, 5, "stale_base");
  EXPECT_EQ(OkJson({"put", "app:1", "--if-revision", "1", "--if-digest", kDigestA, "--size", "1"})["revision"], 2);
  EXPECT_EQ(OkJson({"put", "app:1", "--base", "2", "--size", "2"})["revision"], 3);
  EXPECT_EQ(OkJson({"put", "app:2", "--if-absent"})["revision"], 1);
  EXPECT_EQ(OkJson({"put", "app:3", "--if-revision", "0"})["revision"], 1);
}

TEST_F(Write, TextErrorsNameTheThingAndTheRemedy) {
  Ok({"put", "app:1"});
  const Finished finished = Tenure({"put", "app:1", "--if-absent"});
  EXPECT_EQ(finished.status, 5);
  EXPECT_EQ(finished.out, "");
  EXPECT_THAT(finished.err, StartsWith("tenure: "));
  EXPECT_THAT(finished.err, HasSubstr("app:1"));
}

TEST_F(Write, RefusesReferencesThatAreNoKey) {
  for (const char* bad : {"app", "app@prod", "", ":1", "app:", "a//b:1", "app:1 2", "app:1/2", "../x:1", "\xff:1"}) {
    Fails({"put", bad}, 2, "invalid_argument");
  }
  Fails({"put", "app:1", "--digest", "sha256:12"}, 2, "invalid_argument");
  Fails({"put", "app:1", "--size", "-1"}, 2, "invalid_argument");
  Fails({"put", "app:1", "--size", "1.5"}, 2, "invalid_argument");
  Fails({"put", "app:1", "--size", "18446744073709551616"}, 2, "invalid_argument");
  EXPECT_THAT(Tenure({"list", "--json"}).out, "[]\n");
}

TEST_F(Write, UnknownStrategiesAreRefusedByName) {
  Ok({"put", "app:1", "--on-conflict", "reject"});
  const Json error = Fails({"put", "app:1", "--on-conflict", "win"}, 2, "invalid_argument");
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("'win'"));
  EXPECT_THAT(error["hint"].get<std::string>(), HasSubstr("last-writer-wins"));
}

TEST_F(Write, RequestIdsApplyOnce) {
  EXPECT_EQ(Ok({"put", "app:1", "--request-id", "r1"}), "committed app:1 revision 1 lsn 1\n");
  EXPECT_EQ(Ok({"put", "app:1", "--request-id", "r1"}), "committed app:1 revision 1 lsn 1 (replayed)\n");
  EXPECT_EQ(OkJson({"put", "app:1", "--request-id", "r1"})["replayed"], true);
  Fails({"put", "app:1", "--size", "1", "--request-id", "r1"}, 5, "request_id_reused");
  EXPECT_EQ(OkJson({"outcome", "r1"})["lsn"], 1);
  Fails({"outcome", "r2"}, 4, "not_found");
  Fails({"put", "app:1", "--size", "1", "--request-id", "r2"}, 5, "request_cancelled");
}

TEST_F(Write, PatchMergesAnnotations) {
  Ok({"put", "app:1", "--set", "a=1", "--set", "b=2"});
  EXPECT_EQ(Ok({"patch", "app:1", R"({"a":null,"c":{"d":3}})"}), "committed app:1 revision 2 lsn 2\n");
  EXPECT_EQ(OkJson({"get", "app:1"})["annotations"], Json::parse(R"({"b":2,"c":{"d":3}})"));
  Ok({"patch", "app:1", "-"}, R"({"e":5})");
  EXPECT_EQ(OkJson({"get", "app:1"})["annotations"]["e"], 5);
  Fails({"patch", "app:1", "[1]"}, 2, "invalid_argument");
  Fails({"patch", "app:1", "{"}, 2, "invalid_argument");
  Fails({"patch", "app:1"}, 2, "invalid_argument");
  Fails({"patch", "nothing:1", "{}"}, 4, "not_found");
  Fails({"patch", "app:1", "{}", "--if-revision", "1"}, 5, "revision_mismatch");
}

TEST_F(Write, RmLeavesATombstone) {
  Ok({"put", "app:1"});
  EXPECT_THAT(Ok({"rm", "app:1", "-n"}), HasSubstr("app:1"));
  EXPECT_EQ(OkJson({"get", "app:1"})["revision"], 1);
  EXPECT_EQ(Ok({"rm", "app:1"}), "committed app:1 revision 2 lsn 2\n");
  const Json error = Fails({"get", "app:1"}, 4, "not_found");
  EXPECT_EQ(error["lsn"], 2);
  Fails({"rm", "app:1"}, 4, "not_found");
  Fails({"rm", "app:1", "-n"}, 4, "not_found");
  EXPECT_EQ(OkJson({"put", "app:1"})["revision"], 3);
  Fails({"rm", "app@prod"}, 2, "invalid_argument");
}

TEST_F(Write, RmOfATaggedVersionNeedsWithTags) {
  Ok({"put", "app:1"});
  Ok({"tag", "set", "app@prod", "1"});
  Fails({"rm", "app:1"}, 5, "tagged");
  Fails({"rm", "app:1", "--dry-run"}, 5, "tagged");
  EXPECT_EQ(ParseLines(Ok({"rm", "app:1", "-n", "--with-tags", "--format", "jsonl"})).size(), 2u);
  Ok({"rm", "app:1", "--with-tags"});
  EXPECT_EQ(OkJson({"tag", "list"}), Json::array());
}

TEST_F(Write, TagsMoveUnderConditions) {
  Ok({"put", "app:1"});
  Ok({"put", "app:2"});
  EXPECT_EQ(Ok({"tag", "set", "app@prod", "1"}), "committed app@prod revision 1 lsn 3\n");
  Fails({"tag", "set", "app@prod", "2", "--if-version", "2"}, 5, "version_mismatch");
  Ok({"tag", "set", "app@prod", "2", "--if-version", "1"});
  EXPECT_EQ(OkJson({"get", "app@prod"})["version"], "2");
  Fails({"tag", "set", "app@prod", "3"}, 4, "not_found");
  Fails({"tag", "set", "app:prod", "2"}, 2, "invalid_argument");
  Fails({"tag", "set", "app@pr od", "2"}, 2, "invalid_argument");
  EXPECT_THAT(Ok({"tag", "rm", "app@prod", "-n"}), HasSubstr("app@prod"));
  Ok({"tag", "rm", "app@prod", "-y"});
  Fails({"tag", "rm", "app@prod"}, 4, "not_found");
  Fails({"tag", "rm", "app@prod", "-n"}, 4, "not_found");
  Fails({"get", "app@prod"}, 4, "not_found");
}

TEST_F(Write, NamesThatBeginWithADashGoBehindTwoDashes) {
  Fails({"put", "-app:1"}, 2, "invalid_argument");
  Ok({"put", "--size", "3", "--", "-app:1"});
  EXPECT_EQ(OkJson({"list"})[0]["name"], "-app");
}

}  // namespace
}  // namespace tenure::testing
