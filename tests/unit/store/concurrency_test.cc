// Many threads on one handle.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "tenure/store.h"
#include "tests/support/scratch.h"

namespace tenure {
namespace {

class Concurrency : public ::testing::Test {
 protected:
  Concurrency() {
    auto store = Store::Create(scratch_.path());
    EXPECT_TRUE(store.ok()) << store.error().message;
    if (store.ok()) store_.emplace(std::move(store).value());
  }
  static Transaction PutOf(const std::string& name, std::uint64_t size) {
    Transaction txn;
    PutSpec spec;
    spec.name = name;
    spec.version = "1";
    spec.size = size;
    txn.Put(spec);
    return txn;
  }
  testing::Scratch scratch_;
  std::optional<Store> store_;
};

TEST_F(Concurrency, EveryCommitGetsItsOwnLsn) {
  constexpr int kThreads = 8;
  constexpr int kEach = 50;
  std::vector<std::vector<Lsn>> lsns(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const auto receipt = store_->Commit(PutOf("t" + std::to_string(t) + "/" + std::to_string(i), 1));
        ASSERT_TRUE(receipt.ok()) << receipt.error().message;
        lsns[t].push_back(receipt->lsn);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<Lsn> all;
  for (const auto& mine : lsns) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kThreads * kEach));
  EXPECT_EQ(*all.begin(), 1u);
  EXPECT_EQ(*all.rbegin(), static_cast<Lsn>(kThreads * kEach)) << "dense";
  EXPECT_EQ(store_->List()->size(), static_cast<std::size_t>(kThreads * kEach));
}

TEST_F(Concurrency, CompareAndSetLosesNoIncrement) {
  constexpr int kThreads = 6;
  constexpr int kEach = 25;
  ASSERT_TRUE(store_->Commit(PutOf("counter", 0)).ok());
  std::atomic<int> retries{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int done = 0; done < kEach;) {
        const auto entry = store_->Get("counter:1");
        ASSERT_TRUE(entry.ok()) << entry.error().message;
        Transaction txn = PutOf("counter", *entry->size + 1);
        Operation op = txn.operations().front();
        Transaction conditional;
        conditional.Append(op.IfRevision(entry->revision));
        const auto receipt = store_->Commit(conditional);
        if (receipt.ok()) {
          ++done;
        } else {
          ASSERT_EQ(receipt.error().code, ErrorCode::kRevisionMismatch) << receipt.error().message;
          ++retries;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto entry = store_->Get("counter:1");
  EXPECT_EQ(*entry->size, static_cast<std::uint64_t>(kThreads * kEach));
  EXPECT_EQ(entry->revision, static_cast<Revision>(kThreads * kEach + 1));
}

TEST_F(Concurrency, SubmittedTransactionsKeepTheirOrder) {
  constexpr std::uint64_t kCount = 2'000;
  std::vector<Ticket> tickets;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    auto ticket = store_->Submit(PutOf("ordered", i));
    ASSERT_TRUE(ticket.ok()) << ticket.error().message;
    tickets.push_back(std::move(ticket).value());
  }
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const auto receipt = tickets[i].Wait();
    ASSERT_TRUE(receipt.ok()) << receipt.error().message;
    EXPECT_EQ(receipt->lsn, i + 1);
    EXPECT_TRUE(tickets[i].Poll());
  }
  EXPECT_EQ(*store_->Get("ordered:1")->size, kCount - 1);
}

TEST_F(Concurrency, ATicketOutlivesItsHandle) {
  auto ticket = store_->Submit(PutOf("late", 1));
  ASSERT_TRUE(ticket.ok());
  store_.reset();
  const auto receipt = ticket->Wait();
  ASSERT_TRUE(receipt.ok()) << receipt.error().message;
  EXPECT_EQ(receipt->lsn, 1u);
}

TEST_F(Concurrency, ADroppedTicketIsCommittedAllTheSame) {
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(store_->Submit(PutOf("dropped/" + std::to_string(i), 1)).ok());
  store_.reset();
  auto store = Store::Open(scratch_.path());
  ASSERT_TRUE(store.ok()) << store.error().message;
  EXPECT_EQ(store->List()->size(), 100u);
}

TEST_F(Concurrency, ReadersSeeWhatWasAcknowledged) {
  std::atomic<Lsn> acknowledged{0};
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      const Lsn before = acknowledged.load();
      const auto entry = store_->Get("seen:1");
      if (before == 0) continue;
      ASSERT_TRUE(entry.ok()) << entry.error().message;
      ASSERT_GE(entry->lsn, before);
    }
  });
  for (std::uint64_t i = 1; i <= 300; ++i) {
    const auto receipt = store_->Commit(PutOf("seen", i));
    ASSERT_TRUE(receipt.ok());
    acknowledged.store(receipt->lsn);
  }
  stop = true;
  reader.join();
}

TEST_F(Concurrency, TheLagBoundHolds) {
  store_.reset();
  OpenOptions options;
  options.background = false;
  options.apply_lag_max = 100;
  auto store = Store::Open(scratch_.path(), options);
  ASSERT_TRUE(store.ok());
  for (std::uint64_t i = 0; i < 450; ++i) ASSERT_TRUE(store->Commit(PutOf("lag", i)).ok());
  ReadOptions snapshot;
  snapshot.consistency = Consistency::kSnapshot;
  const auto entry = store->Get("lag:1", snapshot);
  ASSERT_TRUE(entry.ok());
  EXPECT_GE(entry->lsn, 349u);
  EXPECT_EQ(store->Get("lag:1")->lsn, 450u);
}

TEST_F(Concurrency, TwoOpensInOneProcessShareOneStore) {
  auto second = Store::Open(scratch_.path());
  ASSERT_TRUE(second.ok());
  ASSERT_TRUE(store_->Commit(PutOf("a", 1)).ok());
  EXPECT_EQ(second->Get("a:1")->revision, 1u);
  EXPECT_EQ(second->Stats()->members, 1u);
}

}  // namespace
}  // namespace tenure
