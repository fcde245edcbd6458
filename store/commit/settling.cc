// Conflicts: what each strategy makes of a write that comes too late, or that a policy refuses.
#include "conflict/detector.h"
#include "conflict/merge.h"
#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/commit/deciding.h"

namespace tenure::commit {
namespace {

bool Parks(ConflictStrategy strategy) {
  return strategy == ConflictStrategy::kPark || strategy == ConflictStrategy::kMergeOrPark;
}

/// `stale`, and why it could not be merged.
Error Clash(const Error& stale, ErrorCode code, const std::string& why) {
  Error error = stale;
  error.code = code;
  error.message += why;
  if (code == ErrorCode::kMergeClash) {
    error.hint =
        "read it again and redo the change on what it is now, or keep it for later: --on-conflict merge-or-park";
  }
  return error;
}

std::string NoBase(Revision revision) {
  return "; revision " + std::to_string(revision) +
         " is not retained (or never was), so there is nothing to merge over";
}

/// As it is kept in a parked conflict: content, and nothing that only a commit gives.
ArtifactEntry Bare(ArtifactEntry entry) {
  entry.created_at_ms = entry.updated_at_ms = 0;
  entry.writer.clear();
  entry.revision = 0;
  entry.lsn = 0;
  return entry;
}

TagEntry Bare(TagEntry tag) {
  tag.updated_at_ms = 0;
  tag.writer.clear();
  tag.revision = 0;
  tag.lsn = 0;
  return tag;
}

std::size_t BytesOfSides(const ConflictSides<ArtifactEntry>& sides) {
  std::size_t bytes = 0;
  for (const auto* side : {&sides.base, &sides.ours, &sides.theirs}) bytes += *side ? BytesOf(**side) : 0;
  return bytes;
}

template <typename Ptr>
auto Copied(const Ptr& row) {
  using Row = std::remove_cvref_t<decltype(*row)>;
  return row ? std::optional<Row>(*row) : std::optional<Row>();
}

}  // namespace

/// Null when the operation names none, or it is no longer there.
Result<EntryPtr> Deciding::BaseOf(const EntryCase& c) {
  return heads_.EntryRevision(c.op.name, c.op.version, c.op.base.value_or(0));
}

Deciding::Step Deciding::DropWrite(Revision revision, Lsn lsn) {
  Unchanged(revision, lsn);
  return Go();
}

Deciding::Step Deciding::SettleEntry(const EntryCase& c, const Error& stale) {
  switch (c.strategy) {
    case ConflictStrategy::kReject:
      return Reject(stale);
    case ConflictStrategy::kFirstWriterWins:
      return DropWrite(c.row == nullptr ? 0 : c.row->revision, c.row == nullptr ? 0 : c.row->lsn);
    case ConflictStrategy::kLastWriterWins:
      return Overwrite(c, stale);
    case ConflictStrategy::kMerge:
    case ConflictStrategy::kMergeOrPark:
      return MergeEntry(c, stale);
    case ConflictStrategy::kPark:
      return ParkEntry(c, conflict::KindOf(c.op, stale), stale, std::nullopt);
  }
  return base::MakeError(ErrorCode::kInternal, "unknown conflict strategy");
}

Deciding::Step Deciding::Overwrite(const EntryCase& c, const Error& stale) {
  if (c.op.kind != OpKind::kPatch || conflict::IsLive(c.row)) {
    TENURE_ASSIGN(ArtifactEntry wanted, WantedOf(c.op, c.row));
    return ApplyEntry(c, std::move(wanted));
  }
  // A patch of what was deleted: it was made of the base, and brings that back.
  TENURE_ASSIGN(const EntryPtr base, BaseOf(c));
  if (!conflict::IsLive(base.get())) return Reject(Clash(stale, stale.code, NoBase(*c.op.base)));
  TENURE_ASSIGN(ArtifactEntry wanted, WantedOf(c.op, base.get()));
  return ApplyEntry(c, std::move(wanted));
}

Deciding::Step Deciding::MergeEntry(const EntryCase& c, const Error& stale) {
  const ConflictKind kind = conflict::KindOf(c.op, stale);
  TENURE_ASSIGN(const EntryPtr base, BaseOf(c));
  const bool patches_nothing = c.op.kind == OpKind::kPatch && !conflict::IsLive(base.get());
  if ((*c.op.base != 0 && !base) || patches_nothing) {
    const Error error = Clash(stale, stale.code, NoBase(*c.op.base));
    return Parks(c.strategy) ? ParkEntry(c, kind, error, std::nullopt) : Reject(error);
  }
  TENURE_ASSIGN(ArtifactEntry ours, WantedOf(c.op, base.get()));
  if (TENURE_SEEDED_BUG("merge_loses_theirs")) return ApplyEntry(c, std::move(ours), c.op.base);
  auto merged = conflict::MergeEntries(base.get(), ours, *c.row);
  if (!merged.ok()) return OfEntry(c.op, "merged", std::move(merged).error());
  conflict::EntryMerge& merge = merged.value();
  if (merge.clashes.empty()) return ApplyEntry(c, std::move(merge.merged), c.op.base);
  const bool deletion = merge.clashes.front() == "deleted";
  const Error error =
      Clash(stale, ErrorCode::kMergeClash,
            deletion ? ", and one side deleted what the other one changed"
                     : ", and both sides changed " + conflict::ClashText(merge.clashes) + " in different ways");
  return Parks(c.strategy) ? ParkEntry(c, kind, error, std::move(ours)) : Reject(error);
}

Deciding::Step Deciding::Refuse(const EntryCase& c, ConflictKind kind, Error error, ArtifactEntry wanted) {
  return Parks(c.strategy) ? ParkEntry(c, kind, error, std::move(wanted)) : Reject(std::move(error));
}

/// Without `ours`, it is what the operation makes of its base, or else of what is there. Later operations of the
/// transaction see it as if it were written.
Deciding::Step Deciding::ParkEntry(const EntryCase& c, ConflictKind kind, const Error& why,
                                   std::optional<ArtifactEntry> ours) {
  if (!Parks(c.strategy)) return Reject(why);
  Parking parking{kind, c.strategy, c.op.base, why.message, std::nullopt, std::nullopt};
  TENURE_ASSIGN(const EntryPtr base, BaseOf(c));
  parking.base = Copied(base);
  if (!ours) {
    const ArtifactEntry* on = conflict::IsLive(base.get()) ? base.get() : c.row;
    if (c.op.kind == OpKind::kPatch && !conflict::IsLive(on)) {
      return Reject(Clash(why, why.code, NoBase(c.op.base.value_or(0))));
    }
    TENURE_ASSIGN(ours, WantedOf(c.op, on));
  }
  // Both want the same: there is nothing to settle.
  if (c.row != nullptr && conflict::SameContent(*ours, *c.row)) return DropWrite(c.row->revision, c.row->lsn);
  if (ours->deleted && conflict::IsLive(c.row)) {
    TENURE_ASSIGN(auto tagged, DeleteTagsOf(c));
    if (tagged) return Reject(std::move(tagged));
  }
  if (!first_parking_) first_parking_ = why;
  parkings_.emplace(c.op.name + ':' + c.op.version, std::move(parking));
  results.push_back({Outcome::kParked, c.row == nullptr ? 0 : c.row->revision});
  Write(std::move(*ours), c.row);
  return Go();
}

Deciding::Step Deciding::SettleTag(const TagCase& c, const Error& stale) {
  const Revision revision = c.row == nullptr ? 0 : c.row->revision;
  switch (c.strategy) {
    case ConflictStrategy::kReject:
      return Reject(stale);
    case ConflictStrategy::kFirstWriterWins:
      return DropWrite(revision, c.row == nullptr ? 0 : c.row->lsn);
    case ConflictStrategy::kLastWriterWins:
      return ApplyTag(c, WantedTagOf(c.op));
    case ConflictStrategy::kMerge:
    case ConflictStrategy::kMergeOrPark:
      return MergeTag(c, stale);
    case ConflictStrategy::kPark:
      return ParkTag(c, conflict::KindOf(c.op, stale), stale);
  }
  return base::MakeError(ErrorCode::kInternal, "unknown conflict strategy");
}

Deciding::Step Deciding::MergeTag(const TagCase& c, const Error& stale) {
  const ConflictKind kind = conflict::KindOf(c.op, stale);
  TENURE_ASSIGN(const TagPtr base, heads_.TagRevision(c.op.name, c.op.tag, *c.op.base));
  if (*c.op.base != 0 && !base) {
    const Error error = Clash(stale, stale.code, NoBase(*c.op.base));
    return Parks(c.strategy) ? ParkTag(c, kind, error) : Reject(error);
  }
  conflict::TagMerge merge = conflict::MergeTags(base.get(), WantedTagOf(c.op), *c.row);
  if (!merge.clash) return ApplyTag(c, std::move(merge.merged));
  const Error error = Clash(stale, ErrorCode::kMergeClash, ", and both sides moved it to different places");
  return Parks(c.strategy) ? ParkTag(c, kind, error) : Reject(error);
}

Deciding::Step Deciding::ParkTag(const TagCase& c, ConflictKind kind, const Error& why) {
  if (!Parks(c.strategy)) return Reject(why);
  TagEntry ours = WantedTagOf(c.op);
  const bool live = conflict::IsLive(c.row);
  const bool same = ours.deleted ? !live : live && c.row->version == ours.version;
  if (same) return DropWrite(c.row == nullptr ? 0 : c.row->revision, c.row == nullptr ? 0 : c.row->lsn);
  Parking parking{kind, c.strategy, c.op.base, why.message, std::nullopt, std::nullopt};
  TENURE_ASSIGN(const TagPtr base, heads_.TagRevision(c.op.name, c.op.tag, c.op.base.value_or(0)));
  parking.tag_base = Copied(base);
  if (!first_parking_) first_parking_ = why;
  parkings_.emplace(c.op.name + '@' + c.op.tag, std::move(parking));
  results.push_back({Outcome::kParked, c.row == nullptr ? 0 : c.row->revision});
  Write(std::move(ours), c.row);
  return Go();
}

Deciding::Step Deciding::Finish() { return parkings_.empty() ? Go() : FinishParked(); }

/// Takes back what was written, and keeps it: the last value of each key.
Deciding::Step Deciding::FinishParked() {
  for (const Operation& op : request_.operations) {
    // Half of such a transaction cannot wait for the other half.
    if (!model::OnEntry(op.kind) && !model::OnTag(op.kind)) return Reject(*first_parking_);
  }
  heads_.Rollback();
  heads_.Begin();
  const std::vector<model::Effect> wanted = effects_.TakeAll();
  effect_bytes_ = 0;
  const auto key_of = [](const model::Effect& effect) {
    const bool of_tag = effect.kind == model::EffectKind::kSetTag || effect.kind == model::EffectKind::kDeleteTag;
    return of_tag ? effect.tag.name + '@' + effect.tag.tag : effect.entry.name + ':' + effect.entry.version;
  };
  std::map<std::string, std::size_t> last;
  for (std::size_t i = 0; i < wanted.size(); ++i) last[key_of(wanted[i])] = i;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (last[key_of(wanted[i])] != i) continue;
    const model::Effect& effect = wanted[i];
    const bool of_tag = effect.kind == model::EffectKind::kSetTag || effect.kind == model::EffectKind::kDeleteTag;
    TENURE_RETURN_IF_ERROR(of_tag ? ParkRow(effect.tag) : ParkRow(effect.entry));
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].outcome == Outcome::kUnchanged) continue;
    const Operation& op = request_.operations[i];
    results[i] = {Outcome::kParked, 0};
    if (model::OnTag(op.kind)) {
      TENURE_ASSIGN(const TagPtr row, heads_.Tag(op.name, op.tag));
      if (row) results[i].revision = row->revision;
    } else {
      TENURE_ASSIGN(const EntryPtr row, heads_.Entry(op.name, op.version));
      if (row) results[i].revision = row->revision;
    }
  }
  return Go();
}

Status Deciding::ParkRow(const ArtifactEntry& ours) {
  TENURE_ASSIGN(const EntryPtr theirs, heads_.Entry(ours.name, ours.version));
  ParkedConflict parked;
  parked.name = ours.name;
  parked.rest = ours.version;
  parked.entry.theirs = Copied(theirs);
  parked.entry.ours = Bare(ours);
  parked.entry.base = parked.entry.theirs;
  if (const auto found = parkings_.find(KeyOf(parked)); found != parkings_.end()) {
    parked.kind = found->second.kind;
    parked.strategy = found->second.strategy;
    parked.base_revision = found->second.base_revision;
    parked.reason = found->second.reason;
    if (parked.base_revision) parked.entry.base = std::move(found->second.base);
  } else {
    parked.kind = ConflictKind::kTogether;
    parked.reason = "parked together with the rest of its transaction";
  }
  const std::size_t bytes = BytesOfSides(parked.entry);
  AddParked(std::move(parked), bytes);
  return {};
}

Status Deciding::ParkRow(const TagEntry& ours) {
  TENURE_ASSIGN(const TagPtr theirs, heads_.Tag(ours.name, ours.tag));
  ParkedConflict parked;
  parked.of_tag = true;
  parked.name = ours.name;
  parked.rest = ours.tag;
  parked.tag.theirs = Copied(theirs);
  parked.tag.ours = Bare(ours);
  parked.tag.base = parked.tag.theirs;
  if (const auto found = parkings_.find(KeyOf(parked)); found != parkings_.end()) {
    parked.kind = found->second.kind;
    parked.strategy = found->second.strategy;
    parked.base_revision = found->second.base_revision;
    parked.reason = found->second.reason;
    if (parked.base_revision) parked.tag.base = std::move(found->second.tag_base);
  } else {
    parked.kind = ConflictKind::kTogether;
    parked.reason = "parked together with the rest of its transaction";
  }
  AddParked(std::move(parked), 3 * (ours.name.size() + ours.tag.size() + model::kVersionBytesMax));
  return {};
}

void Deciding::AddParked(ParkedConflict conflict, std::size_t bytes) {
  effect_bytes_ += bytes + conflict.reason.size();
  model::RareEffect rare;
  rare.parked = conflict;
  conflict.id = {lsn_, NextEffect()};
  conflict.writer = request_.writer;
  conflict.uid = request_.uid;
  conflict.time_ms = time_ms_;
  AddRare(model::EffectKind::kPark, std::move(rare));
  heads_.Park(std::move(conflict));
}

}  // namespace tenure::commit
