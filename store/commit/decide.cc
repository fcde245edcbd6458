#include "store/commit/decide.h"

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/commit/deciding.h"
#include "store/commit/write_guard.h"
#include "store/journal/format.h"

namespace tenure::commit {
namespace {

static_assert(kEffectBytesMax + (8u << 20) < journal::kFramePayloadBytesMax);

Error NeverApplied(const std::string& request_id, Lsn lsn) {
  Error error = base::MakeError(ErrorCode::kNotFound,
                                "no transaction with request id " + request_id +
                                    " was committed, and none will be: it was cancelled at LSN " + std::to_string(lsn),
                                "submit the transaction again under a new request id");
  error.lsn = lsn;
  return error;
}

/// The answer for a request id that was recorded before.
Decision AnswerRecorded(const Request& request, const model::RequestRow& row) {
  Decision decision;
  if (row.cancelled) {
    if (request.asks_outcome) {
      decision.rejected = NeverApplied(request.request_id, row.lsn);
    } else {
      decision.rejected =
          base::MakeError(ErrorCode::kRequestCancelled,
                          "request id " + request.request_id + " was cancelled at LSN " + std::to_string(row.lsn),
                          "submit the transaction again under a new request id");
    }
    decision.rejected->lsn = row.lsn;
    return decision;
  }
  if (!request.asks_outcome && !(row.body_hash == request.body_hash)) {
    decision.rejected = base::MakeError(ErrorCode::kRequestIdReused,
                                        "request id " + request.request_id + " was used at LSN " +
                                            std::to_string(row.lsn) + " for a transaction with other content",
                                        "use a new request id for a new transaction");
    decision.rejected->lsn = row.lsn;
    return decision;
  }
  decision.receipt = {row.receipt_lsn, row.outcome, row.time_ms, true, row.results};
  return decision;
}

/// All but the effects, which stay what they are.
void Renew(model::CommittedTxn& txn, const Request& request, Lsn lsn, TimeMs time_ms) {
  model::MakeBlank(txn);
  txn.lsn = lsn;
  txn.time_ms = time_ms;
  txn.writer = request.writer;
  txn.uid = request.uid;
  txn.request_id = request.request_id;
  txn.body_hash = request.body_hash;
}

void Record(Heads& heads, const model::CommittedTxn& txn) {
  if (auto row = model::RequestRowOf(txn)) heads.PutRequest(std::move(*row));
}

Error TurnIsOver() {
  return base::MakeError(ErrorCode::kChangedSince,
                         "the transaction was refused, or changed nothing, when its turn came; whoever committed then "
                         "died before saying which, and what was in its way is gone",
                         "submit it again: it comes behind what this thread has submitted since");
}

Error TooLarge() {
  return base::MakeError(ErrorCode::kTooLarge,
                         "the transaction would write more than " + std::to_string(kEffectBytesMax) + " bytes or " +
                             std::to_string(model::kTxnEffectsMax) + " effects",
                         "split it into smaller transactions");
}

/// All operations, to the end or to the first that is rejected.
Deciding::Step RunAll(Deciding& deciding, const Request& request) {
  for (const Operation& op : request.operations) {
    auto step = deciding.Run(op);
    if (!step.ok() || *step) return step;
    if (deciding.TooLarge()) return std::optional<Error>(TooLarge());
  }
  auto step = deciding.Finish();
  if (step.ok() && !*step && deciding.TooLarge()) return std::optional<Error>(TooLarge());
  return step;
}

/// With several operations a successor could not tell from the effects what became of each; nor could it with effects
/// on something else than the one key.
bool KeepsResults(const Request& request, Outcome outcome) {
  const OpKind kind = request.operations.front().kind;
  return !request.request_id.empty() || request.operations.size() > 1 || outcome == Outcome::kMerged ||
         outcome == Outcome::kParked || (!model::OnEntry(kind) && !model::OnTag(kind));
}

/// Of a request that ends here: what it did to leases, or why it was rejected, or both.
Decision Journal(Heads& heads, const Request& request, Lsn lsn, TimeMs time_ms, LeaseDecision leases,
                 model::CommittedTxn& txn) {
  Decision decision;
  decision.rejected = std::move(leases.rejected);
  decision.receipt.outcome = leases.effects.empty() ? Outcome::kUnchanged : Outcome::kCommitted;
  decision.receipt.lsn = leases.effects.empty() ? 0 : lsn;
  decision.receipt.time_ms = leases.effects.empty() ? 0 : time_ms;
  if (!decision.rejected && request.lease_action->what == LeaseDo::kLook) {
    decision.receipt.lsn = heads.leases().Find(request.lease_action->id)->info.ttl_ms;
  }
  if (!leases.effects.empty()) {
    Renew(txn, request, lsn, time_ms);
    // A rejected request is not what this transaction is: its id stays free.
    if (decision.rejected) txn.request_id.clear();
    if (decision.rejected) txn.body_hash = {};
    txn.effects = std::move(leases.effects);
    decision.journaled = true;
  }
  heads.Accept();
  return decision;
}

}  // namespace

Result<Decision> Decide(Heads& heads, LeaseDesk& desk, const Request& request, Lsn lsn, TimeMs time_ms,
                        model::CommittedTxn& txn) {
  if (!request.request_id.empty()) {
    TENURE_ASSIGN(const RequestPtr row, heads.Request(request.request_id));
    if (row && !TENURE_SEEDED_BUG("forget_request_ids")) return AnswerRecorded(request, *row);
  }
  Decision decision;
  heads.Begin();
  if (request.asks_outcome) {
    Renew(txn, request, lsn, time_ms);
    txn.effects.clear();
    txn.cancelled = true;
    txn.receipt_lsn = lsn;
    Record(heads, txn);
    heads.Accept();
    decision.journaled = true;
    decision.rejected = NeverApplied(request.request_id, lsn);
    return decision;
  }
  if (request.lease_action) {
    return Journal(heads, request, lsn, time_ms, DecideLease(heads, desk, request, lsn, time_ms), txn);
  }
  WriteGuard guard(heads, desk, request);
  auto looked = guard.Look();
  if (!looked.ok()) {
    heads.Rollback();
    return std::move(looked).error();
  }
  if (!*looked) {
    StageEnds(heads, guard.ended());
    return Journal(heads, request, lsn, time_ms, guard.TakeRefused(), txn);
  }
  const conflict::LeaseOf lease_of = [&guard](const Operation& op) { return guard.StateOf(op); };
  Deciding deciding(heads, request, lease_of, {lsn, time_ms, guard.ended().size()}, txn.effects);
  auto ran = RunAll(deciding, request);
  const bool accepted = ran.ok() && !*ran;
  // Whatever else it is, also one that touches no key: without its lease a transaction is parked, or it is refused for
  // what its lease says.
  const bool refused_by_lease = ran.ok() && guard.lost() && !(accepted && deciding.outcome() == Outcome::kParked);
  if (!accepted || refused_by_lease) {
    heads.Rollback();
    if (!ran.ok()) return std::move(ran).error();
    if (refused_by_lease) {
      heads.Begin();
      StageEnds(heads, guard.ended());
      return Journal(heads, request, lsn, time_ms, guard.TakeRefused(), txn);
    }
    decision.rejected = std::move(*ran);
    return decision;
  }
  decision.receipt.outcome = deciding.outcome();
  deciding.CloseEffects();
  if (TENURE_SEEDED_BUG("commit_half") && txn.effects.size() > 1) txn.effects.pop_back();
  const bool changed = !txn.effects.empty();
  if (changed && request.late) {
    heads.Rollback();
    decision.rejected = TurnIsOver();
    return decision;
  }
  if (changed) {
    // Where nothing is written, nothing has to end for it.
    StageEnds(heads, guard.ended());
    txn.effects.insert(txn.effects.begin(), guard.ended().begin(), guard.ended().end());
  }
  decision.receipt.lsn = changed ? lsn : deciding.newest_named_lsn;
  decision.receipt.results = std::move(deciding.results);
  if (changed || !request.request_id.empty()) {
    decision.receipt.time_ms = time_ms;
    Renew(txn, request, lsn, time_ms);
    txn.outcome = decision.receipt.outcome;
    txn.receipt_lsn = request.request_id.empty() ? 0 : decision.receipt.lsn;
    if (KeepsResults(request, txn.outcome)) txn.results = decision.receipt.results;
    Record(heads, txn);
    decision.journaled = true;
  }
  heads.Accept();
  return decision;
}

}  // namespace tenure::commit
