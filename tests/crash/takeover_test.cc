// One process dies, or is stopped, at a named place while others write through their lanes: the others go on, and
// afterwards every acknowledged transaction is there exactly once. A process that was stopped and goes on when
// another one has long taken over changes nothing and continues as an ordinary writer.
//
// The workers use a time to live of 100 ms. That they finish while one of them is stopped is the test: nobody
// wakes it up before.
#include "tests/crash/fixture.h"

namespace tenure {
namespace {

constexpr int kPerThread = 120;
/// The victim writes more, so that it gets to its point in any case, alone if need be.
constexpr int kPerThreadOfVictim = 300;

/// Two threads each; a window of 0 waits for every answer, others submit that many ahead.
class Takeover : public Crash {
 protected:
  std::vector<std::string> Many(const std::string& writer, int window) {
    const int count = writer == "a" ? kPerThreadOfVictim : kPerThread;
    return {writer, "many", std::to_string(count), "2", std::to_string(window)};
  }
  static constexpr std::size_t kMore = 2 * kPerThread;
  static constexpr std::size_t kAll = 2 * (kPerThreadOfVictim + 2 * kPerThread);
};

class KilledAmongOthers : public Takeover {};

TEST_P(KilledAmongOthers, LosesNothing) {
  Child victim = Start(Many("a", 8), Kill(GetParam()));
  victim.WaitForOutput();  // it came first: it commits for the others
  Child second = Start(Many("b", 0));
  Child third = Start(Many("c", 8));
  auto died = victim.Wait();
  const auto lived = second.Wait();
  const auto also_lived = third.Wait();
  for (const std::string& output : {died.out, lived.out, also_lived.out}) Note(output);
  if (!died.killed()) {
    // Another one committed for it all the time. Alone, it must get there.
    died = Start(Many("d", 8), Kill(GetParam())).Wait();
    Note(died.out);
  }
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.out << died.err;
  ASSERT_EQ(lived.exit_code, 0) << lived.out << lived.err;
  ASSERT_EQ(also_lived.exit_code, 0) << also_lived.out << also_lived.err;
  for (const char* writer : {"a", "d"}) {
    const auto again = Start(Many(writer, 8)).Wait();
    ASSERT_EQ(again.exit_code, 0) << again.out << again.err;
    Note(again.out);
  }
  EXPECT_EQ(acknowledged_.size(), kAll + kMore) << rejected_;
  CheckEverything();
}

class StoppedAmongOthers : public Takeover {};

TEST_P(StoppedAmongOthers, BlocksNobodyAndChangesNothing) {
  Child victim = Start(Many("a", 8), Stop(GetParam()));
  victim.WaitForOutput();
  Child second = Start(Many("b", 0));
  Child third = Start(Many("c", 8));
  const bool stopped = victim.WaitStopped();
  const auto lived = second.Wait();
  const auto also_lived = third.Wait();
  ASSERT_EQ(lived.exit_code, 0) << lived.out << lived.err;
  ASSERT_EQ(also_lived.exit_code, 0) << also_lived.out << also_lived.err;
  if (!stopped) {
    // Another one committed for it all the time. Alone, it must get there; then somebody else writes.
    Child fourth = Start(Many("d", 8), Stop(GetParam()));
    ASSERT_TRUE(fourth.WaitStopped()) << "never reached " << GetParam().point;
    const auto fifth = Start(Many("e", 8)).Wait();
    ASSERT_EQ(fifth.exit_code, 0) << fifth.out << fifth.err;
    Note(fifth.out);
    fourth.Kill(SIGCONT);
    const auto woken = fourth.Wait();
    ASSERT_EQ(woken.exit_code, 0) << woken.out << woken.err;
    Note(woken.out);
  }
  victim.Kill(SIGCONT);
  const auto woken = victim.Wait();
  ASSERT_EQ(woken.exit_code, 0) << woken.out << woken.err;
  for (const std::string& output : {woken.out, lived.out, also_lived.out}) Note(output);
  EXPECT_EQ(acknowledged_.size(), stopped ? kAll : kAll + 2 * kMore) << rejected_;
  CheckEverything();
}

const Scenario kPoints[] = {
    {"slot.claimed", 2},         {"slot.initialised", 2},      {"push.written", 5},
    {"push.written", 40},        {"turn.claimed", 1},          {"turn.before_release", 1},
    {"turn.entering", 1},        {"commit.decided", 1},        {"commit.decided", 9},
    {"journal.before_write", 4}, {"journal.mid_write", 5},     {"journal.after_write", 6},
    {"journal.after_sync", 7},   {"commit.before_publish", 1}, {"commit.before_publish", 8},
    {"commit.after_publish", 1}, {"commit.after_publish", 8},  {"commit.popped", 1},
    {"commit.popped", 9},        {"complete.before_word", 1},  {"complete.before_word", 20},
    {"commit.answered", 1},      {"commit.answered", 20},      {"commit.woken", 3},
    {"apply.before", 1},         {"index.begin", 1},           {"index.before_commit", 1},
    {"index.after_commit", 1},   {"apply.after", 2},
};
INSTANTIATE_TEST_SUITE_P(Points, KilledAmongOthers, ::testing::ValuesIn(kPoints), Name);
INSTANTIATE_TEST_SUITE_P(Points, StoppedAmongOthers, ::testing::ValuesIn(kPoints), Name);

/// A second process dies, or is stopped, while it takes over from a first one.
class InTakeover : public Takeover {
 protected:
  void TakeOverTwice(bool stop) {
    const auto first = Start(Many("a", 8), "commit.answered=kill@30").Wait();
    ASSERT_TRUE(first.killed()) << first.out << first.err;
    Note(first.out);
    Child victim = Start(Many("b", 8), stop ? Stop(GetParam()) : Kill(GetParam()));
    victim.WaitForOutput();
    Child third = Start(Many("c", 8));
    if (stop) {
      ASSERT_TRUE(victim.WaitStopped()) << "never reached " << GetParam().point;
    }
    const auto lived = third.Wait();
    ASSERT_EQ(lived.exit_code, 0) << lived.out << lived.err;
    victim.Kill(SIGCONT);
    const auto ended = victim.Wait();
    ASSERT_EQ(ended.killed(), !stop) << ended.out << ended.err;
    Note(lived.out);
    Note(ended.out);
    for (const char* writer : {"a", "b"}) {
      const auto again = Start(Many(writer, 8)).Wait();
      ASSERT_EQ(again.exit_code, 0) << again.out << again.err;
      Note(again.out);
    }
    EXPECT_EQ(acknowledged_.size(), kAll) << rejected_;
    CheckEverything();
  }
};

class KilledInTakeover : public InTakeover {};
TEST_P(KilledInTakeover, TheNextOneTakesOver) { TakeOverTwice(false); }
class StoppedInTakeover : public InTakeover {};
TEST_P(StoppedInTakeover, TheNextOneTakesOver) { TakeOverTwice(true); }

const Scenario kTakeoverPoints[] = {
    {"takeover.claimed", 1},        {"takeover.restamped", 1},      {"takeover.head_restamped", 1},
    {"takeover.head_restamped", 9}, {"takeover.before_segment", 1}, {"segment.header_written", 1},
    {"segment.header_synced", 1},   {"segment.renamed", 1},         {"takeover.after_segment", 1},
    {"takeover.resolved", 1},
};
INSTANTIATE_TEST_SUITE_P(Points, KilledInTakeover, ::testing::ValuesIn(kTakeoverPoints), Name);
INSTANTIATE_TEST_SUITE_P(Points, StoppedInTakeover, ::testing::ValuesIn(kTakeoverPoints), Name);

/// The first process has stopped with its own transactions published and not answered; the second dies while it
/// takes over from it and answers them.
class KilledWhileAnswering : public Takeover {};

TEST_P(KilledWhileAnswering, TheNextOneAnswersTheRest) {
  Child first = Start(Many("a", 8), "commit.after_publish=stop@3");
  ASSERT_TRUE(first.WaitStopped());
  const auto died = Start(Many("b", 8), Kill(GetParam())).Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.out << died.err;
  Note(died.out);
  for (const char* writer : {"c", "b"}) {
    const auto done = Start(Many(writer, 8)).Wait();
    ASSERT_EQ(done.exit_code, 0) << done.out << done.err;
    Note(done.out);
  }
  first.Kill(SIGCONT);
  const auto woken = first.Wait();
  ASSERT_EQ(woken.exit_code, 0) << woken.out << woken.err;
  Note(woken.out);
  EXPECT_EQ(acknowledged_.size(), kAll) << rejected_;
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, KilledWhileAnswering,
                         ::testing::Values(Scenario{"takeover.heads_restamped", 1},
                                           Scenario{"takeover.buffer_restamped", 1}, Scenario{"takeover.answered", 1},
                                           Scenario{"takeover.answered", 3}),
                         Name);

}  // namespace
}  // namespace tenure
