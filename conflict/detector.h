// Conflict detection: may this operation be applied to this row? Pure; values in, verdict out.
//
// A row is the newest of its key, tombstones included, or null when the key never existed. `if_*` are
// hard conditions. `base` is soft: StaleBase is reported apart, and the strategy settles it.
#pragma once

#include <optional>

#include "tenure/conflict.h"
#include "tenure/result.h"
#include "tenure/transaction.h"
#include "tenure/types.h"

namespace tenure::conflict {

inline bool IsLive(const ArtifactEntry* row) { return row != nullptr && !row->deleted; }
inline bool IsLive(const TagEntry* row) { return row != nullptr && !row->deleted; }

/// The hard conditions of an operation on an entry: kExists, kRevisionMismatch, kDigestMismatch, and
/// kNotFound for a patch or delete of nothing (but not of what was deleted since the base that it names).
std::optional<Error> CheckEntryConditions(const Operation& op, const ArtifactEntry* row);
/// The hard conditions of an operation on a tag. For delete_tag of nothing: kNotFound.
std::optional<Error> CheckTagConditions(const Operation& op, const TagEntry* row);

/// When `op.base` is named and is not the row's revision: kDeletedSince when the row was deleted since, else
/// kStaleBase. Base 0 means "I saw no live row".
std::optional<Error> CheckEntryBase(const Operation& op, const ArtifactEntry* row);
std::optional<Error> CheckTagBase(const Operation& op, const TagEntry* row);

/// What kind of conflict such an error is.
ConflictKind KindOf(const Operation& op, const Error& error);

/// Does a put leave the live row exactly as it is?
bool SameContent(const Operation& put, const ArtifactEntry& row);

}  // namespace tenure::conflict
