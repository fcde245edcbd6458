#include "store/commit/deciding.h"

#include <algorithm>

#include "conflict/detector.h"
#include "conflict/merge.h"
#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/model/refusal.h"

namespace tenure::commit {

using model::Effect;
using model::EffectKind;

namespace {

Error NoTarget(const Operation& op) {
  Error error = base::MakeError(
      ErrorCode::kNotFound,
      op.name + ":" + op.version + " does not exist, so " + op.name + "@" + op.tag + " cannot point to it",
      "put the version first, or name one that 'tenure list' shows");
  error.key = op.name + ":" + op.version;
  return error;
}

}  // namespace

std::size_t BytesOf(const ArtifactEntry& entry) {
  std::size_t bytes = entry.name.size() + entry.version.size() + entry.digest.size() + entry.media_type.size() +
                      entry.annotations.size() + 64;
  for (const std::string& url : entry.urls) bytes += url.size() + 4;
  return bytes;
}

Error OfEntry(const Operation& op, const char* how, Error error) {
  error.key = op.name + ":" + op.version;
  error.message = error.key + ", " + how + ": " + error.message;
  return error;
}

void Fill(const Operation& op, ArtifactEntry& entry) {
  entry.name = op.name;
  entry.version = op.version;
  entry.deleted = op.kind == OpKind::kDelete;
  if (entry.deleted) return;
  entry.digest = op.digest;
  entry.size = op.size;
  entry.media_type = op.media_type;
  entry.urls = op.urls;
  entry.annotations = op.annotations;
}

Result<ArtifactEntry> WantedOf(const Operation& op, const ArtifactEntry* row) {
  ArtifactEntry entry;
  if (op.kind != OpKind::kPatch) {
    Fill(op, entry);
    return entry;
  }
  entry = *row;
  auto patched = model::MergePatch(row->annotations, op.annotations);
  if (!patched.ok()) return OfEntry(op, "patched", std::move(patched).error());
  entry.annotations = std::move(patched).value();
  return entry;
}

TagEntry WantedTagOf(const Operation& op) {
  TagEntry tag;
  tag.name = op.name;
  tag.tag = op.tag;
  tag.deleted = op.kind == OpKind::kDeleteTag;
  if (!tag.deleted) tag.version = op.version;
  return tag;
}

Deciding::Step Deciding::Run(const Operation& op) {
  switch (op.kind) {
    case OpKind::kPut:
    case OpKind::kPatch:
    case OpKind::kDelete:
      return RunOnEntry(op);
    case OpKind::kSetTag:
    case OpKind::kDeleteTag:
      return RunOnTag(op);
    case OpKind::kSetPolicy:
      return SetPolicy(op);
    case OpKind::kDeletePolicy:
      return DeletePolicy(op);
    case OpKind::kResolve:
      return ResolveConflict(op);
  }
  return base::MakeError(ErrorCode::kInternal, "unknown operation kind");
}

Outcome Deciding::outcome() const {
  if (!parkings_.empty()) return Outcome::kParked;
  const auto merged = [](const OpResult& result) { return result.outcome == Outcome::kMerged; };
  if (std::any_of(results.begin(), results.end(), merged)) return Outcome::kMerged;
  return effects_.empty() ? Outcome::kUnchanged : Outcome::kCommitted;
}

void Deciding::Unchanged(Revision revision, Lsn lsn) {
  results.push_back({Outcome::kUnchanged, revision});
  newest_named_lsn = std::max(newest_named_lsn, lsn);
}

ConflictStrategy Deciding::StrategyFor(const conflict::EffectivePolicy& policy) const {
  if (!resolving_) return request_.on_conflict.value_or(policy.on_conflict.value_or(ConflictStrategy::kReject));
  // What was parked once is settled now, or stays as it is.
  const ConflictStrategy named = request_.on_conflict.value_or(ConflictStrategy::kReject);
  if (named == ConflictStrategy::kMergeOrPark) return ConflictStrategy::kMerge;
  return named == ConflictStrategy::kPark ? ConflictStrategy::kReject : named;
}

void Deciding::Write(ArtifactEntry entry, const ArtifactEntry* row, const std::optional<Revision>& merged_base) {
  const TimeMs created_at_ms = conflict::IsLive(row) ? row->created_at_ms : time_ms_;
  entry.created_at_ms = entry.deleted ? 0 : created_at_ms;
  entry.updated_at_ms = time_ms_;
  entry.writer = request_.writer;
  entry.revision = row == nullptr ? 1 : row->revision + 1;
  entry.lsn = lsn_;
  Effect& effect = effects_.Add();
  effect.kind = entry.deleted ? EffectKind::kDeleteEntry : EffectKind::kPutEntry;
  if (!entry.deleted) effect.merged_base = merged_base;
  effect.entry = std::move(entry);
  effect_bytes_ += BytesOf(effect.entry);
  heads_.PutEntry(effect.entry);
}

void Deciding::Write(TagEntry tag, const TagEntry* row) {
  tag.updated_at_ms = time_ms_;
  tag.writer = request_.writer;
  tag.revision = row == nullptr ? 1 : row->revision + 1;
  tag.lsn = lsn_;
  Effect& effect = effects_.Add();
  effect.kind = tag.deleted ? EffectKind::kDeleteTag : EffectKind::kSetTag;
  effect.tag = tag;
  heads_.PutTag(std::move(tag), row);
}

/// The head of the key is enough for a put that no policy concerns and no condition or base stops. Everything else,
/// what it is refused for included, is RunOnEntry's to say: so is a put that may change nothing.
Result<bool> Deciding::PutPlainly(const Operation& op) {
  TENURE_ASSIGN(const conflict::PolicySet* policies, heads_.Policies());
  if (!policies->empty() || op.if_digest || lease_of_(op) == conflict::LeaseState::kLost) return false;
  TENURE_ASSIGN(EntryHeads::Slot* const slot, heads_.SlotOf(op.name, op.version));
  const EntryHead& head = slot->head;
  const Revision revision = head.live ? head.revision : 0;
  if ((op.if_absent && head.live) || op.if_revision.value_or(revision) != revision) return false;
  if (op.base && *op.base != revision) return false;
  Effect& effect = effects_.Add();
  ArtifactEntry& entry = effect.entry;
  Fill(op, entry);
  entry.created_at_ms = head.live ? head.created_at_ms : time_ms_;
  entry.updated_at_ms = time_ms_;
  entry.writer = request_.writer;
  entry.revision = head.revision + 1;
  entry.lsn = lsn_;
  model::PackedEntry row = heads_.Pack(entry);
  if (head.live && head.content == row.ContentHash()) {
    effects_.RemoveLast();
    return false;
  }
  effect_bytes_ += BytesOf(entry);
  results.push_back({Outcome::kCommitted, entry.revision});
  heads_.PutEntry(entry, std::move(row), *slot);
  return true;
}

Deciding::Step Deciding::RunOnEntry(const Operation& op) {
  if (op.kind == OpKind::kPut) {
    TENURE_ASSIGN(const bool done, PutPlainly(op));
    if (done) return Go();
  }
  TENURE_ASSIGN(const EntryPtr row, heads_.Entry(op.name, op.version));
  if (auto error = conflict::CheckEntryConditions(op, row.get())) return Reject(std::move(error));
  TENURE_ASSIGN(const conflict::PolicySet* policies, heads_.Policies());
  EntryCase c{op, row.get(), policies->ForEntry(op.name, op.version), ConflictStrategy::kReject};
  c.strategy = StrategyFor(c.policy);
  const conflict::LeaseState lease = lease_of_(op);
  if (conflict::RefusesLease(c.policy, lease)) {
    auto error = conflict::CheckLease(c.policy, lease, op.name + ':' + op.version);
    if (lease != conflict::LeaseState::kLost) return Reject(std::move(error));
    return ParkEntry(c, ConflictKind::kLeaseLost, *error, std::nullopt);
  }
  if (!TENURE_SEEDED_BUG("ignore_stale_base")) {
    if (auto stale = conflict::CheckEntryBase(op, row.get())) return SettleEntry(c, *stale);
  }
  if (op.kind == OpKind::kPut && conflict::IsLive(row.get()) && conflict::SameContent(op, *row)) {
    Unchanged(row->revision, row->lsn);
    return Go();
  }
  TENURE_ASSIGN(ArtifactEntry wanted, WantedOf(op, row.get()));
  return ApplyEntry(c, std::move(wanted));
}

/// Deletes the tags that point to what goes, or says which one is in the way.
Result<std::optional<Error>> Deciding::DeleteTagsOf(const EntryCase& c) {
  TENURE_ASSIGN(const auto tags, heads_.TagsOf(c.op.name, c.op.version));
  if (!tags.empty() && !c.op.with_tags) {
    Error error = base::MakeError(
        ErrorCode::kTagged,
        c.op.name + ":" + c.op.version + " is what the tag " + c.op.name + "@" + tags.front()->tag +
            (tags.size() > 1 ? " and " + std::to_string(tags.size() - 1) + " more point to" : " points to"),
        "move or remove the tag first, or delete both with --with-tags");
    error.key = c.op.name + ":" + c.op.version;
    error.revision = c.row->revision;
    return std::optional<Error>(std::move(error));
  }
  for (const TagPtr& tag : tags) {
    TagEntry tombstone;
    tombstone.name = tag->name;
    tombstone.tag = tag->tag;
    tombstone.deleted = true;
    Write(std::move(tombstone), tag.get());
  }
  return std::optional<Error>();
}

Deciding::Step Deciding::ApplyEntry(const EntryCase& c, ArtifactEntry wanted,
                                    const std::optional<Revision>& merged_base) {
  const bool same = conflict::IsLive(c.row) ? conflict::SameContent(wanted, *c.row) : wanted.deleted;
  if (same) {
    Unchanged(c.row == nullptr ? 0 : c.row->revision, c.row == nullptr ? 0 : c.row->lsn);
    return Go();
  }
  if (wanted.annotations.size() > model::kEntryBytesMax) {
    return Reject(OfEntry(c.op, merged_base ? "merged" : "written",
                          model::TooLarge("the JSON object", wanted.annotations.size(), model::kEntryBytesMax)));
  }
  if (auto error = conflict::CheckImmutable(c.policy, c.row, wanted)) {
    return Refuse(c, ConflictKind::kImmutable, std::move(*error), std::move(wanted));
  }
  if (auto error = conflict::CheckSchema(c.policy, wanted)) {
    return Refuse(c, ConflictKind::kSchema, std::move(*error), std::move(wanted));
  }
  if (wanted.deleted) {
    TENURE_ASSIGN(auto tagged, DeleteTagsOf(c));
    if (tagged) return Reject(std::move(tagged));
  }
  const bool merged = merged_base.has_value() && !wanted.deleted;
  results.push_back({merged ? Outcome::kMerged : Outcome::kCommitted, c.row == nullptr ? 1 : c.row->revision + 1});
  Write(std::move(wanted), c.row, merged_base);
  return Go();
}

Deciding::Step Deciding::RunOnTag(const Operation& op) {
  TENURE_ASSIGN(const TagPtr row, heads_.Tag(op.name, op.tag));
  if (auto error = conflict::CheckTagConditions(op, row.get())) return Reject(std::move(error));
  TENURE_ASSIGN(const conflict::PolicySet* policies, heads_.Policies());
  TagCase c{op, row.get(), policies->ForTag(op.name), ConflictStrategy::kReject};
  c.strategy = StrategyFor(c.policy);
  const auto stale = conflict::CheckTagBase(op, row.get());
  // Nothing will be written: where the tag was to point does not matter.
  const bool ends = c.strategy == ConflictStrategy::kReject || c.strategy == ConflictStrategy::kFirstWriterWins;
  if (stale && ends) return SettleTag(c, *stale);
  if (op.kind == OpKind::kSetTag) {
    TENURE_ASSIGN(const EntryPtr target, heads_.Entry(op.name, op.version));
    if (!conflict::IsLive(target.get())) return Reject(NoTarget(op));
  }
  const conflict::LeaseState lease = lease_of_(op);
  if (conflict::RefusesLease(c.policy, lease)) {
    auto error = conflict::CheckLease(c.policy, lease, op.name + '@' + op.tag);
    if (lease != conflict::LeaseState::kLost) return Reject(std::move(error));
    return ParkTag(c, ConflictKind::kLeaseLost, *error);
  }
  if (stale) return SettleTag(c, *stale);
  return ApplyTag(c, WantedTagOf(op));
}

Deciding::Step Deciding::ApplyTag(const TagCase& c, TagEntry wanted) {
  const bool live = conflict::IsLive(c.row);
  const bool same = wanted.deleted ? !live : live && c.row->version == wanted.version;
  if (same) {
    Unchanged(c.row == nullptr ? 0 : c.row->revision, c.row == nullptr ? 0 : c.row->lsn);
    return Go();
  }
  results.push_back({Outcome::kCommitted, c.row == nullptr ? 1 : c.row->revision + 1});
  Write(std::move(wanted), c.row);
  return Go();
}

}  // namespace tenure::commit
