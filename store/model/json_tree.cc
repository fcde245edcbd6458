#include "store/model/json_tree.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "store/model/refusal.h"

namespace tenure::model {
namespace {

/// The library's message without its error number and position, which mean nothing to a reader here.
std::string Reason(const std::string& what) {
  const std::size_t dash = what.find(" - ");
  std::string reason = dash == std::string::npos ? what : what.substr(dash + 3);
  // "last read" repeats input of any length; what follows it may still be worth keeping. But the input can look like
  // what would follow, and need not be UTF-8: only what is as short and plain as the library's own words is taken.
  if (const std::size_t last = reason.find("; last read: "); last != std::string::npos) {
    constexpr std::size_t kExpectedBytesMax = 60;
    const std::size_t expected = reason.rfind("; expected ");
    const bool after = expected != std::string::npos && expected > last;
    std::string words = after ? reason.substr(expected) : std::string();
    const auto plain = [](char c) { return c >= ' ' && c <= '~'; };
    if (words.size() > kExpectedBytesMax || !std::all_of(words.begin(), words.end(), plain)) words.clear();
    reason = reason.substr(0, last) + words;
  }
  return reason;
}

/// Builds the tree from the parser's events and refuses what the header says. Returning false from an
/// event ends the parsing.
class TreeBuilder {
 public:
  TreeBuilder(Json& root, std::size_t depth_max) : root_(root), depth_max_(depth_max) {}

  bool null() { return Value(Json(nullptr)); }
  bool boolean(bool v) { return Value(Json(v)); }
  bool number_integer(Json::number_integer_t v) { return Value(Json(v)); }
  bool number_unsigned(Json::number_unsigned_t v) { return Value(Json(v)); }
  bool number_float(Json::number_float_t v, const std::string& token) {
    if (token.find_first_of(".eE") == std::string::npos) {
      return Refuse(Here() + " is an integer beyond 64 bits: " + Shown(token), "write it as a string");
    }
    const std::size_t mantissa_end = std::min(token.find_first_of("eE"), token.size());
    const bool zero_written = token.substr(0, mantissa_end).find_first_of("123456789") == std::string::npos;
    if (v == 0 && !zero_written) {
      return Refuse(Here() + " is too small for a double: " + Shown(token), "write it as a string");
    }
    return Value(Json(v));
  }
  bool string(std::string& v) { return Value(Json(std::move(v))); }
  bool binary(Json::binary_t&) { return Refuse(Here() + " is binary"); }

  bool start_object(std::size_t) { return Open(Json::object()); }
  bool start_array(std::size_t) { return Open(Json::array()); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }
  bool key(std::string& name) {
    Level& level = levels_.back();
    level.key = name;
    if (level.node->contains(name)) return Refuse("member " + Shown(Path()) + " appears twice");
    level.slot = &(*level.node)[std::move(name)];
    return true;
  }

  bool parse_error(std::size_t position, const std::string& token, const Json::exception& e) {
    constexpr int kOutOfRange = 406;
    if (e.id == kOutOfRange) return Refuse(Here() + " is a number beyond a double: " + Shown(token));
    return Refuse("not valid JSON at byte " + std::to_string(position) + ": " + Reason(e.what()));
  }

  Error TakeError() { return std::move(error_); }

 private:
  struct Level {
    Json* node;
    Json* slot = nullptr;  // of an object: where the value of `key` goes
    std::string key;
  };

  Json* Place(Json value) {
    if (levels_.empty()) return &(root_ = std::move(value));
    Level& level = levels_.back();
    if (level.node->is_array()) {
      level.node->push_back(std::move(value));
      return &level.node->back();
    }
    return &(*level.slot = std::move(value));
  }
  bool Value(Json value) { return Place(std::move(value)), true; }
  bool Open(Json value) {
    if (levels_.size() >= depth_max_) {
      return Refuse("nested deeper than " + std::to_string(depth_max_) + " levels", "see docs/limits.md");
    }
    // The pointers of outer levels stay valid: nothing is added to them while an inner one is open.
    Json* node = Place(std::move(value));
    levels_.push_back(Level{node, nullptr, {}});
    return true;
  }
  bool Close() { return levels_.pop_back(), true; }

  bool Refuse(std::string message, std::string hint = {}) {
    error_ = Invalid(std::move(message), std::move(hint));
    return false;
  }
  /// "a.b[2]", or empty at the top.
  std::string Path() const {
    std::string path;
    for (const Level& level : levels_) {
      if (level.node->is_array()) {
        // The innermost array does not hold the value in question yet; the outer ones hold theirs.
        const std::size_t held = &level == &levels_.back() ? 0 : 1;
        path += "[" + std::to_string(level.node->size() - held) + "]";
      } else {
        path += (path.empty() ? "" : ".") + level.key;
      }
    }
    return path;
  }
  std::string Here() const { return levels_.empty() ? std::string("the value") : "member " + Shown(Path()); }

  Json& root_;
  std::size_t depth_max_;
  std::vector<Level> levels_;
  Error error_;
};

}  // namespace

Result<Json> ParseJson(std::string_view text, std::size_t depth_max) {
  if (text.size() > kJsonTextBytesMax) return TooLarge("the JSON text", text.size(), kJsonTextBytesMax);
  // The library takes a NUL byte for the end of its input, and would not see what follows.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return Invalid("not valid JSON at byte " + std::to_string(nul + 1) + ": a NUL byte");
  }
  Json root;
  TreeBuilder builder(root, depth_max);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) return builder.TakeError();
  return root;
}

std::string CanonicalText(const Json& value) { return value.dump(); }

}  // namespace tenure::model
