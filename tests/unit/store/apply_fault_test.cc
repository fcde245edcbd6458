// The index is brought up to the journal, or compacted, on a disk that fails once: what was acknowledged stays, and the
// next one gets it done.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "store/base/error.h"
#include "store/base/recording_env.h"
#include "store/recovery/verify.h"
#include "store/store_impl.h"
#include "tenure/store.h"
#include "tests/support/failing_statements.h"
#include "tests/support/scratch.h"

namespace tenure {
namespace {

using testing::FailingStatements;

class ApplyFaultTest : public ::testing::Test {
 protected:
  ApplyFaultTest() {
    OpenOptions options;
    options.env = &env_;
    options.background = false;
    options.apply_lag_max = std::numeric_limits<std::uint64_t>::max() / 2;
    options.log = [this](const char*, const std::string& message) { said_.push_back(message); };
    CreateOptions create;
    create.writer_slots = 4;
    auto store = Store::Create(scratch_.path(), create, options);
    EXPECT_TRUE(store.ok()) << store.error().message;
    store_.emplace(std::move(store).value());
    impl_ = *StoreImpl::Open(scratch_.path(), options);
    impl_->context->build_backlog_min = std::numeric_limits<Lsn>::max();
    impl_->context->wal_bytes_max = 0;  // checkpointed each time
  }
  void Commit(int count) {
    for (int i = 0; i < count; ++i, ++commits_) {
      Transaction txn;
      PutSpec spec;
      spec.name = "e/" + std::to_string(commits_ % 5);
      spec.version = "1";
      spec.size = commits_;
      txn.Put(spec);
      const auto receipt = store_->Commit(txn);
      ASSERT_TRUE(receipt.ok()) << receipt.error().message;
    }
  }
  /// Runs `act` on `backlog` new transactions, so that call after call fails: of the store's own, then of SQLite's.
  void EveryCall(int backlog, const std::function<Status()>& act) {
    for (const bool of_sqlite : {false, true}) {
      bool all = false;
      for (std::uint64_t index = 0; !all && !HasFailure(); ++index) {
        Commit(backlog);
        const std::uint64_t before = env_.calls();
        if (of_sqlite) {
          FailingStatements::FailAt(index);
        } else {
          env_.SetFaultPlan([&](std::uint64_t call, base::TraceStep::Kind, const std::string& path) -> Status {
            if (call != before + index) return {};
            return base::MakeError(ErrorCode::kIo, path + ": injected by the test");
          });
        }
        const Status answer = act();
        const std::uint64_t calls = of_sqlite ? FailingStatements::Stop() : env_.calls() - before;
        env_.SetFaultPlan({});
        all = calls <= index || index > 200;
        const std::string call = "call " + std::to_string(index) + (of_sqlite ? " " + FailingStatements::Failed() : "");
        if (!answer.ok()) {
          EXPECT_TRUE(answer.error().code == ErrorCode::kIo || answer.error().code == ErrorCode::kOutcomeUnknown)
              << call << ": " << answer.error().message;
          EXPECT_NE(answer.error().message.find(scratch_.path()), std::string::npos) << answer.error().message;
        }
        const Status again = act();
        EXPECT_TRUE(again.ok()) << call << ": " << again.error().message;
        const auto newest = store_->Get("e/" + std::to_string((commits_ - 1) % 5) + ":1");
        ASSERT_TRUE(newest.ok()) << call << ": " << newest.error().message;
        EXPECT_EQ(newest->size, commits_ - 1) << call;
      }
    }
    ExpectSound();
  }
  void ExpectSound() {
    ASSERT_TRUE(store_->CatchUp().ok());
    recovery::VerifyOptions options;
    options.deep = true;
    const auto report = recovery::Verify(env_, impl_->layout, options);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_TRUE(report->ok()) << report->problems.front().message;
    EXPECT_EQ(report->applied_lsn, impl_->context->DurableLsn());
  }

  testing::Scratch scratch_;
  base::RecordingEnv env_{base::Env::Posix()};
  std::vector<std::string> said_;
  std::optional<Store> store_;
  std::shared_ptr<StoreImpl> impl_;
  std::uint64_t commits_ = 0;
};

TEST_F(ApplyFaultTest, AFewFrames) {
  EveryCall(2, [&] { return store_->CatchUp(); });
}

/// With a second thread that reads ahead.
TEST_F(ApplyFaultTest, ManyFrames) {
  impl_->context->gather_backlog_min = 2;
  EveryCall(3, [&] { return store_->CatchUp(); });
}

/// Goes on with the old generation of the index when the next one cannot be built.
TEST_F(ApplyFaultTest, TheNextGeneration) {
  for (std::uint64_t index = 0; index < 12; ++index) {
    Commit(static_cast<int>(commits_ < 10 ? 10 : commits_));
    impl_->context->build_backlog_min = 1;
    said_.clear();
    FailingStatements::FailAt(3 * index);
    const Status caught_up = store_->CatchUp();
    (void)FailingStatements::Stop();
    impl_->context->build_backlog_min = std::numeric_limits<Lsn>::max();
    EXPECT_TRUE(caught_up.ok() || caught_up.error().code == ErrorCode::kIo) << caught_up.error().message;
    for (const std::string& said : said_) EXPECT_NE(said.find(scratch_.path()), std::string::npos) << said;
    if (commits_ > 200) break;
  }
  ExpectSound();
}

TEST_F(ApplyFaultTest, Compacting) {
  EveryCall(1, [&]() -> Status {
    const auto report = store_->Compact();
    return report.ok() ? Status() : Status(report.error());
  });
}

}  // namespace
}  // namespace tenure
