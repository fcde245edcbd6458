// kill -9 of who waits for a lease, renews one, or makes shared memory anew while leases are held: the queue goes on
// without him, and a lease that he did not hold is untouched.
#include <chrono>
#include <optional>

#include "tenure/lease.h"
#include "tests/crash/fixture.h"

namespace tenure {
namespace {

using std::chrono::milliseconds;

class CrashAroundLeases : public Crash {
 protected:
  Store Open() {
    auto store = Store::Open(scratch_.path());
    EXPECT_TRUE(store.ok()) << store.error().message;
    return std::move(store).value();
  }
  static AcquireOptions Everything() {
    AcquireOptions options;
    options.scopes = {"**"};
    options.ttl = milliseconds(600'000);
    return options;
  }
  /// Of a lease that no process keeps alive.
  static std::string Token(Store& store) {
    AcquireOptions options = Everything();
    options.bound = false;
    auto lease = store.Acquire(options);
    EXPECT_TRUE(lease.ok()) << lease.error().message;
    lease->Detach();
    return lease->token();
  }
  /// Nothing when it is taken.
  static std::optional<ErrorCode> PutUnder(Store& store, const std::vector<std::string>& tokens) {
    Transaction txn;
    PutSpec spec;
    spec.name = "leased";
    spec.version = "1";
    txn.Put(spec);
    CommitOptions options;
    options.lease_tokens = tokens;
    const auto receipt = store.Commit(txn, options);
    return receipt.ok() ? std::nullopt : std::optional(receipt.error().code);
  }
  /// Held by `token` and by nobody else, until it is given back.
  void ExpectHeld(Store& store, const std::string& token) {
    EXPECT_EQ(PutUnder(store, {}), ErrorCode::kLeaseHeld);
    EXPECT_EQ(PutUnder(store, {token}), std::nullopt);
    const auto renewed = store.RenewLease(token);
    EXPECT_TRUE(renewed.ok()) << renewed.error().message;
    EXPECT_EQ(store.Acquire(Everything()).error().code, ErrorCode::kLeaseHeld);
    EXPECT_TRUE(store.ReleaseLease(token).ok());
    EXPECT_TRUE(store.Acquire(Everything()).ok());
  }
};

class CrashOfAWaiter : public CrashAroundLeases {};

TEST_P(CrashOfAWaiter, LeavesNoTraceInTheQueue) {
  {
    Store store = Open();
    auto held = store.Acquire(Everything());
    ASSERT_TRUE(held.ok()) << held.error().message;
    const auto died = Start({"a", "lease", "60000"}, Kill(GetParam())).Wait();
    ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.out << died.err;
    // The one behind him, certainly in the queue.
    Child next = Start({"b", "lease", "60000"}, "wait.before_sleep=stop@1");
    ASSERT_TRUE(next.WaitStopped());
    ASSERT_TRUE(held->Release().ok());
    next.Kill(SIGCONT);
    const auto served = next.Wait();
    EXPECT_EQ(served.exit_code, 0) << served.out << served.err;
    EXPECT_EQ(served.out, "leased\n");
    // Without waiting: somebody in the queue would be before us.
    EXPECT_TRUE(store.Acquire(Everything()).ok());
    EXPECT_TRUE(store.Leases()->empty());
  }
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashOfAWaiter,
                         ::testing::Values(Scenario{"lease.announced", 1}, Scenario{"wait.before_sleep", 1}), Name);

class CrashWhileRenewing : public CrashAroundLeases {};

TEST_P(CrashWhileRenewing, TheLeaseIsHeldAsBefore) {
  {
    Store store = Open();
    const std::string token = Token(store);
    const auto died = Start({"a", "renew", token}, Kill(GetParam())).Wait();
    ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.out << died.err;
    ExpectHeld(store, token);
  }
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhileRenewing, ::testing::Values(Scenario{"lease.before_renewal", 1}), Name);

class CrashWhilePreparingLeases : public CrashAroundLeases {};

/// The first committer after shared memory was lost gives each lease its time to live again. The next one does, when
/// that one dies of it.
TEST_P(CrashWhilePreparingLeases, TheLeaseIsHeldAsBefore) {
  std::string token;
  {
    Store store = Open();
    token = Token(store);
  }
  std::filesystem::remove(scratch_ / ".tenure/ingest.shm");
  const auto died = Start({"a", "write", "5"}, Kill(GetParam())).Wait();
  ASSERT_TRUE(died.killed()) << "never reached " << GetParam().point << "\n" << died.out << died.err;
  EXPECT_EQ(died.out, "");
  {
    Store store = Open();
    ExpectHeld(store, token);
  }
  CheckEverything();
}

INSTANTIATE_TEST_SUITE_P(Points, CrashWhilePreparingLeases, ::testing::Values(Scenario{"lease.prepared", 1}), Name);

}  // namespace
}  // namespace tenure
