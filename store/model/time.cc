// RFC 3339 times and durations. Calendar arithmetic after Howard Hinnant, "chrono-Compatible
// Low-Level Date Algorithms" (days_from_civil, civil_from_days): exact, no time zone, no locale.
#include <array>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>

#include "store/model/json.h"
#include "store/model/refusal.h"

namespace tenure::model {
namespace {

constexpr std::int64_t kMsPerSecond = 1000;
constexpr std::int64_t kMsPerDay = 86'400'000;
constexpr std::int64_t kFirstSecond = -62'167'219'200;  // 0000-01-01T00:00:00Z
constexpr std::int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z
constexpr const char* kTimeHint =
    "write it as 2026-01-02T03:04:05Z or with an offset, such as 2026-01-02T03:04:05+01:00";
constexpr const char* kDurationHint =
    "write a whole number and ms, s, m or h, such as \"250ms\"; a bare number is seconds";

struct Date {
  std::int64_t year;
  unsigned month;  // 1 to 12
  unsigned day;    // 1 to 31
};

std::int64_t DaysFromCivil(Date d) {
  const std::int64_t y = d.year - (d.month <= 2 ? 1 : 0);
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(y - era * 400);
  const unsigned day_of_year = (153 * (d.month + (d.month > 2 ? -3u : 9u)) + 2) / 5 + d.day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + static_cast<std::int64_t>(day_of_era) - 719'468;
}

Date CivilFromDays(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted_month = (5 * day_of_year + 2) / 153;
  const unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const std::int64_t year = static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0);
  return {year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

unsigned DaysInMonth(std::int64_t year, unsigned month) {
  constexpr std::array<unsigned, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

// Takes fixed pieces off the front of a text; the first that does not fit makes it not ok.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  bool ok() const { return ok_; }
  bool done() const { return rest_.empty(); }
  char Peek() const { return rest_.empty() ? '\0' : rest_.front(); }

  unsigned Digits(std::size_t count) {
    unsigned value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const char c = Peek();
      if (c < '0' || c > '9') return ok_ = false, 0;
      value = value * 10 + static_cast<unsigned>(c - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  /// One of `accepted`; '\0' when there is none.
  char OneOf(std::string_view accepted) {
    const char c = Peek();
    if (c == '\0' || accepted.find(c) == std::string_view::npos) return ok_ = false, '\0';
    rest_.remove_prefix(1);
    return c;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

/// ".678" and longer, cut to milliseconds (never rounded up into another second).
unsigned Milliseconds(Scanner& in) {
  if (in.Peek() != '.') return 0;
  in.OneOf(".");
  unsigned ms = in.Digits(1) * 100;
  unsigned weight = 10;
  while (in.ok() && in.Peek() >= '0' && in.Peek() <= '9') {
    ms += in.Digits(1) * weight;
    weight /= 10;
  }
  return ms;
}

/// "Z" or "+hh:mm", in minutes; -1440 when there is none.
constexpr int kNoOffset = -1440;
int OffsetMinutes(Scanner& in) {
  const char sign = in.OneOf("Zz+-");
  if (sign == 'Z' || sign == 'z') return 0;
  const unsigned hours = in.Digits(2);
  in.OneOf(":");
  const unsigned minutes = in.Digits(2);
  if (!in.ok() || hours > 23 || minutes > 59) return kNoOffset;
  const int total = static_cast<int>(hours * 60 + minutes);
  return sign == '-' ? -total : total;
}

Error BadTime(std::string_view text, const char* rule) {
  return Invalid("time " + Shown(text) + " " + rule, kTimeHint);
}

}  // namespace

std::string FormatTime(TimeMs ms) {
  std::int64_t days = ms / kMsPerDay;
  std::int64_t rest = ms % kMsPerDay;
  if (rest < 0) {
    rest += kMsPerDay;
    --days;
  }
  const Date d = CivilFromDays(days);
  const auto of_day = static_cast<unsigned>(rest);
  char text[64];
  const int length =
      std::snprintf(text, sizeof text, "%04lld-%02u-%02uT%02u:%02u:%02u.%03uZ", static_cast<long long>(d.year), d.month,
                    d.day, of_day / 3'600'000, of_day / 60'000 % 60, of_day / 1000 % 60, of_day % 1000);
  return {text, static_cast<std::size_t>(length)};
}

Result<TimeMs> ParseTime(std::string_view text) {
  Scanner in(text);
  const unsigned year = in.Digits(4);
  in.OneOf("-");
  const unsigned month = in.Digits(2);
  in.OneOf("-");
  const unsigned day = in.Digits(2);
  in.OneOf("Tt ");
  const unsigned hour = in.Digits(2);
  in.OneOf(":");
  const unsigned minute = in.Digits(2);
  in.OneOf(":");
  const unsigned second = in.Digits(2);
  const unsigned ms = Milliseconds(in);
  if (!in.ok()) return BadTime(text, "is not an RFC 3339 time");
  if (in.done()) return BadTime(text, "has no offset");
  const int offset = OffsetMinutes(in);
  if (!in.ok() || offset == kNoOffset || !in.done()) return BadTime(text, "has a malformed offset");
  if (month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month)) return BadTime(text, "names no such day");
  // A leap second is the first instant of the next minute, as POSIX counts.
  if (hour > 23 || minute > 59 || second > 60) return BadTime(text, "names no such time of day");
  const std::int64_t days = DaysFromCivil({year, month, day});
  const std::int64_t seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second;
  if (second == 60 && ((seconds % 86'400) + 86'400) % 86'400 != 0) return BadTime(text, "names no such time of day");
  // An offset can lead out of the years that can be written, and then what was read could not be printed.
  if (seconds < kFirstSecond || seconds > kLastSecond)
    return BadTime(text, "is not within the years 0000 to 9999 in UTC");
  return seconds * kMsPerSecond + ms;
}

Result<std::uint64_t> ParseDurationMs(std::string_view text) {
  std::size_t digits = 0;
  std::uint64_t value = 0;
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  bool overflow = false;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    const auto digit = static_cast<std::uint64_t>(text[digits] - '0');
    overflow = overflow || value > (kMax - digit) / 10;
    if (!overflow) value = value * 10 + digit;
  }
  if (digits == 0) return Invalid("duration " + Shown(text) + " does not begin with a number", kDurationHint);
  const std::string_view unit = text.substr(digits);
  std::uint64_t factor = 0;
  if (unit == "ms") factor = 1;
  if (unit.empty() || unit == "s") factor = 1000;
  if (unit == "m") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  if (factor == 0) return Invalid("duration " + Shown(text) + " has an unknown unit " + Shown(unit), kDurationHint);
  if (overflow || value > kMax / factor) return Invalid("duration " + Shown(text) + " is too long", kDurationHint);
  return value * factor;
}

}  // namespace tenure::model
