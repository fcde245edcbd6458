// Leases through the library: clocks, handles, pools.
#include "tenure/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/recording_env.h"
#include "tenure/watch.h"
#include "tests/support/dump.h"
#include "tests/unit/store/one_store.h"

namespace tenure {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

/// The machine, with clocks that the test sets.
class ClockEnv final : public base::RecordingEnv {
 public:
  ClockEnv() : RecordingEnv(base::Env::Posix()) {}
  TimeMs WallMs() const override { return wall_ms.load(); }
  std::uint64_t BoottimeMs() const override { return boottime_ms.load(); }
  std::uint64_t MonotonicNs() const override { return RecordingEnv::MonotonicNs() + passed_ns.load(); }
  std::atomic<std::uint64_t> passed_ns{0};  ///< Beside the time that passes by itself.
  std::atomic<TimeMs> wall_ms{1'750'000'000'000};
  std::atomic<std::uint64_t> boottime_ms{1'000'000};
};

class LeaseTest : public testing::OneStore<ClockEnv> {
 protected:
  static AcquireOptions Options(std::vector<std::string> scopes, milliseconds ttl = milliseconds(1'000)) {
    AcquireOptions options;
    options.scopes = std::move(scopes);
    options.ttl = ttl;
    return options;
  }
  /// By its token alone: nobody renews it.
  std::string Token(std::vector<std::string> scopes, milliseconds ttl = milliseconds(1'000)) {
    AcquireOptions options = Options(std::move(scopes), ttl);
    options.bound = false;
    auto lease = store().Acquire(options);
    EXPECT_TRUE(lease.ok()) << lease.error().message;
    std::string token = lease->token();
    lease->Detach();
    return token;
  }
  ErrorCode Put(const std::vector<std::string>& names, const CommitOptions& commit = {}) {
    Transaction txn;
    for (const std::string& name : names) {
      PutSpec spec;
      spec.name = name;
      spec.version = "1";
      spec.size = ++size_;
      txn.Put(std::move(spec));
    }
    const auto receipt = store().Commit(txn, commit);
    return receipt.ok() ? kOk : receipt.error().code;
  }
  ErrorCode PutUnder(const std::string& token, const std::vector<std::string>& names = {"a"}) {
    CommitOptions commit;
    commit.lease_tokens = {token};
    return Put(names, commit);
  }
  static constexpr ErrorCode kOk = ErrorCode::kInternal;

  std::uint64_t size_ = 0;
};

TEST_F(LeaseTest, ExpiresByTheClockThatRunsSinceBoot) {
  const std::string token = Token({"a"});
  env_.boottime_ms += 999;
  EXPECT_EQ(PutUnder(token), kOk);
  EXPECT_EQ(Put({"a"}), ErrorCode::kLeaseHeld);
  env_.boottime_ms += 1;
  EXPECT_EQ(PutUnder(token), ErrorCode::kLeaseExpired);
  EXPECT_EQ(Put({"a"}), kOk);
}

TEST_F(LeaseTest, AWriteThatLostItsLeaseIsParkedWhereItsStrategyOrAPolicySaysSo) {
  ASSERT_EQ(Put({"a"}), kOk);
  const std::string token = Token({"a"});
  env_.boottime_ms += 1'000;
  CommitOptions commit;
  commit.lease_tokens = {token};
  commit.on_conflict = ConflictStrategy::kPark;
  Transaction txn;
  PutSpec ours;
  ours.name = "a";
  ours.version = "1";
  ours.size = 1'000;
  txn.Put(ours);
  const auto parked = store().Commit(txn, commit);
  ASSERT_TRUE(parked.ok()) << parked.error().message;
  EXPECT_EQ(parked->outcome, Outcome::kParked);
  // The end of the lease is journaled before it, in the same transaction.
  EXPECT_TRUE(store().Leases()->empty());
  EXPECT_EQ(store().Get("a:1")->revision, 1u);
  commit.on_conflict = ConflictStrategy::kLastWriterWins;
  EXPECT_EQ(Put({"a"}, commit), ErrorCode::kLeaseExpired) << "no other strategy gets around a lease";

  PolicySpec policy;
  policy.glob = "a";
  policy.on_conflict = ConflictStrategy::kPark;
  ASSERT_TRUE(store().SetPolicy(policy).ok());
  commit.on_conflict.reset();
  EXPECT_EQ(store().Commit(txn, commit)->outcome, Outcome::kParked);

  const auto conflicts = store().Conflicts();
  ASSERT_TRUE(conflicts.ok());
  ASSERT_EQ(conflicts->size(), 2u);
  for (const ParkedConflict& conflict : *conflicts) {
    EXPECT_EQ(conflict.kind, ConflictKind::kLeaseLost);
    EXPECT_EQ(conflict.entry.ours->size, 1'000u);
    EXPECT_EQ(conflict.entry.theirs->revision, 1u);
    const auto shown = store().Conflict(conflict.id);
    ASSERT_TRUE(shown.ok()) << shown.error().message << ": the id that is told must be the one that is kept";
  }
  Transaction resolve;
  resolve.Resolve(conflicts->front().id, Take::kOurs);
  ASSERT_TRUE(store().Commit(resolve).ok());
  EXPECT_EQ(store().Get("a:1")->size, 1'000u);
}

TEST_F(LeaseTest, NothingIsDoneUnderALostLeaseThatTouchesNoKey) {
  const std::string token = Token({"a"});
  env_.boottime_ms += 1'000;
  CommitOptions commit;
  commit.lease_tokens = {token};
  Transaction txn;
  PolicySpec policy;
  policy.glob = "b/**";
  policy.immutable = true;
  txn.SetPolicy(policy);
  const auto receipt = store().Commit(txn, commit);
  ASSERT_FALSE(receipt.ok());
  EXPECT_EQ(receipt.error().code, ErrorCode::kLeaseExpired);
  EXPECT_TRUE(store().Policies()->empty());
}

TEST_F(LeaseTest, APolicyThatAsksForALeaseTakesOneThatCovers) {
  PolicySpec policy;
  policy.glob = "a";
  policy.require_lease = true;
  ASSERT_TRUE(store().SetPolicy(policy).ok());
  EXPECT_EQ(Put({"a"}), ErrorCode::kLeaseRequired);
  EXPECT_EQ(PutUnder(Token({"b"})), ErrorCode::kLeaseNotCovering);
  EXPECT_EQ(PutUnder(Token({"a"})), kOk);
}

TEST_F(LeaseTest, TheWallClockNeitherShortensNorProlongs) {
  const std::string token = Token({"a"});
  env_.wall_ms += 24 * 3'600'000;
  EXPECT_EQ(PutUnder(token), kOk);
  env_.wall_ms -= 10LL * 24 * 3'600'000;
  EXPECT_EQ(PutUnder(token), kOk);
  env_.boottime_ms += 1'000;
  EXPECT_EQ(PutUnder(token), ErrorCode::kLeaseExpired);
}

TEST_F(LeaseTest, ARenewalProlongsAndComesTooLateOnceItIsOver) {
  const std::string token = Token({"a"});
  env_.boottime_ms += 900;
  ASSERT_TRUE(store().RenewLease(token).ok());
  env_.boottime_ms += 900;
  EXPECT_EQ(PutUnder(token), kOk);
  env_.boottime_ms += 100;
  EXPECT_EQ(store().RenewLease(token).error().code, ErrorCode::kLeaseExpired);
  EXPECT_EQ(store().ReleaseLease(token).error().code, ErrorCode::kLeaseExpired);
}

TEST_F(LeaseTest, AHandleRenewsWithoutSystemCallsAndFailsOnceItIsOver) {
  auto lease = store().Acquire(Options({"a"}, milliseconds(3'600'000)));
  ASSERT_TRUE(lease.ok()) << lease.error().message;
  EXPECT_TRUE(lease->held());
  EXPECT_TRUE(lease->Renew().ok());
  ASSERT_TRUE(store().BreakLease(lease->fencing_token(), "test").ok());
  EXPECT_TRUE(lease->WaitLost(std::chrono::hours(1)));
  EXPECT_FALSE(lease->held());
  EXPECT_EQ(lease->Renew().error().code, ErrorCode::kLeaseExpired);
  CommitOptions commit;
  commit.lease = &*lease;
  EXPECT_EQ(Put({"a"}, commit), ErrorCode::kLeaseBroken);
  EXPECT_EQ(lease->Release().error().code, ErrorCode::kLeaseBroken);
}

TEST_F(LeaseTest, AHandleReleasesWhenItGoes) {
  {
    auto lease = store().Acquire(Options({"a"}));
    ASSERT_TRUE(lease.ok());
    EXPECT_EQ(Put({"a"}), ErrorCode::kLeaseHeld);
    Lease moved = std::move(*lease);
    EXPECT_EQ(Put({"a"}), ErrorCode::kLeaseHeld);
  }
  EXPECT_EQ(Put({"a"}), kOk);
  EXPECT_TRUE(store().Leases()->empty());
}

TEST_F(LeaseTest, FencedByItsSuccessor) {
  const std::string old = Token({"a"});
  env_.boottime_ms += 1'000;
  auto next = store().Acquire(Options({"a"}));
  ASSERT_TRUE(next.ok());
  EXPECT_GT(next->fencing_token(), 0u);
  EXPECT_EQ(PutUnder(old), ErrorCode::kFenced);
}

TEST_F(LeaseTest, OneTransactionUnderSeveralLeasesIsAllOrNothing) {
  const std::string a = Token({"a"});
  const std::string b = Token({"b/**"});
  CommitOptions commit;
  commit.lease_tokens = {a, b};
  EXPECT_EQ(Put({"a", "b/x", "b/y"}, commit), kOk);
  ASSERT_TRUE(store().ReleaseLease(b).ok());
  EXPECT_EQ(Put({"a", "b/x"}, commit), ErrorCode::kLeaseUnknown);
  EXPECT_EQ(store().Get("a:1")->revision, 1u);
}

TEST_F(LeaseTest, DeletingWithTagsNeedsTheTagsCovered) {
  ASSERT_EQ(Put({"a"}), kOk);
  Transaction tag;
  tag.SetTag("a", "prod", "1");
  ASSERT_TRUE(store().Commit(tag).ok());
  const std::string key = Token({"a:1"});
  Transaction drop;
  drop.Delete("a", "1", true);
  CommitOptions commit;
  commit.lease_tokens = {key};
  EXPECT_EQ(store().Commit(drop, commit).error().code, ErrorCode::kLeaseNotCovering);
  commit.lease_tokens.push_back(Token({"a@prod"}));
  EXPECT_TRUE(store().Commit(drop, commit).ok());
}

TEST_F(LeaseTest, ARetriedRequestIsAnsweredWhateverBecameOfItsLease) {
  const std::string token = Token({"a"});
  CommitOptions commit;
  commit.lease_tokens = {token};
  commit.request_id = "once";
  Transaction txn;
  PutSpec spec;
  spec.name = "a";
  spec.version = "1";
  txn.Put(spec);
  const auto first = store().Commit(txn, commit);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(store().ReleaseLease(token).ok());
  const auto again = store().Commit(txn, commit);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->lsn, first->lsn);
}

TEST_F(LeaseTest, LeasesComeBackWithTheStore) {
  const std::string token = Token({"a"}, milliseconds(3'600'000));
  Open();
  EXPECT_EQ(Put({"a"}), ErrorCode::kLeaseHeld);
  EXPECT_EQ(PutUnder(token), kOk);
  ASSERT_EQ(store().Leases()->size(), 1u);
  EXPECT_EQ(store().Leases()->front().writer, "tester@here");
}

TEST_F(LeaseTest, OneWhoseReleaseCameToNothingIsHeldAndListed) {
  const std::string token = Token({"a"});
  env_.SetFaultPlan([](std::uint64_t, base::TraceStep::Kind kind, const std::string& path) -> Status {
    if (kind != base::TraceStep::Kind::kWrite || !path.ends_with(".seg")) return {};
    return base::MakeError(ErrorCode::kIo, path + ": injected by the test");
  });
  const auto released = store().ReleaseLease(token);
  env_.SetFaultPlan({});
  ASSERT_FALSE(released.ok());
  EXPECT_EQ(released.error().code, ErrorCode::kOutcomeUnknown) << released.error().message;
  const auto held = store().Leases();
  ASSERT_TRUE(held.ok()) << held.error().message;
  EXPECT_EQ(held->size(), 1u);
  EXPECT_EQ(Put({"a"}), ErrorCode::kLeaseHeld);
  EXPECT_EQ(PutUnder(token), kOk);
}

TEST_F(LeaseTest, ManyAtOnce) {
  constexpr int kLeases = 300;
  std::vector<Lease> leases;
  std::set<std::uint64_t> tokens;
  for (int i = 0; i < kLeases; ++i) {
    auto lease = store().Acquire(Options({"n" + std::to_string(i)}));
    ASSERT_TRUE(lease.ok()) << lease.error().message;
    tokens.insert(lease->fencing_token());
    leases.push_back(std::move(*lease));
  }
  EXPECT_EQ(tokens.size(), static_cast<std::size_t>(kLeases));
  EXPECT_EQ(store().Leases()->size(), static_cast<std::size_t>(kLeases));
  EXPECT_EQ(store().Acquire(Options({"**"})).error().code, ErrorCode::kLeaseHeld);
  leases.clear();
  EXPECT_TRUE(store().Acquire(Options({"**"})).ok());
}

TEST_F(LeaseTest, BadOptionsAreRefused) {
  EXPECT_EQ(store().Acquire(Options({})).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store().Acquire(Options({"a"}, milliseconds(99))).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store().Acquire(Options({"a"}, std::chrono::hours(25))).error().code, ErrorCode::kInvalidArgument);
  AcquireOptions options = Options({"a"});
  options.purpose = std::string(257, 'x');
  EXPECT_EQ(store().Acquire(options).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(store().BreakLease(1, "").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store().RenewLease("x").error().code, ErrorCode::kInvalidArgument);
  CommitOptions commit;
  commit.lease_tokens = {"7"};
  EXPECT_EQ(Put({"a"}, commit), ErrorCode::kInvalidArgument);
}

#ifdef TENURE_TESTING

TEST_F(LeaseTest, WhatIsGrantedAroundASuspensionOfTheMachineIsNotOverAtOnce) {
  bool first = true;
  base::SetFailPointHook([&](const char* name) {
    if (std::string_view(name) == "commit.decided" && std::exchange(first, false)) env_.boottime_ms += 60'000;
  });
  const std::string token = Token({"a"});
  base::SetFailPointHook({});
  EXPECT_FALSE(first);
  EXPECT_EQ(PutUnder(token), kOk);
}

/// A batch that was long in the making is committed all the same, while its lease and its committer's time to live
/// last: decided again it would only grow as old again.
TEST_F(LeaseTest, ABatchThatWasLongInTheMakingIsNotDecidedForEver) {
  CommitOptions commit;
  commit.lease_tokens = {Token({"a"}, milliseconds(60'000))};
  int decided = 0;
  base::SetFailPointHook([&](const char* name) {
    // Of a time to live of 1 s. After a few rounds it gets better, so that the test ends.
    if (std::string_view(name) == "commit.decided" && ++decided < 5) env_.passed_ns += 600'000'000;
  });
  EXPECT_EQ(Put({"a"}, commit), kOk);
  base::SetFailPointHook({});
  EXPECT_EQ(decided, 1);
}

/// What ended a lease between the look at it and its renewal is told, as if it had ended before.
TEST_F(LeaseTest, ALeaseThatEndsDuringItsRenewal) {
  const std::string token = Token({"a"});
  bool broken = false;
  base::SetFailPointHook([&](const char* name) {
    if (std::string_view(name) != "lease.before_renewal" || std::exchange(broken, true)) return;
    EXPECT_TRUE(store().BreakLease(store().Leases()->front().id, "meanwhile").ok());
  });
  EXPECT_EQ(store().RenewLease(token).error().code, ErrorCode::kLeaseBroken);
  base::SetFailPointHook({});
  EXPECT_TRUE(broken);
  const std::string other = Token({"a"});
  base::SetFailPointHook([&](const char* name) {
    if (std::string_view(name) == "lease.before_renewal") env_.boottime_ms += 1'000;
  });
  EXPECT_EQ(store().RenewLease(other).error().code, ErrorCode::kLeaseExpired);
  base::SetFailPointHook({});
}

#endif

/// With the machine's own clocks: threads that wait.
class LeaseThreads : public ::testing::Test {
 protected:
  LeaseThreads() : store_(*Store::Create(scratch_.path())) {}
  Result<Lease> Acquire(std::vector<std::string> scopes, milliseconds wait = milliseconds(0)) {
    AcquireOptions options;
    options.scopes = std::move(scopes);
    options.wait = wait;
    return store_.Acquire(options);
  }
  using Want = std::function<Status(const Lease& lease, const char* mine, const char* theirs)>;
  /// Two threads hold "a" and "b"; then each wants the other's. What was refused.
  std::vector<Error> Crosswise(const Want& want) {
    std::atomic<int> ready{0};
    std::mutex mutex;
    std::vector<Error> refused;
    const auto run = [&](const char* mine, const char* theirs) {
      const auto lease = Acquire({mine});
      ASSERT_TRUE(lease.ok());
      ready.fetch_add(1);
      while (ready.load() < 2) std::this_thread::yield();
      const Status done = want(*lease, mine, theirs);
      const std::lock_guard lock(mutex);
      if (!done.ok()) refused.push_back(done.error());
    };
    std::thread one([&] { run("a", "b"); });
    std::thread two([&] { run("b", "a"); });
    one.join();
    two.join();
    return refused;
  }
  testing::Scratch scratch_;
  Store store_;
};

TEST_F(LeaseThreads, OnlyOneHoldsItAtATime) {
  constexpr int kThreads = 8;
  constexpr int kTurns = 20;
  std::atomic<int> inside{0};
  std::atomic<bool> together{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < kTurns; ++turn) {
        auto lease = Acquire({"a"}, std::chrono::hours(1));
        ASSERT_TRUE(lease.ok()) << lease.error().message;
        if (inside.fetch_add(1) != 0) together = true;
        std::this_thread::yield();
        inside.fetch_sub(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(together);
}

TEST_F(LeaseThreads, TwoThreadsThatWouldWaitForEachOther) {
  const auto refused = Crosswise([this](const Lease&, const char*, const char* theirs) -> Status {
    const auto other = Acquire({theirs}, std::chrono::hours(1));
    return other.ok() ? Status() : Status(other.error());
  });
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].code, ErrorCode::kDeadlock) << refused[0].message;
  EXPECT_THAT(refused[0].message, HasSubstr("waits for lease"));
}

TEST_F(LeaseThreads, TwoWritesThatWouldWaitForEachOther) {
  const auto refused = Crosswise([this](const Lease& lease, const char* mine, const char* theirs) -> Status {
    Transaction txn;
    txn.Put({.name = mine, .version = "1"});
    txn.Put({.name = theirs, .version = "1"});
    CommitOptions options;
    options.ambient_lease_tokens = {lease.token()};
    options.wait_ms = 3'600'000;
    const auto receipt = store_.Commit(txn, options);
    return receipt.ok() ? Status() : Status(receipt.error());
  });
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].code, ErrorCode::kDeadlock) << refused[0].message;
  EXPECT_THAT(refused[0].message, HasSubstr("(to write) waits for lease"));
}

TEST_F(LeaseThreads, AWriteThatWaitsForALeaseOfItsOwnThread) {
  auto mine = Acquire({"a"});
  ASSERT_TRUE(mine.ok());
  Transaction txn;
  txn.Put({.name = "a", .version = "1"});
  CommitOptions options;
  options.wait_ms = 3'600'000;
  const auto receipt = store_.Commit(txn, options);
  ASSERT_FALSE(receipt.ok());
  EXPECT_EQ(receipt.error().code, ErrorCode::kDeadlock) << receipt.error().message;
}

TEST_F(LeaseThreads, APoolSharesItsLeasesAndIsBounded) {
  LeasePool pool(store_, {}, 2);
  auto a = pool.Get({"a"});
  ASSERT_TRUE(a.ok()) << a.error().message;
  const auto again = pool.Get({"a"});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->fencing_token(), (*a)->fencing_token());
  auto b = pool.Get({"b"});
  ASSERT_TRUE(b.ok());
  EXPECT_EQ(pool.Get({"c"}).error().code, ErrorCode::kLeasesExhausted);
  *b = nullptr;
  const auto c = pool.Get({"c"});
  ASSERT_TRUE(c.ok()) << c.error().message;
  EXPECT_EQ(pool.size(), 2u);
  EXPECT_EQ(pool.ReleaseIdle(), 0u);
  EXPECT_TRUE(Acquire({"b"}).ok()) << "the pool has released it";
}

TEST_F(LeaseThreads, ThreadsOfOnePoolGetOneLease) {
  LeasePool pool(store_, {}, 10);
  std::atomic<std::uint64_t> first{0};
  std::atomic<bool> different{false};
  auto keep = pool.Get({"a"});
  ASSERT_TRUE(keep.ok());
  first = (*keep)->fencing_token();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto lease = pool.Get({"a"});
      ASSERT_TRUE(lease.ok());
      if ((*lease)->fencing_token() != first) different = true;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(different);
}

class LeaseReaping : public testing::OneStore<testing::RecordedEnv> {};

TEST_F(LeaseReaping, WhatHasExpiredIsEndedThoughNobodyWantsIt) {
  background_ = true;
  Reopen();
  AcquireOptions options;
  options.scopes = {"a"};
  options.ttl = milliseconds(100);
  options.bound = false;
  auto lease = store().Acquire(options);
  ASSERT_TRUE(lease.ok()) << lease.error().message;
  WatchOptions from;
  from.from = lease->fencing_token() + 1;
  lease->Detach();
  auto watch = store().Watch(from);
  ASSERT_TRUE(watch.ok()) << watch.error().message;
  const auto events = watch->Next(std::chrono::minutes(1));
  ASSERT_TRUE(events.ok()) << events.error().message;
  ASSERT_EQ(events->size(), 1u);
  EXPECT_EQ(events->front().op, "lease_expire");
}

}  // namespace
}  // namespace tenure
