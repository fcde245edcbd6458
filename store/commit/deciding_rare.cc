// Operations on policies and parked conflicts.
#include <memory>
#include <utility>

#include "conflict/detector.h"
#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/commit/deciding.h"

namespace tenure::commit {
namespace {

Error NotParked(const ConflictId& id) {
  return base::MakeError(ErrorCode::kNotFound,
                         "there is no parked conflict " + ConflictIdText(id) + ": it was resolved, or never was",
                         "'tenure conflicts list' shows what is parked");
}

bool SameAttributes(const Policy& a, const Policy& b) {
  return a.immutable == b.immutable && a.require_lease == b.require_lease && a.on_conflict == b.on_conflict &&
         a.schema == b.schema && a.keep_history == b.keep_history;
}

/// The content that a resolution writes, as the operation that writes it; its base is what was there when the
/// conflict was parked, unless the resolution names another one.
Operation WriteOf(const ArtifactEntry& side, const ParkedConflict& conflict, const Operation& resolution) {
  Operation op;
  op.kind = side.deleted ? OpKind::kDelete : OpKind::kPut;
  op.name = conflict.name;
  op.version = conflict.rest;
  if (!side.deleted) {
    op.digest = side.digest;
    op.size = side.size;
    op.media_type = side.media_type;
    op.urls = side.urls;
    op.annotations = side.annotations;
  }
  const auto& theirs = conflict.entry.theirs;
  op.base = resolution.base ? *resolution.base : theirs ? theirs->revision : 0;
  if (TENURE_SEEDED_BUG("resolve_without_base")) op.base.reset();
  return op;
}

Operation WriteOf(const TagEntry& side, const ParkedConflict& conflict, const Operation& resolution) {
  Operation op;
  op.kind = side.deleted ? OpKind::kDeleteTag : OpKind::kSetTag;
  op.name = conflict.name;
  op.tag = conflict.rest;
  if (!side.deleted) op.version = side.version;
  const auto& theirs = conflict.tag.theirs;
  op.base = resolution.base ? *resolution.base : theirs ? theirs->revision : 0;
  return op;
}

/// The side that is taken. Nothing was there at the base: a deletion. nullopt: nobody knows the base.
template <typename Row>
std::optional<Row> SideOf(const ConflictSides<Row>& sides, const ParkedConflict& conflict, Take take) {
  if (take == Take::kOurs) return sides.ours;
  if (sides.base) return sides.base;
  if (conflict.base_revision.value_or(0) != 0) return std::nullopt;
  Row nothing;
  nothing.deleted = true;
  return nothing;
}

Error NoBaseKept(const ParkedConflict& conflict) {
  return base::MakeError(ErrorCode::kNotFound,
                         "conflict " + ConflictIdText(conflict.id) + " on " + KeyOf(conflict) +
                             " has no base: none was named, or it was not retained any more",
                         "take ours or theirs, or give an entry");
}

/// A given side: the members that its kind has.
std::optional<Error> CheckGiven(const Operation& op, const ParkedConflict& conflict) {
  const bool has_content =
      !op.digest.empty() || op.size || !op.media_type.empty() || !op.urls.empty() || op.annotations != "{}";
  if (!conflict.of_tag && (op.version.empty() || op.version == conflict.rest)) return std::nullopt;
  if (conflict.of_tag && !has_content && !op.version.empty()) return std::nullopt;
  return base::MakeError(ErrorCode::kInvalidArgument,
                         conflict.of_tag ? "conflict " + ConflictIdText(conflict.id) + " is of the tag " +
                                               KeyOf(conflict) + ": what is given must be a version, and nothing else"
                                         : "conflict " + ConflictIdText(conflict.id) + " is of " + KeyOf(conflict) +
                                               ": what is given must not name another version");
}

}  // namespace

void Deciding::AddRare(model::EffectKind kind, model::RareEffect rare) {
  effect_bytes_ += rare.policy.schema ? rare.policy.schema->size() : 64;
  model::Effect& effect = effects_.Add();
  effect.kind = kind;
  effect.rare = std::make_shared<const model::RareEffect>(std::move(rare));
}

Deciding::Step Deciding::SetPolicy(const Operation& op) {
  if (op.policy->schema) {
    if (auto schema = conflict::Schema::Compile(*op.policy->schema); !schema.ok()) {
      return Reject(std::move(schema).error());
    }
  }
  TENURE_ASSIGN(const Policy* before, heads_.PolicyOf(op.glob));
  Policy policy = conflict::Changed(before, *op.policy);
  if (before != nullptr && SameAttributes(*before, policy)) {
    Unchanged(0, before->lsn);
    return Go();
  }
  if (!conflict::SaysAnything(policy)) {
    if (before != nullptr) return DeletePolicy(op);
    Unchanged(0, 0);
    return Go();
  }
  TENURE_ASSIGN(const std::size_t count, heads_.PolicyCount());
  if (before == nullptr && count >= model::kPoliciesMax) {
    return Reject(base::MakeError(ErrorCode::kTooLarge,
                                  "the store has " + std::to_string(count) + " policies, which is the limit",
                                  "remove some, or say the same with fewer globs; see docs/limits.md"));
  }
  policy.writer.clear();
  policy.time_ms = 0;
  policy.lsn = 0;
  policy.effect = 0;
  model::RareEffect rare;
  rare.policy = policy;
  policy.writer = request_.writer;
  policy.time_ms = time_ms_;
  policy.lsn = lsn_;
  policy.effect = NextEffect();
  AddRare(model::EffectKind::kSetPolicy, std::move(rare));
  heads_.SetPolicy(std::move(policy));
  results.push_back({Outcome::kCommitted, 0});
  return Go();
}

Deciding::Step Deciding::DeletePolicy(const Operation& op) {
  TENURE_ASSIGN(const Policy* before, heads_.PolicyOf(op.glob));
  if (before == nullptr) {
    return Reject(base::MakeError(ErrorCode::kNotFound, "there is no policy of '" + op.glob + "'",
                                  "'tenure policy list' shows the policies"));
  }
  model::RareEffect rare;
  rare.policy.glob = op.glob;
  AddRare(model::EffectKind::kDeletePolicy, std::move(rare));
  heads_.DeletePolicy(op.glob);
  results.push_back({Outcome::kCommitted, 0});
  return Go();
}

Deciding::Step Deciding::ResolveConflict(const Operation& op) {
  TENURE_ASSIGN(const ParkedPtr parked, heads_.Parked(op.conflict));
  if (!parked) return Reject(NotParked(op.conflict));
  if (op.take == Take::kTheirs) {
    // What the store holds now stays, also when that is not what it held then.
    Revision revision = 0;
    if (parked->of_tag) {
      TENURE_ASSIGN(const TagPtr row, heads_.Tag(parked->name, parked->rest));
      revision = row ? row->revision : 0;
    } else {
      TENURE_ASSIGN(const EntryPtr row, heads_.Entry(parked->name, parked->rest));
      revision = row ? row->revision : 0;
    }
    results.push_back({Outcome::kCommitted, revision});
  } else {
    std::optional<Operation> write;
    if (op.take == Take::kGiven) {
      if (auto error = CheckGiven(op, *parked)) return Reject(std::move(error));
      Operation given = op;
      given.kind = OpKind::kPut;
      TENURE_ASSIGN(const ArtifactEntry entry, WantedOf(given, nullptr));
      TagEntry tag;
      tag.version = op.version;
      write = parked->of_tag ? WriteOf(tag, *parked, op) : WriteOf(entry, *parked, op);
    } else if (parked->of_tag) {
      if (const auto side = SideOf(parked->tag, *parked, op.take)) write = WriteOf(*side, *parked, op);
    } else {
      if (const auto side = SideOf(parked->entry, *parked, op.take)) write = WriteOf(*side, *parked, op);
    }
    if (!write) return Reject(NoBaseKept(*parked));
    resolving_ = true;
    Step step = RunResolution(*write);
    resolving_ = false;
    if (!step.ok() || *step) return step;
  }
  model::RareEffect rare;
  rare.resolved = op.conflict;
  rare.take = op.take;
  AddRare(model::EffectKind::kResolve, std::move(rare));
  heads_.Resolve(*parked, lsn_);
  return Go();
}

/// Writes what is taken. A deletion of what is gone already is done.
Deciding::Step Deciding::RunResolution(const Operation& write) {
  if (write.kind == OpKind::kDelete) {
    TENURE_ASSIGN(const EntryPtr row, heads_.Entry(write.name, write.version));
    if (!conflict::IsLive(row.get())) return DropWrite(row ? row->revision : 0, row ? row->lsn : 0);
  }
  if (write.kind == OpKind::kDeleteTag) {
    TENURE_ASSIGN(const TagPtr row, heads_.Tag(write.name, write.tag));
    if (!conflict::IsLive(row.get())) return DropWrite(row ? row->revision : 0, row ? row->lsn : 0);
  }
  return Run(write);
}

}  // namespace tenure::commit
