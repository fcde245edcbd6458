// Policies: which one says what about a key. Pure.
//
// Each attribute is decided by itself, among the policies that match the key and say something about it: an exact
// match first, then the longest literal prefix, then the one that was set later.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conflict/schema.h"
#include "store/model/effect.h"
#include "store/model/reference.h"
#include "tenure/conflict.h"
#include "tenure/result.h"

namespace tenure::conflict {

/// What the policies say of one key. Texts and schema are borrowed from the set.
struct EffectivePolicy {
  bool immutable = false;
  bool require_lease = false;
  std::optional<ConflictStrategy> on_conflict;
  const Schema* schema = nullptr;
  bool keep_history = false;
  std::string_view immutable_by, lease_by, schema_by;  ///< Globs, for messages.
};

class PolicySet {
 public:
  /// What does not compile is passed over: it was refused when it was set, unless a newer version set it.
  explicit PolicySet(const std::vector<Policy>& policies);
  bool empty() const { return rules_.empty(); }
  EffectivePolicy ForEntry(std::string_view name, std::string_view version) const;
  /// Globs with a ':' do not match tags.
  EffectivePolicy ForTag(std::string_view name) const;
  /// What compaction is to keep: the rules about history, the one that decides first.
  std::vector<model::KeepRule> KeepRules() const;

 private:
  struct Rule {
    Policy policy;
    model::Glob glob;
    std::optional<Schema> schema;
    bool exact = false;
  };
  static bool Before(const Rule& a, const Rule& b);
  EffectivePolicy Decide(std::string_view name, std::string_view version, bool of_tag) const;
  std::vector<Rule> rules_;  // the one that decides first
};

/// The policy of `spec.glob` after `spec` is set over `before` (null: there is none).
Policy Changed(const Policy* before, const PolicySpec& spec);
/// False: such a policy says nothing.
bool SaysAnything(const Policy& policy);

}  // namespace tenure::conflict
