#include "store/commit/decide.h"

#include <algorithm>

#include "conflict/detector.h"
#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/commit/decide_lease.h"
#include "store/journal/format.h"
#include "store/model/validate.h"

namespace tenure::commit {
namespace {

using model::Effect;
using model::EffectKind;

/// What one transaction may write: patches of large entries multiply what the request itself holds. Leaves
/// room in a frame for the rest of its batch.
constexpr std::size_t kEffectBytesMax = 2 * model::kTxnBytesMax;
static_assert(kEffectBytesMax + (8u << 20) < journal::kFramePayloadBytesMax);

std::size_t BytesOf(const ArtifactEntry& entry) {
  std::size_t bytes = entry.name.size() + entry.version.size() + entry.digest.size() + entry.media_type.size() +
                      entry.annotations.size() + 64;
  for (const std::string& url : entry.urls) bytes += url.size() + 4;
  return bytes;
}

/// The transaction being decided. Each operation either adds effects and a result, or rejects.
class Deciding {
 public:
  Deciding(Heads& heads, const Request& request, Lsn lsn, TimeMs time_ms)
      : heads_(heads), request_(request), lsn_(lsn), time_ms_(time_ms) {}

  /// nullopt: goes on. An Error inside the optional: rejected. A failed Result: could not be decided.
  using Step = Result<std::optional<Error>>;

  Step Run(const Operation& op) {
    switch (op.kind) {
      case OpKind::kPut:
        return Put(op);
      case OpKind::kPatch:
        return Patch(op);
      case OpKind::kDelete:
        return Delete(op);
      case OpKind::kSetTag:
        return SetTag(op);
      case OpKind::kDeleteTag:
        return DeleteTag(op);
    }
    return base::MakeError(ErrorCode::kInternal, "unknown operation kind");
  }

  std::vector<Effect> TakeEffects() { return std::move(effects_); }
  /// More than a frame may carry?
  bool TooLarge() const { return effect_bytes_ > kEffectBytesMax || effects_.size() > model::kTxnEffectsMax; }
  std::vector<OpResult> results;
  Lsn newest_named_lsn = 0;

 private:
  static Step Go() { return std::optional<Error>(); }
  static Step Reject(std::optional<Error> error) { return error; }

  void Unchanged(Revision revision, Lsn lsn) {
    results.push_back({Outcome::kUnchanged, revision});
    newest_named_lsn = std::max(newest_named_lsn, lsn);
  }

  template <typename Row>
  Step Changed(const Row* row) {
    results.push_back({Outcome::kCommitted, row == nullptr ? 1 : row->revision + 1});
    return Go();
  }

  void Write(ArtifactEntry entry, const ArtifactEntry* row) {
    entry.updated_at_ms = time_ms_;
    entry.writer = request_.writer;
    entry.revision = row == nullptr ? 1 : row->revision + 1;
    entry.lsn = lsn_;
    Effect effect;
    effect.kind = entry.deleted ? EffectKind::kDeleteEntry : EffectKind::kPutEntry;
    effect.entry = entry;
    effect_bytes_ += BytesOf(entry);
    effects_.push_back(std::move(effect));
    heads_.PutEntry(std::move(entry), row);
  }

  void Write(TagEntry tag, const TagEntry* row) {
    tag.updated_at_ms = time_ms_;
    tag.writer = request_.writer;
    tag.revision = row == nullptr ? 1 : row->revision + 1;
    tag.lsn = lsn_;
    Effect effect;
    effect.kind = tag.deleted ? EffectKind::kDeleteTag : EffectKind::kSetTag;
    effect.tag = tag;
    effects_.push_back(std::move(effect));
    heads_.PutTag(std::move(tag), row);
  }

  static std::optional<Error> CheckEntry(const Operation& op, const ArtifactEntry* row) {
    if (auto error = conflict::CheckEntryConditions(op, row)) return error;
    if (TENURE_SEEDED_BUG("ignore_stale_base")) return std::nullopt;
    return conflict::CheckEntryBase(op, row);
  }
  static std::optional<Error> CheckTag(const Operation& op, const TagEntry* row) {
    if (auto error = conflict::CheckTagConditions(op, row)) return error;
    return conflict::CheckTagBase(op, row);
  }

  Step Put(const Operation& op) {
    TENURE_ASSIGN(const EntryPtr row, heads_.Entry(op.name, op.version));
    if (auto error = CheckEntry(op, row.get())) return Reject(std::move(error));
    if (conflict::IsLive(row.get()) && conflict::SameContent(op, *row)) return Unchanged(row->revision, row->lsn), Go();
    ArtifactEntry entry;
    entry.name = op.name;
    entry.version = op.version;
    entry.digest = op.digest;
    entry.size = op.size;
    entry.media_type = op.media_type;
    entry.urls = op.urls;
    entry.annotations = op.annotations;
    entry.created_at_ms = conflict::IsLive(row.get()) ? row->created_at_ms : time_ms_;
    Write(std::move(entry), row.get());
    return Changed(row.get());
  }

  Step Patch(const Operation& op) {
    TENURE_ASSIGN(const EntryPtr row, heads_.Entry(op.name, op.version));
    if (auto error = CheckEntry(op, row.get())) return Reject(std::move(error));
    TENURE_ASSIGN(std::string merged, model::MergePatch(row->annotations, op.annotations));
    if (merged == row->annotations) return Unchanged(row->revision, row->lsn), Go();
    ArtifactEntry entry = *row;
    entry.annotations = std::move(merged);
    if (entry.annotations.size() > model::kEntryBytesMax) {
      Error error = base::MakeError(ErrorCode::kTooLarge,
                                    op.name + ":" + op.version + ": the patched annotations are " +
                                        std::to_string(entry.annotations.size()) + " bytes, the limit is " +
                                        std::to_string(model::kEntryBytesMax),
                                    "keep large data outside the index and name it by digest or URL");
      return Reject(std::move(error));
    }
    Write(std::move(entry), row.get());
    return Changed(row.get());
  }

  Step Delete(const Operation& op) {
    TENURE_ASSIGN(const EntryPtr row, heads_.Entry(op.name, op.version));
    if (auto error = CheckEntry(op, row.get())) return Reject(std::move(error));
    TENURE_ASSIGN(const auto tags, heads_.TagsOf(op.name, op.version));
    if (!tags.empty() && !op.with_tags) {
      Error error = base::MakeError(
          ErrorCode::kTagged,
          op.name + ":" + op.version + " is what the tag " + op.name + "@" + tags.front()->tag +
              (tags.size() > 1 ? " and " + std::to_string(tags.size() - 1) + " more point to" : " points to"),
          "move or remove the tag first, or delete both with --with-tags");
      error.key = op.name + ":" + op.version;
      error.revision = row->revision;
      return Reject(std::move(error));
    }
    for (const TagPtr& tag : tags) {
      TagEntry tombstone;
      tombstone.name = tag->name;
      tombstone.tag = tag->tag;
      tombstone.deleted = true;
      Write(std::move(tombstone), tag.get());
    }
    ArtifactEntry tombstone;
    tombstone.name = op.name;
    tombstone.version = op.version;
    tombstone.deleted = true;
    Write(std::move(tombstone), row.get());
    return Changed(row.get());
  }

  Step SetTag(const Operation& op) {
    TENURE_ASSIGN(const TagPtr row, heads_.Tag(op.name, op.tag));
    if (auto error = CheckTag(op, row.get())) return Reject(std::move(error));
    TENURE_ASSIGN(const EntryPtr target, heads_.Entry(op.name, op.version));
    if (!conflict::IsLive(target.get())) {
      Error error = base::MakeError(
          ErrorCode::kNotFound,
          op.name + ":" + op.version + " does not exist, so " + op.name + "@" + op.tag + " cannot point to it",
          "put the version first, or name one that 'tenure list' shows");
      error.key = op.name + ":" + op.version;
      return Reject(std::move(error));
    }
    if (conflict::IsLive(row.get()) && row->version == op.version) return Unchanged(row->revision, row->lsn), Go();
    TagEntry tag;
    tag.name = op.name;
    tag.tag = op.tag;
    tag.version = op.version;
    Write(std::move(tag), row.get());
    return Changed(row.get());
  }

  Step DeleteTag(const Operation& op) {
    TENURE_ASSIGN(const TagPtr row, heads_.Tag(op.name, op.tag));
    if (auto error = CheckTag(op, row.get())) return Reject(std::move(error));
    TagEntry tombstone;
    tombstone.name = op.name;
    tombstone.tag = op.tag;
    tombstone.deleted = true;
    Write(std::move(tombstone), row.get());
    return Changed(row.get());
  }

  Heads& heads_;
  const Request& request_;
  const Lsn lsn_;
  const TimeMs time_ms_;
  std::vector<Effect> effects_;
  std::size_t effect_bytes_ = 0;
};

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

model::CommittedTxn NewTxn(const Request& request, Lsn lsn, TimeMs time_ms) {
  model::CommittedTxn txn;
  txn.lsn = lsn;
  txn.time_ms = time_ms;
  txn.writer = request.writer;
  txn.uid = request.uid;
  txn.request_id = request.request_id;
  txn.body_hash = request.body_hash;
  return txn;
}

void Record(Heads& heads, const model::CommittedTxn& txn) {
  if (auto row = model::RequestRowOf(txn)) heads.PutRequest(std::move(*row));
}

/// Everything that the operations may write, before any of them is looked at: a write that its leases forbid is told
/// nothing else.
Result<std::vector<lease::Scope>> KeysOf(Heads& heads, const Request& request) {
  std::vector<lease::Scope> keys;
  for (const Operation& op : request.operations) {
    if (op.kind == OpKind::kSetTag || op.kind == OpKind::kDeleteTag) {
      keys.push_back(lease::Scope::OfTag(op.name, op.tag));
      continue;
    }
    keys.push_back(lease::Scope::OfKey(op.name, op.version));
    if (op.kind != OpKind::kDelete || !op.with_tags) continue;
    TENURE_ASSIGN(const auto tags, heads.TagsOf(op.name, op.version));
    for (const TagPtr& tag : tags) keys.push_back(lease::Scope::OfTag(tag->name, tag->tag));
  }
  return keys;
}

Result<LeaseDecision> Guard(Heads& heads, LeaseDesk& desk, const Request& request) {
  if (heads.leases().empty() && request.leases.empty()) return LeaseDecision();
  auto keys = KeysOf(heads, request);
  if (keys.ok()) return GuardWrite(heads, desk, request, *keys);
  heads.Rollback();
  return std::move(keys).error();
}

/// Of a request that ends here: what it did to leases, or why it was rejected, or both.
Decision Journal(Heads& heads, const Request& request, Lsn lsn, TimeMs time_ms, LeaseDecision leases) {
  Decision decision;
  decision.rejected = std::move(leases.rejected);
  decision.receipt.outcome = leases.effects.empty() ? Outcome::kUnchanged : Outcome::kCommitted;
  decision.receipt.lsn = leases.effects.empty() ? 0 : lsn;
  decision.receipt.time_ms = leases.effects.empty() ? 0 : time_ms;
  if (!decision.rejected && request.lease_action->what == LeaseDo::kLook) {
    decision.receipt.lsn = heads.leases().Find(request.lease_action->id)->info.ttl_ms;
  }
  if (!leases.effects.empty()) {
    model::CommittedTxn txn = NewTxn(request, lsn, time_ms);
    // A rejected request is not what this transaction is: its id stays free.
    if (decision.rejected) txn.request_id.clear();
    if (decision.rejected) txn.body_hash = {};
    txn.effects = std::move(leases.effects);
    decision.txn = std::move(txn);
  }
  heads.Accept();
  return decision;
}

}  // namespace

Result<Decision> Decide(Heads& heads, LeaseDesk& desk, const Request& request, Lsn lsn, TimeMs time_ms) {
  if (!request.request_id.empty()) {
    TENURE_ASSIGN(const RequestPtr row, heads.Request(request.request_id));
    if (row && !TENURE_SEEDED_BUG("forget_request_ids")) return AnswerRecorded(request, *row);
  }
  Decision decision;
  heads.Begin();
  if (request.asks_outcome) {
    model::CommittedTxn txn = NewTxn(request, lsn, time_ms);
    txn.cancelled = true;
    txn.receipt_lsn = lsn;
    Record(heads, txn);
    heads.Accept();
    decision.txn = std::move(txn);
    decision.rejected = NeverApplied(request.request_id, lsn);
    return decision;
  }
  if (request.lease_action) {
    return Journal(heads, request, lsn, time_ms, DecideLease(heads, desk, request, lsn, time_ms));
  }
  TENURE_ASSIGN(LeaseDecision guarded, Guard(heads, desk, request));
  if (guarded.rejected) return Journal(heads, request, lsn, time_ms, std::move(guarded));
  std::vector<Effect> ended = std::move(guarded.effects);  // leases that were over, and cover what is written
  Deciding deciding(heads, request, lsn, time_ms);
  for (const Operation& op : request.operations) {
    auto step = deciding.Run(op);
    if (step.ok() && !*step && deciding.TooLarge()) {
      *step = base::MakeError(ErrorCode::kTooLarge,
                              "the transaction would write more than " + std::to_string(kEffectBytesMax) +
                                  " bytes or " + std::to_string(model::kTxnEffectsMax) + " effects",
                              "split it into smaller transactions");
    }
    if (!step.ok() || *step) {
      heads.Rollback();
      if (!step.ok()) return std::move(step).error();
      decision.rejected = std::move(*step);
      return decision;
    }
  }
  std::vector<Effect> effects = deciding.TakeEffects();
  const bool changed = !effects.empty();
  if (!changed && !ended.empty()) {
    // Nothing is written, so nothing has to end for it.
    heads.Rollback();
    heads.Begin();
    ended.clear();
  }
  if (!ended.empty()) effects.insert(effects.begin(), ended.begin(), ended.end());
  decision.receipt.outcome = changed ? Outcome::kCommitted : Outcome::kUnchanged;
  decision.receipt.lsn = changed ? lsn : deciding.newest_named_lsn;
  decision.receipt.results = std::move(deciding.results);
  if (changed || !request.request_id.empty()) {
    decision.receipt.time_ms = time_ms;
    model::CommittedTxn txn = NewTxn(request, lsn, time_ms);
    txn.outcome = decision.receipt.outcome;
    txn.receipt_lsn = request.request_id.empty() ? 0 : decision.receipt.lsn;
    // With several operations a successor could not tell from the effects what became of each.
    if (!request.request_id.empty() || request.operations.size() > 1) txn.results = decision.receipt.results;
    txn.effects = std::move(effects);
    Record(heads, txn);
    decision.txn = std::move(txn);
  }
  heads.Accept();
  return decision;
}

}  // namespace tenure::commit
