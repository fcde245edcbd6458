#include "store/commit/resolve.h"

#include <map>
#include <utility>
#include <vector>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/futex.h"
#include "store/commit/request_codec.h"
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
  TENURE_ASSIGN(const Lsn trimmed, context.trimmed_below());
  TENURE_ASSIGN(auto reader, journal::Reader::OpenAtLsn(context.env, context.journal_dir, context.journal_id,
                                                        resolved + 1, trimmed, durable));
  for (;;) {
    TENURE_ASSIGN(journal::Step step, reader->Next(durable, durable));
    if (step.stop != journal::Stop::kFrame) return found;
    for (const model::CommittedTxn& txn : step.frame.txns) {
      if (txn.origin == model::Origin{}) continue;  // committed by its own thread: nobody waits
      found[{txn.origin.slot, txn.origin.generation}].emplace(txn.origin.sequence, ReplyOf(txn));
    }
  }
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
                    std::uint32_t epoch) {
  const ingest::ReplyBank replies = registry.memory(reader.slot()).replies;
  for (std::uint32_t i = 0; i < ingest::kWindow; ++i) {
    std::uint64_t sequence = 0;
    // Not popped yet: it is committed normally later on.
    if (!ingest::PendingIn(replies, i, sequence) || sequence >= reader.head().sequence) continue;
    const auto found = journaled.find(sequence);
    Reply reply;
    reply.state = ingest::AnswerState::kNotApplied;
    if (found != journaled.end()) reply = found->second;
    if (!reader.Answer(sequence, epoch, reply)) return false;
    TENURE_FAIL_POINT("takeover.answered");
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
    const bool of_tag = effect.kind == model::EffectKind::kSetTag || effect.kind == model::EffectKind::kDeleteTag;
    receipt.results.push_back({Outcome::kCommitted, of_tag ? effect.tag.revision : effect.entry.revision});
  }
  return receipt;
}

Status ResolveLanes(const Context& context, ingest::Registry& registry, CommitLease& lease, const Claim& claim) {
  const auto epoch = static_cast<std::uint32_t>(claim.epoch);
  TENURE_ASSIGN(const Journaled journaled, ReadJournaled(context, lease.ResolvedLsn(), claim.durable_lsn));
  static const std::map<std::uint64_t, Reply> kNone;
  bool fenced = false;
  registry.ForEachActive([&](std::uint32_t slot) {
    SlotReader reader(registry, slot);
    if (fenced || !reader.Begin()) return;
    const auto found = journaled.find({slot, reader.generation()});
    const auto& mine = found != journaled.end() ? found->second : kNone;
    bool bad = false;
    fenced = !StepOver(reader, mine, epoch, bad) || !AnswerInFlight(registry, reader, mine, epoch) ||
             (bad && !reader.Quarantine(epoch));
  });
  if (fenced || !lease.Resolve(claim.epoch, claim.durable_lsn)) return Superseded(claim.epoch);
  // Whoever was answered above may sleep; the old committer never woke anybody.
  context.shared().done_turn.fetch_add(1, std::memory_order_seq_cst);
  base::FutexWakeMask(context.shared().done_turn, ~0u);
  TENURE_FAIL_POINT("takeover.resolved");
  return {};
}

}  // namespace tenure::commit
