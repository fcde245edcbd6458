// A process that was stopped while it opened the index has SQLite's locks and not the turn to apply: it is passed by.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "store/base/failpoint.h"
#include "store/index/generations.h"
#include "store/store_impl.h"
#include "tests/unit/store/one_store.h"

namespace tenure {
namespace {

class LockedIndex : public ::testing::Test {
 protected:
  LockedIndex() {
    options_.background = false;
    options_.commit_ttl_ms = 20;
  }
  void Put(Store& store, std::uint64_t size) {
    PutSpec spec;
    spec.name = "key";
    spec.version = "1";
    spec.size = size;
    Transaction txn;
    txn.Put(spec);
    const auto receipt = store.Commit(txn);
    ASSERT_TRUE(receipt.ok()) << receipt.error().message;
  }
  /// A connection of somebody who does not go on; `sql` takes its locks.
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> Lock(const char* sql) {
    const std::string index = scratch_.path() + "/.tenure/index";
    const auto live = index::CurrentGeneration(base::Env::Posix(), index);
    sqlite3* raw = nullptr;
    EXPECT_EQ(sqlite3_open((index + "/" + index::GenerationFileName(**live)).c_str(), &raw), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(raw, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(raw);
    return {raw, &sqlite3_close};
  }
  void ExpectSize(Store& store, std::uint64_t size) {
    const auto entry = store.Get("key:1");
    ASSERT_TRUE(entry.ok()) << entry.error().message;
    EXPECT_EQ(entry->size, size);
  }

  testing::Scratch scratch_;
  OpenOptions options_;
};

TEST_F(LockedIndex, AReadIsNotRefused) {
  auto store = Store::Create(scratch_.path(), {}, options_);
  ASSERT_TRUE(store.ok()) << store.error().message;
  Put(*store, 1);
  ExpectSize(*store, 1);
  const auto stopped = Lock("BEGIN IMMEDIATE");
  Put(*store, 2);
  ExpectSize(*store, 2);
}

TEST_F(LockedIndex, TheStoreIsOpened) {
  {
    auto store = Store::Create(scratch_.path(), {}, options_);
    ASSERT_TRUE(store.ok()) << store.error().message;
    Put(*store, 1);
    ExpectSize(*store, 1);
  }
  const auto stopped = Lock("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; SELECT * FROM meta");
  auto store = Store::Open(scratch_.path(), options_);
  ASSERT_TRUE(store.ok()) << store.error().message;
  ExpectSize(*store, 1);
  Put(*store, 2);
  ExpectSize(*store, 2);
}

/// Two build the next generation at once: the word keeps naming the one that was faster.
TEST_F(LockedIndex, OfTwoGenerationsTheFirstOneStays) {
  auto store = Store::Create(scratch_.path(), {}, options_);
  ASSERT_TRUE(store.ok()) << store.error().message;
  Put(*store, 1);
  const auto impl = StoreImpl::Open(scratch_.path(), options_);
  ASSERT_TRUE(impl.ok()) << impl.error().message;
  commit::Context& context = *(*impl)->context;
  const auto build = [&] { EXPECT_TRUE(context.build_next_index().ok()); };
  const base::Pair64 before = context.shared().generation.Load();
  base::Pair64 faster;
  bool second = false;
  base::SetFailPointHook([&](const char* name) {
    if (std::string_view(name) != "replace_index.published" || std::exchange(second, true)) return;
    build();
    faster = context.shared().generation.Load();
  });
  build();
  base::SetFailPointHook({});
  EXPECT_NE(faster, before);
  EXPECT_EQ(context.shared().generation.Load(), faster);
  ExpectSize(*store, 1);
}

}  // namespace
}  // namespace tenure
