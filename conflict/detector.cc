#include "conflict/detector.h"

#include <string>

#include "store/base/error.h"

namespace tenure::conflict {
namespace {

std::string EntryKey(const Operation& op) { return op.name + ":" + op.version; }
std::string TagKey(const Operation& op) { return op.name + "@" + op.tag; }

Error Conflict(ErrorCode code, std::string key, std::string what, std::string hint) {
  Error error = base::MakeError(code, key + " " + std::move(what), std::move(hint));
  error.key = std::move(key);
  return error;
}

template <typename Row>
Error WithRow(Error error, const Row* row) {
  error.revision = row == nullptr ? 0 : row->revision;
  if (row != nullptr) error.lsn = row->lsn;
  return error;
}

/// "is at revision 4", "was deleted at LSN 9 (revision 5)", "does not exist": the present state in words.
template <typename Row>
std::string StateText(const Row* row) {
  if (row == nullptr) return "does not exist";
  if (row->deleted)
    return "was deleted at LSN " + std::to_string(row->lsn) + " (revision " + std::to_string(row->revision) + ")";
  return "is at revision " + std::to_string(row->revision);
}

std::optional<Error> CheckExistence(const Operation& op, const std::string& key, const ArtifactEntry* row) {
  if ((op.if_absent || op.if_revision == Revision{0}) && IsLive(row)) {
    return WithRow(Conflict(ErrorCode::kExists, key, "already exists, " + StateText(row),
                            "read it with 'tenure get', then name its revision with --if-revision"),
                   row);
  }
  if (op.if_revision && *op.if_revision != 0 && (!IsLive(row) || row->revision != *op.if_revision)) {
    return WithRow(Conflict(ErrorCode::kRevisionMismatch, key,
                            StateText(row) + ", not at revision " + std::to_string(*op.if_revision),
                            "read it again and retry with the revision it has now"),
                   row);
  }
  return std::nullopt;
}

/// Somebody deleted what the operation is based on.
template <typename Row>
bool DeletedSince(const Operation& op, const Row* row) {
  return op.base.value_or(0) != 0 && row != nullptr && row->deleted && row->revision > *op.base;
}

template <typename Row>
std::optional<Error> CheckBase(const Operation& op, const std::string& key, const Row* row) {
  if (!op.base) return std::nullopt;
  const bool seen = *op.base == 0 ? !IsLive(row) : (row != nullptr && row->revision == *op.base);
  if (seen) return std::nullopt;
  if (DeletedSince(op, row)) {
    return WithRow(Conflict(ErrorCode::kDeletedSince, key,
                            StateText(row) + "; the write was based on revision " + std::to_string(*op.base),
                            "decide whether it is to come back: base the write on what it is now, a tombstone"),
                   row);
  }
  return WithRow(Conflict(ErrorCode::kStaleBase, key,
                          StateText(row) + "; the write was based on revision " + std::to_string(*op.base),
                          "read it again, redo the change on what it is now, and name that revision as base"),
                 row);
}

}  // namespace

std::optional<Error> CheckEntryConditions(const Operation& op, const ArtifactEntry* row) {
  const std::string key = EntryKey(op);
  if (auto error = CheckExistence(op, key, row)) return error;
  if (op.if_digest && (!IsLive(row) || row->digest != *op.if_digest)) {
    const std::string has = !IsLive(row)          ? StateText(row)
                            : row->digest.empty() ? "has no digest"
                                                  : "has digest " + row->digest;
    return WithRow(Conflict(ErrorCode::kDigestMismatch, key, has + ", not " + *op.if_digest,
                            "read it again and decide whether the content it has now is what you expect"),
                   row);
  }
  if (op.kind != OpKind::kPut && !IsLive(row) && !DeletedSince(op, row)) {
    return WithRow(Conflict(ErrorCode::kNotFound, key, StateText(row), "'tenure list' shows what there is"), row);
  }
  return std::nullopt;
}

std::optional<Error> CheckTagConditions(const Operation& op, const TagEntry* row) {
  const std::string key = TagKey(op);
  if (op.if_version && (!IsLive(row) || row->version != *op.if_version)) {
    const std::string has = IsLive(row) ? "points to " + row->version : StateText(row);
    return WithRow(Conflict(ErrorCode::kVersionMismatch, key, has + ", not to " + *op.if_version,
                            "read the tag again and retry with the version it points to now"),
                   row);
  }
  if (op.kind == OpKind::kDeleteTag && !IsLive(row) && !DeletedSince(op, row)) {
    return WithRow(Conflict(ErrorCode::kNotFound, key, StateText(row), "'tenure tag list' shows what there is"), row);
  }
  return std::nullopt;
}

std::optional<Error> CheckEntryBase(const Operation& op, const ArtifactEntry* row) {
  return CheckBase(op, EntryKey(op), row);
}
std::optional<Error> CheckTagBase(const Operation& op, const TagEntry* row) { return CheckBase(op, TagKey(op), row); }

ConflictKind KindOf(const Operation& op, const Error& error) {
  if (error.code == ErrorCode::kDeletedSince) return ConflictKind::kDeleted;
  return op.base == Revision{0} ? ConflictKind::kExists : ConflictKind::kStaleBase;
}

bool SameContent(const Operation& put, const ArtifactEntry& row) {
  return !row.deleted && put.digest == row.digest && put.size == row.size && put.media_type == row.media_type &&
         put.urls == row.urls && put.annotations == row.annotations;
}

}  // namespace tenure::conflict
