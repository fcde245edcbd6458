// Threads that found no writer slot: the double buffer carries what they commit.
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "store/ingest/shared_segment.h"
#include "store/recovery/config.h"
#include "tenure/store.h"
#include "tests/support/scratch.h"

namespace tenure {
namespace {

class BufferedCommit : public ::testing::Test {
 protected:
  void Make(std::uint32_t writer_slots) {
    CreateOptions create;
    create.writer_slots = writer_slots;
    auto store = Store::Create(scratch_.path(), create);
    ASSERT_TRUE(store.ok()) << store.error().message;
    store_.emplace(std::move(store).value());
  }
  static Transaction PutOf(const std::string& name, std::size_t bytes = 0, int operations = 1) {
    Transaction txn;
    for (int i = 0; i < operations; ++i) {
      PutSpec spec;
      spec.name = operations == 1 ? name : name + "." + std::to_string(i);
      spec.version = "1";
      spec.size = bytes;
      if (bytes > 0) spec.annotations = "{\"fill\":\"" + std::string(bytes, 'x') + "\"}";
      txn.Put(spec);
    }
    return txn;
  }
  /// The segment, mapped once more: to look at only.
  std::unique_ptr<ingest::SharedSegment> Segment() {
    base::Env& env = base::Env::Posix();
    const recovery::Layout layout{scratch_ / ".tenure"};
    const auto config = recovery::ReadConfig(env, layout);
    EXPECT_TRUE(config.ok());
    auto segment = ingest::SharedSegment::Attach(env, layout.shared_segment(), config->journal_id);
    EXPECT_TRUE(segment.ok());
    return std::move(segment).value();
  }
  std::uint32_t SlotsInUse() {
    const auto segment = Segment();
    std::uint32_t active = 0;
    for (std::uint32_t slot = 0; slot < segment->writer_slots(); ++slot) {
      const std::uint64_t word = segment->slot_entry(slot).word.LoadFirst();
      active += ingest::StateOf(word) == ingest::SlotState::kActive ? 1 : 0;
    }
    return active;
  }
  /// The store's process has opened its answer bank: some thread of it went through the buffer.
  bool BufferUsed() {
    const auto segment = Segment();
    for (std::uint32_t slot = 0; slot < ingest::kMemberSlots; ++slot) {
      if (segment->member(slot).bank.load() != 0) return true;
    }
    return false;
  }
  /// `threads` at once, `each` transactions per thread, and more until `enough`.
  void CommitFrom(int threads, int each, const std::function<Transaction(int, int)>& make,
                  const std::function<bool()>& enough) {
    std::vector<std::vector<Lsn>> lsns(static_cast<std::size_t>(threads));
    std::atomic<bool> done{false};
    std::vector<std::thread> running;
    for (int t = 0; t < threads; ++t) {
      running.emplace_back([&, t] {
        for (int i = 0; i < each || (i < kTriesMax && !done.load()); ++i) {
          const auto receipt = store_->Commit(make(t, i));
          ASSERT_TRUE(receipt.ok()) << receipt.error().message;
          lsns[static_cast<std::size_t>(t)].push_back(receipt->lsn);
          if (t == 0 && i >= each && enough()) done.store(true);
        }
      });
    }
    for (auto& thread : running) thread.join();
    std::set<Lsn> all;
    std::size_t count = 0;
    for (const auto& mine : lsns) {
      EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end())) << "in the order of the thread";
      all.insert(mine.begin(), mine.end());
      count += mine.size();
    }
    EXPECT_EQ(all.size(), count) << "no two have the same LSN";
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(*all.rbegin() - *all.begin() + 1, count) << "dense";
    EXPECT_EQ(store_->Stats()->durable_lsn, *all.rbegin());
  }
  static constexpr int kTriesMax = 5'000;

  testing::Scratch scratch_;
  std::optional<Store> store_;
};

TEST_F(BufferedCommit, SixtyFourThreadsGetSlotsAndTheNextLosesNothing) {
  Make(64);
  const auto put = [](int t, int i) { return PutOf("t" + std::to_string(t) + "/" + std::to_string(i)); };
  // The threads stay until all have written, so each of the first 64 keeps its slot.
  std::uint32_t in_use = 0;
  CommitFrom(65, 10, put, [&] {
    in_use = SlotsInUse();
    return in_use == 64 && BufferUsed();
  });
  EXPECT_EQ(in_use, 64u);
  EXPECT_TRUE(BufferUsed());
}

TEST_F(BufferedCommit, ManyThreadsWithoutSlotsCommitInOrderAndOnce) {
  Make(1);
  CommitFrom(
      12, 60, [](int t, int i) { return PutOf("t" + std::to_string(t) + "/" + std::to_string(i)); },
      [&] { return BufferUsed(); });
  EXPECT_TRUE(BufferUsed());
}

/// More threads than the buffer has cells, and than the bank has: they wait for room, and for a cell.
TEST_F(BufferedCommit, AFullBufferAndAFullBankAreBackPressure) {
  Make(1);
  CommitFrom(
      100, 6, [](int t, int i) { return PutOf("t" + std::to_string(t) + "/" + std::to_string(i), 300); },
      [&] { return BufferUsed(); });
  EXPECT_TRUE(BufferUsed());
}

TEST_F(BufferedCommit, SizesAroundTheCellAndLongAnswersArrive) {
  Make(1);
  const auto make = [](int t, int i) {
    const std::string name = "t" + std::to_string(t) + "/" + std::to_string(i);
    switch (i % 5) {
      case 0:
        return PutOf(name, static_cast<std::size_t>(3'800 + 10 * t + i));  // around a cell's size
      case 1:
        return PutOf(name, 60'000);  // staged
      case 2:
        return PutOf(name, 0, 40);  // fits the reply words of a cell
      case 3:
        return PutOf(name, 0, 60);  // does not
      default:
        return PutOf(name);
    }
  };
  CommitFrom(8, 20, make, [&] { return BufferUsed(); });
  EXPECT_TRUE(BufferUsed());
  for (int t = 0; t < 8; ++t) {
    for (int i = 0; i < 20; ++i) {
      const std::string name = "t" + std::to_string(t) + "/" + std::to_string(i);
      const std::string key = (i % 5 == 2 ? name + ".39" : i % 5 == 3 ? name + ".59" : name) + ":1";
      EXPECT_TRUE(store_->Get(key).ok()) << key;
    }
  }
  std::error_code ignored;
  const std::filesystem::path staging = scratch_ / ".tenure/staging";
  const auto left = std::filesystem::directory_iterator(staging, ignored);
  EXPECT_EQ(std::distance(left, {}), 0) << "staged requests were removed";
}

TEST_F(BufferedCommit, RefusalsAndReplaysComeBackWhole) {
  Make(1);
  ASSERT_TRUE(store_->Commit(PutOf("one")).ok());
  std::atomic<int> refused{0};
  std::atomic<int> replayed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 60; ++i) {
        Transaction conditional;
        Operation op = PutOf("one").operations().front();
        conditional.Append(op.IfRevision(77));
        const auto no = store_->Commit(conditional);
        ASSERT_FALSE(no.ok());
        EXPECT_EQ(no.error().code, ErrorCode::kRevisionMismatch) << no.error().message;
        EXPECT_EQ(no.error().revision, std::optional<Revision>(1));
        ++refused;
        CommitOptions options;
        options.request_id = "id-" + std::to_string(t) + "-" + std::to_string(i / 2);
        const auto receipt = store_->Commit(PutOf("r" + options.request_id), options);
        ASSERT_TRUE(receipt.ok()) << receipt.error().message;
        EXPECT_EQ(receipt->replayed, i % 2 == 1);
        if (receipt->replayed) ++replayed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(refused.load(), 8 * 60);
  EXPECT_EQ(replayed.load(), 8 * 30);
  EXPECT_EQ(store_->Stats()->durable_lsn, 1u + 8 * 30);
}

}  // namespace
}  // namespace tenure
