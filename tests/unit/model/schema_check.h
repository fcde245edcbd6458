// A validator of the JSON Schema keywords that schemas/ uses, for tests. Any other keyword fails, so
// that a schema cannot say something that no test looks at.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace tenure::model::testing {

/// Does the ECMAScript expression `pattern` match anywhere in `text`?
bool MatchesPattern(const std::string& text, const std::string& pattern);

class SchemaCheck {
 public:
  explicit SchemaCheck(nlohmann::json schema) : root_(std::move(schema)) {}

  /// Empty when `value` is valid; else where and why not.
  std::string Why(const nlohmann::json& value) const { return Why(root_, value, "$"); }

 private:
  using Json = nlohmann::json;

  static bool TypeIs(const std::string& type, const Json& v) {
    if (type == "integer") return v.is_number_integer();
    if (type == "boolean") return v.is_boolean();
    return type == v.type_name();
  }

  std::string Why(const Json& schema, const Json& v, const std::string& at) const {
    for (const auto& item : schema.items()) {
      const std::string why = Keyword(schema, item.key(), item.value(), v, at);
      if (!why.empty()) return why;
    }
    return {};
  }

  std::string Keyword(const Json& schema, const std::string& name, const Json& rule, const Json& v,
                      const std::string& at) const {
    static const std::set<std::string> kNotes = {"$schema", "$id", "$defs", "title", "description", "examples"};
    if (kNotes.count(name)) return {};
    const auto fail = [&](bool bad) {
      return bad ? at + ": " + name + " " + rule.dump().substr(0, 80) : std::string();
    };
    if (name == "$ref") return Why(root_.at(Json::json_pointer(rule.get<std::string>().substr(1))), v, at);
    if (name == "type") return fail(!TypeIs(rule, v));
    if (name == "const") return fail(v != rule);
    if (name == "enum") return fail(std::find(rule.begin(), rule.end(), v) == rule.end());
    if (name == "minimum") return fail(v.is_number() && v < rule);
    if (name == "maximum") return fail(v.is_number() && v > rule);
    if (name == "minLength") return fail(v.is_string() && v.get<std::string>().size() < rule.get<std::size_t>());
    if (name == "maxLength") return fail(v.is_string() && v.get<std::string>().size() > rule.get<std::size_t>());
    if (name == "maxItems") return fail(v.is_array() && v.size() > rule.get<std::size_t>());
    if (name == "pattern") return fail(v.is_string() && !MatchesPattern(v, rule));
    if (name == "required") {
      for (const Json& member : rule) {
        if (v.is_object() && !v.contains(member.get<std::string>())) return at + ": " + member.dump() + " is missing";
      }
      return {};
    }
    if (name == "additionalProperties") {
      for (const auto& member : v.items()) {
        if (!schema.at("properties").contains(member.key())) return at + ": " + member.key() + " is not allowed";
      }
      return {};
    }
    if (name == "properties" || name == "items") return Inner(name, rule, v, at);
    if (name == "oneOf") {
      int valid = 0;
      std::string reasons;
      for (const Json& branch : rule) {
        const std::string why = Why(branch, v, at);
        valid += why.empty() ? 1 : 0;
        reasons += why + "; ";
      }
      return valid == 1 ? std::string() : at + ": " + std::to_string(valid) + " branches match: " + reasons;
    }
    return at + ": keyword " + name + " is not checked";
  }

  std::string Inner(const std::string& name, const Json& rule, const Json& v, const std::string& at) const {
    if (name == "items" && v.is_array()) {
      for (const Json& item : v) {
        if (std::string why = Why(rule, item, at + "[]"); !why.empty()) return why;
      }
    }
    if (name == "properties" && v.is_object()) {
      for (const auto& member : v.items()) {
        if (!rule.contains(member.key())) continue;
        std::string why = Why(rule.at(member.key()), member.value(), at + "." + member.key());
        if (!why.empty()) return why;
      }
    }
    return {};
  }

  Json root_;
};

}  // namespace tenure::model::testing
