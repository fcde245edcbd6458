// What a lease covers: one key, one tag, one name, a subtree of names, or everything.
//
//   name:version   that entry
//   name@tag       that tag
//   name           its versions and its tags, not name/x
//   p/**           everything below p, not p itself
//   **             everything
//
// Two scopes conflict when one contains the other; other overlaps do not exist. Pure values; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenure/result.h"

namespace tenure::lease {

class Scope {
 public:
  enum class Kind : std::uint8_t { kKey, kTag, kName, kSubtree, kEverything };

  /// kInvalidArgument for anything that is not one of the above, wildcards at other places included.
  static Result<Scope> Parse(std::string_view text);
  static Scope OfKey(std::string_view name, std::string_view version);
  static Scope OfTag(std::string_view name, std::string_view tag);

  Kind kind() const { return kind_; }
  /// For subtrees: what is in front of "/**".
  const std::string& name() const { return name_; }
  /// One scope has one text; Parse(text()) gives it back.
  const std::string& text() const { return text_; }
  bool Covers(const Scope& other) const;

  friend bool operator==(const Scope& a, const Scope& b) { return a.text_ == b.text_; }

 private:
  Scope(Kind kind, std::string_view name, std::string text) : kind_(kind), name_(name), text_(std::move(text)) {}
  Kind kind_;
  std::string name_;
  std::string text_;
};

bool Conflict(const Scope& a, const Scope& b);
bool Conflict(std::span<const Scope> a, std::span<const Scope> b);

/// Parses all; refuses none at all, too many, too long ones, and scopes that conflict with each other: a lease of
/// both says the same as one of the larger.
Result<std::vector<Scope>> ParseScopes(const std::vector<std::string>& texts);

}  // namespace tenure::lease
