// tenure watch, tenure cursors: real processes that write, follow, are killed and go on.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <thread>

#include "tests/cli/fixture.h"

namespace tenure::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class WatchCli : public StoreTest {
 protected:
  /// Lines for 'apply --each': entries of `writer`, from number `first` on.
  static std::string Puts(const std::string& writer, int first, int count) {
    std::string lines;
    for (int i = first; i < first + count; ++i) {
      lines += R"({"op":"put","name":")" + writer + R"(","version":")" + std::to_string(i) + "\"}\n";
    }
    return lines;
  }
  std::vector<std::string> Log(const std::string& from = "1") const {
    return SplitLines(Ok({"log", "--from", from, "--format", "jsonl"}));
  }
  /// Reads `count` lines.
  static std::vector<std::string> Read(Child& child, std::size_t count) {
    std::vector<std::string> lines;
    while (lines.size() < count) {
      lines.push_back(child.ReadLine());
      if (lines.back().empty()) break;
    }
    return lines;
  }
  std::uint64_t Position(const std::string& cursor) const {
    for (const Json& one : OkJson({"cursors", "list"})) {
      if (one.at("name") == cursor) return one.at("position");
    }
    return 0;
  }
  /// Until the cursor is there and has moved to `lsn`; a defect makes the test run into its time limit.
  void AwaitCursor(const std::string& cursor, std::uint64_t lsn) const {
    while (Position(cursor) < lsn) ::usleep(5'000);
  }
};

TEST_F(WatchCli, PrintsWhatTheLogPrints) {
  Ok({"apply", "--each"}, Puts("a", 0, 5));
  Ok({"tag", "set", "a@prod", "3"});
  Ok({"rm", "a:0"});
  EXPECT_EQ(SplitLines(Ok({"watch", "--from", "1", "--until", "7"})), Log());
  EXPECT_EQ(SplitLines(Ok({"watch", "--from", "3", "--until", "7"})), Log("3"));
  EXPECT_EQ(SplitLines(Ok({"watch", "--from", "1", "--count", "2"})).size(), 2u);
  EXPECT_EQ(SplitLines(Ok({"watch", "--from", "1", "--until", "7", "a:[34]"})).size(), 2u);
  EXPECT_EQ(Ok({"watch", "--from", "7", "--until", "3"}), "");
  // JSON Lines in every format.
  EXPECT_EQ(Ok({"watch", "--from", "1", "--count", "2", "--format", "table"}),
            Ok({"watch", "--from", "1", "--count", "2", "--json"}));
}

TEST_F(WatchCli, RefusesWhatItCannotDo) {
  Fails({"watch", "--from", "0"}, 2, "invalid_argument");
  Fails({"watch", "--until", "0"}, 2, "invalid_argument");
  Fails({"watch", "--count", "0"}, 2, "invalid_argument");
  Fails({"watch", "--from", "x"}, 2, "invalid_argument");
  Fails({"watch", "["}, 2, "invalid_argument");
  Fails({"watch", "--cursor", "no name"}, 2, "invalid_argument");
  Fails({"watch", "--cursor", ""}, 2, "invalid_argument");
  Fails({"cursors", "rm", "none"}, 4, "not_found");
  Fails({"cursors", "rm", "none", "-n"}, 4, "not_found");
  EXPECT_EQ(OkJson({"cursors", "list"}).size(), 0u) << "nothing of that made a cursor";
}

TEST_F(WatchCli, SignalsEndIt) {
  Ok({"put", "a:1"});
  for (const auto& [signal, status] : {std::pair(SIGINT, 130), std::pair(SIGTERM, 143)}) {
    for (const bool with_cursor : {false, true}) {
      std::vector<std::string> arguments = {"watch", "--from", "1"};
      if (with_cursor) arguments.insert(arguments.end(), {"--cursor", "c" + std::to_string(signal)});
      Child child(Command(arguments));
      EXPECT_EQ(ParseJson(child.ReadLine())["key"], "a:1");
      child.Signal(signal);
      const Finished finished = child.WaitForEnd();
      EXPECT_EQ(finished.status, status) << finished.err;
      EXPECT_EQ(finished.err, "");
      if (!with_cursor) continue;
      EXPECT_GE(Position("c" + std::to_string(signal)), 1u) << "what was printed is acknowledged";
    }
  }
}

TEST_F(WatchCli, EndsQuietlyWhenNobodyReadsAnyMore) {
  Child child(Command({"watch", "--from", "1", "--cursor", "mirror"}));
  Ok({"put", "a:1"});
  EXPECT_EQ(ParseJson(child.ReadLine())["key"], "a:1");
  AwaitCursor("mirror", 2);
  child.CloseOutput();
  Ok({"put", "a:2"});
  const Finished finished = child.WaitForEnd();
  EXPECT_EQ(finished.status, 141);
  EXPECT_EQ(finished.err, "");
  // What could not be printed is not acknowledged.
  EXPECT_EQ(ParseJson(Ok({"watch", "--cursor", "mirror", "--count", "1"}))["key"], "a:2");
}

TEST_F(WatchCli, SeesEverythingOnceInOrderWhileWritersAreKilled) {
  constexpr int kEach = 400;
  Child watcher(Command({"watch", "--from", "1"}));
  Child one(Command({"apply", "--each", "--window", "16"}));
  Child two(Command({"apply", "--each", "--window", "16"}));
  Child doomed(Command({"apply", "--each", "--window", "16"}));
  // Written by threads: a pipe holds less than that.
  std::thread feeding([&] {
    one.Write(Puts("one", 0, kEach));
    two.Write(Puts("two", 0, kEach));
  });
  std::thread feeding_doomed([&] { doomed.Write(Puts("doomed", 0, 20 * kEach)); });
  Read(doomed, 50);
  doomed.Signal(SIGKILL);  // perhaps in the middle of a commit for the others
  feeding_doomed.join();
  feeding.join();
  std::thread reading([&] { EXPECT_EQ(one.Wait().status, 0); });
  EXPECT_EQ(two.Wait().status, 0);
  reading.join();
  EXPECT_EQ(doomed.WaitForEnd().status, -SIGKILL);
  Ok({"put", "last:1"});
  const std::vector<std::string> log = Log();
  EXPECT_EQ(Read(watcher, log.size()), log);
  std::size_t acknowledged = 0;
  for (std::size_t i = 0; i < log.size(); ++i) {
    const Json event = ParseJson(log[i]);
    EXPECT_EQ(event["lsn"], i + 1);
    const std::string key = event["key"];
    acknowledged += key.rfind("one:", 0) == 0 || key.rfind("two:", 0) == 0 ? 1 : 0;
  }
  EXPECT_EQ(acknowledged, 2u * kEach);
  Ok({"verify"});
}

TEST_F(WatchCli, AKilledWatchGoesOnWithoutAGap) {
  std::vector<std::string> seen;
  Child writer(Command({"apply", "--each"}));
  const auto commit = [&](int first, int count) {
    writer.Write(Puts("w", first, count));
    Read(writer, static_cast<std::size_t>(count));
  };
  for (int round = 0; round < 4; ++round) {
    Child watcher(Command({"watch", "w", "--cursor", "mirror"}));
    AwaitCursor("mirror", 1);
    commit(20 * round, 10);
    // Killed with some of it printed, and perhaps journaled.
    for (const std::string& line : Read(watcher, 5)) seen.push_back(ParseJson(line)["key"]);
    watcher.Signal(SIGKILL);
    const Finished killed = watcher.WaitForEnd();
    EXPECT_EQ(killed.status, -SIGKILL);
    // What was flushed is handed over, though nobody had read it yet. A half line was not.
    const std::string whole = killed.out.substr(0, killed.out.rfind('\n') + 1);
    for (const Json& event : ParseLines(whole)) seen.push_back(event["key"]);
    commit(20 * round + 10, 10);
  }
  EXPECT_EQ(writer.Wait().status, 0);
  // The last one reads to the end. What was printed and not journaled comes again.
  const std::string last = OkJson({"stats"})["durable_lsn"].dump();
  for (const Json& event : ParseLines(Ok({"watch", "w", "--cursor", "mirror", "--until", last})))
    seen.push_back(event["key"]);
  std::set<std::string> keys(seen.begin(), seen.end());
  EXPECT_EQ(keys.size(), 80u);
  // Each run is in order and begins no later than behind what the one before had printed.
  std::uint64_t next = 0;
  for (const std::string& key : seen) {
    const std::uint64_t number = std::stoull(key.substr(2));
    EXPECT_LE(number, next) << "a gap before " << key;
    next = number + 1;
  }
  EXPECT_EQ(next, 80u);
}

TEST_F(WatchCli, CursorsAreListedAndRemoved) {
  Ok({"put", "a:1"});
  EXPECT_EQ(Ok({"watch", "--cursor", "mirror", "--until", "1"}), "") << "a cursor begins at now, and that is behind 1";
  Ok({"put", "a:2"});
  const Json cursor = OkJson({"cursors", "list"});
  ASSERT_EQ(cursor.size(), 1u);
  EXPECT_EQ(cursor[0]["name"], "mirror");
  EXPECT_EQ(cursor[0]["position"], 2);
  EXPECT_TRUE(cursor[0].contains("movedAt") && cursor[0].contains("writer"));
  EXPECT_THAT(SplitLines(Ok({"cursors", "list"})), ElementsAre(HasSubstr("NAME"), HasSubstr("mirror")));
  EXPECT_THAT(Ok({"cursors", "list", "--format", "tsv"}), ::testing::StartsWith("mirror\t2\t"));
  EXPECT_THAT(Ok({"log", "--from", "2"}), HasSubstr("cursor mirror"));
  EXPECT_EQ(OkJson({"cursors", "rm", "mirror", "-n"})[0]["would"], "delete_cursor");
  EXPECT_EQ(OkJson({"cursors", "list"}).size(), 1u);
  EXPECT_EQ(Ok({"cursors", "rm", "mirror", "-y"}), "removed cursor mirror lsn 4\n");
  EXPECT_EQ(OkJson({"cursors", "list"}).size(), 0u);
  Ok({"verify", "--deep"});
}

TEST_F(WatchCli, CompactSaysWhichCursorHoldsItBack) {
  Ok({"watch", "--cursor", "mirror", "--from", "1", "--until", "1"});
  std::string lines;
  for (int i = 0; i < 30; ++i) {
    lines += R"({"op":"put","name":"much","version":")" + std::to_string(i) + R"(","annotations":{"fill":")" +
             std::string(150'000, 'x') + "\"}}\n";
  }
  Ok({"apply", "--each"}, lines);
  for (const char* dry_run : {"-n", "-y"}) {
    const Json report = OkJson({"compact", dry_run});
    EXPECT_EQ(report["held_by"], "mirror");
    EXPECT_EQ(report["held_lsn"], 2);
    EXPECT_GT(report["segments_held"], 0);
    EXPECT_THAT(Tenure({"compact", dry_run}).err, HasSubstr("cursor mirror still needs lsn "));
  }
  EXPECT_EQ(SplitLines(Ok({"watch", "much", "--cursor", "mirror", "--count", "30"})).size(), 30u);
  Ok({"watch", "--cursor", "other", "--from", "2", "--until", "1"});
  EXPECT_EQ(OkJson({"compact", "-n"})["held_by"], "other");
  Ok({"cursors", "rm", "other"});
  const Json report = OkJson({"compact", "-y"});
  EXPECT_FALSE(report.contains("held_by"));
  EXPECT_GT(report["segments_removed"], 0);
  EXPECT_GT(Fails({"watch", "--from", "1"}, 4, "compacted").at("lsn"), 1);
}

std::uint64_t BytesOf(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

/// The time that passes here is what is tested: that nothing happens in it. Without strace, or where it may not trace,
/// there is nothing to be seen.
TEST_F(WatchCli, MakesNoSystemCallWhileNobodyWrites) {
  const std::string trace = dir() + "/trace";
  Launch launch = Command({"watch", "--from", "1", "--cursor", "mirror", "--count", "2"});
  launch.arguments.insert(launch.arguments.begin(), {"/usr/bin/strace", "-f", "-qq", "-o", trace});
  launch.environment["ASAN_OPTIONS"] = "detect_leaks=0";  // LeakSanitizer cannot look at what is traced
  if (::access("/usr/bin/strace", X_OK) != 0) GTEST_SKIP() << "there is no strace";
  Ok({"put", "a:1"});
  Child watcher(launch);
  const std::string line = watcher.ReadLine();
  if (line.empty()) GTEST_SKIP() << "strace may not trace here: " << watcher.WaitForEnd().err;
  EXPECT_EQ(ParseJson(line)["key"], "a:1");
  AwaitCursor("mirror", 2);  // its last work
  const auto still_for = [&](std::chrono::milliseconds time) {
    const std::uint64_t before = BytesOf(trace);
    std::this_thread::sleep_for(time);
    return BytesOf(trace) == before;
  };
  for (int i = 0; i < 50 && !still_for(std::chrono::milliseconds(100)); ++i) {
  }
  EXPECT_TRUE(still_for(std::chrono::milliseconds(1500))) << ReadFile(trace).substr(BytesOf(trace) - 500);
  // Asleep, not dead.
  Ok({"put", "a:2"});
  EXPECT_EQ(ParseJson(watcher.ReadLine())["key"], "a:2");
  EXPECT_EQ(watcher.WaitForEnd().status, 0) << "by itself: what strace runs would outlive strace";
}

}  // namespace
}  // namespace tenure::testing
