// What a transaction on its way is kept in: used again by its thread, as new, and by nobody else.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "store/store_impl.h"
#include "tenure/store.h"
#include "tests/support/scratch.h"

namespace tenure {
namespace {

class PendingTest : public ::testing::Test {
 protected:
  PendingTest() {
    OpenOptions options;
    options.background = false;
    auto store = Store::Create(scratch_.path(), {}, options);
    EXPECT_TRUE(store.ok()) << store.error().message;
    store_.emplace(std::move(store).value());
    impl_ = *StoreImpl::Open(scratch_.path(), options);
  }
  commit::Group& group() { return *impl_->group; }
  static Transaction PutOf(const std::string& name, const std::string& annotations = "{}") {
    Transaction txn;
    PutSpec spec;
    spec.name = name;
    spec.version = "1";
    spec.annotations = annotations;
    txn.Put(spec);
    return txn;
  }

  testing::Scratch scratch_;
  std::optional<Store> store_;
  std::shared_ptr<StoreImpl> impl_;
};

TEST_F(PendingTest, AThreadIsGivenTheSameOneAgainAsNew) {
  auto pending = group().NewPending();
  const commit::Pending* const first = pending.get();
  CommitOptions options;
  options.request_id = "once";
  options.on_conflict = ConflictStrategy::kPark;
  const auto receipt = store_->Commit(PutOf("a", R"({ "not" : "normal" })"), options);  // it gets another one
  ASSERT_TRUE(receipt.ok()) << receipt.error().message;
  group().Recycle(std::move(pending));
  pending = group().NewPending();
  ASSERT_EQ(pending.get(), first);
  const Transaction txn = PutOf("b");
  pending->request.operations.Lend(txn.operations());
  pending->request.writer = "somebody";
  pending->request.request_id = "twice";
  pending->request.body_hash = {1, 2};
  pending->request.on_conflict = ConflictStrategy::kMerge;
  pending->request.leases.push_back({1, {}, true});
  pending->request.lease_action = std::make_shared<const commit::LeaseAction>();
  pending->request.asks_outcome = pending->request.late = true;
  pending->work.request = &pending->request;
  pending->work.answer = Receipt{};
  pending->sequence = 7;
  pending->asynchronous = pending->late = true;
  pending->body.resize(100'000);
  pending->operation_count = pending->reply_bytes = 9;
  pending->staged = "x";
  pending->durable_before = 3;
  pending->done = true;
  group().Recycle(std::move(pending));
  pending = group().NewPending();
  ASSERT_EQ(pending.get(), first);
  const commit::Pending& p = *pending;
  EXPECT_EQ(p.request.operations.size(), 0u);
  EXPECT_TRUE(p.request.request_id.empty() && p.request.leases.empty() && !p.request.lease_action);
  EXPECT_TRUE(!p.request.on_conflict && !p.request.asks_outcome && !p.request.late);
  EXPECT_EQ(p.request.body_hash, base::Hash128{});
  EXPECT_TRUE(!p.work.request && !p.work.answer && !p.use && !p.asynchronous && !p.late && !p.done);
  EXPECT_TRUE(p.sequence == 0 && p.operation_count == 0 && p.reply_bytes == 0 && p.durable_before == 0);
  EXPECT_TRUE(p.body.empty() && p.staged.empty());
  EXPECT_LT(p.body.capacity(), 10'000u) << "nor is the memory of a large one kept";
}

TEST_F(PendingTest, OneThatSomebodyElseHoldsIsNotUsedAgain) {
  auto pending = group().NewPending();
  const auto held = pending;
  held->sequence = 7;
  group().Recycle(std::move(pending));
  EXPECT_NE(group().NewPending(), held);
  EXPECT_EQ(held->sequence, 7u) << "nor is it touched";
}

TEST_F(PendingTest, EveryThreadHasItsOwn) {
  auto mine = group().NewPending();
  const commit::Pending* const first = mine.get();
  group().Recycle(std::move(mine));
  std::thread([&] {
    auto theirs = group().NewPending();
    EXPECT_NE(theirs.get(), first);
    group().Recycle(std::move(theirs));
  }).join();
  EXPECT_EQ(group().NewPending().get(), first);
}

/// The transaction is lent for the call only: its ticket needs nothing of it.
TEST_F(PendingTest, ATransactionMayEndBeforeItsTicket) {
  std::optional<Ticket> ticket;
  {
    auto txn = std::make_unique<Transaction>(PutOf("a", R"({"n":1})"));
    txn->SetTag("a", "prod", "1");
    auto submitted = store_->Submit(*txn);
    ASSERT_TRUE(submitted.ok()) << submitted.error().message;
    ticket.emplace(std::move(submitted).value());
  }
  const auto receipt = ticket->Wait();
  ASSERT_TRUE(receipt.ok()) << receipt.error().message;
  EXPECT_EQ(receipt->results.size(), 2u);
  EXPECT_EQ(ticket->Wait()->lsn, receipt->lsn) << "asked again, it says the same";
  EXPECT_EQ(store_->Get("a@prod")->annotations, R"({"n":1})");
}

}  // namespace
}  // namespace tenure
