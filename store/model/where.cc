// The WHERE clause of listings: one comparison of one field with one JSON value.
#include <algorithm>
#include <string>

#include "store/model/json.h"
#include "store/model/json_tree.h"
#include "store/model/reference.h"
#include "store/model/refusal.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

constexpr const char* kHint = "write it as 'annotations.team = \"core\"' or 'mediaType != \"text/plain\"'";
constexpr std::string_view kSpace = " \t\r\n";

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
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

/// The '=' outside quotes, or npos.
std::size_t FindEquals(std::string_view text) {
  for (std::size_t pos = 0; pos < text.size();) {
    if (text[pos] == '=') return pos;
    if (text[pos] != '"') {
      ++pos;
    } else if (pos = SkipQuoted(text, pos); pos == std::string_view::npos) {
      break;
    }
  }
  return std::string_view::npos;
}

Result<std::string> Unquote(std::string_view literal) {
  auto value = ParseJson(literal, 0);
  if (!value.ok() || !value->is_string()) return Invalid("where: " + Shown(literal) + " is not a quoted name", kHint);
  return value->get<std::string>();
}

/// "a.b", "\"dotted.name\".b": members separated by '.', a quoted one is taken whole.
Result<std::vector<std::string>> SplitPath(std::string_view text) {
  std::vector<std::string> path;
  std::size_t pos = 0;
  for (;;) {
    if (pos < text.size() && text[pos] == '"') {
      const std::size_t end = SkipQuoted(text, pos);
      if (end == std::string_view::npos) return Invalid("where: a quoted name in " + Shown(text) + " does not end");
      TENURE_ASSIGN(std::string member, Unquote(text.substr(pos, end - pos)));
      path.push_back(std::move(member));
      pos = end;
    } else {
      const std::size_t end = std::min(text.find('.', pos), text.size());
      if (end == pos) return Invalid("where: an empty member name in " + Shown(text), kHint);
      path.emplace_back(text.substr(pos, end - pos));
      pos = end;
    }
    if (pos == text.size()) return path;
    if (text[pos] != '.') return Invalid("where: a '.' is needed behind a quoted name in " + Shown(text), kHint);
    ++pos;
  }
}

/// JSON as it stands; a bare word that is no JSON means the string, so that k = v needs no quotes.
Result<std::string> ValueOf(std::string_view text) {
  if (auto value = ParseJson(text, kJsonDepthMax); value.ok()) return CanonicalText(*value);
  const char first = text.front();
  if (first == '"' || first == '{' || first == '[') {
    return Invalid("where: value " + Shown(text) + " is not valid JSON", kHint);
  }
  if (!IsValidUtf8(text)) return Invalid("where: value " + Shown(text) + " is not valid UTF-8");
  return QuoteJson(text);
}

/// The value of a string field: a JSON string, or anything else as it stands ("version = 1.2").
Result<std::string> StringValueOf(std::string_view text) {
  if (text.front() == '"') return ValueOf(text);
  if (!IsValidUtf8(text)) return Invalid("where: value " + Shown(text) + " is not valid UTF-8");
  return QuoteJson(text);
}

bool SameJson(const Json& value, const std::string& canonical) {
  // 1 and 1.0 are the same number in two spellings.
  if (value.is_number()) {
    auto other = ParseJson(canonical, 0);
    return other.ok() && other->is_number() && *other == value;
  }
  return CanonicalText(value) == canonical;
}

bool AnnotationMatches(const std::string& annotations, const std::vector<std::string>& path,
                       const std::string& canonical) {
  // A canonical text holds the quoted first member, or the member is not there: no tree for those.
  if (annotations.find(QuoteJson(path.front())) == std::string::npos) return false;
  auto tree = ParseJson(annotations, kJsonDepthMax);
  if (!tree.ok()) return false;
  const Json* at = &tree.value();
  for (const std::string& member : path) {
    if (!at->is_object()) return false;
    const auto found = at->find(member);
    if (found == at->end()) return false;
    at = &*found;
  }
  return SameJson(*at, canonical);
}

/// The plain string field named `field`, or nullptr.
const std::string* StringField(const ArtifactEntry& entry, std::string_view field) {
  if (field == "digest") return &entry.digest;
  if (field == "mediaType") return &entry.media_type;
  if (field == "writer") return &entry.writer;
  if (field == "name") return &entry.name;
  if (field == "version") return &entry.version;
  return nullptr;
}

}  // namespace

Result<WhereClause> WhereClause::Parse(std::string_view text) {
  WhereClause where;
  const std::size_t equals = FindEquals(text);
  if (equals == std::string_view::npos) return Invalid("where: " + Shown(text) + " has no '=' or '!='", kHint);
  where.negated_ = equals > 0 && text[equals - 1] == '!';
  const std::string_view left = Trim(text.substr(0, where.negated_ ? equals - 1 : equals));
  const std::string_view right = Trim(text.substr(equals + 1));
  if (!right.empty() && right.front() == '=') return Invalid("where: one '=' is enough in " + Shown(text), kHint);
  if (right.empty()) return Invalid("where: " + Shown(text) + " has no value", kHint);

  constexpr std::string_view kAnnotations = "annotations";
  if (left.substr(0, kAnnotations.size()) == kAnnotations && left.size() > kAnnotations.size() &&
      left[kAnnotations.size()] == '.') {
    where.field_ = kAnnotations;
    TENURE_ASSIGN(where.path_, SplitPath(left.substr(kAnnotations.size() + 1)));
    TENURE_ASSIGN(where.value_json_, ValueOf(right));
    return where;
  }
  where.field_ = left;
  if (left == "size") {
    TENURE_ASSIGN(where.value_json_, ValueOf(right));
    if (where.value_json_.find_first_not_of("0123456789") != std::string::npos && where.value_json_ != "null") {
      return Invalid("where: size is compared with a whole number or null, not " + Shown(right), kHint);
    }
    return where;
  }
  if (StringField(ArtifactEntry{}, left) == nullptr) {
    return Invalid("where: unknown field " + Shown(left),
                   "fields are annotations.<member>, digest, mediaType, size, writer, name and version");
  }
  TENURE_ASSIGN(where.value_json_, StringValueOf(right));
  return where;
}

bool WhereClause::Matches(const ArtifactEntry& entry) const {
  bool equal = false;
  if (!path_.empty()) {
    equal = AnnotationMatches(entry.annotations, path_, value_json_);
  } else if (field_ == "size") {
    equal = value_json_ == (entry.size ? std::to_string(*entry.size) : "null");
  } else if (const std::string* text = StringField(entry, field_)) {
    equal = QuoteJson(*text) == value_json_;
  }
  return equal != negated_;
}

}  // namespace tenure::model
