// Somebody else has the turn to apply to the index: works in it, has stopped in it, or leaves SQLite locked.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/base/error.h"
#include "store/base/recording_env.h"
#include "store/index/generations.h"
#include "store/recovery/verify.h"
#include "store/store_impl.h"
#include "tenure/store.h"
#include "tests/support/scratch.h"

namespace tenure {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

/// Each look at the clock may do something.
class TickingEnv final : public base::RecordingEnv {
 public:
  TickingEnv() : RecordingEnv(base::Env::Posix()) {}
  std::uint64_t MonotonicNs() const override {
    if (tick && !std::exchange(ticking_, true)) {
      tick();
      ticking_ = false;
    }
    return RecordingEnv::MonotonicNs() + passed_ns;
  }
  std::function<void()> tick;
  std::uint64_t passed_ns = 0;

 private:
  mutable bool ticking_ = false;
};

class ApplyTurn : public ::testing::Test {
 protected:
  ApplyTurn() {
    options_.env = &env_;
    options_.background = false;
    options_.apply_lag_max = std::numeric_limits<std::uint64_t>::max() / 2;
    options_.log = [this](const char*, const std::string& message) { said_.push_back(message); };
    auto store = Store::Create(scratch_.path(), {}, options_);
    EXPECT_TRUE(store.ok()) << store.error().message;
    store_.emplace(std::move(store).value());
    impl_ = *StoreImpl::Open(scratch_.path(), options_);
    Put(1);
    EXPECT_TRUE(store_->CatchUp().ok());
  }
  ~ApplyTurn() override {
    env_.tick = {};
    EXPECT_TRUE(store_->CatchUp().ok());
    recovery::VerifyOptions options;
    options.deep = true;
    const auto report = recovery::Verify(env_, impl_->layout, options);
    EXPECT_TRUE(report.ok() && report->ok());
    EXPECT_EQ(report->applied_lsn, impl_->context->DurableLsn());
  }
  void Put(std::uint64_t size) {
    Transaction txn;
    txn.Put({.name = "key", .version = "1", .size = size});
    const auto receipt = store_->Commit(txn);
    ASSERT_TRUE(receipt.ok()) << receipt.error().message;
  }
  void ExpectSize(std::uint64_t size) {
    const auto entry = store_->Get("key:1");
    ASSERT_TRUE(entry.ok()) << entry.error().message;
    EXPECT_EQ(entry->size, size);
  }
  /// Another process's lock of one byte, as long as it lives.
  std::unique_ptr<base::File> Hold(std::uint64_t byte) {
    auto file = *base::Env::Posix().Open(impl_->layout.members(), base::OpenMode::kReadWrite);
    EXPECT_TRUE(*file->TryLock(base::LockKind::kExclusive, byte, 1));
    return file;
  }
  std::unique_ptr<base::File> HoldTurn() { return Hold(ingest::ApplyByte(impl_->pool->Live().number)); }
  /// Everybody stands still: no look at the clock is nearer to the one before than the bound.
  void TimePasses(std::uint64_t ns) {
    env_.tick = [this, ns] { env_.passed_ns += ns; };
  }
  /// And whoever has the turn gets on with it.
  void TimePassesWithWork(std::uint64_t ns) {
    env_.tick = [this, ns] {
      env_.passed_ns += ns;
      impl_->context->shared().apply_progress.fetch_add(1);
    };
  }
  /// Maintenance that does nothing but wait for its turn.
  Status Maintain() {
    return impl_->applier->WithWriter([](index::IndexWriter&) { return Status(); });
  }
  bool Said(const std::string& text) const {
    for (const std::string& said : said_) {
      if (said.find(text) != std::string::npos) return true;
    }
    return false;
  }
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> LockIndex() {
    sqlite3* raw = nullptr;
    EXPECT_EQ(sqlite3_open(impl_->pool->LivePath().c_str(), &raw), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(raw, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(raw);
    return {raw, &sqlite3_close};
  }

  testing::Scratch scratch_;
  TickingEnv env_;
  OpenOptions options_;
  std::vector<std::string> said_;
  std::optional<Store> store_;
  std::shared_ptr<StoreImpl> impl_;
};

TEST_F(ApplyTurn, WhoWorksInItIsWaitedForWithinABound) {
  Put(2);
  const auto turn = HoldTurn();
  const index::Generation before = impl_->pool->Live();
  TimePassesWithWork(6 * kSecondNs);
  const auto read = store_->Get("key:1");
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::kBusy);
  EXPECT_NE(read.error().message.find("the index lags at LSN 1 behind LSN 2"), std::string::npos)
      << read.error().message;
  EXPECT_NE(read.error().hint.find("tenure doctor"), std::string::npos);
  for (const Status& answer : {Maintain(), [&] {
                                 const auto compacted = store_->Compact();
                                 return compacted.ok() ? Status() : Status(compacted.error());
                               }()}) {
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, ErrorCode::kBusy) << answer.error().message;
    EXPECT_NE(answer.error().message.find("30 s"), std::string::npos) << answer.error().message;
  }
  EXPECT_TRUE(impl_->pool->Live() == before) << "nobody was passed by";
  // What does not wait for the index goes on.
  Put(3);
}

TEST_F(ApplyTurn, ItComesWhenItsOwnerIsDone) {
  Put(2);
  auto turn = HoldTurn();
  int looks = 0;
  env_.tick = [&] {
    if (++looks == 4) turn.reset();
    impl_->context->shared().apply_progress.fetch_add(1);
  };
  ExpectSize(2);
  EXPECT_GE(looks, 4);
}

TEST_F(ApplyTurn, WhoStoppedInItIsPassedBy) {
  Put(2);
  const index::Generation before = impl_->pool->Live();
  const auto turn = HoldTurn();
  TimePasses(kSecondNs);
  ExpectSize(2);
  EXPECT_EQ(impl_->pool->Live().number, before.number + 1);
  EXPECT_TRUE(Said("has stopped: building generation"));
  // Its turn is that of the generation before.
  Put(3);
  ASSERT_TRUE(store_->Compact().ok());
  ExpectSize(3);
}

TEST_F(ApplyTurn, MaintenancePassesByToo) {
  Put(2);
  const index::Generation before = impl_->pool->Live();
  const auto turn = HoldTurn();
  TimePasses(kSecondNs);
  const Status maintained = Maintain();
  ASSERT_TRUE(maintained.ok()) << maintained.error().message;
  EXPECT_EQ(impl_->pool->Live().number, before.number + 1);
  EXPECT_EQ(impl_->context->AppliedHint(), 2u);
}

/// Somebody else is building past it, and is given more time; when he has stopped too, this process does it.
TEST_F(ApplyTurn, WhoPassesByIsWaitedForLonger) {
  Put(2);
  const index::Generation before = impl_->pool->Live();
  const auto turn = HoldTurn();
  const auto build = Hold(ingest::kBuildByte);
  std::uint64_t passed = 0;
  env_.tick = [&] {
    env_.passed_ns += 2 * kSecondNs;
    if (impl_->pool->Live() == before) passed += 2;
  };
  ExpectSize(2);
  EXPECT_EQ(impl_->pool->Live().number, before.number + 1);
  EXPECT_GE(passed, 20u) << "ten times the bound of 2 s";
}

TEST_F(ApplyTurn, WhatSomebodyElseHasBuiltIsNotBuiltAgain) {
  Put(2);
  const index::Generation before = impl_->pool->Live();
  auto turn = HoldTurn();
  int looks = 0;
  env_.tick = [&] {
    env_.passed_ns += kSecondNs;
    // Between a look at what is live and the turn to build.
    if (++looks == 5) {
      EXPECT_TRUE(impl_->context->build_next_index().ok());
    }
  };
  ExpectSize(2);
  EXPECT_EQ(impl_->pool->Live().number, before.number + 1);
  EXPECT_FALSE(Said("building generation " + std::to_string(before.number + 2)));
}

/// What cannot be built is told, unless somebody else has built it meanwhile.
TEST_F(ApplyTurn, AGenerationThatCannotBeBuilt) {
  const auto build = impl_->context->build_next_index;
  const auto broken = [] { return Status(base::MakeError(ErrorCode::kIo, "/disk: injected by the test")); };
  for (const bool elsewhere : {false, true}) {
    Put(elsewhere ? 3 : 2);
    const auto turn = HoldTurn();
    TimePasses(kSecondNs);
    impl_->context->build_next_index = [&]() -> Status {
      if (elsewhere) {
        EXPECT_TRUE(build().ok());
      }
      return broken();
    };
    if (elsewhere) {
      ExpectSize(3);
    } else {
      EXPECT_EQ(store_->Get("key:1").error().message, "/disk: injected by the test");
      EXPECT_EQ(Maintain().error().message, "/disk: injected by the test");
    }
    impl_->context->build_next_index = build;
    env_.tick = {};
  }
}

/// Without the means to build, and for who does not wait, it stays as it is.
TEST_F(ApplyTurn, NothingIsBuiltWhereThatIsNotWanted) {
  Put(2);
  const index::Generation before = impl_->pool->Live();
  const auto turn = HoldTurn();
  TimePasses(6 * kSecondNs);
  const auto build = std::exchange(impl_->context->build_next_index, {});
  EXPECT_EQ(store_->Get("key:1").error().code, ErrorCode::kBusy);
  impl_->context->build_next_index = build;
  EXPECT_TRUE(impl_->applier->WaitApplied(2, false).ok()) << "an acknowledgement is not kept up for ever";
  EXPECT_TRUE(impl_->pool->Live() == before);
  EXPECT_EQ(impl_->context->AppliedHint(), 1u);
}

TEST_F(ApplyTurn, ALockedIndexIsPassedByInItsTurn) {
  Put(2);
  const index::Generation before = impl_->pool->Live();
  {
    const auto locked = LockIndex();
    TimePasses(kSecondNs);
    const auto build = std::exchange(impl_->context->build_next_index, {});
    EXPECT_TRUE(impl_->applier->WaitApplied(2, false).ok());
    EXPECT_EQ(impl_->context->AppliedHint(), 1u);
    impl_->context->build_next_index = build;
    EXPECT_TRUE(impl_->pool->Live() == before);
    ASSERT_TRUE(Maintain().ok());
    EXPECT_EQ(impl_->pool->Live().number, before.number + 1);
    EXPECT_TRUE(Said("is locked by a process that has stopped"));
  }
  ExpectSize(2);
}

TEST_F(ApplyTurn, ALockedIndexThatCannotBePassedBy) {
  Put(2);
  const auto locked = LockIndex();
  TimePasses(kSecondNs);
  const auto build = std::exchange(impl_->context->build_next_index, [] {
    return Status(base::MakeError(ErrorCode::kIo, "/disk: injected by the test"));
  });
  EXPECT_EQ(Maintain().error().message, "/disk: injected by the test");
  EXPECT_EQ(store_->Get("key:1").error().message, "/disk: injected by the test");
  impl_->context->build_next_index = build;
  ExpectSize(2);
}

}  // namespace
}  // namespace tenure
