#include "tests/scenarios/match.h"

#include <algorithm>

#include "tests/unit/model/schema_check.h"

namespace tenure::scenarios {
namespace {

std::string Shown(const Json& value) {
  std::string text = value.dump();
  return text.size() <= 200 ? text : text.substr(0, 200) + "…";
}

std::string Mismatch(const std::string& at, const std::string& expected, const Json& actual) {
  return at + " is " + Shown(actual) + ", not " + expected;
}

bool IsRule(const Json& expected) {
  return expected.is_object() && expected.size() == 1 && expected.begin().key().starts_with('$');
}

std::string ContainsAll(const Json& wanted, const Json& actual, const std::string& at) {
  if (!actual.is_array()) return Mismatch(at, "an array", actual);
  for (const Json& one : wanted) {
    const bool found = std::any_of(actual.begin(), actual.end(), [&](const Json& v) { return WhyNot(one, v).empty(); });
    if (!found) return at + " holds nothing like " + Shown(one) + ": " + Shown(actual);
  }
  return {};
}

std::string Judge(const std::string& rule, const Json& operand, const Json& actual, const std::string& at) {
  const auto fail_unless = [&](bool holds) {
    return holds ? std::string() : Mismatch(at, rule + " " + Shown(operand), actual);
  };
  if (rule == "$any") return {};
  if (rule == "$type") return fail_unless(operand == actual.type_name());
  if (rule == "$min") return fail_unless(actual.is_number() && actual >= operand);
  if (rule == "$max") return fail_unless(actual.is_number() && actual <= operand);
  if (rule == "$size") return fail_unless(actual.size() == operand.get<std::size_t>());
  if (rule == "$not") return fail_unless(!WhyNot(operand, actual).empty());
  if (rule == "$contains") return ContainsAll(operand, actual, at);
  if (rule == "$match") {
    return fail_unless(actual.is_string() &&
                       model::testing::MatchesPattern(actual.get<std::string>(), operand.get<std::string>()));
  }
  return at + ": there is no rule " + rule;
}

}  // namespace

std::string WhyNot(const Json& expected, const Json& actual, const std::string& at) {
  if (IsRule(expected)) return Judge(expected.begin().key(), expected.begin().value(), actual, at);
  if (expected.is_object()) {
    if (!actual.is_object()) return Mismatch(at, "an object", actual);
    for (const auto& [name, value] : expected.items()) {
      const bool must_be_absent = IsRule(value) && value.begin().key() == "$absent";
      if (actual.contains(name) == must_be_absent) {
        return at + (must_be_absent ? " has" : " has no") + " member \"" + name + "\": " + Shown(actual);
      }
      if (must_be_absent) continue;
      if (std::string why = WhyNot(value, actual.at(name), at + "." + name); !why.empty()) return why;
    }
    return {};
  }
  if (expected.is_array()) {
    if (!actual.is_array() || actual.size() != expected.size()) {
      return Mismatch(at, "an array of " + std::to_string(expected.size()), actual);
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (std::string why = WhyNot(expected[i], actual[i], at + "[" + std::to_string(i) + "]"); !why.empty()) {
        return why;
      }
    }
    return {};
  }
  return expected == actual ? std::string() : Mismatch(at, Shown(expected), actual);
}

}  // namespace tenure::scenarios
