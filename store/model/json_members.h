// Reading the members of one JSON object by a table: a name, and what takes its value. Unknown members
// and wrong types are refused by name (duplicates already were, by ParseJson). Private to this room.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/model/json_tree.h"
#include "tenure/result.h"
#include "tenure/types.h"

namespace tenure::model {

struct Member {
  std::string_view name;
  bool required = false;
  std::function<Status(const Json&)> take;
};

/// `where` begins each message, such as "operation \"put\"".
Status ReadMembers(const Json& object, std::span<const Member> members, const std::string& where);

/// A JSON object from a line of text; one level deeper than annotations may be.
Result<Json> ParseLine(std::string_view line);

// Takers. Each borrows its target until ReadMembers returns.
std::function<Status(const Json&)> TakeText(std::string& to);
std::function<Status(const Json&)> TakeText(std::optional<std::string>& to);
std::function<Status(const Json&)> TakeTexts(std::vector<std::string>& to);
std::function<Status(const Json&)> TakeNumber(std::uint64_t& to);
std::function<Status(const Json&)> TakeNumber(std::optional<std::uint64_t>& to);
std::function<Status(const Json&)> TakeBool(bool& to);
std::function<Status(const Json&)> TakeTime(TimeMs& to);
/// An object, as canonical text.
std::function<Status(const Json&)> TakeObject(std::string& to);

}  // namespace tenure::model
