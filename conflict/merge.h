// Three-way merge: what two writers made of the same base, put together. Pure; values in, values out.
//
// Fields and annotation members that one side alone changed are that side's. Objects are merged member by member;
// arrays, `urls` included, are values. Equal changes agree. A deletion against a change is a clash. docs/conflicts.md
// has the table and worked examples.
#pragma once

#include <string>
#include <vector>

#include "tenure/result.h"
#include "tenure/types.h"

namespace tenure::conflict {

struct EntryMerge {
  /// Content (or a tombstone) of the result; meaningful when nothing clashes. Key and bookkeeping are those of
  /// `theirs`.
  ArtifactEntry merged;
  /// What both changed in different ways: "digest", "annotations.build.id", "deleted".
  std::vector<std::string> clashes;
};

/// `base` is null when the writer started from nothing. Fails only for annotations that are no JSON.
Result<EntryMerge> MergeEntries(const ArtifactEntry* base, const ArtifactEntry& ours, const ArtifactEntry& theirs);

struct TagMerge {
  TagEntry merged;
  bool clash = false;
};
TagMerge MergeTags(const TagEntry* base, const TagEntry& ours, const TagEntry& theirs);

/// Digest, size, media type, URLs and annotations, or the deletion, are the same.
bool SameContent(const ArtifactEntry& a, const ArtifactEntry& b);

/// "digest, urls and annotations.build": for messages, cut after a few.
std::string ClashText(const std::vector<std::string>& clashes);

}  // namespace tenure::conflict
