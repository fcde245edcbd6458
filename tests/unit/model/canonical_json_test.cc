#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "model_testing.h"
#include "store/model/json_tree.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

using namespace testing;
using testing::Json;

TEST(CanonicalObject, Table) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"{}", "{}"},
      {" \t\r\n{ } ", "{}"},
      {R"({"b":1,"a":2})", R"({"a":2,"b":1})"},
      {R"({"a":{"z":0,"y":[{"d":1,"c":2}]}})", R"({"a":{"y":[{"c":2,"d":1}],"z":0}})"},
      {R"({"a":"\u0041\/\u00e9\u001f"})", "{\"a\":\"A/\xC3\xA9\\u001f\"}"},
      {R"({"a":1.0,"b":1e2,"c":-0,"d":-0.0,"e":1E-2})", R"({"a":1.0,"b":100.0,"c":0,"d":-0.0,"e":0.01})"},
      {R"({"a":18446744073709551615,"b":-9223372036854775808})",
       R"({"a":18446744073709551615,"b":-9223372036854775808})"},
      {R"({"B":1,"a":2,"":3,"aa":4})", R"({"":3,"B":1,"a":2,"aa":4})"},
      {"{\"\xC3\xA9\":1,\"z\":2}", "{\"z\":2,\"\xC3\xA9\":1}"},
      {R"({"a":null,"b":true,"c":false,"d":[],"e":{}})", R"({"a":null,"b":true,"c":false,"d":[],"e":{}})"},
      {R"({"a":0.1000000000000000055511151231257827})", R"({"a":0.1})"}};
  for (const auto& [in, out] : table) {
    auto canonical = CanonicalObject(in);
    ASSERT_TRUE(Ok(canonical)) << in;
    EXPECT_EQ(*canonical, out);
    EXPECT_EQ(CanonicalObject(*canonical).value(), out) << "not idempotent";
  }
}

TEST(CanonicalObject, Refusals) {
  const std::vector<std::pair<std::string, const char*>> table = {
      {"", "not valid JSON at byte"},
      {"[]", "a JSON object is needed, not array"},
      {"1", "not number"},
      {"\"a\"", "not string"},
      {"null", "not null"},
      {"{", "not valid JSON"},
      {"{}}", "not valid JSON"},
      {"{} {}", "not valid JSON"},
      {R"({"a":1,})", "not valid JSON"},
      {R"({a:1})", "not valid JSON"},
      {R"({'a':1})", "not valid JSON"},
      {R"({"a":01})", "not valid JSON"},
      {R"({"a":+1})", "not valid JSON"},
      {R"({"a":.5})", "not valid JSON"},
      {R"({"a":NaN})", "not valid JSON"},
      {R"({"a":Infinity})", "not valid JSON"},
      {R"({"a":1} // no)", "not valid JSON"},
      {std::string("{}\0", 3), "a NUL byte"},
      {std::string("{\"a\0\":1}", 8), "a NUL byte"},
      {"{\"a\":\"\n\"}", "not valid JSON"},
      {"{\"a\":\"\xFF\"}", "not valid JSON"},
      {"{\"\xC0\x80\":1}", "not valid JSON"},
      {R"({"a":"\ud800"})", "not valid JSON"},
      {R"({"a":1,"b":2,"a":3})", "member \"a\" appears twice"},
      {R"({"x":{"a":1,"\u0061":3}})", "member \"x.a\" appears twice"},
      {R"({"x":[{},{"a":1,"a":1}]})", "member \"x[1].a\" appears twice"},
      {R"({"build":{"id":18446744073709551616}})",
       "member \"build.id\" is an integer beyond 64 bits: \"18446744073709551616\""},
      {R"({"a":-9223372036854775809})", "integer beyond 64 bits"},
      {R"({"a":[0,123456789012345678901234567890]})", "member \"a[1]\" is an integer"},
      {R"({"a":1e999})", "member \"a\" is a number beyond a double"},
      {R"({"a":-1e999})", "beyond a double"},
      {R"({"a":1e-999})", "too small for a double"}};
  for (const auto& [in, says] : table) EXPECT_TRUE(Refused(CanonicalObject(in), says)) << in;
  EXPECT_TRUE(Ok(CanonicalObject(R"({"a":0e-999,"b":0.0})")));
}

TEST(CanonicalObject, RefusalsDoNotRepeatInputThatIsNoText) {
  // The library's message ends with what it read, and this looks like the end of the message.
  for (const std::string& bad : {std::string("\xDC"), std::string(200, 'x') + "\n"}) {
    const auto result = CanonicalObject("{\"a\":\"; expected b" + bad + "\"}");
    ASSERT_FALSE(result.ok());
    EXPECT_TRUE(IsValidUtf8(result.error().message));
    EXPECT_LT(result.error().message.size(), 200u) << result.error().message;
  }
}

TEST(CanonicalObject, DepthLimitIsExact) {
  const auto nested = [](std::size_t depth) {
    std::string text = "1";
    for (std::size_t i = 0; i < depth; ++i) text = "{\"a\":" + text + "}";
    return text;
  };
  EXPECT_TRUE(Ok(CanonicalObject(nested(kJsonDepthMax))));
  EXPECT_TRUE(Refused(CanonicalObject(nested(kJsonDepthMax + 1)), "nested deeper than 64"));
  std::string arrays = "{\"a\":" + std::string(63, '[') + std::string(63, ']') + "}";
  EXPECT_TRUE(Ok(CanonicalObject(arrays)));
  arrays = "{\"a\":" + std::string(64, '[') + std::string(64, ']') + "}";
  EXPECT_TRUE(Refused(CanonicalObject(arrays), "nested deeper than 64"));
}

TEST(CanonicalObject, HostileNestingDoesNotOverflowTheStack) {
  const std::size_t mebibyte = 1u << 20;
  EXPECT_TRUE(Refused(CanonicalObject(std::string(mebibyte, '['))));
  EXPECT_TRUE(Refused(CanonicalObject("{\"a\":" + std::string(mebibyte, '['))));
  std::string objects;
  for (std::size_t i = 0; i < mebibyte / 5; ++i) objects += "{\"a\":";
  EXPECT_TRUE(Refused(CanonicalObject(objects), "nested deeper"));
}

TEST(CanonicalObject, SizeLimits) {
  const std::string fits = R"({"k":")" + std::string(kEntryBytesMax - 8, 'x') + R"("})";
  ASSERT_EQ(fits.size(), kEntryBytesMax);
  EXPECT_TRUE(Ok(CanonicalObject(fits)));
  EXPECT_TRUE(Ok(CanonicalObject(" " + fits)));
  const std::string over = R"({"k":")" + std::string(kEntryBytesMax - 7, 'x') + R"("})";
  EXPECT_TRUE(Fails(CanonicalObject(over), ErrorCode::kTooLarge, "1048577 bytes"));
  EXPECT_TRUE(Fails(CanonicalObject(" " + over), ErrorCode::kTooLarge, "1048577 bytes"));
  EXPECT_TRUE(
      Fails(CanonicalObject(std::string(kJsonTextBytesMax, ' ') + "{}"), ErrorCode::kTooLarge, "the JSON text"));
}

TEST(PlainCanonicalObject, AcceptsWhatIsCommon) {
  for (const std::string& text : std::vector<std::string>{
           "{}", R"({"a":1})", R"({"a":-17,"b":"text","c":[1,"x",null],"d":{"e":true,"f":false}})",
           R"({"org.opencontainers.image.title":"app"})", "{\"k\":\"\xC3\xA9\"}", R"({"a":999999999999999999})"}) {
    EXPECT_TRUE(IsPlainCanonicalObject(text)) << text;
  }
}

TEST(PlainCanonicalObject, RefusesWhatIsNotCanonical) {
  for (const std::string& text : std::vector<std::string>{"",
                                                          "{",
                                                          "}",
                                                          "[]",
                                                          "{} ",
                                                          " {}",
                                                          "{}{}",
                                                          R"({"a": 1})",
                                                          R"({"a":1 })",
                                                          R"({"b":1,"a":1})",
                                                          R"({"a":1,"a":1})",
                                                          R"({"a":01})",
                                                          R"({"a":-0})",
                                                          R"({"a":-})",
                                                          R"({"a":1.5})",
                                                          R"({"a":1e5})",
                                                          R"({"a":tru})",
                                                          R"({"a":"\u0041"})",
                                                          R"({"a"})",
                                                          R"({"a":})",
                                                          R"({"a":1,})",
                                                          R"({,})",
                                                          "{\"a\":\"\x01\"}",
                                                          "{\"a\":\"\xFF\"}",
                                                          R"({"a":"b)",
                                                          R"({"a":[1,]})",
                                                          R"({"a":[1)",
                                                          R"({1:2})",
                                                          R"({"a":1}x)"}) {
    EXPECT_FALSE(IsPlainCanonicalObject(text)) << text;
  }
}

RC_GTEST_PROP(CanonicalObject, EqualsTheSortedDumpAndIsIdempotent, ()) {
  const Json object = AnyObject(3);
  auto canonical = CanonicalObject(Spaced(object));
  RC_ASSERT(canonical.ok());
  RC_ASSERT(*canonical == object.dump());
  RC_ASSERT(CanonicalObject(*canonical).value() == *canonical);
}

// The shortcut must never say yes where the tree would write something else.
RC_GTEST_PROP(PlainCanonicalObject, AgreesWithTheTreeOnChangedTexts, ()) {
  std::string text = AnyObject(3).dump();
  const std::string letters = "{}[]\",:0123456789-+.eEtruefalsn\\ \x01\xC3\xA9";
  const auto changes = *rc::gen::inRange(0, 3);
  for (int i = 0; i < changes && !text.empty(); ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    const char letter = *rc::gen::elementOf(letters);
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        text[at] = letter;
        break;
      case 1:
        text.insert(at, 1, letter);
        break;
      default:
        text.erase(at, 1);
    }
  }
  const bool plain = IsPlainCanonicalObject(text);
  RC_CLASSIFY(plain);
  if (!plain) return;
  auto by_tree = CanonicalObjectByTree(text);
  RC_ASSERT(by_tree.ok());
  RC_ASSERT(*by_tree == text);
}

// And every short text over the alphabet that matters, exhaustively.
TEST(PlainCanonicalObject, AgreesWithTheTreeOnAllShortTexts) {
  const std::string alphabet = "{}\"a:,10-[]";
  std::vector<std::string> texts = {""};
  std::size_t accepted = 0;
  for (int length = 1; length <= 5; ++length) {
    std::vector<std::string> longer;
    for (const std::string& text : texts) {
      for (const char c : alphabet) longer.push_back(text + c);
    }
    texts = std::move(longer);
    for (const std::string& middle : texts) {
      const std::string text = "{\"a" + middle + "}";
      if (!IsPlainCanonicalObject(text)) continue;
      ++accepted;
      ASSERT_EQ(CanonicalObjectByTree(text).value(), text);
    }
  }
  EXPECT_GT(accepted, 10u);
}

TEST(MergePatch, ExamplesOfRfc7396) {
  // Appendix A; values that are no objects are merged as a member.
  const std::vector<std::array<const char*, 3>> table = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"a":1,"e":null})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"}};
  for (const auto& [original, patch, expected] : table) {
    const auto member = [](const std::string& value) { return "{\"x\":" + value + "}"; };
    auto merged = MergePatch(member(original), member(patch));
    ASSERT_TRUE(Ok(merged)) << original << ' ' << patch;
    EXPECT_EQ(*merged, member(expected)) << original << ' ' << patch;
    if (original[0] != '{' || patch[0] != '{') continue;
    EXPECT_EQ(MergePatch(original, patch).value(), expected);
  }
  EXPECT_EQ(MergePatch(R"({"x":{"a":"foo"}})", R"({"x":null})").value(), "{}");
}

TEST(MergePatch, RefusesWhatIsNoObjectAndWhatGrowsTooLarge) {
  EXPECT_TRUE(Refused(MergePatch("{}", "[]"), "object is needed"));
  EXPECT_TRUE(Refused(MergePatch("[]", "{}"), "object is needed"));
  EXPECT_TRUE(Refused(MergePatch("{}", R"({"a":1,"a":2})"), "appears twice"));
  const std::string half(600'000, 'x');
  EXPECT_TRUE(
      Fails(MergePatch(R"({"a":")" + half + R"("})", R"({"b":")" + half + R"("})"), ErrorCode::kTooLarge, "bytes"));
}

RC_GTEST_PROP(MergePatch, IsCanonicalAndFollowsTheRfc, ()) {
  const Json target = AnyObject(3);
  const Json patch = AnyObject(3);
  const std::string merged = MergePatch(target.dump(), patch.dump()).value();
  RC_ASSERT(CanonicalObject(merged).value() == merged);
  const Json result = Json::parse(merged);
  for (const auto& item : patch.items()) {
    if (item.value().is_null()) {
      RC_ASSERT(!result.contains(item.key()));
    } else if (!item.value().is_object()) {
      RC_ASSERT(result.at(item.key()) == item.value());
    }
  }
  for (const auto& item : target.items()) {
    if (!patch.contains(item.key())) RC_ASSERT(result.at(item.key()) == item.value());
  }
  RC_ASSERT(MergePatch(merged, patch.dump()).value() == merged);
}

}  // namespace
}  // namespace tenure::model
