#include "store/model/reference.h"

#include <gtest/gtest.h>

#include "model_testing.h"

namespace tenure::model {
namespace {

using namespace testing;
using Kind = Reference::Kind;

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(ParseReference, Good) {
  struct Row {
    std::string text;
    Kind kind;
    std::string name, rest;
  };
  const std::vector<Row> table = {{"app", Kind::kName, "app", ""},
                                  {"release/app", Kind::kName, "release/app", ""},
                                  {"app:1.0", Kind::kVersion, "app", "1.0"},
                                  {"app:2:1.0", Kind::kVersion, "app", "2:1.0"},
                                  {"app@prod", Kind::kTag, "app", "prod"},
                                  {"app@" + kDigest, Kind::kDigest, "app", kDigest},
                                  {"@scope/pkg", Kind::kName, "@scope/pkg", ""},
                                  {"@scope/pkg:1", Kind::kVersion, "@scope/pkg", "1"},
                                  {"@scope/pkg@latest", Kind::kTag, "@scope/pkg", "latest"},
                                  {"a/@b/c@t", Kind::kTag, "a/@b/c", "t"},
                                  {"@", Kind::kName, "@", ""},
                                  {"@@t", Kind::kTag, "@", "t"},
                                  {"a/@@t", Kind::kTag, "a/@", "t"}};
  for (const Row& row : table) {
    auto ref = ParseReference(row.text);
    ASSERT_TRUE(Ok(ref)) << row.text;
    EXPECT_EQ(ref->kind, row.kind) << row.text;
    EXPECT_EQ(ref->name, row.name) << row.text;
    EXPECT_EQ(ref->rest, row.rest) << row.text;
  }
}

TEST(ParseReference, BadNamesThePart) {
  const std::vector<std::pair<std::string, const char*>> table = {{"", "name \"\" is empty"},
                                                                  {":1", "name \"\" is empty"},
                                                                  {"a:", "version \"\" is empty"},
                                                                  {"a@", "tag \"\" is empty"},
                                                                  {"a:1@prod", "version \"1@prod\" holds an '@'"},
                                                                  {"a:b/c", "version \"b/c\" holds a '/'"},
                                                                  {"a@b/c", "tag \"b/c\""},
                                                                  {"a@b@c", "tag \"b@c\""},
                                                                  {"a//b:1", "empty segment"},
                                                                  {"a@sha256:12", "2 digits"},
                                                                  {"a@:", "digest \":\" names no algorithm"},
                                                                  {std::string(513, 'a') + ":1", "513 bytes"}};
  for (const auto& [text, says] : table) EXPECT_TRUE(Refused(ParseReference(text), says)) << text;
}

struct GlobRow {
  const char* pattern;
  const char* name;
  const char* version;
  bool matches;
};

TEST(Glob, Table) {
  const std::vector<GlobRow> table = {
      {"", "any/thing", "1", true},
      {"a", "a", "1", true},
      {"a", "b", "1", false},
      {"a", "ab", "1", false},
      {"ab", "a", "1", false},
      {"*", "a", "1", true},
      {"*", "a/b", "1", false},
      {"*/*", "a/b", "1", true},
      {"*/*", "a", "1", false},
      {"a*", "a", "1", true},
      {"a*c", "abbbc", "1", true},
      {"a*c", "abbb", "1", false},
      {"a*c", "ab/c", "1", false},
      {"a*b*c", "aXbYbZc", "1", true},
      {"?", "a", "1", true},
      {"?", "ab", "1", false},
      {"a?b", "a/b", "1", false},
      {"a?b",
       "a\xE2\x82\xAC"
       "b",
       "1", true},
      {"a??b",
       "a\xE2\x82\xAC"
       "b",
       "1", false},
      {"[abc]", "b", "1", true},
      {"[abc]", "d", "1", false},
      {"[a-c]x", "bx", "1", true},
      {"[a-c]x", "dx", "1", false},
      {"[!a-c]x", "dx", "1", true},
      {"[^a-c]x", "bx", "1", false},
      {"a[!x]b", "a/b", "1", false},
      {"[]a]", "]", "1", true},
      {"[!]]", "]", "1", false},
      {"[a-]", "-", "1", true},
      {"[*]", "*", "1", true},
      {"[*]", "a", "1", false},
      {"[\xC3\xA0-\xC3\xAF]", "\xC3\xA9", "1", true},
      {"]", "]", "1", true},
      {"**", "a", "1", true},
      {"**", "a/b/c", "1", true},
      {"***", "a/b/c", "1", true},
      {"a/**", "a/b", "1", true},
      {"a/**", "a/b/c", "1", true},
      {"a/**", "a", "1", false},
      {"a/**", "ab", "1", false},
      {"**/b", "b", "1", true},
      {"**/b", "a/b", "1", true},
      {"**/b", "x/a/b", "1", true},
      {"**/b", "ab", "1", false},
      {"**/b", "a/b/c", "1", false},
      {"a/**/z", "a/z", "1", true},
      {"a/**/z", "a/b/c/z", "1", true},
      {"a/**/z", "az", "1", false},
      {"a/**/z", "a/bz", "1", false},
      {"**/**/b", "b", "1", true},
      {"**/**/b", "x/y/b", "1", true},
      {"**/m/**", "a/m/z", "1", true},
      {"**/m/**", "m/z", "1", true},
      {"**/m/**", "m", "1", false},
      {"a**z", "a/b/z", "1", true},
      {"a**z", "az", "1", true},
      {"**.tgz", "a/b.tgz", "1", true},
      {"a/*:1.*", "a/b", "1.2", true},
      {"a/*:1.*", "a/b", "2.1", false},
      {"a/*:1.*", "a/b/c", "1.2", false},
      {"a:1", "a", "1", true},
      {"a:1", "a", "1:1", false},
      {"a:1:*", "a", "1:7", true},
      {"*:1", "a", "2:1", false},
      {"**:[0-9]", "x/y", "7", true},
      {"a[:]b", "a:b", "1", true},
      {"@s/*", "@s/p", "1", true},
  };
  for (const GlobRow& row : table) {
    auto glob = Glob::Compile(row.pattern);
    ASSERT_TRUE(Ok(glob)) << row.pattern;
    EXPECT_EQ(glob->Matches(row.name, row.version), row.matches)
        << row.pattern << " on " << row.name << ':' << row.version;
  }
}

TEST(Glob, MatchesVersionsWhenItHasAColonOutsideBrackets) {
  EXPECT_FALSE(Glob::Compile("a*")->matches_versions());
  EXPECT_FALSE(Glob::Compile("a[:]*")->matches_versions());
  EXPECT_TRUE(Glob::Compile("a*:1")->matches_versions());
  EXPECT_TRUE(Glob::Compile("[:]:1")->matches_versions());
}

TEST(Glob, LiteralPrefix) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"", ""},       {"a/b", "a/b"},   {"a/b*", "a/b"},          {"a/?", "a/"}, {"a[b]", "a"},
      {"a/**", "a/"}, {"**/a", ""},     {"a:1.*", "a:1."},        {"a*:1", "a"}, {"a:1", "a:1"},
      {"a*b", "a"},   {"a/**/b", "a/"}, {"\xC3\xA9*", "\xC3\xA9"}};
  for (const auto& [pattern, prefix] : table) EXPECT_EQ(Glob::Compile(pattern)->literal_prefix(), prefix) << pattern;
}

TEST(Glob, Bad) {
  const std::vector<std::pair<std::string, const char*>> table = {
      {"[", "without its ']'"},   {"a[b", "without its ']'"}, {"[]", "without its ']'"},
      {"[!]", "without its ']'"}, {"[z-a]", "backwards"},     {":1", "before the ':'"},
      {"a:", "behind the ':'"},   {"a\xFF", "UTF-8"},         {"a\nb", "control"}};
  for (const auto& [pattern, says] : table) EXPECT_TRUE(Refused(Glob::Compile(pattern), says)) << pattern;
  EXPECT_TRUE(Ok(Glob::Compile(std::string(kGlobBytesMax, '*'))));
  EXPECT_TRUE(Ok(Glob::Compile(std::string(kGlobBytesMax, '?'))));
  EXPECT_TRUE(Fails(Glob::Compile(std::string(kGlobBytesMax + 1, 'a')), ErrorCode::kTooLarge, "1025"));
}

// A back-tracking matcher needs longer than the age of the universe for these.
TEST(Glob, HostilePatternsTakePolynomialTime) {
  std::string stars, deep, text(512, 'a'), path;
  for (int i = 0; i < 300; ++i) stars += "a*";
  for (int i = 0; i < 250; ++i) deep += "**/";
  for (int i = 0; i < 255; ++i) path += "a/";
  const std::string mixed = [] {
    std::string m;
    for (int i = 0; i < 150; ++i) m += "**a*/";
    return m + "b";
  }();
  EXPECT_FALSE(Glob::Compile(stars + "b")->Matches(text, "1"));
  EXPECT_TRUE(Glob::Compile(stars)->Matches(text, "1"));
  EXPECT_FALSE(Glob::Compile(deep + "b")->Matches(path + "a", "1"));
  EXPECT_TRUE(Glob::Compile(deep + "a")->Matches(path + "a", "1"));
  EXPECT_FALSE(Glob::Compile(mixed)->Matches(path + "a", "1"));
  EXPECT_FALSE(Glob::Compile(std::string(1023, '*') + "b")->Matches(text, "1"));
}

// The definition, as plain recursion over bytes: right by reading, and slow.
bool Slow(std::string_view p, std::string_view t, bool segment_start = true) {
  if (p.empty()) return t.empty();
  if (p.substr(0, 3) == "**/" && segment_start) {
    if (Slow(p.substr(3), t, true)) return true;
    for (std::size_t i = 0; i < t.size(); ++i) {
      if (t[i] == '/' && Slow(p.substr(3), t.substr(i + 1), true)) return true;
    }
    return false;
  }
  if (p.substr(0, 2) == "**") {
    for (std::size_t i = 0; i <= t.size(); ++i) {
      if (Slow(p.substr(2), t.substr(i), false)) return true;
    }
    return false;
  }
  if (p[0] == '*') {
    for (std::size_t i = 0; i <= t.size(); ++i) {
      if (Slow(p.substr(1), t.substr(i), false)) return true;
      if (i < t.size() && t[i] == '/') break;
    }
    return false;
  }
  if (t.empty() || (p[0] == '?' ? t[0] == '/' : p[0] != t[0])) return false;
  return Slow(p.substr(1), t.substr(1), p[0] == '/');
}

TEST(Glob, AgreesWithItsDefinitionOnAllShortPatterns) {
  const auto all = [](const std::string& alphabet, int length_max) {
    std::vector<std::string> texts = {""};
    for (std::size_t from = 0, length = 0; length < static_cast<std::size_t>(length_max); ++length) {
      const std::size_t to = texts.size();
      for (; from < to; ++from) {
        for (const char c : alphabet) texts.push_back(texts[from] + c);
      }
    }
    return texts;
  };
  const std::vector<std::string> names = all("ab/", 5);
  for (const std::string& pattern : all("a*/?", 5)) {
    if (pattern.empty() || pattern.find("***") != std::string::npos) continue;
    const auto glob = Glob::Compile(pattern);
    ASSERT_TRUE(Ok(glob)) << pattern;
    for (const std::string& name : names) {
      ASSERT_EQ(glob->Matches(name, "1"), Slow(pattern, name)) << pattern << " on " << name;
    }
  }
}

}  // namespace
}  // namespace tenure::model
