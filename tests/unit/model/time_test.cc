#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "model_testing.h"
#include "store/model/json.h"

namespace tenure::model {
namespace {

using namespace testing;

constexpr TimeMs kFirst = -62'167'219'200'000;  // 0000-01-01T00:00:00.000Z
constexpr TimeMs kLast = 253'402'300'799'999;   // 9999-12-31T23:59:59.999Z

TEST(Time, KnownInstants) {
  const std::vector<std::pair<TimeMs, const char*>> table = {{0, "1970-01-01T00:00:00.000Z"},
                                                             {-1, "1969-12-31T23:59:59.999Z"},
                                                             {1'767'323'045'678, "2026-01-02T03:04:05.678Z"},
                                                             {951'782'400'000, "2000-02-29T00:00:00.000Z"},
                                                             {4'107'542'400'000, "2100-03-01T00:00:00.000Z"},
                                                             {kFirst, "0000-01-01T00:00:00.000Z"},
                                                             {kLast, "9999-12-31T23:59:59.999Z"}};
  for (const auto& [ms, text] : table) {
    EXPECT_EQ(FormatTime(ms), text);
    EXPECT_EQ(ParseTime(text).value(), ms) << text;
  }
}

TEST(Time, ParsesOffsetsAndFractions) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"},
      {"2026-01-02t03:04:05z", "2026-01-02T03:04:05.000Z"},
      {"2026-01-02 03:04:05+00:00", "2026-01-02T03:04:05.000Z"},
      {"2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000Z"},
      {"2026-01-01T00:30:00-23:59", "2026-01-02T00:29:00.000Z"},
      {"2026-01-02T03:04:05.6Z", "2026-01-02T03:04:05.600Z"},
      {"2026-01-02T03:04:05.6789999999Z", "2026-01-02T03:04:05.678Z"},
      {"1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"},
      {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"},
      {"2017-01-01T00:59:60+01:00", "2017-01-01T00:00:00.000Z"},
      {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"}};
  for (const auto& [text, utc] : table) {
    auto ms = ParseTime(text);
    ASSERT_TRUE(Ok(ms)) << text;
    EXPECT_EQ(FormatTime(*ms), utc) << text;
  }
}

TEST(Time, Bad) {
  const std::vector<std::pair<const char*, const char*>> table = {{"", "not an RFC 3339 time"},
                                                                  {"2026-01-02", "not an RFC 3339 time"},
                                                                  {"26-01-02T03:04:05Z", "not an RFC 3339 time"},
                                                                  {"2026-1-2T03:04:05Z", "not an RFC 3339 time"},
                                                                  {"2026-01-02T03:04Z", "not an RFC 3339 time"},
                                                                  {"2026-01-02T03:04:05.Z", "not an RFC 3339 time"},
                                                                  {"2026-01-02T03:04:05,5Z", "malformed offset"},
                                                                  {"2026-01-02T03:04:05", "has no offset"},
                                                                  {"2026-01-02T03:04:05.678", "has no offset"},
                                                                  {"2026-01-02T03:04:05+1:00", "malformed offset"},
                                                                  {"2026-01-02T03:04:05+0100", "malformed offset"},
                                                                  {"2026-01-02T03:04:05+24:00", "malformed offset"},
                                                                  {"2026-01-02T03:04:05+01:60", "malformed offset"},
                                                                  {"2026-01-02T03:04:05Zulu", "malformed offset"},
                                                                  {"2026-01-02T03:04:05 Z", "malformed offset"},
                                                                  {"2026-00-02T03:04:05Z", "no such day"},
                                                                  {"2026-13-02T03:04:05Z", "no such day"},
                                                                  {"2026-02-29T03:04:05Z", "no such day"},
                                                                  {"1900-02-29T03:04:05Z", "no such day"},
                                                                  {"2026-04-31T03:04:05Z", "no such day"},
                                                                  {"2026-01-00T03:04:05Z", "no such day"},
                                                                  {"2026-01-02T24:00:00Z", "no such time"},
                                                                  {"2026-01-02T03:60:00Z", "no such time"},
                                                                  {"2026-01-02T03:04:60Z", "no such time"},
                                                                  {"2026-01-02T03:04:61Z", "no such time"},
                                                                  {"0000-01-01T00:00:00+00:01", "not within the years"},
                                                                  {"9999-12-31T23:59:59-00:01", "not within the years"},
                                                                  {"9999-12-31T23:59:60Z", "not within the years"}};
  EXPECT_EQ(FormatTime(*ParseTime("0000-01-01T00:00:00Z")), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatTime(*ParseTime("9999-12-31T23:59:59.999Z")), "9999-12-31T23:59:59.999Z");
  for (const auto& [text, says] : table) EXPECT_TRUE(Refused(ParseTime(text), says)) << text;
}

TEST(Time, AnyValueFormats) {
  EXPECT_EQ(FormatTime(std::numeric_limits<TimeMs>::max()), "292278994-08-17T07:12:55.807Z");
  EXPECT_EQ(FormatTime(std::numeric_limits<TimeMs>::min()), "-292275055-05-16T16:47:04.192Z");
}

RC_GTEST_PROP(Time, RoundTripsAndKeepsOrder, ()) {
  const TimeMs a = *rc::gen::inRange<TimeMs>(kFirst, kLast + 1);
  const TimeMs b = *rc::gen::inRange<TimeMs>(kFirst, kLast + 1);
  RC_ASSERT(ParseTime(FormatTime(a)).value() == a);
  RC_ASSERT((a < b) == (FormatTime(a) < FormatTime(b)));
}

TEST(Duration, GoodAndBad) {
  const std::vector<std::pair<const char*, std::uint64_t>> good = {{"0", 0},
                                                                   {"30", 30'000},
                                                                   {"250ms", 250},
                                                                   {"30s", 30'000},
                                                                   {"5m", 300'000},
                                                                   {"2h", 7'200'000},
                                                                   {"007s", 7'000},
                                                                   {"18446744073709551615ms", UINT64_MAX},
                                                                   {"18446744073709551", 18'446'744'073'709'551'000u}};
  for (const auto& [text, ms] : good) EXPECT_EQ(ParseDurationMs(text).value(), ms) << text;
  const std::vector<std::pair<const char*, const char*>> bad = {{"", "does not begin with a number"},
                                                                {"s", "does not begin with a number"},
                                                                {"-1s", "does not begin with a number"},
                                                                {" 1s", "does not begin with a number"},
                                                                {"1 s", "unknown unit \" s\""},
                                                                {"1.5s", "unknown unit \".5s\""},
                                                                {"1d", "unknown unit"},
                                                                {"1S", "unknown unit"},
                                                                {"1sec", "unknown unit"},
                                                                {"18446744073709551616ms", "too long"},
                                                                {"18446744073709552", "too long"},
                                                                {"99999999999999999999999h", "too long"}};
  for (const auto& [text, says] : bad) EXPECT_TRUE(Refused(ParseDurationMs(text), says)) << text;
}

}  // namespace
}  // namespace tenure::model
