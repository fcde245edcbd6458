#include "store/commit/resolve.h"

#include <map>
#include <utility>
#include <vector>

#include "store/base/codec.h"
#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/commit/request_codec.h"
#include "store/ingest/answer_bank.h"
#include "store/ingest/done_bell.h"
#include "store/ingest/slot_reader.h"
#include "store/journal/reader.h"

namespace tenure::commit {
namespace {

using ingest::Reply;
using ingest::SlotReader;

/// Answers of journaled operations, by slot, generation and sequence.
using Journaled = std::map<std::pair<std::uint32_t, std::uint32_t>, std::map<std::uint64_t, Reply>>;

Error Superseded(std::uint64_t epoch) {
  return base::MakeError(ErrorCode::kClosed, "epoch " + std::to_string(epoch) + " was superseded during its takeover");
}

Reply ReplyOf(const model::CommittedTxn& txn) {
  if (txn.cancelled) {
    Error error =
        base::MakeError(ErrorCode::kNotFound,
                        "no transaction with request id " + txn.request_id +
                            " was committed, and none will be: it was cancelled at LSN " + std::to_string(txn.lsn),
                        "submit the transaction again under a new request id");
    error.lsn = txn.lsn;
    return EncodeReply(std::move(error), 0);
  }
  const Receipt receipt = ReceiptOf(txn);
  return EncodeReply(receipt, receipt.results.size());
}

Result<Journaled> ReadJournaled(const Context& context, Lsn resolved, Lsn durable) {
  Journaled found;
  if (resolved >= durable) return found;
  TENURE_ASSIGN(auto reader, journal::Reader::OpenAtLsn(context.env, context.journal_dir, context.journal_id,
                                                        resolved + 1, context.trimmed_below, durable));
  for (;;) {
    TENURE_ASSIGN(journal::Step step, reader->Next(durable, durable));
    if (step.stop != journal::Stop::kFrame) return found;
    for (const model::CommittedTxn& txn : step.frame.txns) {
      if (txn.origin == model::Origin{}) continue;  // committed by its own thread: nobody waits
      found[{txn.origin.slot, txn.origin.generation}].emplace(txn.origin.sequence, ReplyOf(txn));
    }
  }
}

bool AnswerOne(const ingest::ReplyBank& replies, std::uint64_t sequence,
               const std::map<std::uint64_t, Reply>& journaled, CommitLease& lease, std::uint32_t epoch) {
  const auto found = journaled.find(sequence);
  Reply reply;
  reply.state = ingest::AnswerState::kNotApplied;
  if (found != journaled.end()) reply = found->second;
  if (!Complete(replies, sequence, epoch, reply, &lease.owner_word())) return false;
  TENURE_FAIL_POINT("takeover.answered");
  return true;
}

/// Pops everything up to the newest journaled sequence. False: fenced.
bool StepOver(SlotReader& reader, const std::map<std::uint64_t, Reply>& journaled, std::uint32_t epoch, bool& bad) {
  if (journaled.empty() || journaled.rbegin()->first < reader.head().sequence) return true;
  ingest::QueuedOperation operation;
  do {
    if (reader.Next(operation) != SlotReader::Step::kOperation) {
      bad = true;  // its own content no longer shows what it submitted
      return true;
    }
  } while (operation.sequence < journaled.rbegin()->first);
  return reader.Pop(epoch);
}

bool AnswerInFlight(ingest::Registry& registry, SlotReader& reader, const std::map<std::uint64_t, Reply>& journaled,
                    CommitLease& lease, std::uint32_t epoch) {
  if (TENURE_SEEDED_BUG("takeover_answers_nobody")) return true;
  const ingest::ReplyBank replies = registry.memory(reader.slot()).replies;
  for (std::uint32_t i = 0; i < ingest::kWindow; ++i) {
    std::uint64_t sequence = 0;
    // Not popped yet: it is committed normally later on.
    if (!ingest::PendingIn(replies, i, sequence) || sequence >= reader.head().sequence) continue;
    if (!AnswerOne(replies, sequence, journaled, lease, epoch)) return false;
  }
  return true;
}

const std::map<std::uint64_t, Reply>& In(const Journaled& journaled, std::uint32_t slot, std::uint32_t generation) {
  static const auto& none = *new std::map<std::uint64_t, Reply>();
  const auto found = journaled.find({slot, generation});
  return found != journaled.end() ? found->second : none;
}

/// Frees the cells of journaled operations, whoever put them there. False: fenced.
bool StepOverBuffered(ingest::Drain& drain, const Journaled& journaled) {
  bool popped = true;
  drain.Look([&](const ingest::Drain::Collected& got) {
    // Damaged content cannot be committed either: the next batch passes over it.
    if (got.fault != ingest::ReadFault::kNone || got.payload.size() < ingest::kSequenceBytes) return;
    const auto& mine = In(journaled, ingest::kBufferedOrigin + got.owner.slot, got.owner.generation);
    if (!mine.contains(base::LoadLe<std::uint64_t>(got.payload.data()))) return;
    popped = popped && drain.Release(got.cell, got.word);
  });
  return popped;
}

/// See answer_bank.h for what may be answered.
bool ResolveBuffered(const Context& context, const Journaled& journaled, CommitLease& lease, std::uint32_t epoch) {
  ingest::SharedSegment& segment = context.member.segment();
  ingest::Drain drain(segment.buffer(), epoch);
  if (!drain.TakeOver() || !StepOverBuffered(drain, journaled)) return false;
  for (std::uint32_t slot = 0; slot < ingest::kMemberSlots; ++slot) {
    const ingest::MemberRow& row = segment.member(slot);
    const std::uint32_t generation = row.bank.load(std::memory_order_seq_cst);
    // No bank, or that of a process before the present one.
    if (generation == 0 || row.generation.load(std::memory_order_acquire) != generation) continue;
    const auto bank = ingest::AnswerBank::At(segment.bank_memory(slot));
    const auto& mine = In(journaled, ingest::kBufferedOrigin + slot, generation);
    for (std::uint32_t cell = 0; cell < ingest::kBufferedWindow; ++cell) {
      std::uint64_t sequence = 0;
      if (!PendingIn(bank.replies, cell, sequence)) continue;
      if (!mine.contains(sequence)) {
        if (!WasPopped(bank, cell, drain)) continue;
        // Popped by an older committer, as long as no successor had begun by now.
        if (lease.Look().first != epoch) return false;
      }
      if (!AnswerOne(bank.replies, sequence, mine, lease, epoch)) return false;
    }
  }
  return true;
}

}  // namespace

Receipt ReceiptOf(const model::CommittedTxn& txn) {
  Receipt receipt;
  receipt.lsn = txn.receipt_lsn != 0 ? txn.receipt_lsn : txn.lsn;
  receipt.outcome = txn.outcome;
  receipt.time_ms = txn.time_ms;
  receipt.results = txn.results;
  if (receipt.results.empty() && !txn.effects.empty()) {
    // One operation: its own effect is the last, behind those of the tags it took along.
    const model::Effect& effect = txn.effects.back();
    if (model::IsLease(effect.kind)) return receipt;  // its LSN says it all
    const bool of_tag = effect.kind == model::EffectKind::kSetTag || effect.kind == model::EffectKind::kDeleteTag;
    receipt.results.push_back({Outcome::kCommitted, of_tag ? effect.tag.revision : effect.entry.revision});
  }
  return receipt;
}

Status ResolveLanes(const Context& context, ingest::Registry& registry, CommitLease& lease, const Claim& claim) {
  const auto epoch = static_cast<std::uint32_t>(claim.epoch);
  TENURE_ASSIGN(const Journaled journaled, ReadJournaled(context, lease.ResolvedLsn(), claim.durable_lsn));
  bool fenced = false;
  registry.ForEachActive([&](std::uint32_t slot) {
    SlotReader reader(registry, slot);
    if (fenced || !reader.Begin()) return;
    // What a successor has popped may be in the journal behind what was read of it.
    fenced = reader.head().epoch != epoch;
    if (fenced) return;
    const auto& mine = In(journaled, slot, reader.generation());
    bool bad = false;
    fenced = !StepOver(reader, mine, epoch, bad) || !AnswerInFlight(registry, reader, mine, lease, epoch) ||
             // Bytes that a successor popped may have been written over: that is no fault of theirs.
             (bad && (!lease.Beat(epoch) || !reader.Quarantine(epoch)));
  });
  fenced = fenced || !ResolveBuffered(context, journaled, lease, epoch);
  if (fenced || !lease.Resolve(claim.epoch, claim.durable_lsn)) return Superseded(claim.epoch);
  // Whoever was answered above may sleep; the old committer never woke anybody.
  ingest::DoneBell bell(context.shared());
  bell.AddAll();
  bell.Ring();
  TENURE_FAIL_POINT("takeover.resolved");
  return {};
}

}  // namespace tenure::commit
