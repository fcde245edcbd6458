// Compaction beside writers.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tenure/store.h"
#include "tests/support/scratch.h"

namespace tenure {
namespace {

/// A batch that holds others' transactions besides the compaction itself must not wait for them to be applied: they are
/// published only with it.
TEST(CompactBesideWriters, WaitsForNothingOfItsOwnBatch) {
  const testing::Scratch scratch;
  auto store = Store::Create(scratch.path());
  ASSERT_TRUE(store.ok()) << store.error().message;
  std::atomic<bool> done{false};
  std::vector<std::thread> writers;
  for (int t = 0; t < 3; ++t) {
    writers.emplace_back([&, t] {
      for (int i = 0; !done.load(); ++i) {
        Transaction txn;
        PutSpec spec;
        spec.name = "t" + std::to_string(t);
        spec.version = "1";
        spec.size = static_cast<std::uint64_t>(i);
        txn.Put(spec);
        const auto receipt = store->Commit(txn);
        ASSERT_TRUE(receipt.ok()) << receipt.error().message;
      }
    });
  }
  for (int i = 0; i < 10; ++i) {
    const auto report = store->Compact();
    EXPECT_TRUE(report.ok()) << report.error().message;
  }
  done = true;
  for (std::thread& writer : writers) writer.join();
}

/// A process that has not read on for a while finds that the journal behind its place was trimmed by another one.
TEST(CompactBesideWriters, WhoeverIsOvertakenGoesOnFromTheIndex) {
  const testing::Scratch scratch;
  OpenOptions options;
  options.background = false;
  auto slow = Store::Create(scratch.path(), {}, options);
  ASSERT_TRUE(slow.ok()) << slow.error().message;
  auto fast = Store::Open(scratch.path(), options);
  ASSERT_TRUE(fast.ok()) << fast.error().message;
  std::uint64_t puts = 0;
  const auto put = [&puts](Store& store, const std::string& name) {
    Transaction txn;
    PutSpec spec;
    spec.name = name;
    spec.version = "1";
    spec.size = ++puts;
    spec.annotations = "{\"fill\":\"" + std::string(20'000, 'x') + "\"}";
    txn.Put(spec);
    return store.Commit(txn);
  };
  for (int round = 0; round < 3; ++round) {
    const auto here = put(*slow, "slow");
    ASSERT_TRUE(here.ok()) << here.error().message;
    for (int i = 0; i < 400; ++i) ASSERT_TRUE(put(*fast, "fast/" + std::to_string(i % 7)).ok());
    const auto report = fast->Compact();
    ASSERT_TRUE(report.ok()) << report.error().message;
    ASSERT_GT(report->segments_removed, 0u) << "the place of the other one must be gone";
    const auto receipt = put(*slow, "slow/again");
    ASSERT_TRUE(receipt.ok()) << receipt.error().message;
    EXPECT_GT(receipt->lsn, here->lsn + 400);
    EXPECT_TRUE(slow->Get("fast/3:1").ok());
  }
}

}  // namespace
}  // namespace tenure
