#include "store/commit/buffer_drain.h"

#include <string>

#include "store/base/codec.h"
#include "store/base/failpoint.h"
#include "store/commit/request_codec.h"

namespace tenure::commit {

using ingest::Drain;

bool BufferDrain::TakeOver(std::uint32_t epoch) {
  if (!drain_ || epoch_ != epoch) {
    drain_.emplace(context_.member.segment().buffer(), epoch);
    epoch_ = epoch;
  }
  return drain_->TakeOver();
}

void BufferDrain::Collect() {
  const auto dead = [this](ingest::CellOwner owner) {
    return owner.slot >= ingest::kMemberSlots ||
           context_.member.IsDead(ingest::OwnerWord(owner.slot, owner.generation));
  };
  drain_->Collect(context_.env.MonotonicNs(), context_.commit_ttl_ns, dead, [this](const Drain::Collected& got) {
    if (count_ == copies_.size()) copies_.emplace_back();
    Copy& copy = copies_[count_++];
    copy.cell = got.cell;
    copy.word = got.word;
    copy.owner = got.owner;
    copy.sound = got.fault == ingest::ReadFault::kNone && got.payload.size() > ingest::kSequenceBytes;
    copy.type = static_cast<ingest::RecordType>(got.header.type);
    copy.payload.assign(got.payload.begin(), got.payload.end());
  });
}

void BufferDrain::Begin(std::uint32_t epoch) {
  count_ = at_ = 0;
  bad_.clear();
  // Superseded: then nothing is taken, and the batch ends at the durable word or at the resolved word.
  if (!TakeOver(epoch)) return;
  drain_->Again();
  Collect();
  if (count_ != 0 || !drain_->Pending() || drain_->Swap() != Drain::Swapped::kYes) return;
  Collect();
  // There is room now. seq_cst: pairs with the sleeper's {wanted := 1; try again}.
  ingest::CommitArea& area = context_.shared();
  if (area.buffer_wanted.load(std::memory_order_seq_cst) == 0) return;
  area.buffer_wanted.store(0, std::memory_order_seq_cst);
  ingest::DoneBell bell(area);
  bell.Add(ingest::DonePlace::OfRoom());
  bell.Ring();
}

bool BufferDrain::Decode(Copy& copy, LaneWork& work, Request& request) {
  const bool in_file = copy.type == ingest::RecordType::kFile;
  if (!copy.sound || copy.owner.slot >= ingest::kMemberSlots || (!in_file && copy.type != ingest::RecordType::kInline))
    return false;
  const auto sequence = base::LoadLe<std::uint64_t>(copy.payload.data());
  if (sequence > ingest::kSequenceMax) return false;
  copy.payload.erase(copy.payload.begin(), copy.payload.begin() + ingest::kSequenceBytes);
  auto read = ReadRequest(context_, copy.payload, in_file, request);
  if (read.ok() && !*read) return false;
  work.origin = {ingest::kBufferedOrigin + copy.owner.slot, copy.owner.generation, sequence};
  work.reader = nullptr;
  work.answer.reset();
  if (!read.ok()) work.answer = EncodeReply(std::move(read).error(), 0);
  return true;
}

bool BufferDrain::Next(LaneWork& work, Request& request) {
  while (at_ < count_) {
    const std::size_t i = at_++;
    if (Decode(copies_[i], work, request)) return true;
    context_.Say("error", "process slot " + std::to_string(copies_[i].owner.slot) +
                              " put bytes into the double buffer that are no operation");
    bad_.push_back(i);
  }
  return false;
}

bool BufferDrain::PopAll() {
  for (std::size_t i = 0; i < at_; ++i) {
    if (!drain_->Release(copies_[i].cell, copies_[i].word)) return false;
    TENURE_FAIL_POINT("commit.popped");
  }
  return true;
}

/// Nothing when the process never allocated one, or is gone: nobody waits then.
std::optional<ingest::AnswerBank> BufferDrain::BankOf(ingest::CellOwner owner) const {
  if (owner.slot >= ingest::kMemberSlots) return std::nullopt;
  ingest::SharedSegment& segment = context_.member.segment();
  if (segment.member(owner.slot).bank.load(std::memory_order_acquire) != owner.generation) return std::nullopt;
  return ingest::AnswerBank::At(segment.bank_memory(owner.slot));
}

bool BufferDrain::Answer(const LaneWork& work, std::uint32_t epoch) {
  const auto bank = BankOf({work.origin.slot - ingest::kBufferedOrigin, work.origin.generation});
  if (!bank) return true;
  return Complete(bank->replies, work.origin.sequence, epoch, *work.answer, &context_.shared().owner);
}

void BufferDrain::AnswerBad(std::uint32_t epoch) {
  for (const std::size_t i : bad_) {
    const auto bank = BankOf(copies_[i].owner);
    if (!bank) continue;
    // Its sequence may be what is damaged: the place tells which operation it was.
    const std::uint64_t place = ingest::CellPlace(copies_[i].cell, ingest::SequenceOf(copies_[i].word));
    for (std::uint32_t cell = 0; cell < ingest::kBufferedWindow; ++cell) {
      std::uint64_t sequence = 0;
      if (!PendingIn(bank->replies, cell, sequence)) continue;
      if (bank->places[cell].load(std::memory_order_seq_cst) != place) continue;
      ingest::Reply reply;
      reply.state = ingest::AnswerState::kBadRecord;
      (void)Complete(bank->replies, sequence, epoch, reply, &context_.shared().owner);
    }
  }
}

void BufferDrain::Wake(const LaneWork& work, ingest::DoneBell& bell) const {
  const std::uint32_t slot = work.origin.slot - ingest::kBufferedOrigin;
  if (context_.member.segment().member(slot).waiting.load(std::memory_order_seq_cst) != 0) {
    bell.Add(ingest::DonePlace::OfMember(slot));
  }
}

}  // namespace tenure::commit
