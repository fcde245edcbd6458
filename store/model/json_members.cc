#include "store/model/json_members.h"

#include <algorithm>

#include "store/model/json.h"
#include "store/model/refusal.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

Error WrongType(const char* expected, const Json& value) {
  std::string got = value.type_name();
  if (value.is_number_float()) got = "a fraction";
  if (value.is_number_integer() && !value.is_number_unsigned()) got = "a negative number";
  return Invalid(std::string("expected ") + expected + ", got " + got);
}

std::string Names(std::span<const Member> members) {
  std::string names;
  for (const Member& member : members) names += (names.empty() ? "" : ", ") + std::string(member.name);
  return names;
}

}  // namespace

Status ReadMembers(const Json& object, std::span<const Member> members, const std::string& where) {
  for (const auto& item : object.items()) {
    const std::string& name = item.key();
    const auto member = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.name == name; });
    if (member == members.end()) {
      return Invalid(where + ": unknown member " + Shown(name), "members are " + Names(members));
    }
    if (Status status = member->take(item.value()); !status.ok()) {
      Error e = std::move(status).error();
      e.message = where + ": member " + Shown(name) + ": " + e.message;
      return e;
    }
  }
  for (const Member& member : members) {
    if (member.required && !object.contains(std::string(member.name))) {
      return Invalid(where + ": member " + Shown(member.name) + " is missing");
    }
  }
  return {};
}

Result<Json> ParseLine(std::string_view line) {
  // An operation may hold annotations at their depth limit; "tag" lines and the like are shallow.
  auto tree = ParseJson(line, kJsonDepthMax + 1);
  if (tree.ok() && !tree->is_object()) {
    return Invalid(std::string("a JSON object is needed, not ") + tree->type_name() + " " + Shown(line));
  }
  return tree;
}

std::function<Status(const Json&)> TakeText(std::string& to) {
  return [&to](const Json& value) -> Status {
    if (!value.is_string()) return WrongType("a string", value);
    to = value.get_ref<const std::string&>();
    return {};
  };
}

std::function<Status(const Json&)> TakeText(std::optional<std::string>& to) {
  return [&to](const Json& value) -> Status {
    if (!value.is_string()) return WrongType("a string", value);
    to = value.get_ref<const std::string&>();
    return {};
  };
}

std::function<Status(const Json&)> TakeTexts(std::vector<std::string>& to) {
  return [&to](const Json& value) -> Status {
    if (!value.is_array()) return WrongType("an array of strings", value);
    for (const Json& item : value) {
      if (!item.is_string()) return WrongType("an array of strings", item);
      to.push_back(item.get_ref<const std::string&>());
    }
    return {};
  };
}

std::function<Status(const Json&)> TakeNumber(std::uint64_t& to) {
  return [&to](const Json& value) -> Status {
    if (!value.is_number_unsigned()) return WrongType("a whole number, 0 or above", value);
    to = value.get<std::uint64_t>();
    return {};
  };
}

std::function<Status(const Json&)> TakeNumber(std::optional<std::uint64_t>& to) {
  return [&to](const Json& value) -> Status {
    if (!value.is_number_unsigned()) return WrongType("a whole number, 0 or above", value);
    to = value.get<std::uint64_t>();
    return {};
  };
}

std::function<Status(const Json&)> TakeBool(bool& to) {
  return [&to](const Json& value) -> Status {
    if (!value.is_boolean()) return WrongType("true or false", value);
    to = value.get<bool>();
    return {};
  };
}

std::function<Status(const Json&)> TakeTime(TimeMs& to) {
  return [&to](const Json& value) -> Status {
    if (!value.is_string()) return WrongType("a time as a string", value);
    TENURE_ASSIGN(to, ParseTime(value.get_ref<const std::string&>()));
    return {};
  };
}

std::function<Status(const Json&)> TakeObject(std::string& to) {
  return [&to](const Json& value) -> Status {
    if (!value.is_object()) return WrongType("an object", value);
    to = CanonicalText(value);
    return {};
  };
}

}  // namespace tenure::model
