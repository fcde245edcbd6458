#include "lease/scope.h"

#include <algorithm>

#include "store/base/error.h"
#include "store/model/lease.h"
#include "store/model/reference.h"
#include "store/model/refusal.h"
#include "store/model/validate.h"

namespace tenure::lease {
namespace {

constexpr std::string_view kEverything = "**";
constexpr std::string_view kBelow = "/**";
constexpr const char* kSyntax = "a scope is name:version, name@tag, name, prefix/** or **";

bool IsBelow(std::string_view name, std::string_view prefix) {
  return name.size() > prefix.size() + 1 && name.starts_with(prefix) && name[prefix.size()] == '/';
}

}  // namespace

Result<Scope> Scope::Parse(std::string_view text) {
  if (text == kEverything) return Scope(Kind::kEverything, {}, std::string(text));
  std::string_view rest = text;
  const bool subtree = text.ends_with(kBelow);
  if (subtree) rest.remove_suffix(kBelow.size());
  if (rest.find_first_of("*?[") != std::string_view::npos) {
    return model::Invalid("scope " + model::Shown(text) + " has a wildcard where none can be", kSyntax);
  }
  auto reference = model::ParseReference(rest);
  if (!reference.ok()) {
    return model::Invalid("scope " + model::Shown(text) + ": " + reference.error().message, kSyntax);
  }
  const std::string& name = reference->name;
  switch (reference->kind) {
    case model::Reference::Kind::kName:
      return Scope(subtree ? Kind::kSubtree : Kind::kName, name, std::string(text));
    case model::Reference::Kind::kVersion:
      if (!subtree) return OfKey(name, reference->rest);
      break;
    case model::Reference::Kind::kTag:
      if (!subtree) return OfTag(name, reference->rest);
      break;
    case model::Reference::Kind::kDigest:
      break;
  }
  return model::Invalid("scope " + model::Shown(text) + " names no part of the index", kSyntax);
}

Scope Scope::OfKey(std::string_view name, std::string_view version) {
  return Scope(Kind::kKey, name, std::string(name) + ':' + std::string(version));
}

Scope Scope::OfTag(std::string_view name, std::string_view tag) {
  return Scope(Kind::kTag, name, std::string(name) + '@' + std::string(tag));
}

bool Scope::Covers(const Scope& other) const {
  switch (kind_) {
    case Kind::kEverything:
      return true;
    case Kind::kSubtree:
      return other.kind_ != Kind::kEverything &&
             (IsBelow(other.name_, name_) || (other.kind_ == Kind::kSubtree && other.name_ == name_));
    case Kind::kName:
      return other.name_ == name_ && other.kind_ != Kind::kSubtree && other.kind_ != Kind::kEverything;
    case Kind::kKey:
    case Kind::kTag:
      return other.text_ == text_;
  }
  return false;
}

bool Conflict(const Scope& a, const Scope& b) { return a.Covers(b) || b.Covers(a); }

bool Conflict(std::span<const Scope> a, std::span<const Scope> b) {
  return std::any_of(a.begin(), a.end(), [&](const Scope& x) {
    return std::any_of(b.begin(), b.end(), [&](const Scope& y) { return Conflict(x, y); });
  });
}

Result<std::vector<Scope>> ParseScopes(const std::vector<std::string>& texts) {
  if (texts.empty()) return model::Invalid("no scope is given", kSyntax);
  if (texts.size() > model::kLeaseScopesMax) {
    return base::MakeError(
        ErrorCode::kTooLarge,
        std::to_string(texts.size()) + " scopes for one lease; the limit is " + std::to_string(model::kLeaseScopesMax),
        "lease a subtree (prefix/**), or take several leases");
  }
  std::vector<Scope> scopes;
  std::size_t bytes = 0;
  for (const std::string& text : texts) {
    TENURE_ASSIGN(Scope scope, Scope::Parse(text));
    for (const Scope& other : scopes) {
      if (!Conflict(scope, other)) continue;
      return model::Invalid("the scopes " + model::Shown(other.text()) + " and " + model::Shown(text) + " overlap",
                            "name the larger one only");
    }
    bytes += text.size();
    scopes.push_back(std::move(scope));
  }
  if (bytes > model::kLeaseScopeBytesMax) {
    return model::TooLarge("the scopes of one lease together", bytes, model::kLeaseScopeBytesMax);
  }
  return scopes;
}

}  // namespace tenure::lease
