// References: name, name:version, name@tag, name@sha256:<hex>. The separator is the first ':' or the
// first '@' that does not begin a segment. And globs: '*', '?', '[…]' within a segment, '**' across.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
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

/// Longer patterns are refused: nothing that they could match is longer.
inline constexpr std::size_t kGlobBytesMax = 1024;

/// A compiled glob. It matches names, or "name:version" when it contains ':' outside brackets: the part
/// before the first such ':' is matched with the name, the rest with the version. Within a segment `*`
/// is any run, `?` one character, `[a-z]` and `[!a-z]` one character of a set; `**/` at the start of a
/// segment is any number of whole segments, none included; any other `**` is any run of bytes, '/'
/// included. A wildcard is taken literally in brackets: `[*]`. The empty pattern matches everything.
/// Matching takes time proportional to pattern x text, whatever the pattern.
class Glob {
 public:
  static Result<Glob> Compile(std::string_view pattern);
  bool Matches(std::string_view name, std::string_view version) const;
  bool matches_versions() const { return with_version_; }
  /// The literal bytes before the first wildcard: every match's name (or key) begins with them.
  const std::string& literal_prefix() const { return prefix_; }

 private:
  enum class Step : std::uint8_t {
    kLiteral,
    kAny,       // '?'
    kClass,     // '[...]'
    kStar,      // '*'
    kGlobStar,  // '**'
    kSkip,      // '**/', first half: goes on at once to kSegments, or past it
    kSegments,  // '**/', second half: anything up to a '/'
  };
  struct Range {
    char32_t low, high;
  };
  struct Token {
    Step step = Step::kLiteral;
    bool negated = false;
    char32_t literal = 0;
    std::vector<Range> ranges;
    bool Takes(char32_t c) const;
  };
  class Compiler;
  static bool MatchPart(const std::vector<Token>& tokens, std::string_view text);

  std::vector<Token> name_;
  std::vector<Token> version_;
  std::string prefix_;
  bool with_version_ = false;
};

/// `annotations.<member>[.<member>…] = <json>` (also `digest`, `mediaType`, `size`, `writer`, `name`,
/// `version`); '=' or '!='. Fails with kInvalidArgument, naming the part. A member whose name holds a '.'
/// is quoted: annotations."org.opencontainers.image.title". A value that is no JSON, such as a bare word,
/// is the string. '!=' is the opposite of '=': it matches entries without the member too.
class WhereClause {
 public:
  static Result<WhereClause> Parse(std::string_view text);
  bool Matches(const ArtifactEntry& entry) const;

 private:
  std::string field_;              // "annotations" or a plain field
  std::vector<std::string> path_;  // below annotations
  std::string value_json_;         // canonical JSON text
  bool negated_ = false;
};

}  // namespace tenure::model
