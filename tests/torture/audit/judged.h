// What the records of a run say in terms of the models.
#pragma once

#include <string>
#include <vector>

#include "tests/linear/group_model.h"
#include "tests/linear/key_model.h"
#include "tests/torture/record.h"

namespace tenure::torture {

inline bool IsKeyWrite(const Record& record) { return record.kind == Kind::kPut || record.kind == Kind::kDelete; }
/// A lease was in the way, or the one presented was of no use.
bool IsLeaseCode(const std::string& code);
bool IsConflict(const std::string& code);
/// It did not happen, and nobody can say what stood against it: cancelled afterwards, or refused by a committer that
/// died before it said why.
inline bool IsUnexplained(const std::string& code) { return code == "never" || code == "changed_since"; }
/// The caller was told that it did not happen; "never": it was cancelled afterwards.
bool IsRejected(const Record& record);

linear::KeyModel::Input InputOf(const Record& record);
std::vector<linear::GroupModel::Op> OpsOf(const Record& record);
/// Where nobody knows what was in the cells, or what became of a transaction: nothing.
std::optional<linear::GroupModel::Output> GroupOutputOf(const Record& record);

/// With both its lines, for people.
std::string Shown(const Record& record);

}  // namespace tenure::torture
