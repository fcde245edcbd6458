// Small values of the command line: numbers, points of the past, keys, key=value pairs. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tenure/conflict.h"
#include "tenure/options.h"
#include "tenure/result.h"

namespace tenure::cli {

/// A whole number without sign, or kInvalidArgument naming `what`.
Result<std::uint64_t> ParseCount(std::string_view text, const std::string& what);

/// `--at`: all digits is an LSN, everything else an RFC 3339 time with an offset. `what` is for the message.
Result<At> ParseAt(const std::string& text, const std::string& what);

/// The strategy of that name.
Result<ConflictStrategy> ParseStrategy(const std::string& name);

/// "name:version", split; kInvalidArgument for every other kind of reference.
struct Key {
  std::string name;
  std::string version;
};
Result<Key> ParseKey(const std::string& ref, const char* command);

/// "name@tag", split.
struct TagKey {
  std::string name;
  std::string tag;
};
Result<TagKey> ParseTagKey(const std::string& ref, const char* command);

/// A glob that matches exactly `text`.
std::string EscapeGlob(std::string_view text);

/// The annotations that `--set path=value` options describe, as the text of a JSON object. A path is
/// member names separated by '.', those with a dot or '=' in them as JSON strings ("a.b".c); a value
/// that parses as JSON is taken as such, else as a string. Setting a path twice, or below something that
/// is set itself, is kInvalidArgument.
Result<std::string> AnnotationsOf(const std::vector<std::string>& assignments);

}  // namespace tenure::cli
