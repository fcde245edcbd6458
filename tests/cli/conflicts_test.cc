// tenure conflicts, tenure policy, --on-conflict: what a user sees, and with which exit status.
#include <filesystem>

#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

using ::testing::HasSubstr;

class Conflicts : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    Ok({"put", "app:1", "--digest", kDigestA, "--set", "build.id=1", "--set", "build.os=linux", "--url", "http://x"});
    Ok({"patch", "app:1", R"({"build":{"id":2}})"});
  }
  /// Parks `patch` over revision 1 and returns the conflict's id.
  std::string Park(const std::string& patch) {
    const Finished finished = Tenure({"patch", "app:1", patch, "--base", "1", "--on-conflict", "park", "--json"});
    EXPECT_EQ(finished.status, 5) << finished.err;
    return ParseJson(finished.out).at("conflict");
  }
  Json Annotations() { return OkJson({"get", "app:1"}).value("annotations", Json::object()); }
};

TEST_F(Conflicts, NestedObjectsMerge) {
  const Json receipt =
      OkJson({"patch", "app:1", R"({"build":{"os":"bsd"},"new":true})", "--base", "1", "--on-conflict", "merge"});
  EXPECT_EQ(receipt["outcome"], "merged");
  EXPECT_EQ(receipt["revision"], 3);
  EXPECT_EQ(Annotations(), ParseJson(R"({"build":{"id":2,"os":"bsd"},"new":true})"));
  const std::vector<Json> log = ParseLines(Ok({"log", "--from", "3", "--format", "jsonl"}));
  ASSERT_EQ(log.size(), 1u);
  EXPECT_EQ(log[0]["merged_base"], 1);
}

TEST_F(Conflicts, ArraysAndDeletionsClash) {
  Ok({"put", "u:1", "--url", "http://a"});
  Ok({"put", "u:1", "--url", "http://b"});
  const Json clash =
      Fails({"put", "u:1", "--url", "http://c", "--base", "1", "--on-conflict", "merge"}, 5, "merge_clash");
  EXPECT_THAT(clash["message"].get<std::string>(), HasSubstr("both sides changed urls"));
  EXPECT_EQ(clash["revision"], 2);
  Ok({"rm", "u:1"});
  Fails({"put", "u:1", "--url", "http://c", "--base", "2"}, 5, "deleted_since");
  const Json deleted =
      Fails({"put", "u:1", "--url", "http://c", "--base", "2", "--on-conflict", "merge"}, 5, "merge_clash");
  EXPECT_THAT(deleted["message"].get<std::string>(), HasSubstr("one side deleted"));
}

TEST_F(Conflicts, ParkedShownAndResolvedBothWays) {
  const Finished parked = Tenure({"patch", "app:1", R"({"build":{"id":9}})", "--base", "1", "--on-conflict", "park"});
  EXPECT_EQ(parked.status, 5);
  EXPECT_EQ(parked.out, "parked app:1 revision 2 lsn 3\n");
  EXPECT_THAT(parked.err, HasSubstr("conflicts show 3"));
  const std::string id = Park(R"({"build":{"id":8}})");
  EXPECT_EQ(id, "4");
  Ok({"put", "meanwhile:1"});

  const Json list = OkJson({"conflicts", "list"});
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0]["key"], "app:1");
  EXPECT_EQ(list[0]["kind"], "stale_base");
  EXPECT_EQ(OkJson({"conflicts", "list", "other"}), Json::array());
  const std::string full = Ok({"export", "jsonl", "--full"});
  EXPECT_THAT(full, HasSubstr("{\"conflict\":{\"id\":\"3\""));
  EXPECT_EQ(Tenure({"import", "jsonl", "-"}, full).status, 0) << "conflicts and policies are passed over";

  const std::string shown = Ok({"conflicts", "show", "3"});
  EXPECT_THAT(shown, HasSubstr("annotations.build.id  1     9     2       both"));
  const Json json = OkJson({"conflicts", "show", "3"});
  EXPECT_EQ(json["base"]["annotations"]["build"]["id"], 1);
  EXPECT_EQ(json["ours"]["annotations"]["build"]["id"], 9);
  EXPECT_EQ(json["theirs"]["revision"], 2);
  EXPECT_EQ(json["current_revision"], 2);
  EXPECT_EQ(json["differences"].size(), 1u);

  EXPECT_EQ(OkJson({"conflicts", "resolve", "3", "--take", "theirs"})["revision"], 2);
  EXPECT_EQ(Annotations()["build"]["id"], 2);
  EXPECT_THAT(Ok({"conflicts", "resolve", "4", "--take", "ours", "-n"}), HasSubstr("ours"));
  EXPECT_EQ(Ok({"conflicts", "resolve", "4", "--take", "ours"}), "committed app:1 revision 3 lsn 7\n");
  EXPECT_EQ(Annotations()["build"]["id"], 8);
  Fails({"conflicts", "resolve", "4", "--take", "ours"}, 4, "not_found");
  Fails({"conflicts", "show", "4"}, 4, "not_found");
  EXPECT_EQ(OkJson({"conflicts", "list"}), Json::array());
}

TEST_F(Conflicts, AFileCanBeTaken) {
  const std::string id = Park(R"({"build":{"id":9}})");
  WriteFile(dir() + "/entry.json", R"({"name":"app","version":"1","annotations":{"mine":1}})");
  EXPECT_EQ(OkJson({"conflicts", "resolve", id, "--take", "entry.json"})["outcome"], "committed");
  EXPECT_EQ(Annotations(), ParseJson(R"({"mine":1})"));
  const std::string other = Park(R"({"build":{"id":9}})");
  WriteFile(dir() + "/other.json", R"({"name":"app","version":"2"})");
  Fails({"conflicts", "resolve", other, "--take", "other.json"}, 2, "invalid_argument");
  Fails({"conflicts", "resolve", other, "--take", "missing.json"}, 1, "io");
  EXPECT_EQ(OkJson({"conflicts", "resolve", other, "--take", "-"}, R"({"name":"app","version":"1"})")["outcome"],
            "committed");
}

TEST_F(Conflicts, AKeyThatMovedOnIsNotOverwritten) {
  const std::string id = Park(R"({"build":{"id":9}})");
  Ok({"patch", "app:1", R"({"later":1})"});
  const Json error = Fails({"conflicts", "resolve", id, "--take", "ours"}, 5, "stale_base");
  EXPECT_THAT(error["hint"].get<std::string>(), HasSubstr("--base 3"));
  EXPECT_THAT(Ok({"conflicts", "show", id}), HasSubstr("has moved on from 2"));
  Ok({"conflicts", "resolve", id, "--take", "ours", "--base", "3"});
  EXPECT_EQ(Annotations()["build"]["id"], 9);
  const std::string again = Park(R"({"build":{"id":7}})");
  Ok({"patch", "app:1", R"({"later":2})"});
  Ok({"conflicts", "resolve", again, "--take", "ours", "--on-conflict", "last-writer-wins"});
  EXPECT_EQ(Annotations()["build"]["id"], 7);
}

TEST_F(Conflicts, BadInputIsExitTwo) {
  Fails({"conflicts", "show", "x"}, 2, "invalid_argument");
  Fails({"conflicts", "show", "1."}, 2, "invalid_argument");
  Fails({"conflicts", "resolve", "1"}, 2, "invalid_argument");
  Fails({"conflicts", "resolve", "1", "--take", "ours", "--on-conflict", "win"}, 2, "invalid_argument");
  Fails({"conflicts"}, 2, "invalid_argument");
  Fails({"conflicts", "show", "99"}, 4, "not_found");
}

TEST_F(Conflicts, StrategiesOfTags) {
  Ok({"put", "app:2"});
  Ok({"tag", "set", "app@prod", "1"});
  Ok({"tag", "set", "app@prod", "2"});
  Fails({"tag", "set", "app@prod", "1", "--base", "1"}, 5, "stale_base");
  EXPECT_EQ(OkJson({"tag", "set", "app@prod", "1", "--base", "1", "--on-conflict", "first-writer-wins"})["outcome"],
            "unchanged");
  Fails({"tag", "rm", "app@prod", "--base", "1", "--on-conflict", "merge"}, 5, "merge_clash");
  EXPECT_EQ(Tenure({"tag", "rm", "app@prod", "--base", "1", "--on-conflict", "park"}).status, 5);
  EXPECT_EQ(OkJson({"conflicts", "list"})[0]["ours"]["deleted"], true);
  EXPECT_EQ(OkJson({"tag", "set", "app@prod", "1", "--base", "1", "--on-conflict", "last-writer-wins"})["outcome"],
            "committed");
}

TEST_F(Conflicts, ApplySaysWhatBecameOfEachLine) {
  const std::string line =
      R"({"op":"patch","name":"app","version":"1","annotations":{"build":{"id":9}},"base":1,"on_conflict":)";
  const Finished each =
      Tenure({"apply", "--each"}, line + "\"merge\"}\n" + line + "\"park\"}\n" + line + "\"last-writer-wins\"}\n");
  EXPECT_EQ(each.status, 3);
  const std::vector<Json> results = ParseLines(each.out);
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0]["error"]["code"], "merge_clash");
  EXPECT_EQ(results[1]["ok"], false);
  EXPECT_EQ(results[1]["outcome"], "parked");
  EXPECT_EQ(results[1]["error"]["code"], "parked");
  const std::string id = results[1]["conflict"];
  EXPECT_EQ(results[2]["ok"], true);
  EXPECT_EQ(Tenure({"apply"}, line + "\"park\"}\n").status, 0) << "it is what is there now: nothing to settle";
  std::string another = line;
  another.replace(another.find(":9"), 2, ":7");
  EXPECT_EQ(Tenure({"apply"}, another + "\"park\"}\n").status, 5);
  EXPECT_EQ(OkJson({"apply"}, R"({"op":"resolve","conflict":")" + id + R"(","take":"theirs"})")["outcome"],
            "committed");
  EXPECT_EQ(OkJson({"conflicts", "list"}).size(), 1u);
}

TEST_F(Conflicts, UndoTakesAStrategy) {
  Ok({"patch", "app:1", R"({"x":1})"});
  Fails({"undo", "2", "-y"}, 5, "changed_since");
  EXPECT_EQ(OkJson({"undo", "2", "-y", "--on-conflict", "merge"})["outcome"], "merged");
  EXPECT_EQ(Annotations(), ParseJson(R"({"build":{"id":1,"os":"linux"},"x":1})"));
}

TEST_F(Conflicts, ImportSettlesWhatTheStoreHasOtherwise) {
  WriteFile(dir() + "/in.jsonl", std::string(R"({"name":"app","version":"1","digest":")") + kDigestB + "\"}\n" +
                                     R"({"name":"new","version":"1"})" + "\n");
  EXPECT_EQ(Tenure({"import", "jsonl", "in.jsonl"}).status, 3);
  Ok({"rm", "new:1"});
  const Finished parked = Tenure({"import", "jsonl", "in.jsonl", "--on-conflict", "park", "--json"});
  EXPECT_EQ(parked.status, 3);
  EXPECT_EQ(ParseJson(parked.out)["parked"], 1);
  EXPECT_EQ(ParseJson(parked.out)["added"], 1) << "the others do not wait";
  EXPECT_EQ(OkJson({"conflicts", "list"})[0]["kind"], "exists");
  EXPECT_EQ(OkJson({"import", "jsonl", "in.jsonl", "--on-conflict", "first-writer-wins"})["unchanged"], 2);
  EXPECT_EQ(OkJson({"import", "jsonl", "in.jsonl", "--on-conflict", "last-writer-wins"})["updated"], 1);
  EXPECT_EQ(OkJson({"get", "app:1"})["digest"], kDigestB);
  Fails({"import", "jsonl", "in.jsonl", "--on-conflict", "win"}, 2, "invalid_argument");
}

TEST_F(Conflicts, ImportGoesOnBehindWhatAPolicyRefuses) {
  WriteFile(dir() + "/schema.json", R"({"required":["digest"]})");
  Ok({"policy", "set", "s/**", "--schema", "schema.json"});
  WriteFile(dir() + "/in.jsonl", std::string(R"({"name":"s/a","version":"1"})") + "\n" +
                                     R"({"name":"s/b","version":"1","digest":")" + kDigestB + "\"}\n");
  const Finished finished = Tenure({"import", "jsonl", "in.jsonl", "--json"});
  EXPECT_EQ(finished.status, 3) << finished.err;
  EXPECT_EQ(ParseJson(finished.out)["conflicts"], 1);
  EXPECT_EQ(ParseJson(finished.out)["added"], 1);
}

using PolicyCommand = Conflicts;

TEST_F(PolicyCommand, SetListRemove) {
  EXPECT_EQ(OkJson({"policy", "list"}), Json::array());
  EXPECT_EQ(OkJson({"policy", "set", "app", "--immutable", "--on-conflict", "merge"})["key"], "policy app");
  Ok({"policy", "set", "app", "--keep-history", "--no-require-lease"});
  const Json policy = OkJson({"policy", "list"})[0];
  EXPECT_EQ(policy["glob"], "app");
  EXPECT_EQ(policy["immutable"], true);
  EXPECT_EQ(policy["on_conflict"], "merge");
  EXPECT_EQ(policy["keep_history"], true);
  EXPECT_EQ(policy["require_lease"], false);
  EXPECT_EQ(OkJson({"policy", "set", "app", "--immutable"})["outcome"], "unchanged");
  Fails({"put", "app:1", "--digest", kDigestB}, 5, "immutable");
  Fails({"rm", "app:1"}, 5, "immutable");
  Ok({"policy", "set", "app", "--unset", "immutable"});
  Ok({"put", "app:1", "--digest", kDigestB});
  EXPECT_THAT(Ok({"policy", "rm", "app", "-n"}), HasSubstr("app"));
  Ok({"policy", "rm", "app", "-y"});
  Fails({"policy", "rm", "app", "-y"}, 4, "not_found");
  Fails({"policy", "rm", "app", "-n"}, 4, "not_found");
}

TEST_F(PolicyCommand, LeasesAndSchemas) {
  Ok({"policy", "set", "release/**", "--require-lease"});
  const Json error = Fails({"put", "release/app:1"}, 12, "lease_required");
  EXPECT_THAT(error["hint"].get<std::string>(), HasSubstr("--no-require-lease"));
  Fails({"policy", "set", "s", "--schema", "-"}, 2, "invalid_argument", R"({"pattern":"^a"})");
  Fails({"policy", "set", "s", "--schema", "-"}, 2, "invalid_argument", "{");
  Ok({"policy", "set", "s", "--schema", "-"}, R"({"properties":{"annotations":{"required":["team"]}}})");
  const Json refused = Fails({"put", "s:1", "--set", "x=1"}, 5, "schema_mismatch");
  EXPECT_THAT(refused["message"].get<std::string>(), HasSubstr("$.annotations.team is missing"));
  Ok({"put", "s:1", "--set", "team=core"});
}

TEST_F(PolicyCommand, BadInputIsExitTwo) {
  Fails({"policy", "set", "a"}, 2, "invalid_argument");
  Fails({"policy", "set", "a[", "--immutable"}, 2, "invalid_argument");
  Fails({"policy", "set", "a", "--immutable", "--no-immutable"}, 2, "invalid_argument");
  Fails({"policy", "set", "a", "--on-conflict", "win"}, 2, "invalid_argument");
  Fails({"policy", "set", "a", "--unset", "color"}, 2, "invalid_argument");
  Fails({"policy", "set", "a", "--schema", "missing.json"}, 1, "io");
}

/// Replay applies effects and decides nothing: what a policy says today changes nothing of yesterday.
TEST_F(PolicyCommand, APolicyChangedAfterwardsDoesNotChangeARebuild) {
  Ok({"policy", "set", "app", "--on-conflict", "merge"});
  Ok({"patch", "app:1", R"({"x":1})", "--base", "1"});
  Park(R"({"build":{"id":9}})");
  const std::string plain = Ok({"export", "jsonl"});
  const std::string conflicts = Ok({"conflicts", "list", "--json"});
  Ok({"policy", "set", "app", "--on-conflict", "reject", "--immutable", "--require-lease", "--schema", "-"}, "false");
  const std::string hash = OkJson({"stats"})["state_hash"];
  const std::string full = Ok({"export", "jsonl", "--full"});
  Launch rebuild = Command({"rebuild"});
  rebuild.arguments[0] = std::filesystem::path(rebuild.arguments[0]).parent_path() / "tenure-replay";
  const Finished rebuilt = RunToEnd(rebuild);
  EXPECT_EQ(rebuilt.status, 0) << rebuilt.err;
  EXPECT_EQ(Ok({"export", "jsonl", "--full"}), full);
  EXPECT_EQ(Ok({"export", "jsonl"}), plain);
  EXPECT_EQ(Ok({"conflicts", "list", "--json"}), conflicts);
  EXPECT_EQ(OkJson({"stats"})["state_hash"], hash);
  Ok({"verify", "--deep"});
}

}  // namespace
}  // namespace tenure::testing
