// A backlog that is most of the store: the next generation of the index instead of applying.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "store/base/recording_env.h"
#include "store/index/generations.h"
#include "store/recovery/verify.h"
#include "store/store_impl.h"
#include "tenure/store.h"
#include "tests/support/scratch.h"

namespace tenure {
namespace {

constexpr Lsn kBacklogMin = 20;

class FarBehind : public ::testing::Test {
 protected:
  FarBehind() { Open(true); }

  void Open(bool create = false) {
    OpenOptions options;
    options.env = &env_;
    options.background = false;
    options.apply_lag_max = std::numeric_limits<std::uint64_t>::max() / 2;
    options.log = [this](const char* level, const std::string& message) { said_.push_back(level + (": " + message)); };
    auto store = create ? Store::Create(scratch_.path(), {}, options) : Store::Open(scratch_.path(), options);
    ASSERT_TRUE(store.ok()) << store.error().message;
    store_.emplace(std::move(store).value());
    // The handle's own, shared by path and environment.
    auto impl = StoreImpl::Open(scratch_.path(), options);
    ASSERT_TRUE(impl.ok()) << impl.error().message;
    impl_ = std::move(impl).value();
    impl_->context->build_backlog_min = kBacklogMin;
  }
  void Close() {
    store_.reset();
    impl_.reset();
  }
  /// One transaction each; every third one is a new revision of the key before it.
  void Put(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i, ++puts_) {
      PutSpec spec;
      spec.name = "k" + std::to_string(puts_ - (puts_ % 3 == 2 ? 1 : 0));
      spec.version = "1";
      spec.size = puts_;
      Transaction txn;
      txn.Put(spec);
      const auto receipt = store_->Commit(txn);
      ASSERT_TRUE(receipt.ok()) << receipt.error().message;
    }
  }
  void ExpectEverything() {
    for (std::size_t i = 0; i < puts_; ++i) {
      if (i % 3 == 2) continue;
      const bool twice = i % 3 == 1 && i + 1 < puts_;
      const auto entry = store_->Get("k" + std::to_string(i) + ":1");
      ASSERT_TRUE(entry.ok()) << entry.error().message;
      EXPECT_EQ(entry->revision, twice ? 2u : 1u) << i;
      EXPECT_EQ(entry->size, twice ? i + 1 : i);
    }
    recovery::VerifyOptions options;
    options.deep = true;
    const auto report = recovery::Verify(env_, impl_->layout, options);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_TRUE(report->ok()) << report->problems.front().message;
    EXPECT_EQ(report->applied_lsn, puts_);
  }
  std::size_t Files() { return index::ListGenerations(env_, impl_->layout.index())->size(); }

  testing::Scratch scratch_;
  base::RecordingEnv env_{base::Env::Posix()};
  std::vector<std::string> said_;
  std::optional<Store> store_;
  std::shared_ptr<StoreImpl> impl_;
  std::size_t puts_ = 0;
};

TEST_F(FarBehind, TheNextGenerationIsBuiltUnderReaders) {
  const index::Generation first = impl_->pool->Live();
  auto pinned = impl_->pool->Take();
  ASSERT_TRUE(pinned.ok());
  ASSERT_TRUE((*pinned)->BeginSnapshot().ok());
  Put(kBacklogMin);
  ASSERT_TRUE(store_->CatchUp().ok());
  const index::Generation second = impl_->pool->Live();
  EXPECT_GT(second, first);
  EXPECT_EQ(impl_->context->AppliedHint(), kBacklogMin);
  EXPECT_EQ((*pinned)->AppliedLsn().value(), 0u) << "a snapshot stays what it was";
  ExpectEverything();
  EXPECT_EQ(Files(), 2u) << "somebody may still be opening the old file";

  // Writing goes on, and what is now less than the rest of the store is applied to what is there.
  Put(kBacklogMin - 1);
  ASSERT_TRUE(store_->CatchUp().ok());
  EXPECT_EQ(impl_->pool->Live(), second);
  ExpectEverything();
}

TEST_F(FarBehind, ABacklogSmallerThanTheRestIsApplied) {
  Put(2 * kBacklogMin);
  ASSERT_TRUE(store_->CatchUp().ok());
  const index::Generation built = impl_->pool->Live();
  Put(2 * kBacklogMin - 1);
  ASSERT_TRUE(store_->CatchUp().ok());
  EXPECT_EQ(impl_->pool->Live(), built);
  Put(4 * kBacklogMin);
  ASSERT_TRUE(store_->CatchUp().ok());
  EXPECT_GT(impl_->pool->Live(), built);
  ExpectEverything();
}

TEST_F(FarBehind, WhoeverIsAloneRemovesTheOldFile) {
  Put(kBacklogMin);
  ASSERT_TRUE(store_->CatchUp().ok());
  const index::Generation live = impl_->pool->Live();
  ASSERT_EQ(Files(), 2u);
  Close();
  Open();
  EXPECT_EQ(Files(), 1u);
  EXPECT_EQ(impl_->pool->Live(), live);
  ExpectEverything();
}

TEST_F(FarBehind, AMiddlingBacklogIsAppliedInLargeTransactions) {
  impl_->context->build_backlog_min = std::numeric_limits<Lsn>::max();
  impl_->context->gather_backlog_min = 2;
  const index::Generation first = impl_->pool->Live();
  for (const std::size_t more : {1, 2, 30}) {
    Put(more);
    ASSERT_TRUE(store_->CatchUp().ok());
    ExpectEverything();
  }
  EXPECT_EQ(impl_->pool->Live(), first);
}

TEST_F(FarBehind, WithoutANewGenerationTheOldOneIsApplied) {
  const index::Generation first = impl_->pool->Live();
  env_.SetFaultPlan([](std::uint64_t, base::TraceStep::Kind, const std::string& path) -> Status {
    if (path.find("building-") == std::string::npos) return {};
    Error error;
    error.code = ErrorCode::kNoSpace;
    error.message = "no room for " + path;
    return error;
  });
  Put(kBacklogMin);
  EXPECT_TRUE(store_->CatchUp().ok());
  env_.SetFaultPlan({});
  EXPECT_EQ(impl_->pool->Live(), first);
  EXPECT_EQ(Files(), 1u);
  EXPECT_EQ(std::count_if(said_.begin(), said_.end(),
                          [](const std::string& line) { return line.find("no room for") != std::string::npos; }),
            1);
  ExpectEverything();
}

}  // namespace
}  // namespace tenure
