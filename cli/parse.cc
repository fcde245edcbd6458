#include "cli/parse.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "store/base/error.h"
#include "store/model/json.h"
#include "store/model/reference.h"
#include "store/model/validate.h"

namespace tenure::cli {
namespace {

Error Invalid(std::string message, std::string hint = {}) {
  return base::MakeError(ErrorCode::kInvalidArgument, std::move(message), std::move(hint));
}

bool AllDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// A member of the object that --set options build: the text of a value, or more members.
struct Node {
  std::optional<std::string> json;
  std::map<std::string, std::unique_ptr<Node>> members;
};

Error BadPath(const std::string& assignment, const std::string& why) {
  return Invalid("--set '" + assignment + "': " + why,
                 "write --set name=value, --set outer.inner=value, or --set '\"dotted.name\"=value'");
}

/// Behind the JSON string literal that begins at `pos`; npos when it does not end.
std::size_t SkipQuoted(std::string_view text, std::size_t pos) {
  for (++pos; pos < text.size(); ++pos) {
    if (text[pos] == '\\') {
      ++pos;
    } else if (text[pos] == '"') {
      return pos + 1;
    }
  }
  return std::string_view::npos;
}

/// Member names up to the '=', which is left at `pos`: the syntax of --where.
Result<std::vector<std::string>> TakePath(const std::string& assignment, std::size_t& pos) {
  std::vector<std::string> path;
  for (pos = 0;; ++pos) {
    std::string name;
    if (pos < assignment.size() && assignment[pos] == '"') {
      const std::size_t end = SkipQuoted(assignment, pos);
      if (end == std::string::npos) return BadPath(assignment, "the quoted name does not end");
      const auto parsed = nlohmann::json::parse(assignment.substr(pos, end - pos), nullptr, false);
      if (!parsed.is_string()) return BadPath(assignment, "the quoted name is not a JSON string");
      name = parsed.get<std::string>();
      pos = end;
    } else {
      const std::size_t end = std::min(assignment.find_first_of(".=", pos), assignment.size());
      name = assignment.substr(pos, end - pos);
      pos = end;
    }
    if (name.empty()) return BadPath(assignment, "a member name is empty");
    // Members are written, and given back, by recursion; the store takes no deeper nesting anyway.
    if (path.size() == model::kJsonDepthMax) {
      return BadPath(assignment.substr(0, 80),
                     "more than " + std::to_string(model::kJsonDepthMax) + " levels of members");
    }
    path.push_back(std::move(name));
    if (pos >= assignment.size()) return BadPath(assignment, "there is no '='");
    if (assignment[pos] == '=') return path;
    if (assignment[pos] != '.') return BadPath(assignment, "a quoted name is followed by '.' or '='");
  }
}

void Render(const Node& node, std::string& out) {
  if (node.json) {
    out += *node.json;
    return;
  }
  out += '{';
  bool first = true;
  for (const auto& [name, member] : node.members) {
    if (!first) out += ',';
    first = false;
    out += model::QuoteJson(name) + ':';
    Render(*member, out);
  }
  out += '}';
}

Status Assign(Node& root, const std::string& assignment) {
  std::size_t equals = 0;
  TENURE_ASSIGN(const std::vector<std::string> path, TakePath(assignment, equals));
  Node* node = &root;
  for (const std::string& part : path) {
    if (node->json) return Invalid("--set '" + assignment + "': a part of this path is set to a value already");
    std::unique_ptr<Node>& next = node->members[part];
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  if (node->json || !node->members.empty()) return Invalid("--set '" + assignment + "': this path is set already");
  const std::string value = assignment.substr(equals + 1);
  node->json = nlohmann::json::accept(value) ? value : model::QuoteJson(value);
  return {};
}

}  // namespace

Result<std::uint64_t> ParseCount(std::string_view text, const std::string& what) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    return Invalid(what + ": '" + std::string(text) + "' is larger than 18446744073709551615");
  }
  if (error != std::errc() || end != text.data() + text.size()) {
    return Invalid(what + ": '" + std::string(text) + "' is not a whole number without sign");
  }
  return value;
}

Result<At> ParseAt(const std::string& text, const std::string& what) {
  At at;
  if (AllDigits(text)) {
    TENURE_ASSIGN(at.lsn, ParseCount(text, what));
    return at;
  }
  auto time = model::ParseTime(text);
  if (!time.ok()) {
    return Invalid(what + ": '" + text + "' is neither an LSN nor a time: " + time.error().message,
                   "give an LSN (digits only) or a time such as 2026-01-02T03:04:05Z or 2026-01-02T03:04:05+01:00");
  }
  at.time_ms = *time;
  return at;
}

Result<ConflictStrategy> ParseStrategy(const std::string& name) {
  if (const auto strategy = StrategyOf(name)) return *strategy;
  return base::MakeError(ErrorCode::kInvalidArgument, "there is no conflict strategy '" + name + "'",
                         "strategies are reject, last-writer-wins, first-writer-wins, merge, merge-or-park and park");
}

Result<Key> ParseKey(const std::string& ref, const char* command) {
  TENURE_ASSIGN(const model::Reference parsed, model::ParseReference(ref));
  if (parsed.kind != model::Reference::Kind::kVersion) {
    return Invalid("'" + ref + "' names no version, and '" + command + "' changes exactly one",
                   "write it as name:version");
  }
  return Key{parsed.name, parsed.rest};
}

Result<TagKey> ParseTagKey(const std::string& ref, const char* command) {
  TENURE_ASSIGN(const model::Reference parsed, model::ParseReference(ref));
  if (parsed.kind != model::Reference::Kind::kTag) {
    return Invalid("'" + ref + "' names no tag, and '" + command + "' needs one", "write it as name@tag");
  }
  return TagKey{parsed.name, parsed.rest};
}

std::string EscapeGlob(std::string_view text) {
  std::string glob;
  for (const char c : text) {
    if (c == '*' || c == '?' || c == '[') {
      glob += '[';
      glob += c;
      glob += ']';
    } else {
      glob += c;
    }
  }
  return glob;
}

Result<std::string> AnnotationsOf(const std::vector<std::string>& assignments) {
  if (assignments.empty()) return std::string("{}");
  Node root;
  for (const std::string& assignment : assignments) TENURE_RETURN_IF_ERROR(Assign(root, assignment));
  std::string json;
  Render(root, json);
  return json;
}

}  // namespace tenure::cli
