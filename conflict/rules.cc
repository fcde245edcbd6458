#include "conflict/rules.h"

#include <utility>

#include "store/base/error.h"

namespace tenure::conflict {
namespace {

Error Refusal(ErrorCode code, const std::string& key, const std::string& what, std::string hint) {
  Error error = base::MakeError(code, key + " " + what, std::move(hint));
  error.key = key;
  return error;
}

std::string By(std::string_view glob) { return "(policy '" + std::string(glob) + "')"; }

}  // namespace

std::optional<Error> CheckLease(const EffectivePolicy& policy, LeaseState lease, const std::string& key) {
  if (!RefusesLease(policy, lease)) return std::nullopt;
  if (lease == LeaseState::kLost) {
    return Refusal(ErrorCode::kLeaseRequired, key, "was to be written under a lease that had ended",
                   "take the lease again, look at what there is now, and write again");
  }
  return Refusal(ErrorCode::kLeaseRequired, key,
                 "can be written only under a lease that covers it " + By(policy.lease_by),
                 "write under such a lease, or change the policy: tenure policy set '" + std::string(policy.lease_by) +
                     "' --no-require-lease");
}

std::optional<Error> CheckImmutable(const EffectivePolicy& policy, const ArtifactEntry* row,
                                    const ArtifactEntry& wanted) {
  if (!policy.immutable || row == nullptr || row->deleted || row->digest.empty()) return std::nullopt;
  if (!wanted.deleted && wanted.digest == row->digest) return std::nullopt;
  const std::string what =
      wanted.deleted ? "and cannot be deleted"
                     : "and has digest " + row->digest + ", not " + (wanted.digest.empty() ? "none" : wanted.digest);
  Error error = Refusal(ErrorCode::kImmutable, row->name + ":" + row->version,
                        "is immutable " + By(policy.immutable_by) + " " + what,
                        "publish it under another version, or change the policy: tenure policy set '" +
                            std::string(policy.immutable_by) + "' --no-immutable");
  error.revision = row->revision;
  error.lsn = row->lsn;
  return error;
}

std::optional<Error> CheckSchema(const EffectivePolicy& policy, const ArtifactEntry& wanted) {
  if (policy.schema == nullptr || wanted.deleted) return std::nullopt;
  const std::string why = policy.schema->WhyNot(wanted);
  if (why.empty()) return std::nullopt;
  return Refusal(ErrorCode::kSchemaMismatch, wanted.name + ":" + wanted.version,
                 "is not what the schema asks for " + By(policy.schema_by) + ": " + why,
                 "'tenure policy list --json' prints the schema; $ is the entry as 'export jsonl' prints it");
}

}  // namespace tenure::conflict
