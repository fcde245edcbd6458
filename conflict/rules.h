// What policies refuse, whatever the strategy of the write. Pure; each function gives the refusal, or nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "conflict/policies.h"
#include "tenure/result.h"
#include "tenure/transaction.h"
#include "tenure/types.h"

namespace tenure::conflict {

/// What the leases that a write presented are worth for the key that it writes.
enum class LeaseState : std::uint8_t {
  kNone,  ///< None was presented that covers the key.
  kHeld,  ///< One covers it, and holds.
  kLost,  ///< One was presented that would cover it, but it had ended.
};
/// Asked for each operation on a key.
using LeaseOf = std::function<LeaseState(const Operation&)>;

/// Is there anything for CheckLease to say?
inline bool RefusesLease(const EffectivePolicy& policy, LeaseState lease) {
  return lease == LeaseState::kLost || (policy.require_lease && lease == LeaseState::kNone);
}
/// kLeaseRequired when the policy asks for a lease and none was presented, or when one was that had ended.
std::optional<Error> CheckLease(const EffectivePolicy& policy, LeaseState lease, const std::string& key);
/// kImmutable when `wanted` gives a live version with a digest another one, or deletes it. `row` may be null.
std::optional<Error> CheckImmutable(const EffectivePolicy& policy, const ArtifactEntry* row,
                                    const ArtifactEntry& wanted);
/// kSchemaMismatch when the policy's JSON Schema refuses `wanted`. Deletions have nothing to refuse.
std::optional<Error> CheckSchema(const EffectivePolicy& policy, const ArtifactEntry& wanted);

}  // namespace tenure::conflict
