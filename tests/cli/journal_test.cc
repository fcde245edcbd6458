// log, diff, undo, and the order that LSNs give.
#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

class Journal : public StoreTest {
 protected:
  std::vector<int> Lsns(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "log");
    arguments.insert(arguments.end(), {"--format", "jsonl"});
    std::vector<int> lsns;
    for (const Json& event : ParseLines(Ok(arguments))) lsns.push_back(event["lsn"]);
    return lsns;
  }
};

TEST_F(Journal, LogShowsEffectsInOrder) {
  Ok({"put", "app:1", "--digest", kDigestA, "--writer", "ci"});
  Ok({"tag", "set", "app@prod", "1", "--request-id", "r1"});
  Ok({"tag", "rm", "app@prod"});
  Ok({"rm", "app:1"});
  const std::vector<Json> events = ParseLines(Ok({"log", "--format", "jsonl"}));
  ASSERT_THAT(events, SizeIs(4));
  EXPECT_EQ(events[0]["op"], "put");
  EXPECT_EQ(events[0]["key"], "app:1");
  EXPECT_EQ(events[0]["writer"], "ci");
  EXPECT_EQ(events[0]["digest"], kDigestA);
  EXPECT_EQ(events[1]["op"], "set_tag");
  EXPECT_EQ(events[1]["key"], "app@prod");
  EXPECT_EQ(events[1]["request_id"], "r1");
  EXPECT_EQ(events[2]["op"], "delete_tag");
  EXPECT_EQ(events[3]["op"], "delete");
  EXPECT_EQ(events[3]["revision"], 2);
  EXPECT_THAT(SplitLines(Ok({"log"})), SizeIs(5));
  EXPECT_EQ(OkJson({"log"}).size(), 4u);
}

TEST_F(Journal, LogRanges) {
  for (int i = 1; i <= 5; ++i) Ok({"put", "app:" + std::to_string(i)});
  EXPECT_THAT(Lsns({}), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(Lsns({"--from", "2", "--to", "3"}), ElementsAre(2, 3));
  EXPECT_THAT(Lsns({"--from", "4"}), ElementsAre(4, 5));
  EXPECT_THAT(Lsns({"--from", "6"}), ElementsAre());
  EXPECT_THAT(Lsns({"--from", "4", "--to", "2"}), ElementsAre());
  EXPECT_THAT(Lsns({"--to", "0"}), ElementsAre());
  EXPECT_THAT(Lsns({"--to", "1999-01-01T00:00:00Z"}), ElementsAre());
  EXPECT_THAT(Lsns({"--from", "1999-01-01T00:00:00Z"}), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(Lsns({"--from", "2100-01-01T00:00:00Z"}), ElementsAre());
  const std::string third = ParseLines(Ok({"log", "--from", "3", "--to", "3", "--format", "jsonl"}))[0]["time"];
  const std::vector<int> since = Lsns({"--from", third});
  ASSERT_FALSE(since.empty());
  EXPECT_LE(since.front(), 3);
  Fails({"log", "--from", "0"}, 2, "invalid_argument");
  Fails({"log", "--from", "noon"}, 2, "invalid_argument");
}

TEST_F(Journal, HeadAnchorsTheHistory) {
  Ok({"put", "app:1"});
  const std::string head = Ok({"log", "--head"});
  EXPECT_THAT(head, MatchesRegex("1:[0-9a-f]{64}\n"));
  const Json json = OkJson({"log", "--head"});
  EXPECT_EQ(json["head"].get<std::string>() + "\n", head);
  EXPECT_EQ(json["lsn"], 1);
  Ok({"put", "app:2"});
  Ok({"verify", "--expect-head", json["head"]});
  Ok({"verify", "--expect-head", json["chain_hash"]});
  const Finished other = Tenure({"verify", "--expect-head", std::string(64, '0'), "--json"});
  EXPECT_EQ(other.status, 13);
  EXPECT_EQ(ParseJson(other.out)["problems"].size(), 1u);
  Fails({"log", "--head", "--from", "1"}, 2, "invalid_argument");
}

TEST_F(Journal, DiffShowsNetChanges) {
  Ok({"put", "a:1", "--set", "v=1"});  // 1
  Ok({"put", "b:1"});                  // 2
  Ok({"put", "a:1", "--set", "v=2"});  // 3
  Ok({"rm", "b:1"});                   // 4
  Ok({"put", "c:1"});                  // 5
  Ok({"tag", "set", "c@prod", "1"});   // 6
  Ok({"put", "a:1", "--set", "v=1"});  // 7: back to what it was
  const Json whole = OkJson({"diff", "2", "7"});
  ASSERT_EQ(whole.size(), 3u);
  EXPECT_EQ(whole[0]["change"], "removed");
  EXPECT_EQ(whole[0]["key"], "b:1");
  EXPECT_TRUE(whole[0]["after"].is_null());
  EXPECT_EQ(whole[1]["change"], "added");
  EXPECT_EQ(whole[1]["key"], "c:1");
  EXPECT_EQ(whole[2]["key"], "c@prod");
  EXPECT_EQ(whole[2]["after"]["version"], "1");
  const Json part = OkJson({"diff", "1", "3"});
  ASSERT_EQ(part.size(), 2u);
  EXPECT_EQ(part[0]["change"], "changed");
  EXPECT_EQ(part[0]["before"]["annotations"]["v"], 1);
  EXPECT_EQ(part[0]["after"]["annotations"]["v"], 2);
  EXPECT_EQ(OkJson({"diff", "7", "2"})[0]["change"], "added");  // the other way round
  EXPECT_EQ(OkJson({"diff", "0", "2"}).size(), 2u);
  EXPECT_EQ(OkJson({"diff", "3", "3"}), Json::array());
  EXPECT_THAT(Ok({"diff", "2", "7", "--format", "tsv"}), HasSubstr("removed\tb:1\trevision 1\t-\n"));
  Fails({"diff", "2", "99"}, 4, "not_found");
  Fails({"diff", "2"}, 2, "invalid_argument");
}

TEST_F(Journal, UndoIsOneTransaction) {
  Ok({"put", "a:1", "--set", "v=1"});
  Ok({"put", "a:1", "--set", "v=2"});
  const std::vector<Json> plan = ParseLines(Ok({"undo", "2", "-n", "--format", "jsonl"}));
  ASSERT_THAT(plan, SizeIs(1));
  EXPECT_EQ(plan[0]["op"], "put");
  EXPECT_EQ(plan[0]["base"], 2);
  EXPECT_EQ(OkJson({"get", "a:1"})["revision"], 2);
  EXPECT_EQ(OkJson({"undo", "2"})["lsn"], 3);
  EXPECT_EQ(OkJson({"get", "a:1"})["annotations"]["v"], 1);
  Fails({"undo", "2"}, 5, "changed_since");
  EXPECT_EQ(Ok({"undo", "3"}), "committed 1 operation lsn 4\n");
  EXPECT_EQ(OkJson({"get", "a:1"})["annotations"]["v"], 2);
  Fails({"undo", "99"}, 4, "not_found");
  Fails({"undo", "x"}, 2, "invalid_argument");
  Fails({"undo", "0"}, 4, "not_found");
}

TEST_F(Journal, UndoOfACreationDeletes) {
  Ok({"apply"}, R"({"op":"put","name":"a","version":"1"}
{"op":"set_tag","name":"a","tag":"t","version":"1"})");
  Ok({"undo", "1"});
  EXPECT_EQ(OkJson({"list"}), Json::array());
  EXPECT_EQ(OkJson({"tag", "list"}), Json::array());
}

}  // namespace
}  // namespace tenure::testing
