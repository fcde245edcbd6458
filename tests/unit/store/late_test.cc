// Transactions that a committer took and never answered, because it died: those that it refused, or that changed
// nothing. Decided again, they do not come behind what their thread has submitted after them.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "store/ingest/slot_reader.h"
#include "store/store_impl.h"
#include "tenure/store.h"
#include "tests/support/scratch.h"
#include "tests/unit/store/held_lease.h"

namespace tenure {
namespace {

class Late : public ::testing::Test {
 protected:
  Late() {
    auto store = Store::Create(scratch_.path());
    EXPECT_TRUE(store.ok()) << store.error().message;
    store_.emplace(std::move(store).value());
    impl_ = *StoreImpl::Open(scratch_.path(), {});
  }
  static Transaction PutOf(std::uint64_t size, std::size_t fill = 0) {
    Transaction txn;
    PutSpec spec;
    spec.name = "a";
    spec.version = "1";
    spec.size = size;
    if (fill > 0) spec.annotations = "{\"fill\":\"" + std::string(fill, 'x') + "\"}";
    txn.Put(spec);
    return txn;
  }
  static Transaction PutIf(Revision revision) {
    Transaction txn;
    txn.Put({.name = "a", .version = "1"}).IfRevision(revision);
    return txn;
  }
  void WhileHeld(const std::function<void()>& queue) { testing::WhileLeaseIsHeld(*impl_, queue); }
  std::size_t QueuedOperations() {
    std::size_t queued = 0;
    impl_->registry->ForEachActive([&](std::uint32_t slot) {
      ingest::SlotReader reader(*impl_->registry, slot);
      ingest::QueuedOperation operation;
      if (!reader.Begin()) return;
      while (reader.Next(operation) == ingest::SlotReader::Step::kOperation) ++queued;
    });
    return queued;
  }
  /// What a takeover does for a committer that popped the first queued operation, and died before it answered.
  void TakeFirstUnanswered() {
    int taken = 0;
    impl_->registry->ForEachActive([&](std::uint32_t slot) {
      ingest::SlotReader reader(*impl_->registry, slot);
      ingest::QueuedOperation operation;
      if (!reader.Begin() || reader.Next(operation) != ingest::SlotReader::Step::kOperation) return;
      const std::uint32_t epoch = reader.head().epoch;
      ASSERT_TRUE(reader.Pop(epoch));
      ingest::Reply reply;
      reply.state = ingest::AnswerState::kNotApplied;
      ASSERT_TRUE(reader.Answer(operation.sequence, epoch, reply));
      ++taken;
    });
    EXPECT_EQ(taken, 1);
  }
  /// The answers to both, of which the first was taken and never answered.
  std::pair<Result<Receipt>, Result<Receipt>> Both(const Transaction& first, const Transaction& second) {
    std::optional<Ticket> one, two;
    WhileHeld([&] {
      one = *store_->Submit(first);
      two = *store_->Submit(second);
      TakeFirstUnanswered();
    });
    Result<Receipt> answer = one->Wait();
    return {std::move(answer), two->Wait()};
  }

  testing::Scratch scratch_;
  std::optional<Store> store_;
  std::shared_ptr<StoreImpl> impl_;
};

TEST_F(Late, WhatWasRefusedIsNotCommittedBehindALaterOne) {
  const auto [first, second] = Both(PutIf(1), PutOf(70));
  ASSERT_TRUE(second.ok()) << second.error().message;
  ASSERT_FALSE(first.ok()) << "committed at LSN " << first->lsn << ", behind LSN " << second->lsn;
  EXPECT_EQ(first.error().code, ErrorCode::kChangedSince) << first.error().message;
  EXPECT_FALSE(first.error().hint.empty());
  EXPECT_EQ(store_->Get("a:1")->revision, 1u);
}

TEST_F(Late, WhatIsStillRefusedIsToldWhy) {
  const auto [first, second] = Both(PutIf(7), PutOf(70));
  ASSERT_TRUE(second.ok()) << second.error().message;
  ASSERT_FALSE(first.ok());
  EXPECT_EQ(first.error().code, ErrorCode::kRevisionMismatch) << first.error().message;
}

TEST_F(Late, WhatChangedNothingDoesNotUndoALaterOne) {
  // In the lane itself, in its detail lane, in a file.
  for (const std::size_t fill : {0, 20'000, 100'000}) {
    ASSERT_TRUE(store_->Commit(PutOf(70, fill)).ok());
    const auto [first, second] = Both(PutOf(70, fill), PutOf(71));
    ASSERT_TRUE(second.ok()) << second.error().message;
    ASSERT_FALSE(first.ok()) << "committed at LSN " << first->lsn << ", behind LSN " << second->lsn;
    EXPECT_EQ(first.error().code, ErrorCode::kChangedSince) << first.error().message;
    EXPECT_EQ(store_->Get("a:1")->size, 71u);
  }
}

TEST_F(Late, WhatStillChangesNothingIsToldSo) {
  ASSERT_TRUE(store_->Commit(PutOf(70)).ok());
  Transaction other;
  other.Put({.name = "b", .version = "1"});
  const auto [first, second] = Both(PutOf(70), other);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->outcome, Outcome::kUnchanged);
  EXPECT_EQ(second->outcome, Outcome::kCommitted);
}

TEST_F(Late, TheNewestOneOfItsThreadIsDecidedAgain) {
  std::optional<Ticket> only;
  WhileHeld([&] {
    only = *store_->Submit(PutOf(70));
    TakeFirstUnanswered();
  });
  const auto receipt = only->Wait();
  ASSERT_TRUE(receipt.ok()) << receipt.error().message;
  EXPECT_EQ(store_->Get("a:1")->lsn, receipt->lsn);
}

/// Its answer may need most of the room for answers: there is none for a second one.
TEST_F(Late, AQuestionForAnOutcomeIsAskedAgain) {
  ASSERT_TRUE(store_->Commit(PutOf(70)).ok());
  std::thread asking;
  WhileHeld([&] {
    asking = std::thread([&] {
      EXPECT_TRUE(store_->Submit(PutOf(71)).ok());
      EXPECT_EQ(store_->OutcomeOf("nobody").error().code, ErrorCode::kNotFound);
    });
    // Both are there when the second one is.
    while (QueuedOperations() < 2) std::this_thread::yield();
    TakeFirstUnanswered();
    TakeFirstUnanswered();
  });
  asking.join();
}

}  // namespace
}  // namespace tenure
