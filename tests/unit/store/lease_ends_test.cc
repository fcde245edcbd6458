// How leases end that nobody gives back: with the shared memory of their process, by their time, and broken too late.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "store/store_impl.h"
#include "tenure/lease.h"
#include "tenure/store.h"
#include "tests/unit/store/one_store.h"

namespace tenure {
namespace {

class LeaseEnds : public testing::OneStore<testing::RecordedEnv> {
 protected:
  /// Its token, which nobody renews.
  std::string Token(const std::string& scope) {
    auto lease = store().Acquire({.scopes = {scope}, .ttl = std::chrono::seconds(1), .bound = false});
    EXPECT_TRUE(lease.ok()) << lease.error().message;
    last_ = lease->fencing_token();
    const std::string token = lease->token();
    lease->Detach();
    return token;
  }
  static ErrorCode Put(Store& in, const std::string& name, const std::string& token = {}) {
    Transaction txn;
    txn.Put({.name = name, .version = "1"});
    CommitOptions options;
    if (!token.empty()) options.lease_tokens = {token};
    const auto receipt = in.Commit(txn, options);
    return receipt.ok() ? ErrorCode::kInternal : receipt.error().code;
  }
  /// What ended, and how, in the order of the log.
  static std::string Ends(const Store& in) {
    std::string ends;
    const Status read = in.Log(1, 0, [&](const Event& event) {
      if (event.op.starts_with("lease_") && event.op != "lease_acquire") {
        ends += event.op + " " + std::to_string(event.lease->id) + "\n";
      }
      return true;
    });
    EXPECT_TRUE(read.ok()) << read.error().message;
    return ends;
  }
  static constexpr ErrorCode kAccepted = ErrorCode::kInternal;
  Lsn last_ = 0;
};

/// In a copy, or behind a reboot, nobody holds what was bound to a process; the others get their time once more.
TEST_F(LeaseEnds, WithTheProcessesThatHeldThem) {
  const auto bound = store().Acquire({.scopes = {"a"}});
  const auto also = store().Acquire({.scopes = {"b"}});
  ASSERT_TRUE(bound.ok() && also.ok());
  const std::string token = Token("c");
  ASSERT_TRUE(store().CatchUp().ok());
  const testing::Scratch elsewhere;
  std::filesystem::create_directory(elsewhere / ".tenure");
  for (const char* part : {"tenure.json", "journal", "index", "checkpoints"}) {
    std::filesystem::copy(scratch_ / ".tenure/" + part, elsewhere / ".tenure/" + part,
                          std::filesystem::copy_options::recursive);
  }
  OpenOptions options;
  options.env = &env_;
  options.background = false;
  auto copy = Store::Open(elsewhere.path(), options);
  ASSERT_TRUE(copy.ok()) << copy.error().message;
  EXPECT_EQ(Put(*copy, "c"), ErrorCode::kLeaseHeld);
  EXPECT_EQ(Put(*copy, "c", token), kAccepted);
  EXPECT_EQ(Put(*copy, "a"), kAccepted);
  EXPECT_EQ(Put(*copy, "b", also->token()), ErrorCode::kLeaseExpired);
  EXPECT_EQ(Ends(*copy), "lease_orphan 1\nlease_orphan 2\n");
  EXPECT_EQ(Put(store(), "a", bound->token()), kAccepted) << "here it is still held";
}

TEST_F(LeaseEnds, AllThatAreOverAtOnce) {
  const auto bound = store().Acquire({.scopes = {"a"}});
  ASSERT_TRUE(bound.ok()) << bound.error().message;
  Token("b"), Token("c");
  env_.AdvanceBoottimeMs(1'001);
  OpenOptions options;
  options.env = &env_;
  options.background = false;
  const auto impl = *StoreImpl::Open(scratch_.path(), options);
  ASSERT_TRUE(impl->leases->Reap().ok());
  EXPECT_EQ(Ends(store()), "lease_expire 2\nlease_expire 3\n");
  const auto left = store().Leases();
  ASSERT_EQ(left->size(), 1u);
  EXPECT_EQ(left->front().id, bound->fencing_token());
}

TEST_F(LeaseEnds, WhatIsDoneToOneThatIsOver) {
  const std::string released = Token("a");
  const std::string written = Token("b");
  const std::string broken = Token("c");
  env_.AdvanceBoottimeMs(1'001);
  EXPECT_EQ(store().ReleaseLease(released).error().code, ErrorCode::kLeaseExpired);
  EXPECT_EQ(Put(store(), "b", written), ErrorCode::kLeaseExpired);
  const auto answer = store().BreakLease(last_, "by the test");
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(store().BreakLease(last_, "again").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Ends(store()), "lease_expire 1\nlease_expire 2\nlease_break 3\n");
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(Put(store(), name), kAccepted);
}

}  // namespace
}  // namespace tenure
