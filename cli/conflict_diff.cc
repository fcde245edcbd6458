#include "cli/conflict_diff.h"

#include <map>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "store/model/json.h"

namespace tenure::cli {
namespace {

using Fields = std::map<std::string, std::string>;

std::string PathOf(const std::string& outer, const std::string& name) {
  const bool plain = !name.empty() && name.find_first_of(".\"= ") == std::string::npos;
  return outer + "." + (plain ? name : model::QuoteJson(name));
}

/// Members of objects, as deep as they go; everything else is a value.
void Flatten(const nlohmann::json& value, const std::string& path, Fields& fields) {
  if (!value.is_object() || value.empty()) {
    fields[path] = value.dump();
    return;
  }
  for (const auto& member : value.items()) Flatten(member.value(), PathOf(path, member.key()), fields);
}

Fields FieldsOf(const std::optional<ArtifactEntry>& entry) {
  Fields fields;
  if (!entry || entry->deleted) return fields;
  if (!entry->digest.empty()) fields["digest"] = model::QuoteJson(entry->digest);
  if (entry->size) fields["size"] = std::to_string(*entry->size);
  if (!entry->media_type.empty()) fields["mediaType"] = model::QuoteJson(entry->media_type);
  if (!entry->urls.empty()) fields["urls"] = nlohmann::json(entry->urls).dump();
  const auto annotations = nlohmann::json::parse(entry->annotations, nullptr, false);
  if (annotations.is_object() && !annotations.empty()) Flatten(annotations, "annotations", fields);
  return fields;
}

Fields FieldsOf(const std::optional<TagEntry>& tag) {
  Fields fields;
  if (tag && !tag->deleted) fields["version"] = model::QuoteJson(tag->version);
  return fields;
}

template <typename Row>
bool IsLive(const std::optional<Row>& row) {
  return row && !row->deleted;
}

/// Missing rows, and deleted ones, differ from present ones as a whole.
template <typename Row>
void AddPresence(const ConflictSides<Row>& sides, Fields& base, Fields& ours, Fields& theirs) {
  if (IsLive(sides.base) == IsLive(sides.ours) && IsLive(sides.ours) == IsLive(sides.theirs)) return;
  base["(entry)"] = IsLive(sides.base) ? "present" : "absent";
  ours["(entry)"] = IsLive(sides.ours) ? "present" : "absent";
  theirs["(entry)"] = IsLive(sides.theirs) ? "present" : "absent";
}

template <typename Row>
std::vector<SideDifference> Differences(const ConflictSides<Row>& sides) {
  Fields base = FieldsOf(sides.base);
  Fields ours = FieldsOf(sides.ours);
  Fields theirs = FieldsOf(sides.theirs);
  AddPresence(sides, base, ours, theirs);
  std::set<std::string> paths;
  for (const Fields* fields : {&base, &ours, &theirs}) {
    for (const auto& field : *fields) paths.insert(field.first);
  }
  std::vector<SideDifference> differences;
  for (const std::string& path : paths) {
    SideDifference d{path, base[path], ours[path], theirs[path], {}};
    if (d.base == d.ours && d.base == d.theirs) continue;
    d.changed_by = d.ours == d.theirs ? "same" : d.ours == d.base ? "theirs" : d.theirs == d.base ? "ours" : "both";
    differences.push_back(std::move(d));
  }
  return differences;
}

}  // namespace

std::vector<SideDifference> DifferencesOf(const ParkedConflict& conflict) {
  return conflict.of_tag ? Differences(conflict.tag) : Differences(conflict.entry);
}

}  // namespace tenure::cli
