// More threads than writer slots: most go through the double buffer. One process dies, or is stopped, at a named
// place; the others go on, and afterwards every acknowledged transaction is there exactly once. A process that was
// stopped and goes on when another one has long taken over pops and answers nothing of what its successor has.
#include <deque>
#include <random>
#include <thread>

#include "store/ingest/answer_bank.h"
#include "store/ingest/membership.h"
#include "store/ingest/registry.h"
#include "store/recovery/config.h"
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
    {"buffer.claimed", 1},   {"buffer.claimed", 30},       {"push.written", 5},         {"push.written", 40},
    {"commit.decided", 9},   {"commit.before_publish", 8}, {"commit.after_publish", 1}, {"commit.after_publish", 8},
    {"commit.popped", 1},    {"commit.popped", 3},         {"commit.popped", 20},       {"complete.before_word", 3},
    {"commit.answered", 1},  {"commit.answered", 3},       {"commit.answered", 20},     {"commit.woken", 3},
    {"commit.returning", 3}, {"commit.returning", 1},
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

std::uint64_t Seed() {
  const char* given = std::getenv("TENURE_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

class ManyDeaths : public Buffered {
 protected:
  /// A member of its own, with nobody else there: every slot can be claimed, and every cell be written.
  void ExpectNothingLeftBehind() {
    base::Env& env = base::Env::Posix();
    const recovery::Layout layout{scratch_ / ".tenure"};
    const auto config = recovery::ReadConfig(env, layout);
    ASSERT_TRUE(config.ok()) << config.error().message;
    auto member = ingest::Membership::Join(env, layout.members(), layout.shared_segment(), config->journal_id, kSlots,
                                           [](ingest::CommitArea&) { return Status(); });
    ASSERT_TRUE(member.ok()) << member.error().message;
    EXPECT_FALSE((*member)->created_segment()) << "it must be the one that they all used";
    EXPECT_EQ((*member)->CountMembers().value(), 1u);
    ingest::SharedSegment& segment = (*member)->segment();
    const auto dead = [&](std::uint64_t process) { return (*member)->IsDead(process); };
    ingest::Registry registry(segment, (*member)->word(), dead);
    EXPECT_FALSE(registry.AnyWork());
    for (int i = 0; i < kSlots; ++i) EXPECT_TRUE(registry.Claim().ok()) << "slot " << i;
    int published = 0;
    ingest::Drain drain(segment.buffer(), ~0u);
    ASSERT_TRUE(drain.TakeOver());
    drain.Look([&](const ingest::Drain::Collected&) { ++published; });
    EXPECT_EQ(published, 0);
    const auto nobody = [](ingest::CellOwner) { return false; };
    for (int half = 0; half < 2; ++half) {
      EXPECT_EQ(drain.Collect(0, 1, nobody, [](const ingest::Drain::Collected&) {}), 0u);
      ASSERT_EQ(drain.Swap(), ingest::Drain::Swapped::kYes);
      for (std::uint32_t i = 0; i < ingest::kBufferCells; ++i) {
        EXPECT_EQ(segment.buffer().Write({0, 1}, 1, 0, base::AsBytes("x")), ingest::WriteResult::kOk) << i;
      }
      const auto free = [&](const ingest::Drain::Collected& got) { drain.Release(got.cell, got.word); };
      drain.Look(free);
    }
  }
};

TEST_F(ManyDeaths, AThousandKilledProcessesLeaveNoSlotAndNoCellBehind) {
  constexpr int kDeaths = 1'000;
  const std::uint64_t seed = Seed();
  SCOPED_TRACE("TENURE_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  // Stays for the whole time, so that the segment does, and takes part.
  OpenOptions options;
  options.commit_ttl_ms = 100;
  auto store = Store::Open(scratch_.path(), options);
  ASSERT_TRUE(store.ok()) << store.error().message;
  std::deque<Child> running;
  const auto end_oldest = [&] {
    const auto ended = running.front().Wait();
    EXPECT_TRUE(ended.killed()) << ended.out << ended.err;
    Note(ended.out);
    running.pop_front();
  };
  for (int i = 0; i < kDeaths; ++i) {
    const std::string after = std::to_string(1 + random() % 4);
    running.push_back(Start({"w" + std::to_string(i), "die", after}));
    if (running.size() == 8) end_oldest();
  }
  while (!running.empty()) end_oldest();
  // Two turns of the buffer, and a claim of every slot.
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 40; ++i) {
        Transaction txn;
        PutSpec spec;
        spec.name = "end/" + std::to_string(t);
        spec.version = "1";
        spec.size = static_cast<std::uint64_t>(i);
        txn.Put(spec);
        const auto receipt = store->Commit(txn);
        ASSERT_TRUE(receipt.ok()) << receipt.error().message;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  store = Error{};
  ExpectNothingLeftBehind();
  CheckEverything();
}

class Hostile : public Buffered {};

TEST_F(Hostile, AProcessThatWritesOverItsOwnMemoryHarmsNobodyElse) {
  const std::uint64_t seed = Seed();
  std::printf("TENURE_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);  // a hang is killed from outside
  SCOPED_TRACE("TENURE_TEST_SEED=" + std::to_string(seed));
  for (std::uint64_t round = 0; round < 4; ++round) {
    const std::string number = std::to_string(round);
    Child hostile = Start({"h" + number, "hostile", std::to_string(seed + round)});
    hostile.Misbehaves();
    hostile.WaitForOutput();  // it is at it, and does not stop
    Child second = Start(Many("b" + number));
    Child third = Start(Many("c" + number));
    const auto lived = second.Wait();
    const auto also_lived = third.Wait();
    hostile.Kill();
    const auto ended = hostile.Wait();
    EXPECT_EQ(ended.out, "ready\n") << "or it may have crashed itself";
    ASSERT_EQ(lived.exit_code, 0) << lived.out << lived.err;
    ASSERT_EQ(also_lived.exit_code, 0) << also_lived.out << also_lived.err;
    for (const std::string& output : {lived.out, also_lived.out}) Note(output);
  }
  EXPECT_EQ(acknowledged_.size(), 4 * 2 * kMore) << rejected_;
  CheckEverything();
}

/// Its slots and its bank are somebody else's after it has died, with what it wrote there.
TEST_F(Hostile, TheMemoryThatItLeavesHarmsNobodyWhoHasItNext) {
  const std::uint64_t seed = Seed();
  std::printf("TENURE_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  SCOPED_TRACE("TENURE_TEST_SEED=" + std::to_string(seed));
  for (std::uint64_t round = 0; round < 3; ++round) {
    const std::string number = std::to_string(round);
    Child hostile = Start({"h" + number, "hostile", std::to_string(seed + round)});
    hostile.Misbehaves();
    hostile.WaitForOutput();
    hostile.Kill();
    EXPECT_EQ(hostile.Wait().out, "ready\n") << "or it may have crashed itself";
    const auto next = Start(Many("b" + number)).Wait();
    ASSERT_EQ(next.exit_code, 0) << next.out << next.err;
    Note(next.out);
  }
  EXPECT_EQ(acknowledged_.size(), 3 * kMore) << rejected_;
  CheckEverything();
}

}  // namespace
}  // namespace tenure
