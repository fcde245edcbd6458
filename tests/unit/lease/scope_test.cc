#include "lease/scope.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/lease/lease_testing.h"

namespace tenure::lease {
namespace {

using testing::AnyScope;
using testing::Must;

TEST(Scope, PrintsWhatItWasParsedFrom) {
  for (const char* text : {"a:1", "a@prod", "a", "a/**", "**", "@npm/pkg:1.0", "a/b/c:sha:1", "@npm/**"}) {
    EXPECT_EQ(Must(Scope::Parse(text)).text(), text);
  }
}

TEST(Scope, RefusesWhatNamesNothing) {
  for (const char* text : {"", "*", "a*", "a/*", "a/**/b", "a?", "[a]", "/**", "a:1/**", "a@t/**", "***", "a/***",
                           "a:", "a@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    const auto scope = Scope::Parse(text);
    ASSERT_FALSE(scope.ok()) << text;
    EXPECT_EQ(scope.error().code, ErrorCode::kInvalidArgument) << text;
  }
}

struct Pair {
  const char* outer;
  const char* inner;
};

TEST(Scope, CoversWhatTheRulesSay) {
  for (const Pair& pair : {Pair{"a", "a:1"},
                           {"a", "a@prod"},
                           {"a", "a"},
                           {"p/**", "p/a"},
                           {"p/**", "p/a:1"},
                           {"p/**", "p/a@t"},
                           {"p/**", "p/q/**"},
                           {"p/**", "p/**"},
                           {"**", "p/**"},
                           {"**", "a"},
                           {"**", "**"},
                           {"a:1", "a:1"}}) {
    EXPECT_TRUE(Must(Scope::Parse(pair.outer)).Covers(Must(Scope::Parse(pair.inner))))
        << pair.outer << " " << pair.inner;
  }
  for (const Pair& pair : {Pair{"a", "a/x"},
                           {"a", "a/x:1"},
                           {"a", "a/**"},
                           {"p/**", "p"},
                           {"p/**", "p:1"},
                           {"p/**", "pq/a"},
                           {"p/**", "**"},
                           {"a:1", "a@1"},
                           {"a:1", "a"},
                           {"a:1", "a:10"},
                           {"a", "ab:1"},
                           {"a", "**"}}) {
    EXPECT_FALSE(Must(Scope::Parse(pair.outer)).Covers(Must(Scope::Parse(pair.inner))))
        << pair.outer << " " << pair.inner;
  }
}

TEST(Scope, AVersionAndATagNeverConflict) {
  EXPECT_FALSE(Conflict(Scope::OfKey("a", "prod"), Scope::OfTag("a", "prod")));
}

TEST(Scope, SeveralMustNotOverlap) {
  EXPECT_TRUE(ParseScopes({"a:1", "a:2", "b/**"}).ok());
  EXPECT_EQ(ParseScopes({"a", "a:1"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ParseScopes({}).error().code, ErrorCode::kInvalidArgument);
  std::vector<std::string> many;
  for (int i = 0; i < 65; ++i) many.push_back("n" + std::to_string(i));
  EXPECT_EQ(ParseScopes(many).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(
      ParseScopes({std::string(512, 'a'), std::string(512, 'b'), std::string(512, 'c'), std::string(512, 'd'), "e"})
          .error()
          .code,
      ErrorCode::kTooLarge);
}

// Containment is a partial order, and two scopes that cover a common key always contain one another.
RC_GTEST_PROP(Scope, ContainmentIsAPartialOrderWithoutOtherOverlaps, ()) {
  const Scope a = Must(Scope::Parse(*AnyScope()));
  const Scope b = Must(Scope::Parse(*AnyScope()));
  const Scope c = Must(Scope::Parse(*AnyScope()));
  RC_ASSERT(a.Covers(a));
  if (a.Covers(b) && b.Covers(c)) RC_ASSERT(a.Covers(c));
  if (a.Covers(b) && b.Covers(a)) RC_ASSERT(a == b);
  if (a.Covers(c) && b.Covers(c)) RC_ASSERT(Conflict(a, b));
  RC_ASSERT(Conflict(a, b) == Conflict(b, a));
}

}  // namespace
}  // namespace tenure::lease
