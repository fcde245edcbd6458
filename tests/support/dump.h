// Everything that a user can read of a store, as text: two stores with equal dumps hold the same.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "store/model/json.h"
#include "tenure/store.h"

namespace tenure::testing {

/// Entries and tombstones with all fields, their histories, tags and tag histories, policies and parked conflicts; as
/// of `at` only the live rows.
inline std::string Dump(const Store& store, std::optional<Lsn> at = std::nullopt) {
  std::string text;
  ListOptions list;
  list.include_deleted = !at;
  if (at) list.read.at = At{*at, std::nullopt};
  const auto entries = store.List(list);
  EXPECT_TRUE(entries.ok()) << (entries.ok() ? "" : entries.error().message);
  if (!entries.ok()) return "";
  for (const ArtifactEntry& entry : *entries) {
    if (at) {
      text += model::EntryJson(entry) + "\n";
      continue;
    }
    const auto history = store.History(entry.name + ":" + entry.version);
    EXPECT_TRUE(history.ok());
    if (!history.ok()) continue;
    for (const ArtifactEntry& revision : *history) text += model::EntryJson(revision) + "\n";
  }
  ReadOptions read = list.read;
  read.include_deleted = !at;
  const auto tags = store.Tags("", read);
  EXPECT_TRUE(tags.ok());
  if (!tags.ok()) return text;
  for (const TagEntry& tag : *tags) text += model::TagJson(tag) + "\n";
  if (at) return text;
  const auto policies = store.Policies();
  const auto conflicts = store.Conflicts();
  EXPECT_TRUE(policies.ok() && conflicts.ok());
  if (!policies.ok() || !conflicts.ok()) return text;
  for (const Policy& policy : *policies) text += model::PolicyJson(policy) + "\n";
  for (const ParkedConflict& conflict : *conflicts) text += model::ConflictJson(conflict) + "\n";
  return text;
}

}  // namespace tenure::testing
