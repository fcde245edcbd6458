// While a transaction is decided, one call to the disk fails: of SQLite's, or of the store's own.
//
// It is refused with an I/O error that names a file of the store, or accepted (what failed was done on the side), or
// the answer is that nobody knows. Asked again, under the same request id, it gets the answer that it would have got,
// and is in the log once.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "store/base/error.h"
#include "store/base/recording_env.h"
#include "store/recovery/config.h"
#include "store/recovery/verify.h"
#include "tenure/lease.h"
#include "tenure/store.h"
#include "tests/support/failing_statements.h"
#include "tests/support/scratch.h"

namespace tenure {
namespace {

using testing::FailingStatements;

PutSpec Numbered(const std::string& name, const std::string& version, int n) {
  PutSpec spec;
  spec.name = name;
  spec.version = version;
  spec.annotations = "{\"n\":" + std::to_string(n) + "}";
  return spec;
}

/// In memory where there is room: power does not fail here.
bool ScratchInMemory() {
  return std::filesystem::exists("/dev/shm") && ::setenv("TMPDIR", "/dev/shm", /*overwrite=*/0) == 0;
}

class DecisionFaultTest : public ::testing::Test {
 protected:
  using Fill = std::function<void(Transaction&)>;

  DecisionFaultTest() {
    CreateOptions create;
    create.writer_slots = 4;
    std::filesystem::create_directory(scratch_ / "begun");
    auto made = Store::Create(scratch_ / "begun", create, Options(env_));
    EXPECT_TRUE(made.ok()) << made.error().message;
    store_.emplace(std::move(made).value());
    History();
    EXPECT_TRUE(store_->CatchUp().ok());
    // What the index lacks is read from the journal.
    for (int n = 4; n <= 5; ++n) {
      Done([&](Transaction& txn) { txn.Put(Numbered("e/1", "1", n)); });
      Done([&](Transaction& txn) { txn.SetTag("e/1", "prod", n == 4 ? "2" : "1"); });
    }
    PolicySpec unapplied;
    unapplied.glob = "u/**";
    unapplied.keep_history = true;
    Done([&](Transaction& txn) { txn.SetPolicy(unapplied); });
    unapplied_ = Park([](Transaction& txn) { txn.Put(Numbered("e/3", "1", 70)).Base(1); });
    store_.reset();
    // Memory of a copied store is foreign: it is made anew by whoever opens it.
    for (const char* file : {"/.tenure/ingest.shm", "/.tenure/members.lock"}) {
      std::filesystem::remove(scratch_ / "begun" + file);
    }
  }

  static OpenOptions Options(base::Env& env) {
    OpenOptions options;
    options.env = &env;
    options.writer = "tester@here";
    options.background = false;
    return options;
  }
  Receipt Done(const Fill& fill, const CommitOptions& options = {}) {
    Transaction txn;
    fill(txn);
    auto receipt = store_->Commit(txn, options);
    EXPECT_TRUE(receipt.ok()) << receipt.error().message;
    return receipt.ok() ? std::move(receipt).value() : Receipt();
  }
  ConflictId Park(const Fill& fill) {
    CommitOptions options;
    options.on_conflict = ConflictStrategy::kPark;
    const Receipt receipt = Done(fill, options);
    EXPECT_EQ(receipt.outcome, Outcome::kParked);
    return {receipt.lsn, 0};
  }
  /// Entries and tags of three revisions, policies, and a parked conflict of each sort.
  void History() {
    for (int n = 1; n <= 3; ++n) {
      for (const char* name : {"e/1", "e/2", "e/3", "e/4", "e/5"}) {
        Done([&](Transaction& txn) { txn.Put(Numbered(name, "1", n)), txn.Put(Numbered(name, "2", n)); });
      }
    }
    for (const char* to : {"1", "2", "1"}) {
      for (const char* name : {"e/1", "e/2", "e/4"}) Done([&](Transaction& txn) { txn.SetTag(name, "prod", to); });
    }
    Done([](Transaction& txn) { txn.SetTag("e/4", "next", "1"); });
    Done([](Transaction& txn) { txn.Put(Numbered("gone", "1", 1)); });
    Done([](Transaction& txn) { txn.Delete("gone", "1"); });
    PolicySpec policy;
    policy.glob = "old/**";
    policy.immutable = true;
    Done([&](Transaction& txn) { txn.SetPolicy(policy); });
    policy = {};
    policy.glob = "leased/**";
    policy.require_lease = true;
    Done([&](Transaction& txn) { txn.SetPolicy(policy); });
    entry_ = Park([](Transaction& txn) { txn.Put(Numbered("e/2", "1", 50)).Base(1); });
    second_ = Park([](Transaction& txn) { txn.Put(Numbered("e/2", "2", 50)).Base(1); });
    tag_ = Park([](Transaction& txn) { txn.SetTag("e/2", "prod", "2").Base(1); });
    deletion_ = Park([](Transaction& txn) { txn.Delete("e/5", "2").Base(1); });
    untag_ = Park([](Transaction& txn) { txn.DeleteTag("e/2", "prod").Base(1); });
  }

  std::string NewCopy() {
    const std::string dir = scratch_ / "store";
    std::filesystem::remove_all(dir);
    std::filesystem::copy(scratch_ / "begun", dir, std::filesystem::copy_options::recursive);
    return dir;
  }
  static std::string Said(const Result<Receipt>& answer) {
    return answer.ok() ? std::string(OutcomeName(answer->outcome)) + " at LSN " + std::to_string(answer->lsn)
                       : std::string(ErrorCodeName(answer.error().code));
  }
  static std::string InTheLog(const Store& store) {
    const auto stats = store.Stats();
    if (!stats.ok()) return stats.error().message;
    std::string found;
    const Status read = store.Log(stats->oldest_log_lsn, 0, [&](const Event& event) {
      if (event.request_id == "this") found += std::to_string(event.lsn) + " ";
      return true;
    });
    return read.ok() ? found : read.error().message;
  }

  /// `arm` makes call `index` fail, `stop` ends that and returns how many there were.
  void Sweep(const Fill& fill, std::optional<ConflictStrategy> strategy, const std::string& expected,
             const std::function<void(base::RecordingEnv&, std::uint64_t)>& arm,
             const std::function<std::uint64_t(base::RecordingEnv&)>& stop) {
    Transaction txn;
    fill(txn);
    CommitOptions options;
    options.request_id = "this";
    options.on_conflict = strategy;
    std::string in_the_log;
    {
      const std::string dir = NewCopy();
      base::RecordingEnv env(base::Env::Posix());
      auto store = Store::Open(dir, Options(env));
      ASSERT_TRUE(store.ok()) << store.error().message;
      const auto answer = store->Commit(txn, options);
      ASSERT_EQ(Said(answer), expected) << (answer.ok() ? "" : answer.error().message);
      in_the_log = InTheLog(*store);
      recovery::VerifyOptions deep;
      deep.deep = true;
      const auto report = recovery::Verify(env, *recovery::FindStore(env, dir), deep);
      ASSERT_TRUE(report.ok() && report->ok());
    }
    for (std::uint64_t index = 0;; ++index) {
      const std::string dir = NewCopy();
      base::RecordingEnv env(base::Env::Posix());
      auto store = Store::Open(dir, Options(env));
      ASSERT_TRUE(store.ok()) << store.error().message;
      arm(env, index);
      const auto answer = store->Commit(txn, options);
      const std::uint64_t calls = stop(env);
      const std::string call = "call " + std::to_string(index) + " " + FailingStatements::Failed();
      if (Said(answer) != expected) {
        ASSERT_FALSE(answer.ok()) << call << ": " << Said(answer);
        EXPECT_TRUE(answer.error().code == ErrorCode::kIo || answer.error().code == ErrorCode::kOutcomeUnknown)
            << call << ": " << Said(answer);
        EXPECT_NE(answer.error().message.find(dir), std::string::npos) << call << ": " << answer.error().message;
      }
      const auto again = store->Commit(txn, options);
      EXPECT_EQ(Said(again), expected) << call << (again.ok() ? "" : ": " + again.error().message);
      EXPECT_EQ(InTheLog(*store), in_the_log) << call;
      if (calls <= index || HasFailure()) return;
    }
  }
  void EveryStatement(const Fill& fill, std::optional<ConflictStrategy> strategy, const std::string& expected) {
    Sweep(
        fill, strategy, expected, [](base::RecordingEnv&, std::uint64_t index) { FailingStatements::FailAt(index); },
        [](base::RecordingEnv&) { return FailingStatements::Stop(); });
  }
  void EveryCall(const Fill& fill, std::optional<ConflictStrategy> strategy, const std::string& expected) {
    std::uint64_t before = 0;
    Sweep(
        fill, strategy, expected,
        [&](base::RecordingEnv& env, std::uint64_t index) {
          before = env.calls();
          env.SetFaultPlan(
              [&before, index](std::uint64_t call, base::TraceStep::Kind, const std::string& path) -> Status {
                if (call != before + index) return {};
                Error error = base::MakeError(ErrorCode::kIo, path + ": injected by the test");
                error.path = path;
                return error;
              });
        },
        [&](base::RecordingEnv& env) {
          env.SetFaultPlan({});
          return env.calls() - before;
        });
  }

  const bool memory_ = ScratchInMemory();  // before scratch_: it says where that goes
  testing::Scratch scratch_;
  base::RecordingEnv env_{base::Env::Posix()};
  std::optional<Store> store_;
  ConflictId entry_, second_, tag_, deletion_, untag_, unapplied_;
};

TEST_F(DecisionFaultTest, WhatIsWrittenOverWhatIsThere) {
  const auto writes = [](Transaction& txn) {
    txn.Put(Numbered("new", "1", 1));
    txn.Put(Numbered("e/3", "1", 9)).Base(3);
    txn.Patch("e/3", "2", R"({"p":1})");
    txn.Delete("e/4", "1", true);
    txn.Delete("e/5", "1");
    txn.SetTag("e/3", "prod", "1");
    txn.DeleteTag("e/1", "prod");
  };
  EveryStatement(writes, std::nullopt, "committed at LSN 41");
  EveryCall(writes, std::nullopt, "committed at LSN 41");
}

TEST_F(DecisionFaultTest, WhatIsRefused) {
  EveryStatement([](Transaction& txn) { txn.Delete("e/4", "1"); }, std::nullopt, "tagged");
  EveryStatement([](Transaction& txn) { txn.Put(Numbered("leased/a", "1", 1)); }, std::nullopt, "lease_required");
  EveryStatement([](Transaction& txn) { txn.SetTag("e/3", "prod", "2").Base(1); }, ConflictStrategy::kMerge,
                 "stale_base");
}

/// Bases are read from the index's history, and, where that has not got so far, from the journal.
TEST_F(DecisionFaultTest, WhatIsMerged) {
  EveryStatement(
      [](Transaction& txn) {
        txn.Patch("e/1", "1", R"({"x":1})").Base(1);
        txn.Patch("e/3", "1", R"({"x":1})").Base(2);
        txn.SetTag("e/1", "prod", "2").Base(1);
      },
      ConflictStrategy::kMerge, "merged at LSN 41");
  EveryStatement([](Transaction& txn) { txn.Patch("e/1", "1", R"({"x":1})").Base(4); }, ConflictStrategy::kMerge,
                 "merged at LSN 41");
  EveryStatement([](Transaction& txn) { txn.Patch("gone", "1", R"({"x":1})").Base(1); },
                 ConflictStrategy::kLastWriterWins, "committed at LSN 41");
}

TEST_F(DecisionFaultTest, WhatIsParked) {
  EveryStatement(
      [](Transaction& txn) {
        txn.Put(Numbered("e/1", "1", 9)).Base(1);
        txn.Put(Numbered("e/3", "1", 9)).Base(2);
        txn.Delete("e/2", "1", true).Base(1);
        txn.SetTag("e/1", "prod", "2").Base(1);
        txn.SetTag("e/4", "prod", "2").Base(2);
        txn.Put(Numbered("together", "1", 9));
        txn.SetTag("e/3", "together", "1");
      },
      ConflictStrategy::kMergeOrPark, "parked at LSN 41");
  EveryStatement([](Transaction& txn) { txn.SetTag("e/1", "prod", "2").Base(4); }, ConflictStrategy::kPark,
                 "parked at LSN 41");
}

TEST_F(DecisionFaultTest, WhatIsResolved) {
  EveryStatement(
      [this](Transaction& txn) {
        txn.Resolve(entry_, Take::kOurs);
        txn.Resolve(second_, Take::kTheirs);
        txn.Resolve(untag_, Take::kTheirs);
        txn.Resolve(deletion_, Take::kOurs);
        txn.Resolve(unapplied_, Take::kBase);
      },
      std::nullopt, "committed at LSN 41");
  EveryStatement([this](Transaction& txn) { txn.Resolve(tag_, Take::kOurs); }, std::nullopt, "committed at LSN 41");
  EveryStatement([this](Transaction& txn) { txn.Resolve(untag_, Take::kOurs); }, std::nullopt, "committed at LSN 41");
}

TEST_F(DecisionFaultTest, Policies) {
  EveryStatement(
      [](Transaction& txn) {
        PolicySpec policy;
        policy.glob = "e/**";
        policy.keep_history = true;
        txn.SetPolicy(policy);
        txn.DeletePolicy("old/**");
        txn.DeletePolicy("u/**");
      },
      std::nullopt, "committed at LSN 41");
  EveryStatement([](Transaction& txn) { txn.DeletePolicy("old/**"); }, std::nullopt, "committed at LSN 41");
}

}  // namespace
}  // namespace tenure
