#include "conflict/policies.h"

#include <algorithm>
#include <utility>

namespace tenure::conflict {

PolicySet::PolicySet(const std::vector<Policy>& policies) {
  for (const Policy& policy : policies) {
    auto glob = model::Glob::Compile(policy.glob);
    if (!glob.ok()) continue;
    Rule rule{policy, std::move(glob).value(), std::nullopt, false};
    // Nothing but literals: the ':' between name and version is one of them.
    rule.exact = policy.glob.find_first_of("*?[") == std::string::npos;
    if (policy.schema) {
      auto schema = Schema::Compile(*policy.schema);
      if (schema.ok()) rule.schema = std::move(schema).value();
    }
    rules_.push_back(std::move(rule));
  }
  std::sort(rules_.begin(), rules_.end(), Before);
}

bool PolicySet::Before(const Rule& a, const Rule& b) {
  if (a.exact != b.exact) return a.exact;
  const std::size_t a_prefix = a.exact ? a.policy.glob.size() : a.glob.literal_prefix().size();
  const std::size_t b_prefix = b.exact ? b.policy.glob.size() : b.glob.literal_prefix().size();
  if (a_prefix != b_prefix) return a_prefix > b_prefix;
  return std::pair(a.policy.lsn, a.policy.effect) > std::pair(b.policy.lsn, b.policy.effect);
}

EffectivePolicy PolicySet::Decide(std::string_view name, std::string_view version, bool of_tag) const {
  EffectivePolicy effective;
  bool immutable = false, lease = false, schema = false, history = false;  // decided
  for (const Rule& rule : rules_) {
    if (of_tag && rule.glob.matches_versions()) continue;
    if (!rule.glob.Matches(name, version)) continue;
    const Policy& policy = rule.policy;
    if (policy.immutable && !std::exchange(immutable, true)) {
      effective.immutable = *policy.immutable;
      effective.immutable_by = policy.glob;
    }
    if (policy.require_lease && !std::exchange(lease, true)) {
      effective.require_lease = *policy.require_lease;
      effective.lease_by = policy.glob;
    }
    if (policy.on_conflict && !effective.on_conflict) effective.on_conflict = policy.on_conflict;
    if (rule.schema && !std::exchange(schema, true)) {
      effective.schema = &*rule.schema;
      effective.schema_by = policy.glob;
    }
    if (policy.keep_history && !std::exchange(history, true)) effective.keep_history = *policy.keep_history;
  }
  return effective;
}

EffectivePolicy PolicySet::ForEntry(std::string_view name, std::string_view version) const {
  return rules_.empty() ? EffectivePolicy() : Decide(name, version, false);
}

EffectivePolicy PolicySet::ForTag(std::string_view name) const {
  return rules_.empty() ? EffectivePolicy() : Decide(name, {}, true);
}

std::vector<model::KeepRule> PolicySet::KeepRules() const {
  std::vector<model::KeepRule> keep;
  bool any = false;
  for (const Rule& rule : rules_) {
    if (!rule.policy.keep_history) continue;
    keep.push_back({rule.policy.glob, *rule.policy.keep_history});
    any = any || *rule.policy.keep_history;
  }
  // Nothing is kept anyway.
  if (!any) keep.clear();
  return keep;
}

Policy Changed(const Policy* before, const PolicySpec& spec) {
  Policy policy;
  if (before != nullptr) policy = *before;
  policy.glob = spec.glob;
  for (const std::string& name : spec.unset) {
    if (name == "immutable") policy.immutable.reset();
    if (name == "require_lease") policy.require_lease.reset();
    if (name == "on_conflict") policy.on_conflict.reset();
    if (name == "schema") policy.schema.reset();
    if (name == "keep_history") policy.keep_history.reset();
  }
  if (spec.immutable) policy.immutable = spec.immutable;
  if (spec.require_lease) policy.require_lease = spec.require_lease;
  if (spec.on_conflict) policy.on_conflict = spec.on_conflict;
  if (spec.schema) policy.schema = spec.schema;
  if (spec.keep_history) policy.keep_history = spec.keep_history;
  return policy;
}

bool SaysAnything(const Policy& policy) {
  return policy.immutable || policy.require_lease || policy.on_conflict || policy.schema || policy.keep_history;
}

}  // namespace tenure::conflict
