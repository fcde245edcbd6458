#include "conflict/schema.h"

#include <algorithm>
#include <array>
#include <set>

#include "store/base/error.h"
#include "store/model/json.h"
#include "store/model/json_tree.h"
#include "store/model/utf8.h"
#include "store/model/validate.h"

namespace tenure::conflict {
namespace {

using model::Json;

/// What the value of a keyword must be.
enum class Rule : std::uint8_t {
  kNote,    ///< Passed over.
  kAny,     ///< const.
  kType,    ///< A name of a type, or several.
  kValues,  ///< A non-empty array.
  kCount,   ///< A whole number, 0 or above.
  kNumber,
  kFlag,
  kNames,  ///< An array of strings.
  kSchema,
  kSchemas,  ///< A non-empty array of schemas.
  kMembers,  ///< An object of schemas.
};
struct Keyword {
  std::string_view name;
  Rule rule;
};
constexpr std::array kKeywords = {
    Keyword{"$schema", Rule::kNote},
    Keyword{"$id", Rule::kNote},
    Keyword{"$comment", Rule::kNote},
    Keyword{"title", Rule::kNote},
    Keyword{"description", Rule::kNote},
    Keyword{"default", Rule::kNote},
    Keyword{"examples", Rule::kNote},
    Keyword{"type", Rule::kType},
    Keyword{"const", Rule::kAny},
    Keyword{"enum", Rule::kValues},
    Keyword{"properties", Rule::kMembers},
    Keyword{"required", Rule::kNames},
    Keyword{"additionalProperties", Rule::kSchema},
    Keyword{"propertyNames", Rule::kSchema},
    Keyword{"minProperties", Rule::kCount},
    Keyword{"maxProperties", Rule::kCount},
    Keyword{"items", Rule::kSchema},
    Keyword{"contains", Rule::kSchema},
    Keyword{"minItems", Rule::kCount},
    Keyword{"maxItems", Rule::kCount},
    Keyword{"uniqueItems", Rule::kFlag},
    Keyword{"minLength", Rule::kCount},
    Keyword{"maxLength", Rule::kCount},
    Keyword{"minimum", Rule::kNumber},
    Keyword{"maximum", Rule::kNumber},
    Keyword{"exclusiveMinimum", Rule::kNumber},
    Keyword{"exclusiveMaximum", Rule::kNumber},
    Keyword{"allOf", Rule::kSchemas},
    Keyword{"anyOf", Rule::kSchemas},
    Keyword{"oneOf", Rule::kSchemas},
    Keyword{"not", Rule::kSchema},
};
constexpr std::array<std::string_view, 7> kTypes = {"null",   "boolean", "object", "array",
                                                    "number", "string",  "integer"};

Error BadSchema(const std::string& at, const std::string& what) {
  std::string names;
  for (const Keyword& keyword : kKeywords) {
    if (keyword.rule != Rule::kNote) names += (names.empty() ? "" : ", ") + std::string(keyword.name);
  }
  return base::MakeError(ErrorCode::kInvalidArgument, "schema: " + at + " " + what, "keywords are " + names);
}

bool IsType(const Json& value) {
  return value.is_string() &&
         std::find(kTypes.begin(), kTypes.end(), value.get_ref<const std::string&>()) != kTypes.end();
}

bool AllStrings(const Json& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_string(); });
}

Status Check(const Json& schema, const std::string& at);

Status CheckEach(const Json& schemas, const std::string& at) {
  for (const auto& item : schemas.items()) TENURE_RETURN_IF_ERROR(Check(item.value(), at + "/" + item.key()));
  return {};
}

Status CheckKeyword(Rule rule, const Json& value, const std::string& at) {
  switch (rule) {
    case Rule::kNote:
    case Rule::kAny:
      return {};
    case Rule::kType:
      if (IsType(value)) return {};
      if (value.is_array() && !value.empty() && std::all_of(value.begin(), value.end(), IsType)) return {};
      return BadSchema(at, "is no type (null, boolean, object, array, number, string or integer)");
    case Rule::kValues:
      if (value.is_array() && !value.empty()) return {};
      return BadSchema(at, "must be an array with at least one value");
    case Rule::kCount:
      if (value.is_number_unsigned()) return {};
      return BadSchema(at, "must be a whole number, 0 or above");
    case Rule::kNumber:
      if (value.is_number()) return {};
      return BadSchema(at, "must be a number");
    case Rule::kFlag:
      if (value.is_boolean()) return {};
      return BadSchema(at, "must be true or false");
    case Rule::kNames:
      if (AllStrings(value)) return {};
      return BadSchema(at, "must be an array of strings");
    case Rule::kSchema:
      return Check(value, at);
    case Rule::kSchemas:
      if (!value.is_array() || value.empty()) return BadSchema(at, "must be an array with at least one schema");
      return CheckEach(value, at);
    case Rule::kMembers:
      if (!value.is_object()) return BadSchema(at, "must be an object of schemas");
      return CheckEach(value, at);
  }
  return {};
}

Status Check(const Json& schema, const std::string& at) {
  if (schema.is_boolean()) return {};
  if (!schema.is_object()) return BadSchema(at, "must be an object, true or false");
  for (const auto& item : schema.items()) {
    const auto known = std::find_if(kKeywords.begin(), kKeywords.end(),
                                    [&](const Keyword& keyword) { return keyword.name == item.key(); });
    if (known == kKeywords.end())
      return BadSchema(at, "has the keyword " + model::QuoteJson(item.key()) + ", which is not checked");
    TENURE_RETURN_IF_ERROR(CheckKeyword(known->rule, item.value(), at + "/" + item.key()));
  }
  return {};
}

/// By value: 1 and 1.0 are the same number to JSON Schema.
bool Equal(const Json& a, const Json& b) { return a == b; }

bool IsInteger(const Json& v) {
  if (v.is_number_integer()) return true;
  if (!v.is_number_float()) return false;
  const double d = v.get<double>();
  constexpr double kWhole = 9007199254740992.0;  // beyond it every double is whole
  return d >= kWhole || d <= -kWhole || d == static_cast<double>(static_cast<std::int64_t>(d));
}

bool HasType(const Json& v, const Json& type) {
  const std::string& name = type.get_ref<const std::string&>();
  if (name == "integer") return IsInteger(v);
  return name == v.type_name();
}

std::size_t Characters(const std::string& text) {
  std::size_t count = 0;
  for (std::size_t pos = 0; pos < text.size(); ++count) model::NextCharacter(text, pos);
  return count;
}

/// Writes numbers that are the same to JSON Schema alike: 1.0 as 1.
void UnifyNumbers(Json& value) {
  constexpr double kExact = 9007199254740992.0;  // up to here an integer and its double stand for each other
  if (value.is_number_float()) {
    const double d = value.get<double>();
    if (d >= -kExact && d <= kExact && IsInteger(value)) value = static_cast<std::int64_t>(d);
  } else if (value.is_structured()) {
    for (Json& item : value) UnifyNumbers(item);
  }
}

bool AllDifferent(Json array) {
  UnifyNumbers(array);
  std::set<std::string> seen;
  return std::all_of(array.begin(), array.end(),
                     [&](const Json& item) { return seen.insert(model::CanonicalText(item)).second; });
}

std::string Short(const Json& value) {
  constexpr std::size_t kShownMax = 60;
  std::string text = model::CanonicalText(value);
  if (text.size() <= kShownMax) return text;
  // Whole characters: half a one is no text.
  std::size_t end = 0;
  for (std::size_t next = 0; next <= kShownMax; model::NextCharacter(text, next)) end = next;
  text.resize(end);
  text += "...";
  return text;
}

class Validation {
 public:
  /// Empty: valid.
  std::string Why(const Json& schema, const Json& v, const std::string& at) const {
    if (schema.is_boolean()) return schema.get<bool>() ? std::string() : at + " is not allowed";
    for (const auto& item : schema.items()) {
      std::string why = Keyword(schema, item.key(), item.value(), v, at);
      if (!why.empty()) return why;
    }
    return {};
  }

 private:
  std::string Keyword(const Json& schema, const std::string& name, const Json& rule, const Json& v,
                      const std::string& at) const {
    if (std::string why; Value(name, rule, v, at, why) || Number(name, rule, v, at, why)) return why;
    if (std::string why; Combination(name, rule, v, at, why)) return why;
    if (v.is_string()) return Text(name, rule, v, at);
    if (v.is_array()) return Array(name, rule, v, at);
    if (v.is_object()) return Object(schema, name, rule, v, at);
    return {};
  }

  /// True: it was such a keyword.
  static bool Value(const std::string& name, const Json& rule, const Json& v, const std::string& at, std::string& why) {
    if (name == "type") {
      const bool fits = rule.is_string()
                            ? HasType(v, rule)
                            : std::any_of(rule.begin(), rule.end(), [&](const Json& type) { return HasType(v, type); });
      if (!fits) why = at + " must be of type " + Short(rule) + ", not " + v.type_name();
      return true;
    }
    if (name == "const") {
      if (!Equal(v, rule)) why = at + " must be " + Short(rule) + ", not " + Short(v);
      return true;
    }
    if (name == "enum") {
      const bool listed = std::any_of(rule.begin(), rule.end(), [&](const Json& value) { return Equal(v, value); });
      if (!listed) why = at + " must be one of " + Short(rule) + ", not " + Short(v);
      return true;
    }
    return false;
  }

  static bool Number(const std::string& name, const Json& rule, const Json& v, const std::string& at,
                     std::string& why) {
    const bool of_numbers =
        name == "minimum" || name == "maximum" || name == "exclusiveMinimum" || name == "exclusiveMaximum";
    if (!of_numbers || !v.is_number()) return of_numbers;
    const bool bad = name == "minimum"            ? v < rule
                     : name == "maximum"          ? v > rule
                     : name == "exclusiveMinimum" ? v <= rule
                                                  : v >= rule;
    if (bad) why = at + " is " + Short(v) + ", against " + name + " " + Short(rule);
    return true;
  }

  bool Combination(const std::string& name, const Json& rule, const Json& v, const std::string& at,
                   std::string& why) const {
    if (name == "not") {
      if (Why(rule, v, at).empty()) why = at + " is what \"not\" excludes";
      return true;
    }
    if (name != "allOf" && name != "anyOf" && name != "oneOf") return false;
    std::size_t valid = 0;
    std::string first;
    for (const Json& branch : rule) {
      std::string reason = Why(branch, v, at);
      if (reason.empty()) ++valid;
      if (first.empty()) first = std::move(reason);
    }
    if (name == "allOf" && valid < rule.size()) why = first;
    if (name == "anyOf" && valid == 0) why = at + " fits no schema of \"anyOf\": " + first;
    if (name == "oneOf" && valid == 0) why = at + " fits no schema of \"oneOf\": " + first;
    if (name == "oneOf" && valid > 1) why = at + " fits " + std::to_string(valid) + " schemas of \"oneOf\", not one";
    return true;
  }

  static std::string OutOfCount(const std::string& at, const char* what, std::size_t has, const char* name,
                                const Json& rule) {
    return at + " has " + std::to_string(has) + " " + what + ", against " + name + " " + Short(rule);
  }

  static std::string Text(const std::string& name, const Json& rule, const Json& v, const std::string& at) {
    if (name != "minLength" && name != "maxLength") return {};
    const std::size_t length = Characters(v.get_ref<const std::string&>());
    if (name == "minLength" && length < rule) return OutOfCount(at, "characters", length, "minLength", rule);
    if (name == "maxLength" && length > rule) return OutOfCount(at, "characters", length, "maxLength", rule);
    return {};
  }

  std::string Array(const std::string& name, const Json& rule, const Json& v, const std::string& at) const {
    if (name == "minItems" && v.size() < rule) return OutOfCount(at, "items", v.size(), "minItems", rule);
    if (name == "maxItems" && v.size() > rule) return OutOfCount(at, "items", v.size(), "maxItems", rule);
    if (name == "uniqueItems" && rule == true && !AllDifferent(v)) return at + " holds a value twice";
    if (name == "contains") {
      const bool found = std::any_of(v.begin(), v.end(), [&](const Json& item) { return Why(rule, item, at).empty(); });
      return found ? std::string() : at + " holds nothing of what it must contain";
    }
    if (name != "items") return {};
    for (std::size_t i = 0; i < v.size(); ++i) {
      std::string why = Why(rule, v[i], at + "[" + std::to_string(i) + "]");
      if (!why.empty()) return why;
    }
    return {};
  }

  std::string Object(const Json& schema, const std::string& name, const Json& rule, const Json& v,
                     const std::string& at) const {
    if (name == "minProperties" && v.size() < rule) return OutOfCount(at, "members", v.size(), "minProperties", rule);
    if (name == "maxProperties" && v.size() > rule) return OutOfCount(at, "members", v.size(), "maxProperties", rule);
    if (name == "required") {
      for (const Json& member : rule) {
        if (!v.contains(member.get_ref<const std::string&>())) return Inner(at, member) + " is missing";
      }
    }
    if (name != "properties" && name != "additionalProperties" && name != "propertyNames") return {};
    const Json* properties = schema.contains("properties") ? &schema.at("properties") : nullptr;
    for (const auto& member : v.items()) {
      std::string why;
      const bool named = properties != nullptr && properties->contains(member.key());
      if (name == "properties" && named) {
        why = Why(rule.at(member.key()), member.value(), Inner(at, member.key()));
      } else if (name == "additionalProperties" && !named) {
        why = Why(rule, member.value(), Inner(at, member.key()));
      } else if (name == "propertyNames") {
        why = Why(rule, Json(member.key()), "the name of " + Inner(at, member.key()));
      }
      if (!why.empty()) return why;
    }
    return {};
  }

  static std::string Inner(const std::string& at, const std::string& name) {
    const bool plain = !name.empty() && name.find_first_of(".\" ") == std::string::npos;
    return at + "." + (plain ? name : model::QuoteJson(name));
  }
  static std::string Inner(const std::string& at, const Json& name) {
    return Inner(at, name.get_ref<const std::string&>());
  }
};

}  // namespace

struct Schema::Tree {
  Json root;
};

Result<Schema> Schema::Compile(std::string_view text) {
  auto tree = std::make_shared<Tree>();
  TENURE_ASSIGN(tree->root, model::ParseJson(text, model::kJsonDepthMax));
  TENURE_RETURN_IF_ERROR(Check(tree->root, "$"));
  return Schema(std::move(tree));
}

std::string Schema::WhyNot(std::string_view value) const {
  // An entry may hold annotations at their depth limit.
  const auto tree = model::ParseJson(value, model::kJsonDepthMax + 1);
  if (!tree.ok()) return "$ cannot be read: " + tree.error().message;
  return Validation().Why(tree_->root, *tree, "$");
}

std::string Schema::WhyNot(const ArtifactEntry& entry) const { return WhyNot(model::ExportEntryJson(entry)); }

}  // namespace tenure::conflict
