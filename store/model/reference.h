// References: name, name:version, name@tag, name@sha256:<hex>. The separator is the first ':' or the
// first '@' that does not begin a segment. And globs: '*', '?', '[…]' within a segment, '**' across.
#pragma once

#include <string>
#include <string_view>

#include <cstdint>
#include <vector>

#include "tenure/result.h"
#include "tenure/types.h"

namespace tenure::model {

struct Reference {
  enum class Kind : std::uint8_t { kName, kVersion, kTag, kDigest };
  Kind kind = Kind::kName;
  std::string name;
  std::string rest;  ///< Version, tag or digest.
};
/// Fails with kInvalidArgument, naming the part and the rule.
Result<Reference> ParseReference(std::string_view text);

/// A compiled glob. It matches names, or "name:version" when it contains ':' outside brackets.
/// Matching is linear-time in practice: no exponential back-tracking on hostile patterns.
class Glob {
 public:
  static Result<Glob> Compile(std::string_view pattern);
  bool Matches(std::string_view name, std::string_view version) const;
  bool matches_versions() const { return with_version_; }
  /// The literal bytes before the first wildcard: every match's name (or key) begins with them.
  const std::string& literal_prefix() const { return prefix_; }

 private:
  std::string pattern_;
  std::string prefix_;
  bool with_version_ = false;
};

/// `annotations.<member>[.<member>…] = <json>` (also `digest`, `mediaType`, `size`, `writer`, `name`,
/// `version`); '=' or '!='. Fails with kInvalidArgument, naming the part.
class WhereClause {
 public:
  static Result<WhereClause> Parse(std::string_view text);
  bool Matches(const struct ::tenure::ArtifactEntry& entry) const;

 private:
  std::string field_;              // "annotations" or a plain field
  std::vector<std::string> path_;  // below annotations
  std::string value_json_;         // canonical JSON text
  bool negated_ = false;
};

}  // namespace tenure::model
