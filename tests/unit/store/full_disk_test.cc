// A disk that becomes full, and has room again.
#include <gtest/gtest.h>

#include <string>

#include "tenure/store.h"
#include "tests/unit/store/one_store.h"

namespace tenure {
namespace {

class FullDisk : public testing::OneStore<testing::RecordedEnv> {};

/// A disk that is full refuses, and takes the next one when there is room again.
TEST_F(FullDisk, NothingIsAcknowledgedWithoutRoomForIt) {
  for (int round = 0; round < 3; ++round) {
    bool refused = false;
    env_.SetFaultPlan([](std::uint64_t, base::TraceStep::Kind kind, const std::string& path) -> Status {
      const bool new_file = kind == base::TraceStep::Kind::kCreate || kind == base::TraceStep::Kind::kAllocate;
      if (!new_file || path.find("/journal/") == std::string::npos) return {};
      Error error;
      error.code = ErrorCode::kNoSpace;
      error.message = path + ": injected by the test";
      return error;
    });
    Lsn last = 0;
    for (int i = 0; i < 12 && !refused; ++i) {
      Transaction txn;
      PutSpec spec;
      spec.name = "k/" + std::to_string(i);
      spec.version = "1";
      spec.annotations = "{\"fill\":\"" + std::string(900'000, static_cast<char>('a' + round)) + "\"}";
      txn.Put(spec);
      const auto receipt = store().Commit(txn);
      refused = !receipt.ok();
      if (refused) {
        EXPECT_EQ(receipt.error().code, ErrorCode::kNoSpace) << receipt.error().message;
      } else {
        last = receipt->lsn;
      }
    }
    env_.SetFaultPlan({});
    EXPECT_TRUE(refused) << round;
    Transaction txn;
    txn.Put({.name = "next", .version = "1", .size = static_cast<std::uint64_t>(round)});
    const auto next = store().Commit(txn);
    ASSERT_TRUE(next.ok()) << next.error().message;
    EXPECT_EQ(next->lsn, (last == 0 ? next->lsn : last + 1));
  }
}

}  // namespace
}  // namespace tenure
