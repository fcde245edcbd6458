// Canonical JSON: what CanonicalText writes. Most annotations arrive canonical already, or are
// "{}"; those are recognised by one pass over the text, without a tree.
#include <string>

#include "store/model/json_tree.h"
#include "store/model/refusal.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

// Accepts a subset of the canonical texts. Everything it is unsure of (escapes, fractions, exponents,
// integers of 19 digits and more, nesting beyond kDepthMax) it leaves to the tree, which decides.
class CanonicalScan {
 public:
  explicit CanonicalScan(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool WholeObject() { return Object(1) && at_ == end_ && (!beyond_ascii_ || IsValidUtf8({start_, Length()})); }

 private:
  static constexpr int kDepthMax = 16;

  std::size_t Length() const { return static_cast<std::size_t>(end_ - start_); }
  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (static_cast<std::size_t>(end_ - at_) < word.size() || std::string_view(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  bool Object(int depth) {
    if (depth > kDepthMax || !Take('{')) return false;
    if (Take('}')) return true;
    std::string_view previous;
    bool first = true;
    do {
      std::string_view key;
      if (!String(key)) return false;
      // Strictly ascending bytewise is both "sorted" and "no duplicates": no escapes, so text is value.
      if (!first && !(previous < key)) return false;
      first = false;
      previous = key;
      if (!Take(':') || !Value(depth)) return false;
    } while (Take(','));
    return Take('}');
  }
  bool Array(int depth) {
    if (depth > kDepthMax || !Take('[')) return false;
    if (Take(']')) return true;
    do {
      if (!Value(depth)) return false;
    } while (Take(','));
    return Take(']');
  }
  bool Value(int depth) {
    if (at_ == end_) return false;
    std::string_view ignored;
    switch (*at_) {
      case '"':
        return String(ignored);
      case '{':
        return Object(depth + 1);
      case '[':
        return Array(depth + 1);
      case 't':
        return TakeWord("true");
      case 'f':
        return TakeWord("false");
      case 'n':
        return TakeWord("null");
      default:
        return Integer();
    }
  }
  bool String(std::string_view& content) {
    if (!Take('"')) return false;
    const char* begin = at_;
    for (; at_ != end_; ++at_) {
      const unsigned char c = static_cast<unsigned char>(*at_);
      if (c == '"') {
        content = {begin, static_cast<std::size_t>(at_ - begin)};
        ++at_;
        return true;
      }
      if (c == '\\' || c < 0x20) return false;
      beyond_ascii_ = beyond_ascii_ || c >= 0x80;
    }
    return false;
  }
  bool Integer() {
    const bool negative = Take('-');
    const char* begin = at_;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    const auto digits = at_ - begin;
    if (digits == 0 || digits > 18) return false;
    if (*begin == '0') return digits == 1 && !negative;  // "-0" is written "0"
    return true;  // what follows must be ',', '}' or ']': a fraction or exponent ends the scan there
  }

  const char* at_;
  const char* end_;
  const char* start_ = at_;
  bool beyond_ascii_ = false;
};

Result<std::string> CheckedSize(std::string text) {
  if (text.size() > kEntryBytesMax) return TooLarge("the JSON object", text.size(), kEntryBytesMax);
  return text;
}

Result<Json> ParseObject(std::string_view json) {
  auto tree = ParseJson(json, kJsonDepthMax);
  if (tree.ok() && !tree->is_object()) {
    return Invalid(std::string("a JSON object is needed, not ") + tree->type_name() + " " + Shown(json));
  }
  return tree;
}

}  // namespace

bool IsPlainCanonicalObject(std::string_view json) { return CanonicalScan(json).WholeObject(); }

Result<std::string> CanonicalObjectByTree(std::string_view json) {
  TENURE_ASSIGN(const Json tree, ParseObject(json));
  return CheckedSize(CanonicalText(tree));
}

Result<std::string> CanonicalObject(std::string_view json) {
  if (IsPlainCanonicalObject(json)) return CheckedSize(std::string(json));
  return CanonicalObjectByTree(json);
}

Result<std::string> MergePatch(std::string_view object, std::string_view patch) {
  TENURE_ASSIGN(Json target, ParseObject(object));
  TENURE_ASSIGN(const Json change, ParseObject(patch));
  target.merge_patch(change);
  return CheckedSize(CanonicalText(target));
}

}  // namespace tenure::model
