// Policies and parked conflicts in the public API.
#include <algorithm>

#include "store/base/error.h"
#include "store/base/guarded.h"
#include "store/model/reference.h"
#include "store/store_impl.h"

namespace tenure {

Result<std::vector<Policy>> Store::Policies() const try {
  TENURE_ASSIGN(auto view, impl_->ViewFor({}));
  return view.reader->Policies();
}
TENURE_CATCH_ALL

Result<Receipt> Store::SetPolicy(PolicySpec spec, const CommitOptions& options) try {
  Transaction txn;
  txn.SetPolicy(std::move(spec));
  return Commit(txn, options);
}
TENURE_CATCH_ALL

Result<Receipt> Store::RemovePolicy(const std::string& glob, const CommitOptions& options) try {
  Transaction txn;
  txn.DeletePolicy(glob);
  return Commit(txn, options);
}
TENURE_CATCH_ALL

Result<std::vector<ParkedConflict>> Store::Conflicts(const std::string& glob_text) const try {
  TENURE_ASSIGN(const model::Glob glob, model::Glob::Compile(glob_text));
  TENURE_ASSIGN(auto view, impl_->ViewFor({}));
  std::vector<ParkedConflict> found;
  TENURE_RETURN_IF_ERROR(view.reader->ForEachConflict([&](const ParkedConflict& conflict) {
    const bool matches = conflict.of_tag ? !glob.matches_versions() && glob.Matches(conflict.name, {})
                                         : glob.Matches(conflict.name, conflict.rest);
    if (matches) found.push_back(conflict);
    return true;
  }));
  return found;
}
TENURE_CATCH_ALL

Result<ParkedConflict> Store::Conflict(const ConflictId& id) const try {
  TENURE_ASSIGN(auto view, impl_->ViewFor({}));
  TENURE_ASSIGN(auto found, view.reader->GetConflict(id));
  if (found) return std::move(*found);
  return base::MakeError(ErrorCode::kNotFound,
                         "there is no parked conflict " + ConflictIdText(id) + ": it was resolved, or never was",
                         "'tenure conflicts list' shows what is parked");
}
TENURE_CATCH_ALL

Result<Receipt> Store::Resolve(const ConflictId& id, Take take, const CommitOptions& options) try {
  Transaction txn;
  txn.Resolve(id, take);
  return Commit(txn, options);
}
TENURE_CATCH_ALL

}  // namespace tenure
