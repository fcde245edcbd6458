// The part of Group for threads that found no writer slot: through the double buffer.
#include "store/base/error.h"
#include "store/base/futex.h"
#include "store/base/guarded.h"
#include "store/commit/group.h"
#include "store/commit/request_codec.h"
#include "store/commit/staging.h"

namespace tenure::commit {

using ingest::AnswerState;

/// In line when nobody owns the lease; else through the buffer. What has an answer too long for a cell of the bank
/// asks the owner for the lease instead.
Result<Receipt> Group::CommitBuffered(Pending& pending) {
  if (ReplyBytesMax(pending.request) > ingest::kBufferedReplyBytesMax) return CommitAlone(pending);
  if (lease_.IsAbandoned()) TENURE_RETURN_IF_ERROR(TakeOver(lease_.Look()));
  TENURE_ASSIGN(const bool led, TryLead(&pending.work));
  if (led && pending.work.answer) return std::move(*pending.work.answer);
  TENURE_RETURN_IF_ERROR(buffered_.Open());
  TENURE_RETURN_IF_ERROR(Encode(pending, BufferedWriter::kBodyBytesMax));
  BufferedWriter::Ticket ticket(buffered_);
  std::optional<Result<Receipt>> answer;
  Waiting waiting;
  while (!answer) {
    // Again after "not applied": nobody has it any more.
    if (Status written = WriteBuffered(ticket, pending, waiting); !written.ok()) {
      if (!pending.staged.empty()) RemoveStaged(context_.env, context_.staging_dir, pending.staged);
      return std::move(written).error();
    }
    Nudge(false);
    // Its staging file stays when nobody can say what becomes of it: it may be committed later.
    Status told = base::Guarded([&]() -> Status {
      TENURE_RETURN_IF_ERROR(AwaitBuffered(ticket, waiting));
      answer = AnswerIn(ticket, pending);
      return {};
    });
    if (!told.ok()) return StillQueued(std::move(told).error());
  }
  base::Attempt([&] {
    if (!pending.staged.empty()) RemoveStaged(context_.env, context_.staging_dir, pending.staged);
  });
  return std::move(*answer);
}

/// Nothing: it was not applied, and nobody will.
std::optional<Result<Receipt>> Group::AnswerIn(const BufferedWriter::Ticket& ticket, const Pending& pending) const {
  const ingest::Reply reply = ticket.Read();
  auto answer = DecodeReply(reply, pending.operation_count);
  if (reply.state == AnswerState::kBadRecord) {
    return Result<Receipt>(base::MakeError(ErrorCode::kOutcomeUnknown,
                                           "the transaction was damaged in the double buffer",
                                           "read the entry, then submit again"));
  }
  if (!answer && ingest::IsJournaled(reply.state)) return FindCommitted(pending, ticket.origin());
  return answer;
}

/// Waits while the buffer is full.
Status Group::WriteBuffered(BufferedWriter::Ticket& ticket, const Pending& pending, Waiting& waiting) {
  const auto type = pending.staged.empty() ? ingest::RecordType::kInline : ingest::RecordType::kFile;
  bool written = ticket.TryWrite(type, pending.body);
  while (!written) {
    Nudge(false);
    TENURE_ASSIGN(const bool led, LeadIfFree(waiting));
    if (!led) {
      // Room comes when the halves change places, whoever's operations that answers.
      ingest::CommitArea& area = context_.shared();
      std::atomic<std::uint32_t> unused{0};
      TENURE_RETURN_IF_ERROR(Sleep({unused, ingest::DonePlace::OfRoom(),
                                    [&] {
                                      // seq_cst: pairs with the drain's {change places; look at wanted}.
                                      area.buffer_wanted.store(1, std::memory_order_seq_cst);
                                      written = ticket.TryWrite(type, pending.body);
                                      return written;
                                    }},
                                   waiting));
    }
    if (!written) written = ticket.TryWrite(type, pending.body);
  }
  return {};
}

Status Group::AwaitBuffered(BufferedWriter::Ticket& ticket, Waiting& waiting) {
  while (ticket.IsPending()) {
    TENURE_ASSIGN(const bool led, LeadIfFree(waiting));
    if (led) continue;
    const auto place = ingest::DonePlace::OfMember(context_.member.slot());
    TENURE_RETURN_IF_ERROR(Sleep({buffered_.row().waiting, place, [&] { return !ticket.IsPending(); }}, waiting));
  }
  return {};
}

}  // namespace tenure::commit
