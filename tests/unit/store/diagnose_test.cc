// A store looked at from inside and from outside: the same figures, and nothing changed by looking.
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "tenure/doctor.h"
#include "tenure/store.h"
#include "tests/support/scratch.h"

namespace tenure {
namespace {

Transaction PutOf(const std::string& name) {
  PutSpec spec;
  spec.name = name;
  spec.version = "1";
  Transaction txn;
  txn.Put(std::move(spec));
  return txn;
}

TEST(Diagnose, FromTheOpenHandleAndByPath) {
  const testing::Scratch scratch;
  {
    CreateOptions create;
    create.writer_slots = 2;
    auto store = Store::Create(scratch.path(), create);
    ASSERT_TRUE(store.ok()) << store.error().message;
    ASSERT_TRUE(store->Commit(PutOf("a")).ok());
    std::thread([&] { ASSERT_TRUE(store->Commit(PutOf("b")).ok()); }).join();  // its slot is free again
    for (const auto& look : {store->Diagnose(), Diagnose(scratch.path())}) {
      ASSERT_TRUE(look.ok()) << look.error().message;
      EXPECT_EQ(look->path, store->path());
      EXPECT_EQ(look->shared_memory, SharedMemoryState::kSound);
      EXPECT_EQ(look->durable_lsn, 2u);
      EXPECT_EQ(look->writer_slots, 2u);
      EXPECT_EQ(look->writer_slots_free, 1u);
      ASSERT_EQ(look->members.size(), 1u);
      EXPECT_EQ(look->members_alive, 1u);
      EXPECT_EQ(look->members[0].pid, static_cast<std::uint32_t>(::getpid()));
      EXPECT_TRUE(look->members[0].alive);
      EXPECT_TRUE(look->members[0].visible);
      EXPECT_GT(look->members[0].started_ms, 0);
      ASSERT_EQ(look->slots.size(), 1u);
      EXPECT_EQ(look->slots[0].thread, static_cast<std::uint32_t>(::gettid()));
      EXPECT_EQ(look->slots[0].member, look->members[0].slot);
      EXPECT_EQ(look->segments, 1u);
      EXPECT_GT(look->index_bytes, 0u);
      EXPECT_FALSE(look->damage);
    }
    // Looking closed descriptors of members.lock: the member's own lock is still there.
    const auto again = Diagnose(scratch.path());
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(again->members.at(0).alive);
    ASSERT_TRUE(store->Commit(PutOf("c")).ok());
  }
  const auto closed = Diagnose(scratch.path());
  ASSERT_TRUE(closed.ok());
  EXPECT_TRUE(closed->members.empty());
  EXPECT_TRUE(closed->slots.empty());
  EXPECT_EQ(closed->durable_lsn, 3u);
}

TEST(Diagnose, EverySlotOfAStoreIsListed) {
  const testing::Scratch scratch;
  CreateOptions create;
  create.writer_slots = 3;
  auto store = Store::Create(scratch.path(), create);
  ASSERT_TRUE(store.ok()) << store.error().message;
  // Each thread asks for its slot and looks before it ends; the next one gets one of its own beside it.
  const std::function<void(int)> nest = [&](int depth) {
    ASSERT_TRUE(store->Commit(PutOf("n" + std::to_string(depth))).ok());
    const auto look = store->Diagnose();
    ASSERT_TRUE(look.ok());
    EXPECT_EQ(look->slots.size(), static_cast<std::size_t>(depth));
    EXPECT_EQ(look->writer_slots_free, static_cast<std::uint32_t>(3 - depth));
    if (depth < 3) std::thread(nest, depth + 1).join();
  };
  nest(1);
}

TEST(Diagnose, NoStore) {
  const testing::Scratch scratch;
  const auto look = Diagnose(scratch.path());
  ASSERT_FALSE(look.ok());
  EXPECT_EQ(look.error().code, ErrorCode::kNoStore);
}

}  // namespace
}  // namespace tenure
