// kill -9 at named places, with another process writing at the same time: afterwards every
// acknowledged transaction is there exactly once, with its LSN; nothing is there twice; the journal,
// its chain, the index and the state hash verify; and the index equals a rebuild.
//
// Every point must be reached in its scenario, or the test fails: a point that nobody passes proves
// nothing.
#include <algorithm>

#include "tests/crash/fixture.h"

namespace tenure {
namespace {

constexpr int kUntilKilled = 1'000'000;

class CrashWhileWriting : public Crash {};

TEST_P(CrashWhileWriting, LosesNothing) {
  // The other one may commit for both of them all the time. The victim writes on until it gets to its point, alone
  // if need be.
  Child victim = Start({"a", "write", std::to_string(kUntilKilled)}, Kill(GetParam()));
  victim.WaitForOutput();
  Child other = Start({"b", "write", std::to_string(kTransactions)});
  const auto died = victim.Wait();
  const auto lived = other.Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.err;
  ASSERT_EQ(lived.exit_code, 0) << lived.out << lived.err;
  Note(died.out);
  // The victim's client tries everything again, and more: what was applied is answered, the rest is applied.
  const std::size_t all = std::max<std::size_t>(kTransactions, acknowledged_.size() + 10);
  Note(lived.out);
  Child again = Start({"a", "write", std::to_string(all)});
  const auto retried = again.Wait();
  ASSERT_EQ(retried.exit_code, 0) << retried.out << retried.err;
  Note(retried.out);
  EXPECT_EQ(acknowledged_.size(), all + kTransactions);
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhileWriting,
                         ::testing::Values(Scenario{"turn.claimed", 3}, Scenario{"slot.claimed", 1},
                                           Scenario{"turn.before_release", 20}, Scenario{"commit.decided", 1},
                                           Scenario{"commit.decided", 50}, Scenario{"commit.before_publish", 1},
                                           Scenario{"commit.before_publish", 60}, Scenario{"commit.after_publish", 2},
                                           Scenario{"journal.before_write", 17}, Scenario{"journal.mid_write", 1},
                                           Scenario{"journal.mid_write", 70}, Scenario{"journal.write_error", 21},
                                           Scenario{"journal.after_write", 39}, Scenario{"journal.sync_error", 33},
                                           Scenario{"journal.after_sync", 43}, Scenario{"apply.opened", 2},
                                           Scenario{"apply.before", 2}, Scenario{"apply.after", 2},
                                           Scenario{"index.begin", 3}, Scenario{"index.before_commit", 2},
                                           Scenario{"index.after_commit", 2}),
                         Name);

class CrashWhileSwitching : public Crash {};

/// Alone, so that it is this process that meets the end of a segment.
TEST_P(CrashWhileSwitching, LosesNothing) {
  const auto died = Start({"a", "write", std::to_string(kTransactions)}, Kill(GetParam())).Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.err;
  Note(died.out);
  for (const char* writer : {"b", "a"}) {
    const auto done = Start({writer, "write", std::to_string(kTransactions)}).Wait();
    ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
    Note(done.out);
  }
  EXPECT_EQ(acknowledged_.size(), 2u * kTransactions);
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhileSwitching,
                         ::testing::Values(Scenario{"journal.before_seal", 1}, Scenario{"journal.after_seal", 1},
                                           Scenario{"segment.header_written", 1}, Scenario{"segment.header_synced", 1},
                                           Scenario{"segment.renamed", 1}),
                         Name);

class CrashInTakeover : public Crash {};

TEST_P(CrashInTakeover, TheNextOneTakesOver) {
  Child first = Start({"a", "write", "100"}, "journal.mid_write=kill@30");
  const auto died = first.Wait();
  ASSERT_TRUE(died.killed()) << died.err;
  Note(died.out);
  Child second = Start({"b", "write", "50"}, Kill(GetParam()));
  const auto also_died = second.Wait();
  ASSERT_TRUE(also_died.killed()) << "never reached " << GetParam().point << "\n" << also_died.err;
  Note(also_died.out);
  for (const char* writer : {"a", "b", "c"}) {
    const auto done = Start({writer, "write", "100"}).Wait();
    ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
    Note(done.out);
  }
  EXPECT_EQ(acknowledged_.size(), 300u);
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashInTakeover,
                         ::testing::Values(Scenario{"takeover.claimed", 1}, Scenario{"takeover.restamped", 1},
                                           Scenario{"takeover.before_segment", 1},
                                           Scenario{"segment.header_written", 1}, Scenario{"segment.header_synced", 1},
                                           Scenario{"segment.renamed", 1}, Scenario{"takeover.after_segment", 1},
                                           Scenario{"journal.before_write", 1}, Scenario{"journal.after_sync", 1},
                                           Scenario{"commit.after_publish", 1}),
                         Name);

class CrashAfterSharedMemoryWasLost : public Crash {};

TEST_P(CrashAfterSharedMemoryWasLost, TheNextOneRecovers) {
  const auto before = Start({"a", "write", "90"}, "commit.after_publish=kill@85").Wait();
  ASSERT_TRUE(before.killed()) << before.err;
  Note(before.out);
  std::filesystem::remove(scratch_ / ".tenure/ingest.shm");
  const auto died = Start({"b", "write", "10"}, Kill(GetParam())).Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.err;
  Note(died.out);
  for (const char* writer : {"a", "b"}) {
    const auto done = Start({writer, "write", "90"}).Wait();
    ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
    Note(done.out);
  }
  EXPECT_EQ(acknowledged_.size(), 180u);
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashAfterSharedMemoryWasLost,
                         ::testing::Values(Scenario{"shm.exclusive", 1}, Scenario{"recovery.before_segment", 1},
                                           Scenario{"recovery.after_segment", 1},
                                           Scenario{"recovery.frame_rewritten", 1}, Scenario{"shm.before_rename", 1},
                                           Scenario{"segment.renamed", 1}),
                         Name);

class CrashWhileRebuilding : public Crash {};

TEST_P(CrashWhileRebuilding, TheNextOneRebuilds) {
  const auto before = Start({"a", "write", "120"}).Wait();
  ASSERT_EQ(before.exit_code, 0) << before.out;
  Note(before.out);
  std::filesystem::remove_all(scratch_ / ".tenure/index");
  const auto died = Start({"b", "open"}, Kill(GetParam())).Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.err;
  const auto done = Start({"b", "write", "20"}).Wait();
  ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
  Note(done.out);
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhileRebuilding,
                         ::testing::Values(Scenario{"rebuild.before_publish", 1},
                                           Scenario{"generation.before_rename", 1},
                                           Scenario{"generation.after_rename", 1}, Scenario{"generation.current", 1}),
                         Name);

class CrashWhileCompacting : public Crash {};

TEST_P(CrashWhileCompacting, TheStateStays) {
  const auto before = Start({"a", "write", std::to_string(kTransactions)}).Wait();
  ASSERT_EQ(before.exit_code, 0) << before.out;
  Note(before.out);
  const auto died = Start({"b", "compact"}, Kill(GetParam())).Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.err;
  const auto done = Start({"b", "write", "20"}).Wait();
  ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
  Note(done.out);
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhileCompacting,
                         ::testing::Values(Scenario{"checkpoint.before_rename", 1},
                                           Scenario{"checkpoint.after_rename", 1}, Scenario{"index.checkpoint", 1},
                                           Scenario{"compact.published", 1}, Scenario{"compact.segment_removed", 1}),
                         Name);

class StoppedWhileCompacting : public Crash {};

/// Woken up, it finds that the journal behind its place was trimmed: it goes on from the index, and fails nothing.
TEST_F(StoppedWhileCompacting, GoesOnFromTheIndex) {
  Child stopped = Start({"a", "write", "100"}, "turn.before_release=stop@30");
  ASSERT_TRUE(stopped.WaitStopped());
  const auto other = Start({"b", "write", std::to_string(kTransactions)}).Wait();
  ASSERT_EQ(other.exit_code, 0) << other.out << other.err;
  const auto compacted = Start({"c", "compact"}).Wait();
  ASSERT_EQ(compacted.exit_code, 0) << compacted.out << compacted.err;
  stopped.Kill(SIGCONT);
  const auto woken = stopped.Wait();
  ASSERT_EQ(woken.exit_code, 0) << woken.out << woken.err;
  Note(other.out);
  Note(woken.out);
  EXPECT_EQ(rejected_, "");
  EXPECT_EQ(acknowledged_.size(), kTransactions + 100u);
  CheckEverything();
}

}  // namespace
}  // namespace tenure
