// kill -9 in what is not writing: somebody goes on beside a stopped applier, replaces the index, copies or repairs the
// store, wakes a watch, makes load. Afterwards the store is as it should be, and whatever was interrupted can be done
// again.
#include <fstream>
#include <iterator>

#include "store/journal/format.h"
#include "tests/crash/fixture.h"

namespace tenure {
namespace {

class CrashBesideAStoppedApplier : public Crash {};

/// The first one has stopped with the turn to apply and SQLite's locks; the second dies while it makes the next
/// generation of the index; the third makes it.
TEST_P(CrashBesideAStoppedApplier, TheNextOneGoesOn) {
  Child first = Start({"a", "write", "100"}, "index.before_commit=stop@2");
  ASSERT_TRUE(first.WaitStopped());
  const auto died = Start({"b", "write", "100"}, Kill(GetParam())).Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.out << died.err;
  for (const char* writer : {"c", "b"}) {
    const auto done = Start({writer, "write", "100"}).Wait();
    ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
    Note(done.out);
  }
  first.Kill(SIGCONT);
  const auto woken = first.Wait();
  ASSERT_EQ(woken.exit_code, 0) << woken.out << woken.err;
  Note(woken.out);
  Note(died.out);
  EXPECT_EQ(acknowledged_.size(), 300u) << rejected_;
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashBesideAStoppedApplier,
                         ::testing::Values(Scenario{"apply.pass_by", 1}, Scenario{"rebuild.before_publish", 1},
                                           Scenario{"generation.after_rename", 1}, Scenario{"generation.current", 1},
                                           Scenario{"replace_index.published", 1}),
                         Name);

class StoppedWithTheIndexOpen : public Crash {};

/// Others make the next generation of the index meanwhile, and compact: the journal that the old one still lacks is
/// gone.
TEST_P(StoppedWithTheIndexOpen, GoesOnWithTheNextGeneration) {
  const auto before = Start({"a", "write", std::to_string(kTransactions)}, "commit.after_publish=kill@20").Wait();
  ASSERT_TRUE(before.killed()) << before.err;
  Note(before.out);
  Child stopped = Start({"s", "compact"}, Stop(GetParam()));
  ASSERT_TRUE(stopped.WaitStopped());
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"a", "write", std::to_string(kTransactions)}, {"b", "compact"}, {"c", "compact"}}) {
    const auto done = Start(arguments).Wait();
    ASSERT_EQ(done.exit_code, 0) << arguments[1] << "\n" << done.out << done.err;
    Note(done.out);
  }
  stopped.Kill(SIGCONT);
  const auto woken = stopped.Wait();
  EXPECT_EQ(woken.exit_code, 0) << woken.out << woken.err;
  EXPECT_EQ(acknowledged_.size(), static_cast<std::size_t>(kTransactions)) << rejected_;
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, StoppedWithTheIndexOpen,
                         ::testing::Values(Scenario{"apply.opened", 1}, Scenario{"apply.opened", 3}), Name);

class CompactingAtOnce : public Crash {};

TEST_F(CompactingAtOnce, NobodyIsInAnothersWay) {
  constexpr int kTimes = 8;
  std::vector<Child> running;
  for (const char* writer : {"a", "b", "c"}) running.push_back(Start({writer, "compact", std::to_string(kTimes)}));
  for (Child& each : running) {
    const auto done = each.Wait();
    EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
    Note(done.out);
  }
  EXPECT_EQ(acknowledged_.size(), 3u * kTimes * 40u) << rejected_;
  CheckEverything();
}

class CrashWhileReplacingTheIndex : public Crash {};

TEST_P(CrashWhileReplacingTheIndex, WritersGoOnAndItIsDoneAgain) {
  Child writer = Start({"a", "write", "300"});
  writer.WaitForOutput();
  const auto died = Start({"b", "rebuild"}, Kill(GetParam())).Wait();
  const auto lived = writer.Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.out << died.err;
  ASSERT_EQ(lived.exit_code, 0) << lived.out << lived.err;
  Note(lived.out);
  const auto again = Start({"b", "rebuild"}).Wait();
  ASSERT_EQ(again.exit_code, 0) << again.out << again.err;
  EXPECT_EQ(acknowledged_.size(), 300u) << rejected_;
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhileReplacingTheIndex,
                         ::testing::Values(Scenario{"rebuild.before_publish", 1},
                                           Scenario{"generation.before_rename", 1},
                                           Scenario{"generation.after_rename", 1}, Scenario{"generation.current", 1},
                                           Scenario{"replace_index.published", 1}),
                         Name);

class CrashWhileCopying : public Crash {};

TEST_P(CrashWhileCopying, ThereIsNoCopyUntilItIsDoneAgain) {
  Child writer = Start({"a", "write", "200"});
  writer.WaitForOutput();
  const Scratch target;
  const auto died = Start({"b", "backup", target / "copy"}, Kill(GetParam())).Wait();
  const auto lived = writer.Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.out << died.err;
  ASSERT_EQ(lived.exit_code, 0) << lived.out << lived.err;
  Note(lived.out);
  const auto nothing = Store::Open(target / "copy");
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().code, ErrorCode::kNoStore) << nothing.error().message;
  const auto again = Start({"b", "backup", target / "copy"}).Wait();
  ASSERT_EQ(again.exit_code, 0) << again.out << again.err;
  {
    const auto copy = Store::Open(target / "copy");
    ASSERT_TRUE(copy.ok()) << copy.error().message;
    const auto store = Store::Open(scratch_.path());
    ASSERT_TRUE(store.ok()) << store.error().message;
    EXPECT_EQ(Dump(*copy), Dump(*store));
  }
  const auto report = recovery::Verify(base::Env::Posix(), recovery::Layout{target / "copy/.tenure"}, {});
  ASSERT_TRUE(report.ok()) << report.error().message;
  for (const Error& problem : report->problems) ADD_FAILURE() << problem.message;
  EXPECT_EQ(acknowledged_.size(), 200u) << rejected_;
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhileCopying, ::testing::Values(Scenario{"backup.before_rename", 1}), Name);

class CrashWhileRepairing : public Crash {
 protected:
  /// One bit, in the middle of what is written.
  void DamageJournal() {
    std::set<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(scratch_ / ".tenure/journal")) {
      if (journal::ParseSegmentFileName(entry.path().filename().string())) files.insert(entry.path());
    }
    const std::string path = *files.begin();
    std::ifstream in(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const std::size_t written = bytes.find_last_not_of('\0');
    bytes[written / 2] ^= 1;
    std::ofstream(path, std::ios::binary | std::ios::in) << bytes;
  }
};

TEST_P(CrashWhileRepairing, ItIsRepairedByTheNextOne) {
  const auto before = Start({"a", "write", "60"}).Wait();
  ASSERT_EQ(before.exit_code, 0) << before.out << before.err;
  Note(before.out);
  DamageJournal();
  const auto died = Start({"b", "repair"}, Kill(GetParam())).Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.out << died.err;
  const auto again = Start({"b", "repair"}).Wait();
  ASSERT_EQ(again.exit_code, 0) << again.out << again.err;
  std::istringstream answer(again.out);
  std::string verb;
  Lsn kept = 0;
  answer >> verb >> kept;
  EXPECT_EQ(verb, "kept");
  EXPECT_GT(kept, 10u);
  EXPECT_LT(kept, 50u);
  // What is behind the damage was given up, and is tried again; everything else is there.
  std::erase_if(acknowledged_, [&](const auto& each) { return each.second > kept; });
  const auto done = Start({"a", "write", "80"}).Wait();
  ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
  Note(done.out);
  EXPECT_EQ(acknowledged_.size(), 80u) << rejected_;
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhileRepairing,
                         ::testing::Values(Scenario{"repair.before_segment", 1}, Scenario{"segment.header_written", 1},
                                           Scenario{"segment.header_synced", 1}, Scenario{"segment.renamed", 1},
                                           Scenario{"repair.after_segment", 1}, Scenario{"rebuild.before_publish", 1},
                                           Scenario{"generation.before_rename", 1}, Scenario{"generation.current", 1}),
                         Name);

class CrashBeforeAWake : public Crash {};

/// A watch sleeps, and who was about to wake it dies: it misses nothing, and the next commit wakes it.
TEST_P(CrashBeforeAWake, TheWatchMissesNothing) {
  Child watch = Start({"w", "watch", "b-9"});
  // Writes until the watch has gone to sleep.
  const auto died = Start({"a", "write", "1000000"}, Kill(GetParam())).Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.err;
  Note(died.out);
  const auto other = Start({"b", "write", "10"}).Wait();
  ASSERT_EQ(other.exit_code, 0) << other.out << other.err;
  Note(other.out);
  const auto watched = watch.Wait();
  ASSERT_EQ(watched.exit_code, 0) << watched.err;
  std::istringstream lines(watched.out);
  std::string verb, id;
  Lsn expected = 0, lsn = 0;
  std::map<std::string, Lsn> seen;
  while (lines >> verb >> lsn >> id) {
    EXPECT_EQ(lsn, ++expected) << "no gap, and nothing twice";
    seen[id] = lsn;
  }
  for (const auto& [acknowledged, at] : acknowledged_) EXPECT_EQ(seen[acknowledged], at) << acknowledged;
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashBeforeAWake, ::testing::Values(Scenario{"feed.before_wake", 1}), Name);

#ifdef CRASH_LOAD

class CrashOfALoad : public Crash {};

TEST_P(CrashOfALoad, LeavesNothingAndIsRepeated) {
  const Scratch temporary;
  // The first point is one of load without a store, the second one of both: half-way, with a store.
  const bool stored = std::string(GetParam().point) == "load.allocate";
  std::vector<std::string> command{CRASH_LOAD, "--writers", "2", "--blocks", "100", "--seed", "1"};
  if (stored) command.insert(command.end(), {"--store", scratch_.path()});
  const std::string directory = "TMPDIR=" + temporary.path();
  const auto died = Child(command, {directory, "TENURE_FAILPOINT=" + Kill(GetParam())}).Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.out << died.err;
  EXPECT_TRUE(std::filesystem::is_empty(temporary.path()));
  const auto again = Child(command, {directory}).Wait();
  EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashOfALoad,
                         ::testing::Values(Scenario{"load.write", 150}, Scenario{"load.allocate", 2}), Name);

#endif

}  // namespace
}  // namespace tenure
