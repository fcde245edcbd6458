// The JSON Schema subset: for each keyword what is valid and what is not, and what is refused.
#include "conflict/schema.h"

#include <gtest/gtest.h>

#include "store/model/utf8.h"

namespace tenure::conflict {
namespace {

struct KeywordCase {
  const char* schema;
  std::vector<const char*> valid;
  std::vector<const char*> invalid;
};

TEST(Schema, Keywords) {
  const KeywordCase cases[] = {
      {"true", {"1", "{}"}, {}},
      {"false", {}, {"1", "null"}},
      {"{}", {"1", "null", "[]"}, {}},
      {R"({"type":"string"})", {R"("a")"}, {"1", "null", "[]", "{}", "true"}},
      {R"({"type":"integer"})", {"1", "-5", "1.0", "1e300"}, {"1.5", R"("1")"}},
      {R"({"type":"number"})", {"1", "1.5"}, {R"("1")", "null"}},
      {R"({"type":["null","boolean"]})", {"null", "true"}, {"1", R"("")"}},
      {R"({"const":{"a":1}})", {R"({"a":1})", R"({"a":1.0})"}, {R"({"a":2})", "1"}},
      {R"({"enum":[1,"x",null]})", {"1", "1.0", R"("x")", "null"}, {"2", R"("y")"}},
      {R"({"properties":{"a":{"type":"string"}}})", {R"({"a":"x","b":1})", "{}", "7"}, {R"({"a":1})"}},
      {R"({"required":["a","b.c"]})", {R"({"a":1,"b.c":2})", "7"}, {R"({"a":1})", "{}"}},
      {R"({"properties":{"a":true},"additionalProperties":false})", {R"({"a":1})", "{}"}, {R"({"b":1})"}},
      {R"({"additionalProperties":{"type":"string"}})", {R"({"b":"x"})"}, {R"({"b":1})"}},
      {R"({"propertyNames":{"maxLength":2}})", {R"({"ab":1})"}, {R"({"abc":1})"}},
      {R"({"minProperties":1,"maxProperties":2})", {R"({"a":1})"}, {"{}", R"({"a":1,"b":1,"c":1})"}},
      {R"({"items":{"type":"integer"}})", {"[1,2]", "[]", R"("x")"}, {R"([1,"x"])"}},
      {R"({"contains":{"const":2}})", {"[1,2]", "7"}, {"[1]", "[]"}},
      {R"({"minItems":1,"maxItems":2})", {"[1]", "[1,2]"}, {"[]", "[1,2,3]"}},
      {R"({"uniqueItems":true})", {"[1,2]", R"([{"a":1},{"a":2}])"}, {"[1,1]", R"([{"a":1},{"a":1}])"}},
      {R"({"uniqueItems":true})", {"[1,1.5]", "[1,true]", "[0,false,null]"}, {"[1,1.0]", R"([{"a":[2.0]},{"a":[2]}])"}},
      {R"({"uniqueItems":true})", {"[1e300,1]"}, {"[-0.0,0]", "[1e300,1e300]"}},
      {R"({"uniqueItems":false})", {"[1,1]"}, {}},
      {R"({"minLength":2,"maxLength":3})", {R"("ab")", R"("\u00e4\u00f6\u00fc")", "1"}, {R"("a")", R"("abcd")"}},
      {R"({"minimum":1,"maximum":3})", {"1", "3", "2.5", R"("x")"}, {"0", "3.5"}},
      {R"({"exclusiveMinimum":1,"exclusiveMaximum":3})", {"2"}, {"1", "3"}},
      {R"({"allOf":[{"minimum":1},{"maximum":3}]})", {"2"}, {"0", "4"}},
      {R"({"anyOf":[{"const":1},{"const":2}]})", {"1", "2"}, {"3"}},
      {R"({"oneOf":[{"minimum":1},{"maximum":3}]})", {"0", "4"}, {"2"}},
      {R"({"not":{"type":"string"}})", {"1"}, {R"("x")"}},
      {R"({"title":"t","description":"d","$comment":"c","default":1,"examples":[1],"$schema":"s","$id":"i"})",
       {"1"},
       {}},
  };
  for (const KeywordCase& c : cases) {
    const auto schema = Schema::Compile(c.schema);
    ASSERT_TRUE(schema.ok()) << c.schema << ": " << schema.error().message;
    for (const char* value : c.valid) EXPECT_EQ(schema->WhyNot(value), "") << c.schema << " " << value;
    for (const char* value : c.invalid) EXPECT_NE(schema->WhyNot(value), "") << c.schema << " " << value;
  }
}

TEST(Schema, WhatIsNotCheckedIsRefusedByName) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"pattern":"a"})", "\"pattern\""},
      {R"({"properties":{"a":{"format":"date"}}})", "$/properties/a has the keyword \"format\""},
      {R"({"$ref":"#/a"})", "\"$ref\""},
      {R"({"anyOf":[{"if":true}]})", "$/anyOf/0 has the keyword \"if\""},
      {R"({"type":"text"})", "$/type is no type"},
      {R"({"type":[]})", "$/type is no type"},
      {R"({"enum":[]})", "$/enum must be an array"},
      {R"({"required":[1]})", "$/required must be an array of strings"},
      {R"({"minLength":-1})", "$/minLength must be a whole number"},
      {R"({"minimum":"1"})", "$/minimum must be a number"},
      {R"({"uniqueItems":1})", "$/uniqueItems must be true or false"},
      {R"({"properties":[]})", "$/properties must be an object"},
      {R"({"allOf":{}})", "$/allOf must be an array"},
      {R"({"not":1})", "$/not must be an object, true or false"},
      {"[]", "must be an object, true or false"},
      {"{", "not valid JSON"},
  };
  for (const auto& [text, says] : cases) {
    const auto schema = Schema::Compile(text);
    ASSERT_FALSE(schema.ok()) << text;
    EXPECT_EQ(schema.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(schema.error().message.find(says), std::string::npos) << schema.error().message;
  }
}

TEST(Schema, EntriesAreCheckedAsTheyAreExported) {
  const auto schema =
      Schema::Compile(R"({"required":["annotations","digest"],"properties":{"annotations":{"required":["team"],)"
                      R"("properties":{"team":{"enum":["core","web"]}}}}})");
  ASSERT_TRUE(schema.ok());
  ArtifactEntry entry;
  entry.name = "a";
  entry.version = "1";
  EXPECT_EQ(schema->WhyNot(entry), "$.annotations is missing");
  entry.annotations = R"({"team":"ops"})";
  EXPECT_EQ(schema->WhyNot(entry), R"($.annotations.team must be one of ["core","web"], not "ops")");
  entry.annotations = R"({"team":"core"})";
  EXPECT_EQ(schema->WhyNot(entry), "$.digest is missing");
  entry.digest = "d";
  EXPECT_EQ(schema->WhyNot(entry), "");
}

/// A refusal is shown to people and printed as JSON: half a character is neither.
TEST(Schema, WhatIsShownOfAValueIsCutBetweenCharacters) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    std::string text(shift, 'a');
    for (int i = 0; i < 40; ++i) text += i % 2 == 0 ? "\xe2\x82\xac" : "\xf0\x9f\x98\x80";
    const auto schema = Schema::Compile("{\"const\":1}");
    ASSERT_TRUE(schema.ok());
    const std::string why = schema->WhyNot("\"" + text + "\"");
    EXPECT_TRUE(why.ends_with("...")) << why;
    for (std::size_t pos = 0; pos < why.size();) {
      ASSERT_NE(model::NextCharacter(why, pos), model::kInvalidCharacter) << why;
    }
  }
}

TEST(Schema, EachMemberThatIsNoSchemaIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"required":"a"})", "$/required must be an array of strings"},
      {R"({"allOf":[]})", "$/allOf must be an array with at least one schema"},
      {R"({"enum":1})", "$/enum must be an array with at least one value"},
      {R"({"type":["string","text"]})", "$/type is no type"},
  };
  for (const auto& [text, says] : cases) {
    const auto schema = Schema::Compile(text);
    ASSERT_FALSE(schema.ok()) << text;
    EXPECT_NE(schema.error().message.find(says), std::string::npos) << schema.error().message;
    EXPECT_NE(schema.error().hint.find("keywords are type, "), std::string::npos) << schema.error().hint;
  }
}

TEST(Schema, AnOddNameIsQuoted) {
  const auto schema = Schema::Compile(R"({"additionalProperties":false})");
  ASSERT_TRUE(schema.ok());
  EXPECT_EQ(schema->WhyNot(R"({"":1})"), R"($."" is not allowed)");
  EXPECT_EQ(schema->WhyNot(R"({"a.b":1})"), R"($."a.b" is not allowed)");
  EXPECT_NE(schema->WhyNot("{"), "") << "what cannot be read is not valid";
  const auto one = Schema::Compile(R"({"oneOf":[{"const":1},{"const":2}]})");
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->WhyNot("3"), "$ fits no schema of \"oneOf\": $ must be 1, not 3");
  const auto whole = Schema::Compile(R"({"type":"integer"})");
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole->WhyNot("-1e300"), "");
}

}  // namespace
}  // namespace tenure::conflict
