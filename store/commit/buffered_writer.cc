#include "store/commit/buffered_writer.h"

#include <array>
#include <cstring>

#include "store/base/codec.h"
#include "store/base/error.h"
#include "store/base/failpoint.h"

namespace tenure::commit {

using ingest::kBufferedWindow;

/// Goes on from what the cell's last holder used, in whichever process.
std::uint64_t BufferedWriter::NextSequence(std::uint32_t cell) const {
  const std::uint64_t word = bank_->replies.cells[cell].completion.LoadFirst();
  if (word == 0) return cell + kBufferedWindow;
  const std::uint64_t last = word >> 16;
  if (last % kBufferedWindow == cell && last < ingest::kSequenceMax / 2) return last + kBufferedWindow;
  // Somebody wrote over it. The answers to what it had in flight name sequences that this is none of.
  std::array<std::byte, 8> random{};
  context_.env.Random(random);
  std::uint64_t start = 0;
  std::memcpy(&start, random.data(), sizeof start);
  return start % (ingest::kSequenceMax / 4) / kBufferedWindow * kBufferedWindow + kBufferedWindow + cell;
}

Status BufferedWriter::Open() {
  const std::lock_guard lock(mutex_);
  if (bank_) return {};
  ingest::SharedSegment& segment = context_.member.segment();
  TENURE_RETURN_IF_ERROR(segment.AllocateBank(context_.member.slot()));
  next_.reserve(kBufferedWindow);
  free_.reserve(kBufferedWindow);  // from here on nothing is allocated, in Give neither
  bank_ = ingest::AnswerBank::At(segment.bank_memory(context_.member.slot()));
  for (std::uint32_t cell = 0; cell < kBufferedWindow; ++cell) {
    next_.push_back(NextSequence(cell));
    free_.push_back(kBufferedWindow - 1 - cell);
  }
  // Release: who sees it may touch the pages.
  row().bank.store(context_.member.generation(), std::memory_order_seq_cst);
  return {};
}

std::uint32_t BufferedWriter::Take() {
  std::unique_lock lock(mutex_);
  TENURE_CHECK(bank_.has_value());
  given_.wait(lock, [this] { return !free_.empty(); });
  const std::uint32_t cell = free_.back();
  free_.pop_back();
  return cell;
}

void BufferedWriter::Give(std::uint32_t cell, std::uint64_t last_used) {
  const std::lock_guard lock(mutex_);
  if (last_used != 0) next_[cell] = last_used + kBufferedWindow;
  free_.push_back(cell);
  given_.notify_one();
}

model::Origin BufferedWriter::Ticket::origin() const {
  const ingest::Membership& member = writer_.context_.member;
  return {ingest::kBufferedOrigin + member.slot(), member.generation(), sequence_};
}

bool BufferedWriter::Ticket::TryWrite(ingest::RecordType type, base::ByteView body) {
  TENURE_CHECK(body.size() <= kBodyBytesMax);
  const Context& context = writer_.context_;
  ingest::AnswerBank& bank = *writer_.bank_;
  const std::uint64_t sequence = sequence_ == 0 ? writer_.next_[cell_] : sequence_ + kBufferedWindow;
  TENURE_CHECK(sequence < ingest::kSequenceMax);
  record_.resize(ingest::kSequenceBytes);
  base::StoreLe(record_.data(), sequence);
  record_.insert(record_.end(), body.begin(), body.end());
  // The order is the protocol: see answer_bank.h.
  std::atomic<std::uint64_t>& place = bank.places[cell_];
  place.store(0, std::memory_order_seq_cst);
  const ingest::ReplySpace space{cell_ * ingest::kBufferedReplyWords, ingest::kBufferedReplyWords};
  ingest::MarkPending(bank.replies, sequence, space);
  const auto written = context.member.segment().buffer().Write({context.member.slot(), context.member.generation()},
                                                               static_cast<std::uint16_t>(type),
                                                               context.env.MonotonicNs(), record_, nullptr, &place);
  TENURE_CHECK(written != ingest::WriteResult::kInvalid);
  // Full: the cell stays pending under a sequence that no record has; nobody answers it, and the next try takes it.
  if (written != ingest::WriteResult::kOk) return false;
  sequence_ = sequence;
  TENURE_FAIL_POINT("push.written");
  return true;
}

}  // namespace tenure::commit
