#include "tests/torture/dump.h"

#include <utility>

#include "store/model/json.h"

namespace tenure::torture {

Result<std::string> DumpStore(const Store& store) {
  ListOptions list;
  list.include_deleted = true;
  auto entries = store.List(list);
  if (!entries.ok()) return std::move(entries).error();
  std::string text;
  for (const ArtifactEntry& entry : *entries) {
    auto history = store.History(entry.name + ":" + entry.version);
    if (!history.ok()) return std::move(history).error();
    for (const ArtifactEntry& revision : *history) text += model::EntryJson(revision) + "\n";
  }
  ReadOptions all;
  all.include_deleted = true;
  auto tags = store.Tags({}, all);
  if (!tags.ok()) return std::move(tags).error();
  for (const TagEntry& tag : *tags) {
    auto history = store.TagHistory(tag.name, tag.tag);
    if (!history.ok()) return std::move(history).error();
    for (const TagEntry& revision : *history) text += model::TagJson(revision) + "\n";
  }
  return text;
}

}  // namespace tenure::torture
