// Transactions that are damaged while they are queued, and answers that only the journal has whole.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "store/base/error.h"
#include "store/base/recording_env.h"
#include "store/commit/buffered_writer.h"
#include "store/ingest/registry.h"
#include "store/store_impl.h"
#include "tenure/store.h"
#include "tests/support/scratch.h"
#include "tests/unit/store/held_lease.h"

namespace tenure {
namespace {

class DamagedQueue : public ::testing::Test {
 protected:
  DamagedQueue() {
    OpenOptions options;
    options.env = &env_;
    auto store = Store::Create(scratch_.path(), {}, options);
    EXPECT_TRUE(store.ok()) << store.error().message;
    store_.emplace(std::move(store).value());
    impl_ = *StoreImpl::Open(scratch_.path(), options);
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
  void WhileHeld(const std::function<void()>& queue) { testing::WhileLeaseIsHeld(*impl_, queue); }
  std::string OnlyStagedFile() {
    std::string found;
    for (const auto& file : std::filesystem::directory_iterator(impl_->layout.staging())) {
      EXPECT_TRUE(found.empty());
      found = file.path();
    }
    return found;
  }
  /// Another thread has another slot: it commits, at the next LSN.
  void ExpectOthersGoOn() {
    const Lsn before = store_->Stats()->durable_lsn;
    std::thread other([&] {
      const auto receipt = store_->Commit(Filled("other/" + std::to_string(before)));
      ASSERT_TRUE(receipt.ok()) << receipt.error().message;
      EXPECT_EQ(receipt->lsn, before + 1);
    });
    other.join();
  }
  /// What is queued in `pending()` is given up, and those who commit meanwhile notice nothing.
  void CommitUntilAnswered(const std::function<bool()>& pending) {
    for (int i = 0; pending() && i < 10'000; ++i) {
      const auto receipt = store_->Commit(Filled("go/" + std::to_string(i)));
      ASSERT_TRUE(receipt.ok()) << receipt.error().message;
    }
    EXPECT_FALSE(pending());
  }

  testing::Scratch scratch_;
  base::RecordingEnv env_{base::Env::Posix()};
  std::optional<Store> store_;
  std::shared_ptr<StoreImpl> impl_;
};

TEST_F(DamagedQueue, AStagedTransactionThatIsDamagedIsNotCommitted) {
  for (const bool removed : {false, true}) {
    std::thread submitter([&] {
      std::optional<Result<Ticket>> ticket;
      WhileHeld([&] {
        ticket = store_->Submit(Filled("large", 100'000));
        ASSERT_TRUE(ticket->ok()) << ticket->error().message;
        ReadOptions uncommitted;
        uncommitted.consistency = Consistency::kReadUncommitted;
        EXPECT_TRUE(store_->Get("large:1", uncommitted).ok());
        const std::string file = OnlyStagedFile();
        if (removed) {
          std::filesystem::remove(file);
        } else {
          std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
        }
        EXPECT_EQ(store_->Get("large:1", uncommitted).error().code, ErrorCode::kNotFound);
      });
      const auto answer = (*ticket)->Wait();
      ASSERT_FALSE(answer.ok());
      EXPECT_EQ(answer.error().code, ErrorCode::kOutcomeUnknown) << answer.error().message;
      EXPECT_FALSE(answer.error().hint.empty());
      EXPECT_EQ(OnlyStagedFile(), "") << "nobody will read it";
      const auto next = store_->Submit(Filled("next"));
      ASSERT_FALSE(next.ok()) << "the slot was given up";
      EXPECT_EQ(next.error().code, ErrorCode::kInternal);
      EXPECT_NE(next.error().hint.find("another thread"), std::string::npos);
    });
    submitter.join();
    ExpectOthersGoOn();
    EXPECT_EQ(store_->Get("large:1").error().code, ErrorCode::kNotFound);
  }
}

TEST_F(DamagedQueue, BytesInALaneThatAreNoOperation) {
  const std::string missing = "request-" + std::string(32, '0');
  for (const auto& [type, bytes] : {std::pair(ingest::RecordType::kInline, std::string("x")),
                                    std::pair(ingest::RecordType::kFile, std::string("../../somewhere")),
                                    std::pair(ingest::RecordType::kFile, missing)}) {
    auto slot = *ingest::WriterSlot::Open(*impl_->registry);
    std::uint64_t sequence = 0;
    ASSERT_EQ(slot->TryPush(type, base::AsBytes(bytes), 0, 0, sequence), ingest::WriterSlot::PushResult::kOk);
    CommitUntilAnswered([&] { return slot->IsPending(sequence); });
    EXPECT_EQ(slot->Read(sequence).state, ingest::AnswerState::kBadRecord) << bytes;
    EXPECT_TRUE(slot->Quarantined());
    slot->Retire(sequence);
  }
  ExpectOthersGoOn();
}

TEST_F(DamagedQueue, BytesInTheDoubleBufferThatAreNoOperation) {
  commit::BufferedWriter writer(*impl_->context);
  ASSERT_TRUE(writer.Open().ok());
  for (const auto& [type, bytes] : {std::pair(ingest::RecordType::kInline, std::string("x")),
                                    std::pair(ingest::RecordType::kFile, std::string("no staged file")),
                                    std::pair(static_cast<ingest::RecordType>(77), std::string("of no type"))}) {
    commit::BufferedWriter::Ticket ticket(writer);
    ASSERT_TRUE(ticket.TryWrite(type, base::AsBytes(bytes)));
    CommitUntilAnswered([&] { return ticket.IsPending(); });
    EXPECT_EQ(ticket.Read().state, ingest::AnswerState::kBadRecord) << bytes;
  }
  ExpectOthersGoOn();
}

/// Two committers answered at once: of the answer only the state is whole. What the journal says is told; and when that
/// cannot be read, that it was committed.
TEST_F(DamagedQueue, AReceiptThatOnlyTheJournalHas) {
  ASSERT_TRUE(store_->Commit(Filled("a")).ok());
  const auto in_flight = [&](const std::function<void(ingest::CompletionCell&)>& see) {
    impl_->registry->ForEachActive([&](std::uint32_t slot) {
      for (ingest::CompletionCell& cell : impl_->registry->memory(slot).replies.cells) see(cell);
    });
  };
  const auto spoil = [&] {
    for (bool pending = true; pending;) {
      pending = false;
      in_flight([&](ingest::CompletionCell& cell) {
        const auto state = static_cast<ingest::AnswerState>(cell.completion.LoadFirst() & 0xff);
        pending = pending || state == ingest::AnswerState::kPending;
      });
      std::this_thread::yield();
    }
    in_flight([](ingest::CompletionCell& cell) {
      base::Pair64 seen = cell.lsn.Load();
      while (!cell.lsn.CompareExchange(seen, {seen.first + 1, 0})) {
      }
    });
  };
  Transaction tag;
  tag.SetTag("a", "prod", "1");
  Transaction two = Filled("b");
  two.Put({.name = "c", .version = "1"});
  CommitOptions known;
  known.request_id = "known";
  std::vector<Ticket> tickets;
  WhileHeld([&] {
    tickets.push_back(*store_->Submit(Filled("d")));
    tickets.push_back(*store_->Submit(tag));
    tickets.push_back(*store_->Submit(two));
    tickets.push_back(*store_->Submit(Filled("e"), known));
  });
  spoil();
  Lsn lsn = 1;
  for (const Ticket& ticket : tickets) {
    const auto receipt = ticket.Wait();
    ASSERT_TRUE(receipt.ok()) << receipt.error().message;
    EXPECT_EQ(receipt->lsn, ++lsn);
    EXPECT_EQ(receipt->outcome, Outcome::kCommitted);
    EXPECT_EQ(receipt->results.size(), lsn == 4 ? 2u : 1u);
    for (const OpResult& result : receipt->results) EXPECT_EQ(result.revision, 1u);
  }

  std::optional<Ticket> unread;
  WhileHeld([&] { unread = *store_->Submit(Filled("f")); });
  spoil();
  env_.SetFaultPlan([](std::uint64_t, base::TraceStep::Kind kind, const std::string& path) -> Status {
    if (kind != base::TraceStep::Kind::kRead || path.find("/journal") == std::string::npos) return {};
    return base::MakeError(ErrorCode::kIo, path + ": injected by the test");
  });
  const auto answer = unread->Wait();
  env_.SetFaultPlan({});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kOutcomeUnknown);
  EXPECT_NE(answer.error().message.find("was committed"), std::string::npos) << answer.error().message;
  EXPECT_NE(answer.error().message.find("injected"), std::string::npos) << answer.error().message;
  EXPECT_TRUE(store_->Get("f:1").ok());
}

}  // namespace
}  // namespace tenure
