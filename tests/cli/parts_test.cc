// The parts of the command line that are values: progress with a clock of its own, cells, numbers, lines.
#include <unistd.h>

#include "cli/line_reader.h"
#include "cli/output.h"
#include "cli/parse.h"
#include "cli/progress.h"
#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr std::uint64_t kSecond = 1'000'000'000;

struct Screen {
  std::uint64_t now = 5 * kSecond;
  std::vector<std::string> writes;
  cli::Progress::Options Options(std::size_t width = 80) {
    cli::Progress::Options options;
    options.enabled = true;
    options.width = width;
    options.now_ns = [this] { return now; };
    options.write = [this](std::string_view text) { writes.emplace_back(text); };
    return options;
  }
};

TEST(Annotations, NestingIsLimited) {
  // Far more members than the stack has frames for, in one argument.
  const auto nested = [](std::size_t outer) {
    std::string assignment;
    for (std::size_t i = 0; i < outer; ++i) assignment += "a.";
    return cli::AnnotationsOf({assignment + "a=1"});
  };
  EXPECT_TRUE(nested(63).ok());
  for (const std::size_t outer : {64u, 60'000u, 1'000'000u}) {
    const auto refused = nested(outer);
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().message, HasSubstr("more than 64 levels"));
  }
}

TEST(Progress, NothingDuringTheFirstSecond) {
  Screen screen;
  cli::Progress progress("work", screen.Options());
  screen.now += kSecond - 1;
  progress.Update(1, 10);
  EXPECT_TRUE(screen.writes.empty());
  screen.now += 1;
  progress.Update(5, 10);
  ASSERT_EQ(screen.writes.size(), 1u);
  EXPECT_THAT(screen.writes[0], HasSubstr("work  50% [####################....................]"));
}

TEST(Progress, AtMostTenTimesASecondAndErasedAtTheEnd) {
  Screen screen;
  {
    cli::Progress progress("work", screen.Options());
    screen.now += kSecond;
    for (int i = 0; i < 1000; ++i) {
      progress.Update(static_cast<std::uint64_t>(i), 1000);
      screen.now += kSecond / 1000;
    }
    EXPECT_EQ(screen.writes.size(), 10u);
  }
  EXPECT_EQ(screen.writes.back(), "\r\033[K");
}

TEST(Progress, ShortWorkDrawsAndErasesNothing) {
  Screen screen;
  { cli::Progress progress("work", screen.Options()); }
  EXPECT_TRUE(screen.writes.empty());
}

TEST(Progress, UnknownTotalNarrowTerminalAndMoreThanAll) {
  Screen screen;
  cli::Progress progress("work", screen.Options(12));
  screen.now += kSecond;
  progress.Update(77, 0);
  EXPECT_THAT(screen.writes.back(), EndsWith("work 77"));
  screen.now += kSecond;
  progress.Update(11, 10);
  EXPECT_THAT(screen.writes.back(), EndsWith("work 100%"));
}

TEST(Progress, DisabledAsksNoClock) {
  cli::Progress::Options options;  // no clock, no sink: either would crash
  cli::Progress progress("work", options);
  progress.Update(1, 2);
}

TEST(Cells, ControlCharactersBecomeVisible) {
  EXPECT_EQ(cli::Printable("a\033[2Jb\x7f"), "a\\x1b[2Jb\\x7f");
  EXPECT_EQ(cli::Printable("caf\xc3\xa9 \xc2\x9b"), "caf\xc3\xa9 \\x9b");
  EXPECT_EQ(cli::TsvCell("a\tb\nc\\d\r"), "a\\tb\\nc\\\\d\\r");
  EXPECT_EQ(cli::DisplayWidth("caf\xc3\xa9…"), 5u);
  EXPECT_EQ(cli::HumanBytes(1023), "1023 B");
  EXPECT_EQ(cli::HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(cli::ShortDigest("sha256:0123456789abcdef"), "sha256:0123456789ab…");
  EXPECT_EQ(cli::ShortDigest("none"), "none");
}

TEST(Parse, Counts) {
  EXPECT_EQ(*cli::ParseCount("18446744073709551615", "n"), UINT64_MAX);
  for (const char* bad : {"", " 1", "1 ", "+1", "-1", "0x1", "1e3", "18446744073709551616"}) {
    EXPECT_FALSE(cli::ParseCount(bad, "n").ok()) << bad;
  }
}

TEST(Parse, EscapedGlobsMatchLiterally) { EXPECT_EQ(cli::EscapeGlob("a*b?[c]"), "a[*]b[?][[]c]"); }

std::vector<std::string> LinesOf(const std::string& content, std::size_t line_bytes_max) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/f";
  WriteFile(path, content);
  auto reader = cli::LineReader::Open(path, line_bytes_max);
  EXPECT_TRUE(reader.ok());
  std::vector<std::string> lines;
  std::string_view line;
  for (;;) {
    const auto kind = reader->Next(line);
    EXPECT_TRUE(kind.ok());
    if (!kind.ok() || *kind == cli::LineReader::Kind::kEnd) return lines;
    const bool too_long = *kind == cli::LineReader::Kind::kTooLong;
    lines.push_back(std::to_string(reader->number()) + (too_long ? " too long" : " " + std::string(line)));
  }
}

TEST(LineReader, EndsAndLimits) {
  EXPECT_THAT(LinesOf("", 10), ElementsAre());
  EXPECT_THAT(LinesOf("a", 10), ElementsAre("1 a"));
  EXPECT_THAT(LinesOf("a\r\n\nb\n", 10), ElementsAre("1 a", "2 ", "3 b"));
  EXPECT_THAT(LinesOf("12345\n123456\n12345\r\n123456", 5),
              ElementsAre("1 12345", "2 too long", "3 12345", "4 too long"));
}

TEST(LineReader, EveryLengthAroundTheBuffer) {
  for (std::size_t length = (64u << 10) - 3; length < (64u << 10) + 4; ++length) {
    const std::string line(length, 'x');
    EXPECT_THAT(LinesOf(line + "\ny\n", length), ElementsAre("1 " + line, "2 y"));
    EXPECT_THAT(LinesOf(line + "\ny\n", length - 1), ElementsAre("1 too long", "2 y"));
    EXPECT_THAT(LinesOf(line + "\r\ny", length), ElementsAre("1 " + line, "2 y"));
  }
}

}  // namespace
}  // namespace tenure::testing
