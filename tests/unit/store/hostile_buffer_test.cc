// What no writer of this program puts into the double buffer and the bank of its answers, and what nobody waits for.
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "store/base/codec.h"
#include "store/base/error.h"
#include "store/base/recording_env.h"
#include "store/commit/buffered_writer.h"
#include "store/commit/request_codec.h"
#include "store/store_impl.h"
#include "tests/unit/store/one_store.h"

namespace tenure {
namespace {

class HostileBuffer : public testing::OneStore<testing::RecordedEnv> {
 protected:
  HostileBuffer() {
    OpenOptions options;
    options.env = &env_;
    options.writer = "tester@here";
    options.background = false;
    impl_ = *StoreImpl::Open(scratch_.path(), options);
    Done("first");
  }
  void TearDown() override {
    impl_.reset();
    OneStore::TearDown();
  }
  static Transaction Filled(const std::string& name) {
    Transaction txn;
    txn.Put({.name = name, .version = "1"});
    return txn;
  }
  void Done(const std::string& name) {
    const auto receipt = store().Commit(Filled(name));
    ASSERT_TRUE(receipt.ok()) << receipt.error().message;
  }
  ingest::SharedSegment& segment() { return impl_->member->segment(); }
  ingest::AnswerBank Bank() { return ingest::AnswerBank::At(segment().bank_memory(impl_->member->slot())); }
  base::Bytes Request(const std::string& name) {
    base::Bytes body;
    commit::EncodeRequest((*impl_->MakePending(Filled(name), {}))->request, body);
    return body;
  }
  /// A record as its writer would put it there.
  bool Write(ingest::CellOwner owner, std::uint64_t sequence, const base::Bytes& body) {
    base::Bytes record(ingest::kSequenceBytes);
    base::StoreLe(record.data(), sequence);
    record.insert(record.end(), body.begin(), body.end());
    return WriteRaw(owner, record);
  }
  bool WriteRaw(ingest::CellOwner owner, const base::Bytes& record) {
    std::atomic<std::uint64_t> place{0};
    return segment().buffer().Write(owner, static_cast<std::uint16_t>(ingest::RecordType::kInline), 0, record, nullptr,
                                    &place) == ingest::WriteResult::kOk;
  }
  bool There(const std::string& name) { return store().Get(name + ":1").ok(); }

  std::shared_ptr<StoreImpl> impl_;
};

TEST_F(HostileBuffer, WhatNamesNoProcessIsPassedOver) {
  const ingest::CellOwner me{impl_->member->slot(), impl_->member->generation()};
  EXPECT_TRUE(Write({ingest::kMemberSlots + 5, 1}, 64, Request("of-nobody")));
  EXPECT_TRUE(WriteRaw(me, base::Bytes(ingest::kSequenceBytes)));
  EXPECT_TRUE(WriteRaw(me, base::Bytes(3)));
  EXPECT_TRUE(Write(me, ~std::uint64_t{0}, Request("too-far")));
  // Of a process that is gone: whole, so it is committed, and nobody is told.
  EXPECT_TRUE(Write({900, 7}, 64, Request("left")));
  const Lsn before = impl_->context->DurableLsn();
  for (int i = 0; i < 3; ++i) Done("next/" + std::to_string(i));
  EXPECT_EQ(impl_->context->DurableLsn(), before + 4);
  EXPECT_TRUE(There("left"));
  EXPECT_FALSE(There("of-nobody"));
  EXPECT_FALSE(There("too-far"));
  EXPECT_FALSE(impl_->committer->AnyWork()) << "its cells are free again";
}

/// Whoever has a cell of the bank next goes on from what was used of it, also when that was written over.
TEST_F(HostileBuffer, ACellOfTheBankIsGoneOnWith) {
  std::uint64_t last = 0;
  for (const bool written_over : {false, true}) {
    commit::BufferedWriter writer(*impl_->context);
    if (written_over) {
      for (auto& cell : Bank().replies.cells) {
        base::Pair64 seen = cell.completion.Load();
        while (!cell.completion.CompareExchange(seen, {~std::uint64_t{0}, seen.second})) {
        }
      }
    }
    ASSERT_TRUE(writer.Open().ok());
    commit::BufferedWriter::Ticket ticket(writer);
    for (int round = 0; round < 2; ++round) {
      const std::string name = "k/" + std::to_string(written_over) + std::to_string(round);
      ASSERT_TRUE(ticket.TryWrite(ingest::RecordType::kInline, Request(name)));
      const std::uint64_t sequence = ticket.origin().sequence;
      if (!written_over) {
        EXPECT_EQ(sequence % ingest::kBufferedWindow, 0u) << "of its cell";
      }
      if (last != 0 && !(written_over && round == 0)) {
        EXPECT_EQ(sequence, last + ingest::kBufferedWindow);
      }
      EXPECT_LT(sequence, ingest::kSequenceMax / 2);
      last = sequence;
      for (int i = 0; ticket.IsPending() && i < 3; ++i) Done("go/" + name + std::to_string(i));
      ASSERT_FALSE(ticket.IsPending());
      EXPECT_EQ(ticket.Read().state, ingest::AnswerState::kCommitted);
      EXPECT_TRUE(There(name));
    }
  }
  commit::BufferedWriter again(*impl_->context);
  ASSERT_TRUE(again.Open().ok());
  commit::BufferedWriter::Ticket ticket(again);
  ASSERT_TRUE(ticket.TryWrite(ingest::RecordType::kInline, Request("again")));
  EXPECT_EQ(ticket.origin().sequence, last + ingest::kBufferedWindow);
  Done("go/again"), Done("go/again/too");
}

}  // namespace
}  // namespace tenure
