// A committer gave up, and whoever takes over meets a disk that fails, or shared memory and a journal that contradict
// each other.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "store/base/error.h"
#include "store/base/recording_env.h"
#include "store/journal/segments.h"
#include "store/recovery/verify.h"
#include "store/store_impl.h"
#include "tenure/store.h"
#include "tests/support/failing_statements.h"
#include "tests/support/scratch.h"

namespace tenure {
namespace {

using testing::FailingStatements;

class TakeoverFaultTest : public ::testing::Test {
 protected:
  TakeoverFaultTest() {
    options_.env = &env_;
    options_.background = false;
    Begin();
  }
  /// Another store of three commits.
  void Begin() {
    impl_.reset();
    store_.reset();
    dir_ = scratch_ / std::to_string(stores_++);
    std::filesystem::create_directory(dir_);
    CreateOptions create;
    create.writer_slots = 4;
    auto store = Store::Create(dir_, create, options_);
    ASSERT_TRUE(store.ok()) << store.error().message;
    store_.emplace(std::move(store).value());
    impl_ = *StoreImpl::Open(dir_, options_);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(Commit().ok());
  }
  ingest::CommitArea& area() { return impl_->member->segment().commit(); }
  static void Make(base::Atomic128& word, base::Pair64 to) {
    base::Pair64 seen = word.Load();
    while (!word.CompareExchange(seen, to)) {
    }
  }
  /// As a committer leaves the lease that cannot go on, before it has told anybody what became of its last batches.
  void GiveUp() {
    const base::Pair64 resolved = area().resolved.Load();
    Make(area().resolved, {resolved.first, 1});
    Make(area().owner, {area().owner.LoadFirst(), ingest::kAbandoned});
  }
  Result<Receipt> Commit() {
    Transaction txn;
    PutSpec spec;
    spec.name = "e/" + std::to_string(commits_++);
    spec.version = "1";
    txn.Put(spec);
    return store_->Commit(txn);
  }
  /// `arm` makes call `index` fail, `stop` ends that and returns how many there were.
  void EveryTakeover(const std::function<void(std::uint64_t index)>& arm, const std::function<std::uint64_t()>& stop) {
    bool all = false;
    for (std::uint64_t index = 0; !all && !HasFailure(); ++index) {
      Begin();  // a takeover reads all segments, and makes one more
      const Lsn before = impl_->context->DurableLsn();
      GiveUp();
      arm(index);
      const auto answer = Commit();
      all = stop() <= index;
      const std::string call = "call " + std::to_string(index) + " " + FailingStatements::Failed();
      if (answer.ok()) {
        EXPECT_EQ(answer->lsn, before + 1) << call;
      } else {
        EXPECT_FALSE(all);
        EXPECT_TRUE(answer.error().code == ErrorCode::kIo || answer.error().code == ErrorCode::kOutcomeUnknown)
            << call << ": " << answer.error().message;
        EXPECT_NE(answer.error().message.find(dir_), std::string::npos) << answer.error().message;
      }
      const Lsn between = impl_->context->DurableLsn();
      const auto next = Commit();
      ASSERT_TRUE(next.ok()) << call << ": " << next.error().message;
      EXPECT_GT(next->lsn, between) << call;
      EXPECT_LE(next->lsn, before + 2) << call;
    }
    ExpectSound();
  }
  void ExpectSound() {
    recovery::VerifyOptions options;
    options.deep = true;
    const auto report = recovery::Verify(env_, impl_->layout, options);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_TRUE(report->ok()) << report->problems.front().message;
    EXPECT_EQ(report->last_lsn, impl_->context->DurableLsn());
  }
  void ExpectRefused(const std::string& says, const std::string& hint) {
    const auto answer = Commit();
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, ErrorCode::kCorruption) << answer.error().message;
    EXPECT_NE(answer.error().message.find(says), std::string::npos) << answer.error().message;
    EXPECT_NE(answer.error().hint.find(hint), std::string::npos) << answer.error().hint;
  }

  testing::Scratch scratch_;
  int stores_ = 0;
  std::string dir_;
  base::RecordingEnv env_{base::Env::Posix()};
  OpenOptions options_;
  std::optional<Store> store_;
  std::shared_ptr<StoreImpl> impl_;
  int commits_ = 0;
};

TEST_F(TakeoverFaultTest, EveryCallFailsOnce) {
  std::uint64_t before = 0;
  EveryTakeover(
      [&](std::uint64_t index) {
        before = env_.calls();
        env_.SetFaultPlan(
            [&before, index](std::uint64_t call, base::TraceStep::Kind, const std::string& path) -> Status {
              if (call != before + index) return {};
              return base::MakeError(ErrorCode::kIo, path + ": injected by the test");
            });
      },
      [&] {
        env_.SetFaultPlan({});
        return env_.calls() - before;
      });
}

/// Behind a failure nothing is remembered: it begins with the index.
TEST_F(TakeoverFaultTest, EveryCallOfSqliteFailsOnce) {
  EveryTakeover(
      [&](std::uint64_t index) {
        env_.SetFaultPlan([](std::uint64_t, base::TraceStep::Kind kind, const std::string& path) -> Status {
          if (kind != base::TraceStep::Kind::kSyncDirectory) return {};
          return base::MakeError(ErrorCode::kIo, path + ": injected by the test");
        });
        EXPECT_FALSE(Commit().ok());
        env_.SetFaultPlan({});
        FailingStatements::FailAt(index);
      },
      [] { return FailingStatements::Stop(); });
}

TEST_F(TakeoverFaultTest, AnIndexAheadOfWhatWasAcknowledged) {
  ASSERT_TRUE(store_->CatchUp().ok());
  const base::Pair64 durable = area().durable.Load();
  GiveUp();
  Make(area().durable, {durable.first, durable.second - 1});
  ExpectRefused("the index has applied LSN 3", "tenure-replay verify");
  Make(area().durable, {area().durable.LoadFirst(), durable.second});
  EXPECT_EQ(Commit()->lsn, 4u) << "nothing was changed";
  ExpectSound();
}

TEST_F(TakeoverFaultTest, AJournalThatEndsBeforeWhatWasAcknowledged) {
  const base::Pair64 durable = area().durable.Load();
  GiveUp();
  Make(area().durable, {durable.first, durable.second + 1});
  ExpectRefused("the journal ends with LSN 3, but LSN 4 is known to be durable", "");
  EXPECT_EQ(store_->CatchUp().error().code, ErrorCode::kCorruption);
  Make(area().durable, {area().durable.LoadFirst(), durable.second});
  EXPECT_EQ(Commit()->lsn, 4u) << "nothing was changed";
  ExpectSound();
}

TEST_F(TakeoverFaultTest, ASegmentOfAnEpochThatHasNotBegun) {
  const auto chain = journal::ReadChain(env_, impl_->layout.journal(), impl_->config.journal_id, 0);
  ASSERT_TRUE(chain.ok());
  const std::string stray = impl_->layout.journal() + "/" + journal::SegmentFileName({1'000, 1});
  std::filesystem::copy_file(chain->segments.back().path, stray);
  GiveUp();
  ExpectRefused(impl_->layout.journal(), "");
  std::filesystem::remove(stray);
  EXPECT_EQ(Commit()->lsn, 4u);
  ExpectSound();
}

}  // namespace
}  // namespace tenure
