// get, list, history, tag list: the four formats, the past, paging, filters.
#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class Read : public StoreTest {
 protected:
  std::vector<std::string> Keys(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "list");
    arguments.insert(arguments.end(), {"--format", "jsonl"});
    std::vector<std::string> keys;
    for (const Json& entry : ParseLines(Ok(arguments))) {
      keys.push_back(entry["name"].get<std::string>() + ":" + entry["version"].get<std::string>());
    }
    return keys;
  }
};

TEST_F(Read, GetInEveryFormat) {
  Ok({"put", "app:1", "--digest", kDigestA, "--size", "5", "--set", "k=v"});
  const std::string table = Ok({"get", "app:1"});
  EXPECT_THAT(table, HasSubstr("revision     1\n"));
  EXPECT_THAT(table, HasSubstr(std::string("digest       ") + kDigestA));
  const std::string json = Ok({"get", "app:1", "--json"});
  EXPECT_EQ(json, Ok({"get", "app:1", "--format", "json"}));
  EXPECT_EQ(json, Ok({"--format=jsonl", "get", "app:1"}));
  EXPECT_THAT(SplitLines(json), SizeIs(1));
  const std::string tsv = Ok({"get", "app:1", "--format", "tsv"});
  EXPECT_THAT(tsv, HasSubstr(std::string("app\t1\t1\t1\t5\t") + kDigestA + "\t20"));
}

TEST_F(Read, GetByEveryKindOfReference) {
  Ok({"put", "app:1", "--digest", kDigestA});
  EXPECT_EQ(OkJson({"get", "app"})["version"], "1");
  EXPECT_EQ(OkJson({"get", std::string("app@") + kDigestA})["version"], "1");
  Ok({"put", "app:2", "--digest", kDigestB});
  const Json error = Fails({"get", "app"}, 2, "ambiguous");
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("1, 2"));
  EXPECT_EQ(OkJson({"get", std::string("app@") + kDigestB})["version"], "2");
  Fails({"get", "app:3"}, 4, "not_found");
  Fails({"get", "app@nope"}, 4, "not_found");
  Fails({"get", "a//b"}, 2, "invalid_argument");
}

TEST_F(Read, AtLsnAndTime) {
  Ok({"put", "app:1", "--set", "v=1"});
  const std::string first_time = OkJson({"get", "app:1"})["updatedAt"];
  Ok({"put", "app:1", "--set", "v=2"});
  Ok({"rm", "app:1"});
  EXPECT_EQ(OkJson({"get", "app:1", "--at", "1"})["annotations"]["v"], 1);
  EXPECT_EQ(OkJson({"get", "app:1", "--at", "2"})["annotations"]["v"], 2);
  Fails({"get", "app:1", "--at", "3"}, 4, "not_found");
  EXPECT_THAT(Keys({"--at", "1"}), ElementsAre("app:1"));
  EXPECT_THAT(Keys({"--at", "3"}), ElementsAre());
  EXPECT_THAT(Keys({"--at", "2100-01-01T00:00:00Z"}), ElementsAre());
  EXPECT_THAT(Keys({"--at", "1999-01-01T00:00:00+02:00"}), ElementsAre());
  const std::vector<std::string> then = Keys({"--at", first_time});
  EXPECT_LE(then.size(), 1u);  // the three commits may share a millisecond
  for (const char* bad : {"2026-01-01T00:00:00", "yesterday", "-1", "1.5", "", "99999999999999999999"}) {
    Fails({"get", "app:1", "--at", bad}, 2, "invalid_argument");
  }
  Fails({"get", "app:1", "--at", "99"}, 4, "not_found");
}

TEST_F(Read, ListOrdersBytewiseAndPages) {
  for (const char* key : {"b:1", "a/b:1", "a:2", "a:10", "a-b:1"}) Ok({"put", key});
  const std::vector<std::string> all = Keys({});
  EXPECT_THAT(all, ElementsAre("a:10", "a:2", "a-b:1", "a/b:1", "b:1"));
  std::vector<std::string> paged;
  std::string after;
  for (;;) {
    std::vector<std::string> arguments = {"--limit", "2"};
    if (!after.empty()) arguments.insert(arguments.end(), {"--after", after});
    const std::vector<std::string> page = Keys(arguments);
    EXPECT_LE(page.size(), 2u);
    if (page.empty()) break;
    paged.insert(paged.end(), page.begin(), page.end());
    after = page.back();
  }
  EXPECT_EQ(paged, all);
  const Finished first = Tenure({"list", "--limit", "2"});
  EXPECT_THAT(first.err, HasSubstr("--after 'a:2'"));
  EXPECT_EQ(Tenure({"list", "--limit", "5"}).err, "");
  Fails({"list", "--limit", "0"}, 2, "invalid_argument");
  Fails({"list", "--limit", "x"}, 2, "invalid_argument");
}

TEST_F(Read, ListFilters) {
  Ok({"put", "lib/a:1", "--set", "arch=arm64", "--set", "\"x.y\".z=1"});
  Ok({"put", "lib/b:1", "--set", "arch=amd64", "--media-type", "text/plain"});
  Ok({"put", "lib/c/d:2"});
  EXPECT_THAT(Keys({"lib/*"}), ElementsAre("lib/a:1", "lib/b:1"));
  EXPECT_THAT(Keys({"lib/**"}), ElementsAre("lib/a:1", "lib/b:1", "lib/c/d:2"));
  EXPECT_THAT(Keys({"**:2"}), ElementsAre("lib/c/d:2"));
  EXPECT_THAT(Keys({"--where", "annotations.arch = \"arm64\""}), ElementsAre("lib/a:1"));
  EXPECT_THAT(Keys({"--where", "annotations.\"x.y\".z = 1"}), ElementsAre("lib/a:1"));
  EXPECT_THAT(Keys({"lib/*", "--where", "mediaType = \"text/plain\""}), ElementsAre("lib/b:1"));
  Fails({"list", "--where", "nonsense"}, 2, "invalid_argument");
  Fails({"list", "lib/["}, 2, "invalid_argument");
  Fails({"list", "a", "b"}, 2, "invalid_argument");
}

TEST_F(Read, ListFormats) {
  EXPECT_EQ(Ok({"list"}), "NAME  VERSION  REVISION  LSN  SIZE  DIGEST  UPDATED\n");
  EXPECT_EQ(Ok({"list", "--json"}), "[]\n");
  EXPECT_EQ(Ok({"list", "--format", "jsonl"}), "");
  EXPECT_EQ(Ok({"list", "--format", "tsv"}), "");
  Ok({"put", "app:1", "--digest", kDigestA});
  Ok({"put", "a-long-name:1.2.3"});
  const std::vector<std::string> table = SplitLines(Ok({"list"}));
  ASSERT_THAT(table, SizeIs(3));
  EXPECT_THAT(table[2], HasSubstr("sha256:aaaaaaaaaaaa…"));
  EXPECT_EQ(table[0].find("VERSION"), table[1].find("1.2.3"));
  EXPECT_THAT(ParseJson(Ok({"list", "--json"})), SizeIs(2));
  EXPECT_THAT(Ok({"list", "--format", "tsv"}), HasSubstr(std::string("app\t1\t1\t1\t-\t") + kDigestA + "\t"));
  EXPECT_THAT(Ok({"list"}), Not(HasSubstr("\033")));
}

TEST_F(Read, ListShowsTombstonesOnRequest) {
  Ok({"put", "app:1"});
  Ok({"rm", "app:1"});
  EXPECT_THAT(Keys({}), ElementsAre());
  EXPECT_THAT(Keys({"--deleted"}), ElementsAre("app:1"));
  EXPECT_THAT(Ok({"list", "--deleted"}), HasSubstr("(deleted)"));
}

TEST_F(Read, HistoryOfEntriesAndTags) {
  Ok({"put", "app:1", "--set", "v=1"});
  Ok({"put", "app:1", "--set", "v=2"});
  Ok({"tag", "set", "app@prod", "1"});
  Ok({"tag", "rm", "app@prod"});
  Ok({"rm", "app:1"});
  const std::vector<Json> entries = ParseLines(Ok({"history", "app:1", "--format", "jsonl"}));
  ASSERT_THAT(entries, SizeIs(3));
  EXPECT_EQ(entries[0]["deleted"], true);
  EXPECT_EQ(entries[1]["annotations"]["v"], 2);
  EXPECT_EQ(entries[2]["annotations"]["v"], 1);
  const std::vector<Json> tags = ParseLines(Ok({"history", "app@prod", "--format", "jsonl"}));
  ASSERT_THAT(tags, SizeIs(2));
  EXPECT_EQ(tags[0]["revision"], 2);
  EXPECT_EQ(tags[1]["version"], "1");
  EXPECT_THAT(SplitLines(Ok({"history", "app:1"})), SizeIs(4));
  Fails({"history", "app"}, 2, "invalid_argument");
  Fails({"history", "nothing:1"}, 4, "not_found");
}

TEST_F(Read, TagList) {
  Ok({"put", "app:1"});
  Ok({"put", "lib/x:2"});
  Ok({"tag", "set", "app@prod", "1"});
  Ok({"tag", "set", "lib/x@dev", "2"});
  const Json all = OkJson({"tag", "list"});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["tag"], "prod");
  EXPECT_EQ(OkJson({"tag", "list", "lib/*"}).size(), 1u);
  EXPECT_EQ(OkJson({"tag", "list", "--at", "3"}).size(), 1u);
  EXPECT_THAT(Ok({"tag", "list", "--format", "tsv"}), HasSubstr("app\tprod\t1\t1\t3\t"));
}

TEST_F(Read, ControlCharactersDoNotReachTheTerminal) {
  Ok({"put", "app:1", "--set", "evil=\"\\u001b[2J\"", "--writer", "me"});
  EXPECT_THAT(Ok({"get", "app:1"}), Not(HasSubstr("\033")));
  EXPECT_EQ(OkJson({"get", "app:1"})["annotations"]["evil"], "\033[2J");
}

}  // namespace
}  // namespace tenure::testing
