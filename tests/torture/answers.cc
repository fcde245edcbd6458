#include "tests/torture/answers.h"

#include <algorithm>
#include <iterator>

namespace tenure::torture {

bool IsExpected(const Record& record) {
  static constexpr const char* kCodes[] = {
      "ok",         "not_found", "never",  "revision_mismatch", "exists",       "stale_base",    "deleted_since",
      "lease_held", "deadlock",  "fenced", "lease_expired",     "lease_broken", "lease_unknown", "lease_not_covering"};
  if (record.code == "compacted") {
    return record.kind == Kind::kReadAt || record.kind == Kind::kCompact || (IsLook(record) && record.a == kAtLsn);
  }
  // The last one to those that were on their way at once, when the committer died.
  const bool of_groups = record.code == "tagged" || record.code == "version_mismatch" || record.code == "changed_since";
  if (of_groups && record.kind == Kind::kTransact) return true;
  return std::any_of(std::begin(kCodes), std::end(kCodes), [&](const char* code) { return record.code == code; });
}

}  // namespace tenure::torture
