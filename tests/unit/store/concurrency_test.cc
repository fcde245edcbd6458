// Many threads on one handle.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "store/base/error.h"
#include "store/commit/resolve.h"
#include "store/ingest/slot_reader.h"
#include "store/store_impl.h"
#include "tenure/store.h"
#include "tests/support/scratch.h"
#include "tests/unit/store/held_lease.h"

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

TEST_F(Concurrency, QueuedOperationsAreSeenWhenAskedFor) {
  ASSERT_TRUE(store_->Commit(PutOf("queued", 1)).ok());
  std::shared_ptr<StoreImpl> impl = *StoreImpl::Open(scratch_.path(), {});
  ReadOptions uncommitted;
  uncommitted.consistency = Consistency::kReadUncommitted;
  std::optional<Result<Ticket>> first, second;
  std::optional<Result<ArtifactEntry>> seen, fresh, committed, missing;
  testing::WhileLeaseIsHeld(*impl, [&] {
    first = store_->Submit(PutOf("queued", 2));
    second = store_->Submit(PutOf("fresh", 3));
    seen = store_->Get("queued:1", uncommitted);
    fresh = store_->Get("fresh:1", uncommitted);
    committed = store_->Get("queued:1");
    missing = store_->Get("fresh:1");
  });
  ASSERT_TRUE(seen->ok()) << seen->error().message;
  EXPECT_TRUE((*seen)->uncommitted);
  EXPECT_EQ((*seen)->size, 2u);
  EXPECT_EQ((*seen)->revision, 0u) << "not decided yet";
  ASSERT_TRUE(fresh->ok()) << fresh->error().message;
  EXPECT_TRUE((*fresh)->uncommitted);
  ASSERT_TRUE(committed->ok()) << committed->error().message;
  EXPECT_EQ((*committed)->size, 1u);
  EXPECT_FALSE((*committed)->uncommitted);
  EXPECT_EQ(missing->error().code, ErrorCode::kNotFound);
  ASSERT_TRUE((*first)->Wait().ok());
  ASSERT_TRUE((*second)->Wait().ok());
  const auto after = store_->Get("queued:1", uncommitted);
  ASSERT_TRUE(after.ok()) << after.error().message;
  EXPECT_FALSE(after->uncommitted);
  EXPECT_EQ(after->size, 2u);
  EXPECT_EQ(after->revision, 2u);
}

/// A successor that was superseded itself must not call an operation "not applied" that its own successor has
/// published: it has not read that far.
TEST_F(Concurrency, ASupersededSuccessorAnswersNothing) {
  ASSERT_TRUE(store_->Commit(PutOf("before", 1)).ok());
  const auto impl = *StoreImpl::Open(scratch_.path(), {});
  auto slot = *ingest::WriterSlot::Open(*impl->registry);
  std::uint64_t sequence = 0;
  ASSERT_EQ(slot->TryPush(ingest::RecordType::kInline, base::AsBytes("x"), 0, 0, sequence),
            ingest::WriterSlot::PushResult::kOk);
  const auto epoch = static_cast<std::uint32_t>(impl->lease->Look().first);
  // The second successor has popped it, and has not answered yet.
  ASSERT_TRUE(ingest::RestampHeads(*impl->registry, epoch + 2));
  ingest::SlotReader reader(*impl->registry, slot->slot());
  ingest::QueuedOperation operation;
  ASSERT_TRUE(reader.Begin());
  ASSERT_EQ(reader.Next(operation), ingest::SlotReader::Step::kOperation);
  ASSERT_TRUE(reader.Pop(epoch + 2));
  const commit::Claim first{epoch + 1, impl->context->DurableLsn(), true};
  EXPECT_EQ(commit::ResolveLanes(*impl->context, *impl->registry, *impl->lease, first).error().code,
            ErrorCode::kClosed);
  EXPECT_TRUE(slot->IsPending(sequence));
  ingest::Reply reply;
  reply.state = ingest::AnswerState::kCommitted;
  EXPECT_TRUE(reader.Answer(sequence, epoch + 2, reply));
  slot->Retire(sequence);
}

/// Nothing applies: only a read that needs the index to move would do it.
TEST_F(Concurrency, AReadOfAnUntouchedKeyDoesNotWaitForTheIndex) {
  ASSERT_TRUE(store_->Commit(PutOf("old", 1)).ok());
  ASSERT_TRUE(store_->CatchUp().ok());
  store_.reset();
  OpenOptions options;
  options.background = false;
  auto store = Store::Open(scratch_.path(), options);
  ASSERT_TRUE(store.ok());
  const auto impl = *StoreImpl::Open(scratch_.path(), options);
  for (std::uint64_t i = 0; i < 50; ++i) ASSERT_TRUE(store->Commit(PutOf("busy", i)).ok());
  const Lsn applied = impl->context->AppliedHint();
  ASSERT_LT(applied, impl->context->DurableLsn());
  EXPECT_EQ(store->Get("old:1")->size, 1u);
  EXPECT_EQ(impl->context->AppliedHint(), applied) << "old:1 has not changed since";
  EXPECT_EQ(store->Get("busy:1")->size, 49u);
  EXPECT_EQ(impl->context->AppliedHint(), impl->context->DurableLsn());
}

/// Many transactions share a frame; the index is asked for one in the middle.
TEST_F(Concurrency, AnLsnInTheMiddleOfAFrameCanBeRead) {
  store_.reset();
  OpenOptions options;
  options.background = false;
  auto store = Store::Open(scratch_.path(), options);
  ASSERT_TRUE(store.ok());
  std::vector<Ticket> tickets;
  for (std::uint64_t i = 1; i <= 40; ++i) tickets.push_back(*store->Submit(PutOf("at", i)));
  for (const Ticket& ticket : tickets) ASSERT_TRUE(ticket.Wait().ok());
  for (const Lsn lsn : {Lsn{17}, Lsn{23}, Lsn{40}}) {
    ReadOptions at;
    at.at = At{lsn, {}};
    const auto entry = store->Get("at:1", at);
    ASSERT_TRUE(entry.ok()) << entry.error().message;
    EXPECT_EQ(entry->size, lsn);
  }
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

TEST_F(Concurrency, AForkedChildCannotUseTheHandleAndHarmsNobody) {
  ASSERT_TRUE(store_->Commit(PutOf("before", 1)).ok());
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto put = store_->Commit(PutOf("child", 1));
    const auto got = store_->Get("before:1");
    const bool refused =
        !put.ok() && put.error().code == ErrorCode::kClosed && !got.ok() && got.error().code == ErrorCode::kClosed;
    store_.reset();
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ASSERT_TRUE(store_->Commit(PutOf("after", 1)).ok());
  EXPECT_EQ(store_->List()->size(), 2u);
}

/// The kernel keeps a lock as long as any copy of its descriptor is open.
TEST_F(Concurrency, AForkedChildDoesNotKeepItsParentsMemberByte) {
  store_.reset();
  int ready[2], go_on[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(go_on), 0);
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    auto store = Store::Open(scratch_.path());
    if (!store.ok() || !store->Commit(PutOf("parent", 1)).ok()) ::_exit(1);
    if (::fork() == 0) {
      // Lives on, without exec, until the test has seen that its parent counts as dead.
      char byte = 0;
      ::_exit(::write(ready[1], "x", 1) == 1 && ::read(go_on[0], &byte, 1) == 1 ? 0 : 1);
    }
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(parent, &status, 0), parent);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1) << "the grandchild is there";
  auto store = Store::Open(scratch_.path());
  ASSERT_TRUE(store.ok()) << store.error().message;
  EXPECT_EQ(store->Stats()->members, 1u);
  ASSERT_EQ(::write(go_on[1], "x", 1), 1);
  for (const int descriptor : {ready[0], ready[1], go_on[0], go_on[1]}) ::close(descriptor);
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
