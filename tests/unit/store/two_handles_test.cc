// Two handles that share nothing but the store, like two processes: what one commits, the other reads on in the journal
// before it decides anything; and what is decided when the index cannot be read for a moment.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "store/base/error.h"
#include "store/base/recording_env.h"
#include "store/recovery/verify.h"
#include "store/store_impl.h"
#include "tenure/lease.h"
#include "tenure/store.h"
#include "tests/support/failing_statements.h"
#include "tests/support/scratch.h"

namespace tenure {
namespace {

using testing::FailingStatements;

class TwoHandles : public ::testing::Test {
 protected:
  using Fill = std::function<void(Transaction&)>;
  struct Handle {
    base::RecordingEnv env{base::Env::Posix()};
    std::optional<Store> store;
    std::shared_ptr<StoreImpl> impl;
  };
  TwoHandles() {
    Open(mine_, true);
    Open(theirs_, false);
  }
  ~TwoHandles() override {
    EXPECT_TRUE(mine_.store->CatchUp().ok());
    recovery::VerifyOptions options;
    options.deep = true;
    const auto report = recovery::Verify(mine_.env, mine_.impl->layout, options);
    EXPECT_TRUE(report.ok() && report->ok());
  }
  void Open(Handle& handle, bool create) {
    handle.impl.reset();
    handle.store.reset();
    OpenOptions options;
    options.env = &handle.env;
    options.background = false;
    options.apply_lag_max = std::numeric_limits<std::uint64_t>::max() / 2;
    auto store = create ? Store::Create(scratch_.path(), {}, options) : Store::Open(scratch_.path(), options);
    ASSERT_TRUE(store.ok()) << store.error().message;
    handle.store.emplace(std::move(store).value());
    handle.impl = *StoreImpl::Open(scratch_.path(), options);
  }
  static Result<Receipt> Commit(Handle& handle, const Fill& fill, const CommitOptions& options = {}) {
    Transaction txn;
    fill(txn);
    return handle.store->Commit(txn, options);
  }
  static void Done(Handle& handle, const Fill& fill, const CommitOptions& options = {}) {
    const auto receipt = Commit(handle, fill, options);
    ASSERT_TRUE(receipt.ok()) << receipt.error().message;
  }
  static PutSpec Entry(const std::string& name, const std::string& annotations = "{}") {
    PutSpec spec;
    spec.name = name;
    spec.version = "1";
    spec.annotations = annotations;
    return spec;
  }
  static ErrorCode CodeOf(const Result<Receipt>& answer) {
    return answer.ok() ? ErrorCode::kInternal : answer.error().code;
  }

  testing::Scratch scratch_;
  Handle mine_, theirs_;
};

constexpr ErrorCode kAccepted = ErrorCode::kInternal;

/// Whether they are known already when they change, or are only looked for afterwards.
TEST_F(TwoHandles, PoliciesOfTheOther) {
  const auto policy = [&](const std::string& glob) {
    PolicySpec spec;
    spec.glob = glob;
    spec.require_lease = true;
    return spec;
  };
  const auto put = [&](Handle& handle, const std::string& name) {
    return CodeOf(Commit(handle, [&](Transaction& txn) { txn.Put(Entry(name)); }));
  };
  ASSERT_TRUE(theirs_.store->SetPolicy(policy("a/**")).ok());
  ASSERT_TRUE(theirs_.store->SetPolicy(policy("b/**")).ok());
  ASSERT_TRUE(theirs_.store->RemovePolicy("b/**").ok());
  EXPECT_EQ(put(mine_, "a/x"), ErrorCode::kLeaseRequired);
  EXPECT_EQ(put(mine_, "b/x"), kAccepted);
  ASSERT_TRUE(theirs_.store->SetPolicy(policy("c/**")).ok());
  ASSERT_TRUE(theirs_.store->RemovePolicy("a/**").ok());
  EXPECT_EQ(put(mine_, "a/x"), kAccepted);
  EXPECT_EQ(put(mine_, "c/x"), ErrorCode::kLeaseRequired);
  // Some of it is in the index by now, and some is not.
  ASSERT_TRUE(theirs_.store->CatchUp().ok());
  ASSERT_TRUE(theirs_.store->RemovePolicy("c/**").ok());
  Open(mine_, false);
  EXPECT_EQ(put(mine_, "c/x"), kAccepted);
}

TEST_F(TwoHandles, LeasesOfTheOther) {
  Done(mine_, [](Transaction& txn) { txn.Put(Entry("a")); });
  const auto put = [&] { return CodeOf(Commit(mine_, [](Transaction& txn) { txn.Put(Entry("a", R"({"n":1})")); })); };
  auto lease = theirs_.store->Acquire({.scopes = {"a"}});
  ASSERT_TRUE(lease.ok()) << lease.error().message;
  EXPECT_EQ(put(), ErrorCode::kLeaseHeld);
  ASSERT_TRUE(lease->Release().ok());
  EXPECT_EQ(put(), kAccepted);
  auto broken = theirs_.store->Acquire({.scopes = {"a"}});
  ASSERT_TRUE(broken.ok()) << broken.error().message;
  EXPECT_EQ(put(), ErrorCode::kLeaseHeld);
  ASSERT_TRUE(theirs_.store->BreakLease(broken->fencing_token(), "by the test").ok());
  EXPECT_NE(put(), ErrorCode::kLeaseHeld);
}

TEST_F(TwoHandles, RequestsParkedConflictsAndTagsOfTheOther) {
  Done(mine_, [](Transaction& txn) { txn.Put(Entry("a")); });
  CommitOptions once;
  once.request_id = "once";
  Done(
      theirs_, [](Transaction& txn) { txn.Put(Entry("a", R"({"n":2})")); }, once);
  const auto again = Commit(
      mine_, [](Transaction& txn) { txn.Put(Entry("a", R"({"n":2})")); }, once);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->lsn, 2u);
  Done(theirs_, [](Transaction& txn) { txn.SetTag("a", "prod", "1"); });
  EXPECT_EQ(CodeOf(Commit(mine_, [](Transaction& txn) { txn.Delete("a", "1"); })), ErrorCode::kTagged);
  Done(theirs_, [](Transaction& txn) { txn.DeleteTag("a", "prod"); });
  CommitOptions park;
  park.on_conflict = ConflictStrategy::kPark;
  const auto parked = Commit(
      theirs_, [](Transaction& txn) { txn.Put(Entry("a", R"({"n":9})")).Base(1); }, park);
  ASSERT_TRUE(parked.ok()) << parked.error().message;
  const ConflictId id{parked->lsn, 0};
  Done(mine_, [&](Transaction& txn) { txn.Resolve(id, Take::kOurs); });
  EXPECT_EQ(CodeOf(Commit(theirs_, [&](Transaction& txn) { txn.Resolve(id, Take::kOurs); })), ErrorCode::kNotFound);
  Done(mine_, [](Transaction& txn) { txn.Delete("a", "1"); });
  EXPECT_EQ(theirs_.store->Get("a:1").error().code, ErrorCode::kNotFound);
}

/// History and journal that the other one trims change nothing that decides.
TEST_F(TwoHandles, TheOtherCompacts) {
  for (int n = 0; n < 3; ++n) {
    Done(mine_, [&](Transaction& txn) { txn.Put(Entry("a", "{\"n\":" + std::to_string(n) + "}")); });
  }
  CompactOptions all;
  all.before_lsn = 3;
  const auto compacted = theirs_.store->Compact(all);
  ASSERT_TRUE(compacted.ok()) << compacted.error().message;
  Done(mine_, [](Transaction& txn) { txn.Put(Entry("a", R"({"n":7})")).Base(3); });
  EXPECT_EQ(mine_.store->Get("a:1")->revision, 4u);
}

/// Far behind, it goes on from what is applied.
TEST_F(TwoHandles, TheOtherIsFarAhead) {
  Done(mine_, [](Transaction& txn) { txn.Put(Entry("a")); });
  constexpr int kMany = 4'200;
  std::vector<Ticket> tickets;
  for (int i = 0; i < kMany; ++i) {
    Transaction txn;
    txn.Put({.name = "a", .version = "1", .size = static_cast<std::uint64_t>(i)});
    auto ticket = theirs_.store->Submit(txn);
    ASSERT_TRUE(ticket.ok()) << ticket.error().message;
    tickets.push_back(*ticket);
  }
  ASSERT_TRUE(tickets.back().Wait().ok());
  ASSERT_TRUE(theirs_.store->CatchUp().ok());
  const auto receipt = Commit(mine_, [](Transaction& txn) { txn.Put(Entry("a")).Base(kMany + 1); });
  ASSERT_TRUE(receipt.ok()) << receipt.error().message;
  EXPECT_EQ(receipt->lsn, static_cast<Lsn>(kMany + 2));
}

/// The index was switched to another generation, which cannot be opened once.
TEST_F(TwoHandles, AnotherGenerationThatCannotBeRead) {
  Done(mine_, [](Transaction& txn) { txn.Put(Entry("a")); });
  ASSERT_TRUE(theirs_.impl->context->build_next_index().ok());
  FailingStatements::FailAt(0);
  const auto refused = Commit(mine_, [](Transaction& txn) { txn.Put(Entry("b")); });
  (void)FailingStatements::Stop();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kIo) << refused.error().message;
  EXPECT_NE(refused.error().message.find("/index/"), std::string::npos) << refused.error().message;
  Done(mine_, [](Transaction& txn) { txn.Put(Entry("c")); });
  EXPECT_EQ(mine_.store->Get("b:1").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(mine_.store->Get("c:1")->lsn, 2u);
}

/// What this one reads on from lies behind what it has written since, in a segment that the other removes.
TEST_F(TwoHandles, TheOtherTrimsWhatLiesBehindOwnWrites) {
  Done(theirs_, [](Transaction& txn) { txn.Put(Entry("a")); });
  Done(mine_, [](Transaction& txn) { txn.Put(Entry("b")); });
  int filled = 0;
  while (mine_.store->Stats()->segments < 2) {
    const std::string text(500'000, static_cast<char>('a' + ++filled % 26));
    Done(mine_, [&](Transaction& txn) { txn.Put(Entry("large", "{\"text\":\"" + text + "\"}")); });
  }
  const auto report = theirs_.store->Compact();
  ASSERT_TRUE(report.ok()) << report.error().message;
  ASSERT_EQ(report->segments_removed, 1u);
  Done(mine_, [](Transaction& txn) { txn.Put(Entry("c")); });
}

/// Whoever builds past a stopped process may be stopped itself, for so long that every checkpoint is newer than what it
/// was about to build, and the journal before them gone: it builds what is durable by then.
class CompactedByTheOther : public TwoHandles, public ::testing::WithParamInterface<std::uint64_t> {};
TEST_P(CompactedByTheOther, WhileAGenerationIsBuilt) {
  int filled = 0;
  const auto fill = [&](std::size_t segments) {
    while (mine_.store->Stats()->segments < segments) {
      const std::string text(500'000, static_cast<char>('a' + ++filled % 26));
      Done(mine_, [&](Transaction& txn) { txn.Put(Entry("large", "{\"text\":\"" + text + "\"}")); });
    }
  };
  fill(2);
  std::uint64_t removed = 0, calls = 0;
  theirs_.env.SetFaultPlan([&](std::uint64_t, base::TraceStep::Kind, const std::string&) -> Status {
    if (calls++ != GetParam()) return {};
    for (int i = 0; i < 2; ++i) {
      fill(2);
      const auto report = mine_.store->Compact();
      EXPECT_TRUE(report.ok()) << report.error().message;
      if (report.ok()) removed += report->segments_removed;
    }
    return {};
  });
  const Status built = theirs_.impl->context->build_next_index();
  theirs_.env.SetFaultPlan({});
  EXPECT_TRUE(built.ok()) << built.error().message;
  EXPECT_GE(removed, 2u);
  EXPECT_EQ(*(*theirs_.impl->pool->Take())->AppliedLsn(), mine_.impl->context->DurableLsn());
}
INSTANTIATE_TEST_SUITE_P(InFrontOfCall, CompactedByTheOther, ::testing::Values(0, 1, 2, 4, 8, 12),
                         ::testing::PrintToStringParamName());

/// However often it is switched while several have the store open: the live generation and the one before it are kept.
TEST_F(TwoHandles, SupersededGenerationsDoNotPileUp) {
  const auto generations = [&] { return *index::ListGenerations(mine_.env, mine_.impl->layout.index()); };
  auto view = mine_.impl->pool->Take();
  ASSERT_TRUE(view.ok()) << view.error().message;
  ASSERT_TRUE((*view)->BeginSnapshot().ok());
  for (int i = 1; i <= 5; ++i) {
    const std::string key = "key" + std::to_string(i);
    Done(mine_, [&](Transaction& txn) { txn.Put(Entry(key)); });
    ASSERT_TRUE(theirs_.impl->context->build_next_index().ok());
    EXPECT_EQ(generations().size(), 2u);
    EXPECT_EQ(generations().back(), mine_.impl->pool->Live());
    EXPECT_EQ(mine_.store->Get(key + ":1")->lsn, static_cast<Lsn>(i));
    EXPECT_FALSE((*(*view)->GetEntry(key, "1")).has_value()) << "who reads the removed one goes on";
  }
  // A batch that began two switches ago.
  EXPECT_EQ(mine_.impl->pool->TakeOf(view->generation()).error().code, ErrorCode::kNotFound);
  view = base::MakeError(ErrorCode::kClosed, "given back");
  theirs_.impl.reset();
  theirs_.store.reset();
  Open(mine_, false);
  EXPECT_EQ(generations().size(), 1u) << "alone, nobody needs another one";
  Open(theirs_, false);
}

/// Nobody has an open reader to spare, and another one cannot be opened: what needs it is refused, whatever needs it
/// first.
TEST_F(TwoHandles, NoReaderOfTheIndexToSpare) {
  const auto put = [](const std::string& name, int n) {
    return [=](Transaction& txn) { txn.Put(Entry(name, "{\"n\":" + std::to_string(n) + "}")); };
  };
  CommitOptions park;
  park.on_conflict = ConflictStrategy::kPark;
  CommitOptions merge;
  merge.on_conflict = ConflictStrategy::kMerge;
  CommitOptions known;
  known.request_id = "known";
  for (const char* name : {"put", "patch", "delete", "merge", "park", "tags", "old"}) {
    Done(mine_, put(name, 1)), Done(mine_, put(name, 2));
    Done(mine_, [&](Transaction& txn) { txn.SetTag(name, "prod", "1"); });
  }
  const auto parked = Commit(
      mine_, [](Transaction& txn) { txn.Put(Entry("old", R"({"n":9})")).Base(1); }, park);
  ASSERT_TRUE(parked.ok()) << parked.error().message;
  ASSERT_TRUE(mine_.store->CatchUp().ok());
  const auto leases = theirs_.store->Acquire({.scopes = {"leased"}});
  ASSERT_TRUE(leases.ok()) << leases.error().message;

  struct Case {
    std::function<void()> before;  // so that what comes first is known
    Fill fill;
    CommitOptions options;
  };
  const auto nothing = [] {};
  const std::vector<Case> cases = {
      {nothing, put("put", 3), {}},
      {nothing, put("new", 1), known},
      {nothing, [](Transaction& txn) { txn.Patch("patch", "1", R"({"x":1})"); }, {}},
      {[&] { Done(mine_, put("delete", 3)); }, [](Transaction& txn) { txn.Delete("delete", "1", true); }, {}},
      {nothing, [](Transaction& txn) { txn.DeleteTag("tags", "prod"); }, {}},
      {[&] { Done(mine_, put("merge", 3)); }, [](Transaction& txn) { txn.Patch("merge", "1", R"({"x":1})").Base(2); },
       merge},
      {[&] { Done(mine_, put("park", 3)); }, [](Transaction& txn) { txn.Put(Entry("park")).Base(2); }, park},
      {nothing,
       [&](Transaction& txn) {
         txn.Resolve({parked->lsn, 0}, Take::kTheirs);
       },
       {}},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    Open(mine_, false);
    Done(mine_, put("first/" + std::to_string(i), 1));
    cases[i].before();
    std::vector<commit::IndexPool::Lease> taken;
    for (int readers = 0; readers < 6; ++readers) taken.push_back(*mine_.impl->pool->Take());
    FailingStatements::FailAt(0);
    const auto refused = Commit(mine_, cases[i].fill, cases[i].options);
    (void)FailingStatements::Stop();
    ASSERT_FALSE(refused.ok()) << i;
    EXPECT_EQ(refused.error().code, ErrorCode::kIo) << i << ": " << refused.error().message;
    EXPECT_NE(refused.error().message.find("/index/"), std::string::npos) << refused.error().message;
    const auto answer = Commit(mine_, cases[i].fill, cases[i].options);
    EXPECT_TRUE(answer.ok()) << i << ": " << answer.error().message;
  }
}

/// A base that only the journal has, which cannot be read once.
TEST_F(TwoHandles, ABaseThatCannotBeRead) {
  for (int n = 0; n < 3; ++n) {
    Done(mine_, [&](Transaction& txn) { txn.Put(Entry("a", "{\"n\":" + std::to_string(n) + "}")); });
  }
  Open(mine_, false);
  Done(mine_, [](Transaction& txn) { txn.Put(Entry("b")); });
  CommitOptions merge;
  merge.on_conflict = ConflictStrategy::kMerge;
  const Fill patch = [](Transaction& txn) { txn.Patch("a", "1", R"({"x":1})").Base(2); };
  bool all = false;
  for (std::uint64_t index = 0; !all; ++index) {
    const std::uint64_t before = mine_.env.calls();
    std::string failed;
    mine_.env.SetFaultPlan([&](std::uint64_t call, base::TraceStep::Kind kind, const std::string& path) -> Status {
      if (kind != base::TraceStep::Kind::kRead || call != before + index) return {};
      failed = path;
      return base::MakeError(ErrorCode::kIo, path + ": injected by the test");
    });
    const auto answer = Commit(mine_, patch, merge);
    mine_.env.SetFaultPlan({});
    all = failed.empty();
    if (all) {
      ASSERT_TRUE(answer.ok()) << answer.error().message;
      EXPECT_EQ(answer->outcome, Outcome::kMerged);
      EXPECT_GT(index, 2u);
    } else {
      EXPECT_EQ(CodeOf(answer), ErrorCode::kIo);
      EXPECT_NE(answer.error().message.find(failed), std::string::npos) << answer.error().message;
    }
  }
  EXPECT_EQ(mine_.store->Get("a:1")->annotations, R"({"n":2,"x":1})");
}

}  // namespace
}  // namespace tenure
