// Transactions that are queued, in a lane or in the double buffer, while nobody can commit them: the owner of the
// commit lease died, and the disk fails whoever wants to take over. What was refused is not there; what may be queued
// still is committed once, when the disk answers again.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/recording_env.h"
#include "store/recovery/verify.h"
#include "store/store_impl.h"
#include "tenure/store.h"
#include "tests/support/scratch.h"

namespace tenure {
namespace {

using Kind = base::TraceStep::Kind;

class QueuedFault : public ::testing::Test {
 protected:
  void Make(std::uint32_t writer_slots, bool background = false) {
    options_.env = &env_;
    options_.background = background;
    options_.commit_ttl_ms = 20;
    options_.log = [this](const char*, const std::string& message) {
      if (message.find("taking over the commit lease failed") == std::string::npos || told_) return;
      told_ = true;
      takeover_failed_.set_value(message);
    };
    CreateOptions create;
    create.writer_slots = writer_slots;
    auto store = Store::Create(scratch_.path(), create, options_);
    ASSERT_TRUE(store.ok()) << store.error().message;
    store_.emplace(std::move(store).value());
    impl_ = *StoreImpl::Open(scratch_.path(), options_);
    Done("first");
  }
  ~QueuedFault() override {
    env_.SetFaultPlan({});
    if (!store_) return;
    EXPECT_TRUE(store_->CatchUp().ok());
    recovery::VerifyOptions options;
    options.deep = true;
    const auto report = recovery::Verify(env_, impl_->layout, options);
    EXPECT_TRUE(report.ok() && report->ok());
  }
  static Transaction Filled(const std::string& name, std::size_t bytes = 0) {
    Transaction txn;
    PutSpec spec;
    spec.name = name;
    spec.version = "1";
    if (bytes > 0) spec.annotations = "{\"fill\":\"" + std::string(bytes, 'x') + "\"}";
    txn.Put(spec);
    return txn;
  }
  static constexpr std::size_t kTooLargeForALane = 200'000;
  static constexpr std::size_t kTooLargeForACell = 20'000;

  void Done(const std::string& name) {
    const auto receipt = store_->Commit(Filled(name));
    ASSERT_TRUE(receipt.ok()) << receipt.error().message;
  }
  /// On a thread of its own: where there is one writer slot, it has none.
  static void Elsewhere(const std::function<void()>& act) { std::thread(act).join(); }

  ingest::CommitArea& area() { return impl_->member->segment().commit(); }
  void SetOwner(std::uint64_t to) {
    base::Pair64 seen = area().owner.Load();
    while (!area().owner.CompareExchange(seen, {seen.first, to})) {
    }
  }
  void OwnerDies() { SetOwner(ingest::OwnerWord(900, 7)); }
  /// As if another thread of this process were at it, and took its time.
  void HoldLease() { SetOwner(impl_->member->word()); }
  void LetGo() { SetOwner(0); }

  void Fail(Kind kind, const std::string& part, ErrorCode code = ErrorCode::kIo) {
    env_.SetFaultPlan([=](std::uint64_t, Kind of, const std::string& path) -> Status {
      if (of != kind || path.find(part) == std::string::npos) return {};
      return base::MakeError(code, path + ": injected by the test");
    });
  }
  void Heal() { env_.SetFaultPlan({}); }

  void ExpectRefused(const Result<Receipt>& answer, ErrorCode code, const std::string& says) {
    ASSERT_FALSE(answer.ok()) << says;
    EXPECT_EQ(answer.error().code, code) << answer.error().message;
    EXPECT_NE(answer.error().message.find(says), std::string::npos) << answer.error().message;
    EXPECT_NE(answer.error().message.find(scratch_.path()), std::string::npos) << answer.error().message;
  }
  /// Of what goes through the double buffer, once it is answered.
  void ReceiptIsSpoiled(const std::function<void()>& then) {
    base::SetFailPointHook([this, then](const char* point) {
      if (std::string(point) != "commit.answered") return;
      auto& segment = impl_->member->segment();
      for (auto& cell : ingest::AnswerBank::At(segment.bank_memory(impl_->member->slot())).replies.cells) {
        base::Pair64 seen = cell.lsn.Load();
        while (!cell.lsn.CompareExchange(seen, {seen.first + 1, 0})) {
        }
      }
      then();
    });
  }
  /// Commits "buffered" through the double buffer.
  void Buffered(const std::function<void(const Result<Receipt>&)>& see) {
    HoldLease();
    std::thread other([&] { see(store_->Commit(Filled("buffered"))); });
    while (!impl_->committer->AnyWork()) std::this_thread::yield();
    LetGo();
    other.join();
    base::SetFailPointHook({});
    Heal();
    EXPECT_EQ(Times("buffered"), 1);
  }
  /// How often the log has it.
  int Times(const std::string& name) {
    int times = 0;
    const Status read = store_->Log(1, 0, [&](const Event& event) {
      times += event.entry && event.entry->name == name ? 1 : 0;
      return true;
    });
    EXPECT_TRUE(read.ok()) << read.error().message;
    return times;
  }
  std::size_t Staged() {
    std::error_code ignored;
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(impl_->layout.staging(), ignored), {}));
  }

  std::promise<std::string> takeover_failed_;
  bool told_ = false;  // of the committing thread
  testing::Scratch scratch_;
  base::RecordingEnv env_{base::Env::Posix()};
  OpenOptions options_;
  std::optional<Store> store_;
  std::shared_ptr<StoreImpl> impl_;
};

constexpr const char* kQueued = "the transaction is queued, and nobody can commit it now";

TEST_F(QueuedFault, ALaneKeepsWhatNobodyCanCommit) {
  Make(4);
  OwnerDies();
  Fail(Kind::kRead, "/journal/");
  ExpectRefused(store_->Commit(Filled("queued")), ErrorCode::kOutcomeUnknown, kQueued);
  Heal();
  Done("next");
  EXPECT_EQ(Times("queued"), 1);
  EXPECT_LT(store_->Get("queued:1")->lsn, store_->Get("next:1")->lsn) << "in the order of their thread";
}

TEST_F(QueuedFault, MaintenanceIsRefused) {
  Make(4);
  OwnerDies();
  Fail(Kind::kRead, "/journal/");
  const auto refused = store_->Compact();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kIo) << refused.error().message;
  Heal();
  EXPECT_TRUE(store_->Compact().ok());
}

/// The lane is full, and neither the caller nor the committing thread can take over. What was taken on is done later.
TEST_F(QueuedFault, AFullLaneTakesNothingOn) {
  Make(4, true);
  OwnerDies();
  Fail(Kind::kRead, "/journal/");
  std::vector<Ticket> tickets;
  std::optional<Error> refused;
  for (std::uint32_t i = 0; !refused; ++i) {
    ASSERT_LE(i, ingest::kWindow);
    auto ticket = store_->Submit(Filled("k" + std::to_string(i)));
    if (ticket.ok()) tickets.push_back(*ticket);
    if (!ticket.ok()) refused = ticket.error();
  }
  EXPECT_GT(tickets.size(), 100u);
  EXPECT_EQ(refused->code, ErrorCode::kIo) << refused->message;
  EXPECT_FALSE(tickets.front().Poll());
  EXPECT_NE(takeover_failed_.get_future().get().find("injected by the test"), std::string::npos);
  Heal();
  Lsn lsn = 1;
  for (const Ticket& ticket : tickets) {
    const auto receipt = ticket.Wait();
    ASSERT_TRUE(receipt.ok()) << receipt.error().message;
    EXPECT_EQ(receipt->lsn, ++lsn);
    EXPECT_TRUE(ticket.Poll());
  }
  EXPECT_EQ(store_->Get("k" + std::to_string(tickets.size()) + ":1").error().code, ErrorCode::kNotFound);
}

/// By the committing thread of a process that has done nothing else yet.
TEST_F(QueuedFault, WhatIsSubmittedIsCommittedThoughNobodyWaitsForIt) {
  Make(4, true);
  const auto ticket = store_->Submit(Filled("submitted"));
  ASSERT_TRUE(ticket.ok()) << ticket.error().message;
  const std::uint64_t give_up_ns = env_.MonotonicNs() + 20'000'000'000;
  while (!ticket->Poll() && env_.MonotonicNs() < give_up_ns) std::this_thread::yield();
  ASSERT_TRUE(ticket->Poll());
  EXPECT_TRUE(ticket->Wait().ok());
}

/// Each takeover succeeds, and then no frame can be synced.
TEST_F(QueuedFault, WhoeverTakesOverFailsToWrite) {
  Make(4);
  HoldLease();
  const auto ticket = store_->Submit(Filled("queued"));
  ASSERT_TRUE(ticket.ok()) << ticket.error().message;
  LetGo();
  Fail(Kind::kSyncData, "/journal/");
  ExpectRefused(ticket->Wait(), ErrorCode::kOutcomeUnknown, "every attempt to write the journal failed; the last one:");
  Heal();
  Done("next");
  EXPECT_EQ(Times("queued"), 1);
}

TEST_F(QueuedFault, WhatCannotBeStagedIsNotQueued) {
  Make(1);
  for (const bool buffered : {false, true}) {
    const auto act = [&] {
      HoldLease();
      for (std::uint64_t index = 0, failed = 1; failed == 1; ++index) {
        if (buffered && index == 4) break;  // five calls: the next one would be queued, and wait
        failed = 0;
        std::uint64_t at = 0;
        env_.SetFaultPlan([&](std::uint64_t, Kind, const std::string& path) -> Status {
          if (path.find("/staging") == std::string::npos || at++ != index) return {};
          ++failed;
          return base::MakeError(ErrorCode::kIo, path + ": injected by the test");
        });
        std::optional<Result<Receipt>> answer;
        std::optional<Result<Ticket>> ticket;
        if (buffered) {
          answer = store_->Commit(Filled("large", kTooLargeForACell));
        } else {
          ticket = store_->Submit(Filled("large", kTooLargeForALane));
        }
        Heal();
        if (failed == 0) {
          LetGo();
          ASSERT_TRUE(ticket->ok()) << ticket->error().message;
          EXPECT_TRUE((*ticket)->Wait().ok());
          break;
        }
        ASSERT_FALSE(buffered ? answer->ok() : ticket->ok()) << index;
        const Error& error = buffered ? answer->error() : ticket->error();
        EXPECT_EQ(error.code, ErrorCode::kIo) << error.message;
        EXPECT_NE(error.message.find("/staging"), std::string::npos) << error.message;
        EXPECT_EQ(Staged(), 0u) << index;
      }
      LetGo();
    };
    buffered ? Elsewhere(act) : act();
  }
  EXPECT_EQ(Times("large"), 1);
  EXPECT_EQ(Staged(), 0u);
}

/// Of whoever wants to commit, and not of what is queued: nothing says that a lane's memory is damaged.
TEST_F(QueuedFault, AStagedTransactionThatDoesNotAnswerIsRefused) {
  Make(4);
  HoldLease();
  const auto before = store_->Submit(Filled("before"));
  const auto large = store_->Submit(Filled("large", kTooLargeForALane));
  const auto behind = store_->Submit(Filled("behind"));
  ASSERT_TRUE(before.ok() && large.ok() && behind.ok());
  EXPECT_EQ(Staged(), 1u);
  LetGo();
  Fail(Kind::kRead, "/staging/");
  EXPECT_TRUE(before->Wait().ok());
  const auto refused = large->Wait();
  Heal();
  ExpectRefused(refused, ErrorCode::kIo, "the transaction was not committed, its staging file cannot be read");
  EXPECT_FALSE(refused.error().hint.empty());
  EXPECT_TRUE(behind->Wait().ok());
  EXPECT_EQ(Staged(), 0u);
  EXPECT_EQ(Times("large"), 0);
  const auto again = store_->Submit(Filled("large", kTooLargeForALane));
  ASSERT_TRUE(again.ok()) << "its slot was not given up";
  EXPECT_TRUE(again->Wait().ok());
  EXPECT_EQ(Times("large"), 1);
}

TEST_F(QueuedFault, OneInTheDoubleBufferThatDoesNotAnswerIsRefused) {
  Make(1);
  HoldLease();
  std::thread other([&] {
    ExpectRefused(store_->Commit(Filled("large", kTooLargeForACell)), ErrorCode::kIo,
                  "the transaction was not committed, its staging file cannot be read");
  });
  while (!impl_->committer->AnyWork()) std::this_thread::yield();
  Fail(Kind::kRead, "/staging/");
  LetGo();
  other.join();
  Heal();
  EXPECT_EQ(Staged(), 0u);
  EXPECT_EQ(Times("large"), 0);
}

TEST_F(QueuedFault, OneInTheDoubleBufferThatIsDamagedIsUnknown) {
  Make(1);
  HoldLease();
  std::thread other([&] {
    const auto answer = store_->Commit(Filled("large", kTooLargeForACell));
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, ErrorCode::kOutcomeUnknown);
    EXPECT_NE(answer.error().message.find("damaged in the double buffer"), std::string::npos);
  });
  while (!impl_->committer->AnyWork()) std::this_thread::yield();
  for (const auto& file : std::filesystem::directory_iterator(impl_->layout.staging())) {
    std::filesystem::resize_file(file, file.file_size() - 1);
  }
  LetGo();
  other.join();
  EXPECT_EQ(Times("large"), 0);
  Done("next");
}

/// Two committers answered at once: only the journal has the whole receipt, and may not be readable.
TEST_F(QueuedFault, AReceiptOfTheDoubleBufferThatOnlyTheJournalHas) {
  Make(1);
  ReceiptIsSpoiled([] {});
  Buffered([&](const Result<Receipt>& answer) {
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(answer->lsn, 2u);
  });
}

TEST_F(QueuedFault, AReceiptThatTheJournalDoesNotTell) {
  Make(1);
  ReceiptIsSpoiled([&] { Fail(Kind::kRead, "/journal/"); });
  Buffered([&](const Result<Receipt>& answer) {
    ExpectRefused(answer, ErrorCode::kOutcomeUnknown, "was committed, but its receipt cannot be read");
  });
}

/// The slot's memory says that it was committed, and nothing else does.
TEST_F(QueuedFault, AnAnswerThatNobodyGave) {
  Make(4);
  HoldLease();
  const auto ticket = store_->Submit(Filled("queued"));
  ASSERT_TRUE(ticket.ok()) << ticket.error().message;
  impl_->registry->ForEachActive([&](std::uint32_t slot) {
    const ingest::ReplyBank replies = impl_->registry->memory(slot).replies;
    std::uint64_t sequence = 0;
    for (std::uint32_t i = 0; i < ingest::kWindow; ++i) {
      if (!ingest::PendingIn(replies, i, sequence)) continue;
      ingest::Reply reply;
      reply.state = ingest::AnswerState::kCommitted;
      EXPECT_TRUE(ingest::Complete(replies, sequence, 1, reply));
      base::Pair64 seen = replies.cells[i].lsn.Load();
      while (!replies.cells[i].lsn.CompareExchange(seen, {seen.first + 1, 0})) {
      }
    }
  });
  const auto answer = ticket->Wait();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kOutcomeUnknown) << answer.error().message;
  EXPECT_EQ(answer.error().hint, "read the entry");
  LetGo();
  Done("next");
  EXPECT_EQ(Times("queued"), 1) << "it is";
}

TEST_F(QueuedFault, WithoutRoomForItsBankNothingIsBuffered) {
  Make(1);
  HoldLease();
  Fail(Kind::kAllocate, "ingest.shm", ErrorCode::kNoSpace);
  Elsewhere([&] { ExpectRefused(store_->Commit(Filled("a")), ErrorCode::kNoSpace, "injected by the test"); });
  Heal();
  LetGo();
  EXPECT_EQ(Times("a"), 0);
}

TEST_F(QueuedFault, TheDoubleBufferKeepsWhatNobodyCanCommit) {
  Make(1);
  OwnerDies();
  Fail(Kind::kRead, "/journal/");
  Elsewhere(
      [&] { ExpectRefused(store_->Commit(Filled("queued", kTooLargeForACell)), ErrorCode::kOutcomeUnknown, kQueued); });
  EXPECT_EQ(Staged(), 1u) << "it may still be committed";
  SetOwner(ingest::kAbandoned);
  Elsewhere([&] { ExpectRefused(store_->Commit(Filled("not")), ErrorCode::kIo, "injected by the test"); });
  Heal();
  Done("next");
  EXPECT_EQ(Times("queued"), 1);
  EXPECT_EQ(Times("not"), 0);
  // Nobody waits for it any more: its file goes with the shared memory that named it.
  const std::string shared = impl_->layout.shared_segment();
  store_.reset();
  impl_.reset();
  std::filesystem::remove(shared);
  auto store = Store::Open(scratch_.path(), options_);
  ASSERT_TRUE(store.ok()) << store.error().message;
  store_.emplace(std::move(store).value());
  impl_ = *StoreImpl::Open(scratch_.path(), options_);
  EXPECT_EQ(Staged(), 0u);
}

/// More threads than it has room for: each is told whether its transaction may still be committed.
TEST_F(QueuedFault, AFullDoubleBufferTakesNothingOn) {
  Make(1);
  OwnerDies();
  Fail(Kind::kRead, "/journal/");
  constexpr int kThreads = ingest::kBufferCells + 8;
  std::vector<ErrorCode> codes(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const auto answer = store_->Commit(Filled("k" + std::to_string(i), i % 2 == 0 ? kTooLargeForACell : 0));
      ASSERT_FALSE(answer.ok());
      codes[static_cast<std::size_t>(i)] = answer.error().code;
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto queued = std::count(codes.begin(), codes.end(), ErrorCode::kOutcomeUnknown);
  EXPECT_EQ(queued, static_cast<std::ptrdiff_t>(ingest::kBufferCells));
  EXPECT_EQ(std::count(codes.begin(), codes.end(), ErrorCode::kIo), kThreads - queued);
  Heal();
  Elsewhere([&] { Done("next"); });
  Elsewhere([&] { Done("next-but-one"); });  // of the half that is drained second
  for (int i = 0; i < kThreads; ++i) {
    EXPECT_EQ(Times("k" + std::to_string(i)), codes[static_cast<std::size_t>(i)] == ErrorCode::kIo ? 0 : 1) << i;
  }
}

/// Whoever opens the store behind a committer that died takes over, or is told why that cannot be done.
TEST_F(QueuedFault, OpeningBehindADeadOwner) {
  Make(4);
  base::RecordingEnv other(base::Env::Posix());
  OpenOptions options = options_;
  options.env = &other;
  OwnerDies();
  other.SetFaultPlan([](std::uint64_t, Kind kind, const std::string& path) -> Status {
    if (kind != Kind::kSyncDirectory) return {};
    return base::MakeError(ErrorCode::kIo, path + ": injected by the test");
  });
  const auto refused = Store::Open(scratch_.path(), options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  EXPECT_EQ(refused.error().message, impl_->layout.journal() + ": injected by the test");
  EXPECT_EQ(area().owner.LoadSecond(), ingest::kAbandoned) << "for the next one";
  other.SetFaultPlan({});
  const auto opened = Store::Open(scratch_.path(), options);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_TRUE(opened->recovery().took_over);
  Done("next");
}

}  // namespace
}  // namespace tenure
