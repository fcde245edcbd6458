// Three-way merge of JSON objects. A rule per member, from what each side made of the base's value ("changed"
// includes added and removed):
//
//   ours      theirs    result
//   as base   any       theirs
//   any       as base   ours
//   equal     equal     that
//   object    object    merged member by member, when the base had an object too, or nothing
//   else                a clash: the base stays, and the path is told
//
// Arrays are values: what an index in the middle of one means, nobody can tell.
#include <set>
#include <string>

#include "store/model/json.h"
#include "store/model/json_tree.h"
#include "store/model/refusal.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

const Json* Find(const Json& object, const std::string& name) {
  const auto at = object.find(name);
  return at == object.end() ? nullptr : &*at;
}

/// As text: 1 and 1.0 are equal to the library, and different to whoever wrote them.
bool Same(const Json* a, const Json* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return CanonicalText(*a) == CanonicalText(*b);
}

std::string PathOf(const std::string& outer, const std::string& name) {
  const bool plain = !name.empty() && name.find_first_of(".\"= ") == std::string::npos;
  return (outer.empty() ? "" : outer + ".") + (plain ? name : QuoteJson(name));
}

class Merger {
 public:
  explicit Merger(std::vector<std::string>& clashes) : clashes_(clashes) {}

  Json Merge(const Json& base, const Json& ours, const Json& theirs, const std::string& path) {
    std::set<std::string> names;
    for (const Json* side : {&base, &ours, &theirs}) {
      for (const auto& member : side->items()) names.insert(member.key());
    }
    Json merged = Json::object();
    for (const std::string& name : names) {
      MergeMember(Find(base, name), Find(ours, name), Find(theirs, name), PathOf(path, name), merged, name);
    }
    return merged;
  }

 private:
  void MergeMember(const Json* base, const Json* ours, const Json* theirs, const std::string& path, Json& into,
                   const std::string& name) {
    const Json* winner = base;
    if (Same(ours, theirs) || Same(theirs, base)) {
      winner = ours;
    } else if (Same(ours, base)) {
      winner = theirs;
    } else if (ours != nullptr && theirs != nullptr && ours->is_object() && theirs->is_object() &&
               (base == nullptr || base->is_object())) {
      static const Json& nothing = *new Json(Json::object());
      into[name] = Merge(base == nullptr ? nothing : *base, *ours, *theirs, path);
      return;
    } else {
      clashes_.push_back(path);
    }
    if (winner != nullptr) into[name] = *winner;
  }

  std::vector<std::string>& clashes_;
};

}  // namespace

Result<std::string> MergeObjects(std::string_view base, std::string_view ours, std::string_view theirs,
                                 std::vector<std::string>& clashes) {
  TENURE_ASSIGN(const Json base_tree, ParseJson(base, kJsonDepthMax));
  TENURE_ASSIGN(const Json ours_tree, ParseJson(ours, kJsonDepthMax));
  TENURE_ASSIGN(const Json theirs_tree, ParseJson(theirs, kJsonDepthMax));
  for (const Json* side : {&base_tree, &ours_tree, &theirs_tree}) {
    if (!side->is_object()) return Invalid(std::string("a JSON object is needed, not ") + side->type_name());
  }
  return CanonicalText(Merger(clashes).Merge(base_tree, ours_tree, theirs_tree, {}));
}

}  // namespace tenure::model
