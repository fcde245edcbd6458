#include "conflict/merge.h"

#include <utility>

#include "store/base/error.h"
#include "store/model/validate.h"

namespace tenure::conflict {
namespace {

constexpr std::size_t kClashesShown = 5;

/// One field, as the table in the header says.
template <typename Field>
void MergeField(const char* name, const Field& base, const Field& ours, const Field& theirs, Field& merged,
                std::vector<std::string>& clashes) {
  if (ours == theirs || theirs == base) {
    merged = ours;
  } else if (ours == base) {
    merged = theirs;
  } else {
    merged = base;
    clashes.emplace_back(name);
  }
}

}  // namespace

bool SameContent(const ArtifactEntry& a, const ArtifactEntry& b) {
  if (a.deleted || b.deleted) return a.deleted == b.deleted;
  return a.digest == b.digest && a.size == b.size && a.media_type == b.media_type && a.urls == b.urls &&
         a.annotations == b.annotations;
}

Result<EntryMerge> MergeEntries(const ArtifactEntry* base, const ArtifactEntry& ours, const ArtifactEntry& theirs) {
  EntryMerge merge;
  merge.merged = theirs;
  // A tombstone has no content to compare field by field: one side alone may have changed, or both alike.
  const bool some_deleted = ours.deleted || theirs.deleted || (base != nullptr && base->deleted);
  if (some_deleted) {
    const bool from_nothing = base == nullptr || base->deleted;
    const bool ours_changed = from_nothing ? !ours.deleted : !SameContent(ours, *base);
    const bool theirs_changed = from_nothing ? !theirs.deleted : !SameContent(theirs, *base);
    if (ours_changed && theirs_changed && (ours.deleted || theirs.deleted) && !SameContent(ours, theirs)) {
      merge.clashes.emplace_back("deleted");
      return merge;
    }
    if (!theirs_changed) merge.merged = ours;
    if (!ours_changed || !theirs_changed || SameContent(ours, theirs)) return merge;
  }
  static const ArtifactEntry& nothing = *new ArtifactEntry();
  const ArtifactEntry& from = base == nullptr || base->deleted ? nothing : *base;
  ArtifactEntry& to = merge.merged;
  MergeField("digest", from.digest, ours.digest, theirs.digest, to.digest, merge.clashes);
  MergeField("size", from.size, ours.size, theirs.size, to.size, merge.clashes);
  MergeField("mediaType", from.media_type, ours.media_type, theirs.media_type, to.media_type, merge.clashes);
  MergeField("urls", from.urls, ours.urls, theirs.urls, to.urls, merge.clashes);
  std::vector<std::string> members;
  TENURE_ASSIGN(to.annotations, model::MergeObjects(from.annotations, ours.annotations, theirs.annotations, members));
  for (const std::string& member : members) merge.clashes.push_back("annotations." + member);
  return merge;
}

TagMerge MergeTags(const TagEntry* base, const TagEntry& ours, const TagEntry& theirs) {
  // Where a tag points is one value; pointing nowhere is another one.
  const auto target = [](const TagEntry* tag) { return tag == nullptr || tag->deleted ? std::string() : tag->version; };
  TagMerge merge;
  merge.merged = theirs;
  const std::string from = target(base);
  if (target(&ours) == target(&theirs) || target(&ours) == from) return merge;
  if (target(&theirs) == from) {
    merge.merged.version = ours.version;
    merge.merged.deleted = ours.deleted;
  } else {
    merge.clash = true;
  }
  return merge;
}

std::string ClashText(const std::vector<std::string>& clashes) {
  std::string text;
  for (std::size_t i = 0; i < clashes.size() && i < kClashesShown; ++i) {
    const bool last = i + 1 == clashes.size();
    text += (i == 0 ? "" : last ? " and " : ", ") + clashes[i];
  }
  if (clashes.size() > kClashesShown) text += " and " + std::to_string(clashes.size() - kClashesShown) + " more";
  return text;
}

}  // namespace tenure::conflict
