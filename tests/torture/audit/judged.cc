#include "tests/torture/audit/judged.h"

#include <algorithm>
#include <iterator>

namespace tenure::torture {

using linear::GroupModel;
using linear::KeyModel;

bool IsLeaseCode(const std::string& code) { return code.rfind("lease_", 0) == 0 || code == "fenced"; }

bool IsConflict(const std::string& code) {
  static constexpr const char* kCodes[] = {"revision_mismatch", "exists", "stale_base", "deleted_since",
                                           "version_mismatch"};
  return std::find(std::begin(kCodes), std::end(kCodes), code) != std::end(kCodes);
}

bool IsRejected(const Record& record) {
  return record.code == "not_found" || record.code == "tagged" || IsUnexplained(record.code) ||
         IsLeaseCode(record.code) || IsConflict(record.code);
}

KeyModel::Input InputOf(const Record& record) {
  KeyModel::Input input;
  input.what = record.kind == Kind::kPut      ? KeyModel::Do::kPut
               : record.kind == Kind::kDelete ? KeyModel::Do::kDelete
                                              : KeyModel::Do::kRead;
  if (record.kind == Kind::kPut) input.value = record.id;
  if (!IsKeyWrite(record)) return input;
  if (record.a == kIfAbsent) input.if_revision = 0;
  if (record.a == kIfRevision) input.if_revision = record.b;
  if (record.a == kBase) input.base = record.b;
  return input;
}

std::vector<GroupModel::Op> OpsOf(const Record& record) {
  std::vector<GroupModel::Op> ops;
  for (const CellOp& recorded : record.ops) {
    GroupModel::Op& op = ops.emplace_back();
    op.what = recorded.what;
    op.cell = recorded.cell;
    op.value = recorded.what == GroupModel::Do::kPut ? record.id : recorded.target;
    if (recorded.condition == kIfAbsent) op.if_revision = 0;
    if (recorded.condition == kIfRevision) op.if_revision = recorded.seen;
    if (recorded.condition == kIfVersion) op.if_value = recorded.seen;
    if (recorded.condition == kBase) op.base = recorded.seen;
  }
  return ops;
}

std::optional<GroupModel::Output> GroupOutputOf(const Record& record) {
  GroupModel::Output output;
  for (const Seen& seen : record.seen) output.cells.push_back({seen.revision, seen.value});
  if (IsLook(record)) {
    output.answer = GroupModel::Answer::kSeen;
    // One that was never there.
    const bool told = record.code == "ok" || (record.kind == Kind::kLookCell && record.code == "not_found");
    return told ? std::optional(output) : std::nullopt;
  }
  if (record.code == "ok") return output;
  output.cells.clear();
  output.answer = IsConflict(record.code)      ? GroupModel::Answer::kConflict
                  : record.code == "not_found" ? GroupModel::Answer::kNotFound
                                               : GroupModel::Answer::kTagged;
  return IsRejected(record) ? std::optional(output) : std::nullopt;
}

std::string Shown(const Record& record) {
  std::string line = CallLine(record);
  line.pop_back();
  std::string answer = ReturnLine(record);
  answer.pop_back();
  const bool of_group = record.kind == Kind::kTransact || IsLook(record);
  const bool of_lease = record.kind >= Kind::kAcquire && record.kind <= Kind::kBreak;
  const std::string what = of_group ? GlobOf(record.object) : of_lease ? ScopeOf(record.object) : RefOf(record.object);
  return std::string(kKindNames[static_cast<int>(record.kind)]) + " " + what + " (" + line + " / " + answer + ")";
}

}  // namespace tenure::torture
