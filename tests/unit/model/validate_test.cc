#include "store/model/validate.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "model_testing.h"
#include "store/model/utf8.h"

namespace tenure::model {
namespace {

using namespace testing;

struct Bad {
  std::string value;
  const char* says;
  ErrorCode code = ErrorCode::kInvalidArgument;
};

TEST(ValidateName, Good) {
  for (const std::string& name : std::vector<std::string>{"a", "release/app", "@scope/pkg", "a/@b/c", "@", "a/@", "...",
                                                          "a/...", ".a", "..a", "a b", "caf\xC3\xA9", "a*[b]?", "a\\b",
                                                          "x+y~z", std::string(512, 'n'), "1/2/3/4/5/6"}) {
    EXPECT_TRUE(Ok(ValidateName(name))) << name;
  }
}

TEST(ValidateName, Bad) {
  const std::vector<Bad> table = {{"", "is empty"},
                                  {"/a", "empty segment"},
                                  {"a/", "empty segment"},
                                  {"a//b", "empty segment"},
                                  {"/", "empty segment"},
                                  {".", "segment"},
                                  {"..", "segment"},
                                  {"./a", "segment"},
                                  {"a/..", "segment"},
                                  {"a/../b", "segment"},
                                  {"a:b", "holds a ':'"},
                                  {":", "holds a ':'"},
                                  {"a@b", "holds an '@'"},
                                  {"a/b@", "holds an '@'"},
                                  {"@@", "holds an '@'"},
                                  {"a\nb", "control character at byte 1"},
                                  {std::string("a\0b", 3), "control character"},
                                  {"a\x7F", "control character"},
                                  {"a\xC2\x85", "control character"},
                                  {"a\xFF", "not valid UTF-8 at byte 1"},
                                  {"\xC0\xAF", "not valid UTF-8"},
                                  {std::string(513, 'n'), "513 bytes", ErrorCode::kTooLarge}};
  for (const Bad& bad : table) EXPECT_TRUE(Fails(ValidateName(bad.value), bad.code, bad.says)) << bad.value;
}

TEST(ValidateVersion, GoodAndBad) {
  for (const std::string& version :
       std::vector<std::string>{"1", "1.4.2", "2:1.0-3", ":", ".", "..", "a+b~c", "\xC3\xA9", std::string(256, 'v')}) {
    EXPECT_TRUE(Ok(ValidateVersion(version))) << version;
  }
  const std::vector<Bad> table = {{"", "is empty"},
                                  {"a/b", "holds a '/' at byte 1"},
                                  {"a@b", "holds an '@'"},
                                  {"a b", "white space"},
                                  {"a\tb", "white space"},
                                  {"a\xC2\xA0", "white space"},
                                  {"\xE2\x80\x83", "white space"},
                                  {"\xE3\x80\x80", "white space"},
                                  {"a\x01", "control character"},
                                  {std::string("\0", 1), "control character"},
                                  {"\xED\xA0\x80", "not valid UTF-8"},
                                  {std::string(257, 'v'), "257 bytes", ErrorCode::kTooLarge}};
  for (const Bad& bad : table) EXPECT_TRUE(Fails(ValidateVersion(bad.value), bad.code, bad.says)) << bad.value;
}

TEST(ValidateTag, GoodAndBad) {
  for (const std::string& tag :
       std::vector<std::string>{"a", "Z", "0", "_", "prod", "v1.2-rc_3", std::string(128, 't')}) {
    EXPECT_TRUE(Ok(ValidateTag(tag))) << tag;
  }
  const std::vector<Bad> table = {{"", "is empty"},
                                  {".a", "may not begin with"},
                                  {"-a", "may not begin with"},
                                  {"a:b", "may not hold \":\""},
                                  {"a/b", "may not hold"},
                                  {"a b", "may not hold"},
                                  {"\xC3\xA9", "may not begin"},
                                  {std::string(129, 't'), "129 bytes", ErrorCode::kTooLarge}};
  for (const Bad& bad : table) EXPECT_TRUE(Fails(ValidateTag(bad.value), bad.code, bad.says)) << bad.value;
}

TEST(ValidateDigest, GoodAndBad) {
  const std::string hex32(32, 'a');
  for (const std::string& digest : {"sha256:" + std::string(64, '0'), "sha384:" + std::string(96, 'f'),
                                    "sha512:" + std::string(128, '9'), "blake3:" + hex32, "sha1+x.y_z-9:" + hex32,
                                    "a:" + std::string(30, 'Z') + "=_-", "b:" + std::string(254, 'x')}) {
    EXPECT_TRUE(Ok(ValidateDigest(digest))) << digest;
  }
  const std::vector<Bad> table = {{"", "names no algorithm"},
                                  {hex32, "names no algorithm"},
                                  {":" + hex32, "names no algorithm"},
                                  {"sha256:", "0 digits"},
                                  {"sha256:" + std::string(63, '0'), "63 digits"},
                                  {"sha256:" + std::string(65, '0'), "65 digits"},
                                  {"sha256:" + std::string(64, 'A'), "lower-case"},
                                  {"sha256:" + std::string(64, 'g'), "lower-case"},
                                  {"sha384:" + std::string(64, '0'), "it needs 96"},
                                  {"sha512:" + std::string(127, '0'), "it needs 128"},
                                  {"SHA256:" + std::string(64, '0'), "outside [a-z0-9+._-]"},
                                  {"md5:" + std::string(31, '0'), "too short"},
                                  {"x:" + std::string(32, '/'), "outside [A-Za-z0-9=_-]"},
                                  {"x:y:" + hex32, "outside [A-Za-z0-9=_-]"},
                                  {"b:" + std::string(255, 'x'), "257 bytes", ErrorCode::kTooLarge}};
  for (const Bad& bad : table) EXPECT_TRUE(Fails(ValidateDigest(bad.value), bad.code, bad.says)) << bad.value;
}

TEST(ValidateTexts, WriterRequestIdMediaTypeUrl) {
  EXPECT_TRUE(Ok(ValidateWriter(std::string(256, 'w'))));
  EXPECT_TRUE(Ok(ValidateWriter("J\xC3\xBCrgen M @ host")));
  EXPECT_TRUE(Refused(ValidateWriter(""), "is empty"));
  EXPECT_TRUE(Refused(ValidateWriter("a\nb"), "control character at byte 1"));
  EXPECT_TRUE(Refused(ValidateWriter("a\xFF"), "not valid UTF-8"));
  EXPECT_TRUE(Fails(ValidateWriter(std::string(257, 'w')), ErrorCode::kTooLarge, "257"));

  EXPECT_TRUE(Ok(ValidateRequestId(std::string(128, 'r'))));
  EXPECT_TRUE(Refused(ValidateRequestId(""), "is empty"));
  EXPECT_TRUE(Refused(ValidateRequestId(std::string("a\0", 2)), "control character"));
  EXPECT_TRUE(Fails(ValidateRequestId(std::string(129, 'r')), ErrorCode::kTooLarge, "129"));

  EXPECT_TRUE(Ok(ValidateMediaType("")));
  EXPECT_TRUE(Ok(ValidateMediaType(std::string(255, 'm'))));
  EXPECT_TRUE(Refused(ValidateMediaType("text/\tplain"), "control character"));
  EXPECT_TRUE(Fails(ValidateMediaType(std::string(256, 'm')), ErrorCode::kTooLarge, "256"));

  EXPECT_TRUE(Ok(ValidateUrl(std::string(8192, 'u'))));
  EXPECT_TRUE(Refused(ValidateUrl(""), "empty"));
  EXPECT_TRUE(Refused(ValidateUrl("https://\r\n"), "control character"));
  EXPECT_TRUE(Fails(ValidateUrl(std::string(8193, 'u')), ErrorCode::kTooLarge, "8193"));
}

TEST(ValidateTexts, RefusalsStayShortAndPrintable) {
  const auto refused = ValidateName(std::string(400, 'a') + "\xFF\n");
  ASSERT_FALSE(refused.ok());
  EXPECT_LT(refused.error().message.size(), 250u);
  EXPECT_TRUE(IsValidUtf8(refused.error().message));
  EXPECT_FALSE(refused.error().hint.empty());
}

TEST(ValidateDigest, EveryByteAtEveryPlaceOfTheDigits) {
  for (const auto& [algorithm, digits] :
       {std::pair("sha256:", 64), std::pair("sha384:", 96), std::pair("sha512:", 128)}) {
    const std::string good = algorithm + std::string(static_cast<std::size_t>(digits), '7');
    for (std::size_t at = 7; at < good.size(); ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string digest = good;
        digest[at] = static_cast<char>(byte);
        const bool hex = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
        ASSERT_EQ(ValidateDigest(digest).ok(), hex) << algorithm << " byte " << byte << " at " << at;
      }
    }
  }
}

TEST(Utf8, PrintableAsciiOfEveryByteAtEveryPlace) {
  for (std::size_t length = 0; length <= 33; ++length) {
    const std::string plain(length, 'x');
    ASSERT_TRUE(IsPrintableAscii(plain)) << length;
    for (std::size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text = plain;
        text[at] = static_cast<char>(byte);
        ASSERT_EQ(IsPrintableAscii(text), byte >= 0x20 && byte <= 0x7E) << byte << " at " << at << " of " << length;
        // Behind it, what borrows and carries would reach.
        if (at + 1 < length) text[at + 1] = '\x20';
        ASSERT_EQ(IsPrintableAscii(text), byte >= 0x20 && byte <= 0x7E) << byte << " at " << at << " of " << length;
      }
    }
  }
}

TEST(Utf8, TableOfTheStandard) {
  for (const std::string& good : std::vector<std::string>{
           "", "ascii only, longer than eight", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
           "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "1234567\xC3\xA9"}) {
    EXPECT_TRUE(IsValidUtf8(good)) << good;
  }
  for (const std::string& bad :
       std::vector<std::string>{"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xE0\xA0",
                                "\xED\xA0\x80", "\xED\xBF\xBF", "\xE1\x80\x41", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                                "\xF5\x80\x80\x80", "\xF0\x90\x80", "\xFE", "\xFF", "12345678\xC3", "1234567\xC3z"}) {
    EXPECT_FALSE(IsValidUtf8(bad)) << bad;
  }
}

}  // namespace
}  // namespace tenure::model
