// The writing end of the double buffer, for the threads of this process that found no writer slot.
//
//   Ticket ticket(writer)     one of the process's 64 answer cells; waits for one
//   ticket.TryWrite           pending, then into the buffer; again, under a new sequence, after "not applied"
//   ticket.IsPending, Read    the answer
//   ~Ticket                   the cell is free again; an answer that comes later finds another sequence
//
// One operation at a time per ticket, so a thread's operations are committed in the order in which it makes them.
// The order of the stores in TryWrite, and why a takeover may rest on it: store/ingest/answer_bank.h.
// BufferedWriter is thread-safe; a Ticket belongs to one thread, and the writer outlives it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "store/commit/context.h"
#include "store/ingest/answer_bank.h"
#include "store/ingest/writer_slot.h"
#include "store/model/effect.h"

namespace tenure::commit {

class BufferedWriter {
 public:
  explicit BufferedWriter(const Context& context) : context_(context) {}

  /// Bodies up to this size fit into a cell of the buffer; others are staged.
  static constexpr std::size_t kBodyBytesMax = ingest::kBufferPayloadBytes - ingest::kSequenceBytes;

  class Ticket {
   public:
    explicit Ticket(BufferedWriter& writer) : writer_(writer), cell_(writer.Take()) {}
    ~Ticket() { writer_.Give(cell_, sequence_); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    /// False: the buffer is full; ask again.
    bool TryWrite(ingest::RecordType type, base::ByteView body);
    bool IsPending() const { return ingest::IsPending(writer_.bank_->replies, sequence_); }
    ingest::Reply Read() const { return ingest::ReadReply(writer_.bank_->replies, sequence_); }
    model::Origin origin() const;

   private:
    BufferedWriter& writer_;
    const std::uint32_t cell_;
    std::uint64_t sequence_ = 0;  // the last one used; 0: none yet
    base::Bytes record_;
  };

  /// Before the first Ticket: allocates the process's bank. kNoSpace when the file system is full.
  Status Open();
  ingest::MemberRow& row() const { return context_.member.segment().member(context_.member.slot()); }

 private:
  friend class Ticket;
  std::uint32_t Take();
  void Give(std::uint32_t cell, std::uint64_t last_used);
  std::uint64_t NextSequence(std::uint32_t cell) const;

  const Context& context_;
  std::mutex mutex_;
  std::condition_variable given_;
  std::optional<ingest::AnswerBank> bank_;  // set once, by Open
  std::vector<std::uint64_t> next_;         // per cell; its holder's, or guarded by mutex_ while it is free
  std::vector<std::uint32_t> free_;         // guarded by mutex_
};

}  // namespace tenure::commit
