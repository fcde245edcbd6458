// The change feed and its cursors, within one process.
#include "tenure/watch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "store/base/recording_env.h"
#include "store/model/json.h"
#include "tenure/store.h"
#include "tests/unit/store/one_store.h"

namespace tenure {
namespace {

constexpr std::chrono::milliseconds kNow{0};
constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

/// The monotonic clock stands still unless a test moves it.
class StillEnv : public base::RecordingEnv {
 public:
  StillEnv() : RecordingEnv(base::Env::Posix()) {}
  std::uint64_t MonotonicNs() const override { return still_ ? now_ns_.load() : RecordingEnv::MonotonicNs(); }
  void Still() {
    now_ns_ = RecordingEnv::MonotonicNs();
    still_ = true;
  }
  void Pass(std::uint64_t ns) { now_ns_ += ns; }

 private:
  std::atomic<bool> still_{false};
  std::atomic<std::uint64_t> now_ns_{0};
};

class WatchTest : public testing::OneStore<StillEnv> {
 protected:
  void Put(const std::string& name, const std::string& version = "1", std::size_t bytes = 0) {
    Transaction txn;
    PutSpec spec;
    spec.name = name;
    spec.version = version;
    spec.size = ++size_;
    if (bytes > 0) spec.annotations = "{\"fill\":\"" + std::string(bytes, 'x') + "\"}";
    txn.Put(spec);
    const auto receipt = store().Commit(txn);
    ASSERT_TRUE(receipt.ok()) << receipt.error().message;
  }
  /// Some megabytes: several segments.
  void PutMuch() {
    for (int i = 0; i < 30; ++i) Put("much", std::to_string(i), 150'000);
  }
  /// Two entries and a tag.
  void PutThree(const std::string& name) {
    Transaction txn;
    for (const char* version : {"1", "2"}) {
      PutSpec spec;
      spec.name = name;
      spec.version = version;
      spec.size = ++size_;
      txn.Put(spec);
    }
    txn.SetTag(name, "prod", "2");
    ASSERT_TRUE(store().Commit(txn).ok());
  }
  Watch Watching(const WatchOptions& options) {
    auto watch = store().Watch(options);
    EXPECT_TRUE(watch.ok()) << watch.error().message;
    return std::move(watch).value();
  }
  static WatchOptions Named(const std::string& cursor, Lsn from = 0) {
    WatchOptions options;
    options.cursor = cursor;
    options.from = from;
    return options;
  }
  /// What there is now, as "lsn.effect".
  static std::vector<std::string> Taken(Watch& watch) {
    std::vector<std::string> places;
    for (;;) {
      const auto events = watch.Next(kNow);
      EXPECT_TRUE(events.ok()) << events.error().message;
      if (!events.ok() || events->empty()) return places;
      for (const Event& event : *events)
        places.push_back(std::to_string(event.lsn) + "." + std::to_string(event.effect));
    }
  }
  std::vector<std::string> Logged(Lsn from) {
    std::vector<std::string> lines;
    EXPECT_TRUE(
        store().Log(from, 0, [&](const Event& event) { return lines.push_back(model::EventJson(event)), true; }).ok());
    return lines;
  }
  std::size_t Moves() {
    const auto lines = Logged(1);
    return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
      return line.find("\"op\":\"set_cursor\"") != std::string::npos;
    }));
  }
  Lsn Durable() { return store().Stats()->durable_lsn; }
  CursorEntry Cursor() {
    const auto cursors = store().Cursors();
    EXPECT_TRUE(cursors.ok());
    EXPECT_EQ(cursors->size(), 1u);
    return cursors->empty() ? CursorEntry() : cursors->front();
  }

  std::uint64_t size_ = 0;
};

TEST_F(WatchTest, GivesWhatTheLogShowsFromAnyLsn) {
  Put("a");
  PutThree("b");
  ASSERT_TRUE(store().OutcomeOf("never-sent").error().code == ErrorCode::kNotFound);
  ASSERT_TRUE(store().Compact().ok());
  Put("c");
  for (Lsn from = 1; from <= Durable(); ++from) {
    WatchOptions options;
    options.from = from;
    Watch watch = Watching(options);
    std::vector<std::string> lines;
    for (bool more = true; more;) {
      const auto events = watch.Next(kNow);
      ASSERT_TRUE(events.ok()) << events.error().message;
      more = !events->empty();
      for (const Event& event : *events) lines.push_back(model::EventJson(event));
    }
    EXPECT_EQ(lines, Logged(from)) << "from " << from;
    EXPECT_EQ(watch.position(), Durable());
    EXPECT_FALSE(watch.ended());
  }
}

TEST_F(WatchTest, BeginsWithWhatIsCommittedNext) {
  Put("a");
  Watch watch = Watching({});
  EXPECT_EQ(Taken(watch), std::vector<std::string>());
  Put("b");
  EXPECT_EQ(Taken(watch), std::vector<std::string>{"2.0"});
  WatchOptions ahead;
  ahead.from = 4;
  Watch later = Watching(ahead);
  Put("c");
  EXPECT_EQ(Taken(later), std::vector<std::string>());
  Put("d");
  EXPECT_EQ(Taken(later), std::vector<std::string>{"4.0"});
}

TEST_F(WatchTest, EndsWhereItIsTold) {
  PutThree("a");
  PutThree("b");
  WatchOptions until;
  until.from = 1;
  until.until = 1;
  Watch first = Watching(until);
  EXPECT_EQ(Taken(first), (std::vector<std::string>{"1.0", "1.1", "1.2"}));
  EXPECT_TRUE(first.ended());
  WatchOptions count;
  count.from = 1;
  count.count = 4;
  Watch second = Watching(count);
  EXPECT_EQ(Taken(second), (std::vector<std::string>{"1.0", "1.1", "1.2", "2.0"}));
  EXPECT_TRUE(second.ended());
  EXPECT_EQ(second.position(), 1u) << "of the second transaction not everything was given";
  until.from = 2;
  Watch nothing = Watching(until);
  EXPECT_EQ(Taken(nothing), std::vector<std::string>());
  EXPECT_TRUE(nothing.ended());
}

TEST_F(WatchTest, AGlobChoosesNamesOrVersions) {
  PutThree("release/app");
  PutThree("test/app");
  Put("release/deep/er", "3");
  ASSERT_TRUE(store().Compact().ok());
  const auto with = [&](const std::string& glob) {
    WatchOptions options;
    options.from = 1;
    options.glob = glob;
    Watch watch = Watching(options);
    return Taken(watch);
  };
  EXPECT_EQ(with("release/*"), (std::vector<std::string>{"1.0", "1.1", "1.2"}));
  EXPECT_EQ(with("release/**"), (std::vector<std::string>{"1.0", "1.1", "1.2", "3.0"}));
  EXPECT_EQ(with("*/app:2"), (std::vector<std::string>{"1.1", "2.1"})) << "no tags: they are no versions";
  EXPECT_EQ(with("nothing"), std::vector<std::string>());
  WatchOptions bad;
  bad.glob = "[";
  EXPECT_EQ(store().Watch(bad).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(WatchTest, SleepsUntilSomethingIsCommittedOrItIsStopped) {
  Watch watch = Watching({});
  std::thread writer([&] { Put("a"); });
  const auto events = watch.Next();
  writer.join();
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(events->size(), 1u);
  std::thread stopper([&] { watch.Stop(); });
  const auto none = watch.Next();
  stopper.join();
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->empty());
  EXPECT_FALSE(watch.ended());
}

TEST_F(WatchTest, MissesNothingOfManyThreads) {
  constexpr int kThreads = 4, kEach = 100;
  WatchOptions options;
  options.until = kThreads * kEach;
  options.from = 1;
  std::vector<std::vector<Lsn>> seen(2);
  std::vector<std::thread> threads;
  for (auto& lsns : seen) {
    threads.emplace_back([this, options, &lsns] {
      Watch watch = Watching(options);
      while (!watch.ended()) {
        const auto events = watch.Next();
        ASSERT_TRUE(events.ok()) << events.error().message;
        for (const Event& event : *events) lsns.push_back(event.lsn);
      }
    });
  }
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kEach; ++i) {
        Transaction txn;
        PutSpec spec;
        spec.name = "t" + std::to_string(t);
        spec.version = std::to_string(i);
        txn.Put(spec);
        ASSERT_TRUE(store().Commit(txn).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<Lsn> all;
  for (Lsn lsn = 1; lsn <= kThreads * kEach; ++lsn) all.push_back(lsn);
  for (const auto& lsns : seen) EXPECT_EQ(lsns, all);
}

TEST_F(WatchTest, WhatIsCompactedIsSaidWithTheOldestLsn) {
  PutMuch();
  ASSERT_TRUE(store().Compact().ok());
  WatchOptions options;
  options.from = 1;
  const auto watch = store().Watch(options);
  ASSERT_FALSE(watch.ok());
  EXPECT_EQ(watch.error().code, ErrorCode::kCompacted);
  ASSERT_TRUE(watch.error().lsn.has_value());
  EXPECT_EQ(*watch.error().lsn, store().Stats()->oldest_log_lsn);
  options.from = *watch.error().lsn;
  EXPECT_TRUE(store().Watch(options).ok());
  // A new cursor that cannot begin there is not made.
  EXPECT_EQ(store().Watch(Named("late", 1)).error().code, ErrorCode::kCompacted);
  EXPECT_TRUE(store().Cursors()->empty());
}

TEST_F(WatchTest, AWatchThatIsOvertakenByCompactionSaysSo) {
  PutMuch();
  WatchOptions options;
  options.from = 1;
  Watch watch = Watching(options);
  ASSERT_TRUE(watch.Next(kNow).ok());
  ASSERT_TRUE(store().Compact().ok());
  Result<std::vector<Event>> events = watch.Next(kNow);
  while (events.ok() && !events->empty()) events = watch.Next(kNow);
  ASSERT_FALSE(events.ok()) << "what was trimmed cannot have been read";
  EXPECT_EQ(events.error().code, ErrorCode::kCompacted) << events.error().message;
}

TEST_F(WatchTest, ACursorBeginsAtNowAndGoesOnWhereItWasAcknowledged) {
  Put("before");
  {
    Watch watch = Watching(Named("mirror"));
    EXPECT_EQ(Taken(watch), std::vector<std::string>());
    EXPECT_EQ(Cursor().name, "mirror");
    EXPECT_EQ(Cursor().lsn, 2u) << "its own making is nothing to be read";
    EXPECT_EQ(Cursor().writer, "tester@here");
    Put("a");  // 3
    EXPECT_EQ(Taken(watch), std::vector<std::string>{"3.0"});
    ASSERT_TRUE(watch.Acknowledge().ok());
    Put("b");  // 4
    EXPECT_EQ(Taken(watch), std::vector<std::string>{"4.0"});
    // Not acknowledged.
  }
  Reopen();
  Watch again = Watching(Named("mirror"));
  EXPECT_EQ(Taken(again), std::vector<std::string>{"4.0"});
  ASSERT_TRUE(again.Acknowledge().ok());
  ASSERT_TRUE(again.Close().ok());
  Watch third = Watching(Named("mirror", 1));
  EXPECT_EQ(Taken(third), std::vector<std::string>()) << "from is where a new cursor begins";
  Watch fresh = Watching(Named("fresh", 1));
  EXPECT_EQ(Taken(fresh).front(), "1.0");
}

TEST_F(WatchTest, ACursorRemembersThePlaceWithinATransaction) {
  PutThree("a");
  WatchOptions options = Named("slow", 1);
  options.count = 1;
  std::vector<std::string> all;
  for (int i = 0; i < 3; ++i) {
    Watch watch = Watching(options);
    for (const std::string& place : Taken(watch)) all.push_back(place);
    ASSERT_TRUE(watch.Acknowledge().ok());
  }
  EXPECT_EQ(all, (std::vector<std::string>{"1.0", "1.1", "1.2"}));
}

TEST_F(WatchTest, ACursorIsJournaledAtMostOnceASecond) {
  env_.Still();
  Watch watch = Watching(Named("mirror"));
  EXPECT_EQ(Moves(), 1u);
  const auto take_some = [&](int n) {
    for (int i = 0; i < n; ++i) {
      Put("a", std::to_string(++size_));
      EXPECT_EQ(Taken(watch).size(), 1u);
      ASSERT_TRUE(watch.Acknowledge().ok());
    }
  };
  take_some(20);
  EXPECT_EQ(Moves(), 1u);
  env_.Pass(kSecondNs);
  take_some(20);
  EXPECT_EQ(Moves(), 2u);
  // The last ones are journaled when the second is over, without another event.
  env_.Pass(kSecondNs);
  EXPECT_EQ(Taken(watch), std::vector<std::string>());
  EXPECT_EQ(Moves(), 3u);
  EXPECT_EQ(Cursor().lsn, Durable());
  // And at the end, if there is something to be journaled.
  take_some(1);
  ASSERT_TRUE(watch.Close().ok());
  ASSERT_TRUE(watch.Close().ok());
  EXPECT_EQ(Moves(), 4u);
}

TEST_F(WatchTest, WhatAGlobPassesOverMovesTheCursorToo) {
  env_.Still();
  WatchOptions options = Named("narrow");
  options.glob = "wanted";
  Watch watch = Watching(options);
  Put("other");
  Put("other", "2");
  env_.Pass(kSecondNs);
  EXPECT_EQ(Taken(watch), std::vector<std::string>());
  EXPECT_EQ(Cursor().lsn, Durable());
}

TEST_F(WatchTest, MovesOfCursorsMoveNoCursor) {
  env_.Still();
  Watch one = Watching(Named("one"));
  Watch two = Watching(Named("two"));
  Put("a");
  for (int i = 0; i < 5; ++i) {
    for (Watch* watch : {&one, &two}) {
      (void)Taken(*watch);
      ASSERT_TRUE(watch->Acknowledge().ok());
    }
    env_.Pass(kSecondNs);
  }
  const Lsn settled = Durable();
  for (int i = 0; i < 5; ++i) {
    for (Watch* watch : {&one, &two}) {
      EXPECT_EQ(Taken(*watch), std::vector<std::string>());
      ASSERT_TRUE(watch->Acknowledge().ok());
    }
    env_.Pass(kSecondNs);
  }
  EXPECT_EQ(Durable(), settled);
  // Who has no cursor sees them, as the log does.
  WatchOptions options;
  options.from = 1;
  Watch all = Watching(options);
  EXPECT_EQ(Taken(all).size(), Durable());
}

TEST_F(WatchTest, ACursorHoldsBackCompactionForSevenDays) {
  Put("first");
  { Watch watch = Watching(Named("mirror")); }
  PutMuch();
  CompactOptions dry;
  dry.dry_run = true;
  for (const bool really : {false, true}) {
    const auto report = store().Compact(really ? CompactOptions() : dry);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_EQ(report->held_by, "mirror");
    EXPECT_EQ(report->held_lsn, 3u);
    EXPECT_EQ(report->segments_removed, 0u);
    EXPECT_GT(report->segments_held, 0u);
  }
  {
    Watch watch = Watching(Named("mirror"));
    EXPECT_EQ(Taken(watch).size(), 31u) << "30 puts, and the record of the compaction";
    // It does not acknowledge: the cursor stays where it is.
  }
  env_.AdvanceWallMs(7 * kDayMs - 60'000);
  EXPECT_EQ(store().Compact()->held_by, "mirror");
  env_.AdvanceWallMs(120'000);
  const auto report = store().Compact();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->held_by, "");
  EXPECT_GT(report->segments_removed, 0u);
  const auto late = store().Watch(Named("mirror"));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, ErrorCode::kCompacted);
  EXPECT_NE(late.error().message.find("cursor mirror"), std::string::npos) << late.error().message;
  EXPECT_NE(late.error().hint.find("cursors rm mirror"), std::string::npos) << late.error().hint;
}

TEST_F(WatchTest, CompactionGoesUpToTheCursor) {
  PutMuch();
  { Watch watch = Watching(Named("mirror")); }
  PutMuch();
  const auto report = store().Compact();
  ASSERT_TRUE(report.ok());
  EXPECT_GT(report->segments_removed, 0u);
  EXPECT_EQ(report->held_by, "mirror");
  Watch watch = Watching(Named("mirror"));
  EXPECT_EQ(Taken(watch).size(), 31u);
}

TEST_F(WatchTest, CursorsAreRebuiltFromTheJournalAndFromCheckpoints) {
  { Watch watch = Watching(Named("one")); }
  { Watch watch = Watching(Named("two")); }
  ASSERT_TRUE(store().RemoveCursor("one").ok());
  EXPECT_EQ(store().RemoveCursor("one").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().RemoveCursor("no name").error().code, ErrorCode::kInvalidArgument);
  const CursorEntry before = Cursor();
  EXPECT_EQ(before.name, "two");
  const auto lose_index = [&] {
    store_.reset();
    std::filesystem::remove_all(scratch_ / ".tenure/index");
    Open();
  };
  lose_index();
  EXPECT_EQ(Cursor(), before);
  ASSERT_TRUE(store().Compact().ok());
  { Watch watch = Watching(Named("three", 1)); }
  lose_index();
  const auto cursors = store().Cursors();
  ASSERT_EQ(cursors->size(), 2u);
  EXPECT_EQ((*cursors)[0].name, "three");
  EXPECT_EQ((*cursors)[0].lsn, 0u);
  EXPECT_EQ((*cursors)[1], before);
}

TEST_F(WatchTest, AReadOnlyHandleWatchesWithoutACursor) {
  Put("a");
  store_.reset();
  OpenOptions options;
  options.env = &env_;
  options.read_only = true;
  store_.emplace(Store::Open(scratch_.path(), options).value());
  EXPECT_EQ(store().Watch(Named("mirror")).error().code, ErrorCode::kReadOnly);
  EXPECT_EQ(store().RemoveCursor("mirror").error().code, ErrorCode::kReadOnly);
  WatchOptions from;
  from.from = 1;
  Watch watch = Watching(from);
  EXPECT_EQ(Taken(watch), std::vector<std::string>{"1.0"});
}

TEST_F(WatchTest, AFailedMoveLeavesTheFeedGoing) {
  Watch watch = Watching(Named("mirror"));
  Put("a");
  EXPECT_EQ(Taken(watch).size(), 1u);
  env_.Still();
  env_.Pass(2 * kSecondNs);
  env_.SetFaultPlan([](std::uint64_t, base::TraceStep::Kind kind, const std::string&) -> Status {
    if (kind != base::TraceStep::Kind::kWrite) return {};
    Error error;
    error.code = ErrorCode::kNoSpace;
    error.message = "no space left, says the test";
    return error;
  });
  const Status moved = watch.Acknowledge();
  ASSERT_FALSE(moved.ok());
  env_.SetFaultPlan(nullptr);
  Put("b");
  EXPECT_EQ(Taken(watch).size(), 1u);
  env_.Pass(2 * kSecondNs);
  ASSERT_TRUE(watch.Acknowledge().ok());
  EXPECT_EQ(Cursor().lsn, Durable());
}

}  // namespace
}  // namespace tenure
