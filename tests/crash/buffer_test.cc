// More threads than writer slots: most go through the double buffer. One process dies, or is stopped, at a named
// place; the others go on, and afterwards every acknowledged transaction is there exactly once. A process that was
// stopped and goes on when another one has long taken over pops and answers nothing of what its successor has.
#include "tests/crash/fixture.h"

namespace tenure {
namespace {

constexpr int kSlots = 2;
constexpr int kThreads = 6;
constexpr int kPerThread = 40;
/// The victim writes more, so that it gets to its point in any case, alone if need be.
constexpr int kPerThreadOfVictim = 80;

class Buffered : public Crash {
 protected:
  Buffered() : Crash(FewSlots()) {}
  static CreateOptions FewSlots() {
    CreateOptions create;
    create.writer_slots = kSlots;
    return create;
  }
  /// Every thread waits for each of its answers, in a slot or without.
  static std::vector<std::string> Many(const std::string& writer) {
    const int count = writer == "a" ? kPerThreadOfVictim : kPerThread;
    return {writer, "many", std::to_string(count), std::to_string(kThreads), "0"};
  }
  static constexpr std::size_t kMore = kThreads * kPerThread;
  static constexpr std::size_t kAll = kThreads * (kPerThreadOfVictim + 2 * kPerThread);
};

class KilledAmongBuffered : public Buffered {};

TEST_P(KilledAmongBuffered, LosesNothing) {
  Child victim = Start(Many("a"), Kill(GetParam()));
  victim.WaitForOutput();
  Child second = Start(Many("b"));
  Child third = Start(Many("c"));
  auto died = victim.Wait();
  const auto lived = second.Wait();
  const auto also_lived = third.Wait();
  for (const std::string& output : {died.out, lived.out, also_lived.out}) Note(output);
  if (!died.killed()) {
    // Another one committed for it all the time. Alone, it must get there.
    died = Start(Many("d"), Kill(GetParam())).Wait();
    Note(died.out);
  }
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.out << died.err;
  ASSERT_EQ(lived.exit_code, 0) << lived.out << lived.err;
  ASSERT_EQ(also_lived.exit_code, 0) << also_lived.out << also_lived.err;
  for (const char* writer : {"a", "d"}) {
    const auto again = Start(Many(writer)).Wait();
    ASSERT_EQ(again.exit_code, 0) << again.out << again.err;
    Note(again.out);
  }
  EXPECT_EQ(acknowledged_.size(), kAll + kMore) << rejected_;
  CheckEverything();
}

class StoppedAmongBuffered : public Buffered {};

TEST_P(StoppedAmongBuffered, BlocksNobodyAndChangesNothing) {
  Child victim = Start(Many("a"), Stop(GetParam()));
  victim.WaitForOutput();
  Child second = Start(Many("b"));
  Child third = Start(Many("c"));
  const bool stopped = victim.WaitStopped();
  const auto lived = second.Wait();
  const auto also_lived = third.Wait();
  ASSERT_EQ(lived.exit_code, 0) << lived.out << lived.err;
  ASSERT_EQ(also_lived.exit_code, 0) << also_lived.out << also_lived.err;
  if (!stopped) {
    Child fourth = Start(Many("d"), Stop(GetParam()));
    ASSERT_TRUE(fourth.WaitStopped()) << "never reached " << GetParam().point;
    const auto fifth = Start(Many("e")).Wait();
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
    {"buffer.claimed", 1},  {"buffer.claimed", 30},       {"push.written", 5},         {"push.written", 40},
    {"commit.decided", 9},  {"commit.before_publish", 8}, {"commit.after_publish", 1}, {"commit.after_publish", 8},
    {"commit.popped", 1},   {"commit.popped", 3},         {"commit.popped", 20},       {"complete.before_word", 3},
    {"commit.answered", 1}, {"commit.answered", 3},       {"commit.answered", 20},     {"commit.woken", 3},
};
INSTANTIATE_TEST_SUITE_P(Points, KilledAmongBuffered, ::testing::ValuesIn(kPoints), Name);
INSTANTIATE_TEST_SUITE_P(Points, StoppedAmongBuffered, ::testing::ValuesIn(kPoints), Name);

/// A second process dies, or is stopped, while it takes over from a first one that was stopped with others'
/// operations in its hands: popped, published or answered in part.
class InTakeoverOfBuffered : public Buffered {
 protected:
  void TakeOverTwice(bool stop) {
    Child first = Start(Many("a"), "commit.answered=stop@40");
    first.WaitForOutput();
    Child victim = Start(Many("b"), stop ? Stop(GetParam()) : Kill(GetParam()));
    (void)first.WaitStopped();  // or the others committed for it all the time
    Child third = Start(Many("c"));
    const auto lived = third.Wait();
    ASSERT_EQ(lived.exit_code, 0) << lived.out << lived.err;
    victim.Kill(SIGCONT);
    const auto ended = victim.Wait();
    first.Kill(SIGCONT);
    const auto woken = first.Wait();
    ASSERT_EQ(woken.exit_code, 0) << woken.out << woken.err;
    for (const std::string& output : {lived.out, ended.out, woken.out}) Note(output);
    for (const char* writer : {"b", "d"}) {
      const auto again = Start(Many(writer)).Wait();
      ASSERT_EQ(again.exit_code, 0) << again.out << again.err;
      Note(again.out);
    }
    EXPECT_EQ(acknowledged_.size(), kAll + kMore) << rejected_;
    CheckEverything();
  }
};

class KilledInTakeoverOfBuffered : public InTakeoverOfBuffered {};
TEST_P(KilledInTakeoverOfBuffered, TheNextOneTakesOver) { TakeOverTwice(false); }
class StoppedInTakeoverOfBuffered : public InTakeoverOfBuffered {};
TEST_P(StoppedInTakeoverOfBuffered, TheNextOneTakesOver) { TakeOverTwice(true); }

const Scenario kTakeoverPoints[] = {
    {"takeover.claimed", 1},          {"takeover.restamped", 1},      {"takeover.heads_restamped", 1},
    {"takeover.buffer_restamped", 1}, {"takeover.before_segment", 1}, {"takeover.after_segment", 1},
    {"takeover.answered", 1},         {"takeover.answered", 3},       {"takeover.resolved", 1},
};
INSTANTIATE_TEST_SUITE_P(Points, KilledInTakeoverOfBuffered, ::testing::ValuesIn(kTakeoverPoints), Name);
INSTANTIATE_TEST_SUITE_P(Points, StoppedInTakeoverOfBuffered, ::testing::ValuesIn(kTakeoverPoints), Name);

}  // namespace
}  // namespace tenure
