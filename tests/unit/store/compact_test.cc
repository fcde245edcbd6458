// Compaction beside writers.
#include <gtest/gtest.h>

#include <atomic>
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

}  // namespace
}  // namespace tenure
