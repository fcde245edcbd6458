#include <gtest/gtest.h>

#include "model_testing.h"
#include "store/model/reference.h"

namespace tenure::model {
namespace {

using namespace testing;

ArtifactEntry Sample() {
  ArtifactEntry e;
  e.name = "release/app";
  e.version = "1.2";
  e.digest = "sha256:abc";
  e.size = 5;
  e.media_type = "text/plain";
  e.writer = "ci@host";
  e.annotations =
      R"({"a.b":"dotted","build":{"ids":[1,2],"n":17},"f":1.5,"flag":true,"none":null,"one":1.0,"q\"":1,"s":"17","team":"core"})";
  return e;
}

TEST(WhereClause, Table) {
  const std::vector<std::pair<const char*, bool>> table = {
      {"annotations.team = \"core\"", true},
      {"annotations.team=\"core\"", true},
      {"annotations.team = core", true},
      {"annotations.team = \"edge\"", false},
      {"annotations.team != \"edge\"", true},
      {"annotations.team!=core", false},
      {"annotations.build.n = 17", true},
      {"annotations.build.n = 17.0", true},
      {"annotations.build.n = \"17\"", false},
      {"annotations.s = \"17\"", true},
      {"annotations.s = 17", false},
      {"annotations.one = 1", true},
      {"annotations.f = 1.50", true},
      {"annotations.flag = true", true},
      {"annotations.flag = \"true\"", false},
      {"annotations.none = null", true},
      {"annotations.missing = null", false},
      {"annotations.missing != 1", true},
      {"annotations.build.missing = 1", false},
      {"annotations.team.deeper = 1", false},
      {"annotations.build = {\"n\":17, \"ids\":[1,2]}", true},
      {"annotations.build.ids = [ 1, 2 ]", true},
      {"annotations.build.ids = [2,1]", false},
      {"annotations.\"a.b\" = dotted", true},
      {"annotations.a.b = dotted", false},
      {"annotations.\"q\\\"\" = 1", true},
      {"annotations.\"build\".n = 17", true},
      {"annotations.team = \"a=b\"", false},
      {"name = release/app", true},
      {"name != release/app", false},
      {"version = 1.2", true},
      {"version = \"1.2\"", true},
      {"digest = sha256:abc", true},
      {"mediaType = \"text/plain\"", true},
      {"writer = ci@host", true},
      {"size = 5", true},
      {"size = 6", false},
      {"size != 6", true},
      {"size = null", false},
      {"  size  =  5  ", true},
  };
  for (const auto& [text, matches] : table) {
    auto where = WhereClause::Parse(text);
    ASSERT_TRUE(Ok(where)) << text;
    EXPECT_EQ(where->Matches(Sample()), matches) << text;
  }
}

TEST(WhereClause, Bad) {
  const std::vector<std::pair<const char*, const char*>> table = {{"", "has no '='"},
                                                                  {"size", "has no '='"},
                                                                  {"size =", "has no value"},
                                                                  {"size == 5", "one '=' is enough"},
                                                                  {"size = big", "size is compared"},
                                                                  {"size = -1", "size is compared"},
                                                                  {"size = 1.5", "size is compared"},
                                                                  {"colour = red", "unknown field \"colour\""},
                                                                  {"annotations = {}", "unknown field"},
                                                                  {"annotations. = 1", "empty member name"},
                                                                  {"annotations.a. = 1", "empty member name"},
                                                                  {"annotations..a = 1", "empty member name"},
                                                                  {"annotations.\"a\"b = 1", "a '.' is needed"},
                                                                  {"annotations.\"a = 1", "has no '='"},
                                                                  {"annotations.\"\\x\" = 1", "not a quoted name"},
                                                                  {"annotations.a = [1", "is not valid JSON"},
                                                                  {"annotations.a = \"x", "is not valid JSON"},
                                                                  {"annotations.a = \xFF", "not valid UTF-8"},
                                                                  {"name = \xFF", "not valid UTF-8"},
                                                                  {" = 1", "unknown field \"\""}};
  for (const auto& [text, says] : table) EXPECT_TRUE(Refused(WhereClause::Parse(text), says)) << text;
}

TEST(WhereClause, AnEntryWithoutASizeMatchesNull) {
  ArtifactEntry e;
  EXPECT_TRUE(WhereClause::Parse("size = null")->Matches(e));
  EXPECT_FALSE(WhereClause::Parse("size = 0")->Matches(e));
  EXPECT_TRUE(WhereClause::Parse("digest = \"\"")->Matches(e));
  EXPECT_FALSE(WhereClause::Parse("annotations.a = 1")->Matches(e));
}

}  // namespace
}  // namespace tenure::model
