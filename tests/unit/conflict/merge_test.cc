// Three-way merge: the table by hand, and its laws by random trees.
#include "conflict/merge.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <nlohmann/json.hpp>

#include "store/model/validate.h"

namespace tenure::conflict {
namespace {

using Json = nlohmann::json;

ArtifactEntry Entry(const std::string& annotations, const std::string& digest = "d") {
  ArtifactEntry entry;
  entry.name = "a";
  entry.version = "1";
  entry.digest = digest;
  entry.annotations = annotations;
  return entry;
}

ArtifactEntry Tombstone() {
  ArtifactEntry entry = Entry("{}", "");
  entry.deleted = true;
  return entry;
}

EntryMerge Merged(const ArtifactEntry* base, const ArtifactEntry& ours, const ArtifactEntry& theirs) {
  auto merge = MergeEntries(base, ours, theirs);
  EXPECT_TRUE(merge.ok()) << (merge.ok() ? "" : merge.error().message);
  return merge.ok() ? std::move(merge).value() : EntryMerge();
}

TEST(Merge, OneSidedChangesMeet) {
  const ArtifactEntry base = Entry(R"({"build":{"id":1,"os":"linux"},"team":"core"})");
  const ArtifactEntry ours = Entry(R"({"build":{"id":1,"os":"bsd"},"new":true,"team":"core"})");
  ArtifactEntry theirs = Entry(R"({"build":{"id":2,"os":"linux"}})", "e");
  theirs.urls = {"u"};
  const EntryMerge merge = Merged(&base, ours, theirs);
  EXPECT_EQ(merge.clashes, std::vector<std::string>());
  EXPECT_EQ(merge.merged.annotations, R"({"build":{"id":2,"os":"bsd"},"new":true})");
  EXPECT_EQ(merge.merged.digest, "e");
  EXPECT_EQ(merge.merged.urls, std::vector<std::string>{"u"});
}

TEST(Merge, ClashesAreNamedByPath) {
  const ArtifactEntry base = Entry(R"({"a":{"b":1,"x.y":1},"l":[1,2],"s":1})");
  ArtifactEntry ours = Entry(R"({"a":{"b":2,"x.y":2},"l":[1,2,3],"s":{"n":1}})", "o");
  ArtifactEntry theirs = Entry(R"({"a":{"b":3,"x.y":3},"l":[0,1,2],"s":{"m":1}})", "t");
  ours.urls = {"o"};
  theirs.urls = {"t"};
  const EntryMerge merge = Merged(&base, ours, theirs);
  const std::vector<std::string> expected = {
      "digest", "urls", "annotations.a.b", R"(annotations.a."x.y")", "annotations.l", "annotations.s"};
  EXPECT_EQ(merge.clashes, expected);
  EXPECT_EQ(ClashText({"a"}), "a");
  EXPECT_EQ(ClashText({"a", "b", "c"}), "a, b and c");
  EXPECT_EQ(ClashText(expected), "digest, urls, annotations.a.b, annotations.a.\"x.y\", annotations.l and 1 more");
}

TEST(Merge, EqualChangesAgree) {
  const ArtifactEntry base = Entry(R"({"k":[1]})");
  ArtifactEntry ours = Entry(R"({"k":[2]})", "n");
  ours.urls = {"u"};
  const EntryMerge merge = Merged(&base, ours, ours);
  EXPECT_TRUE(merge.clashes.empty());
  EXPECT_TRUE(SameContent(merge.merged, ours));
}

TEST(Merge, ARemovedMemberAgainstAChangedOneClashes) {
  const ArtifactEntry base = Entry(R"({"k":1})");
  EXPECT_EQ(Merged(&base, Entry("{}"), Entry(R"({"k":2})")).clashes, std::vector<std::string>{"annotations.k"});
  EXPECT_TRUE(Merged(&base, Entry("{}"), Entry("{}")).clashes.empty());
}

TEST(Merge, NumbersThatOnlyLookEqualAreDifferent) {
  const ArtifactEntry base = Entry(R"({"k":0})");
  EXPECT_EQ(Merged(&base, Entry(R"({"k":1})"), Entry(R"({"k":1.0})")).clashes.size(), 1u);
}

TEST(Merge, DeletionAgainstChangeClashes) {
  const ArtifactEntry base = Entry("{}");
  const ArtifactEntry changed = Entry(R"({"k":1})");
  const std::vector<std::string> deleted = {"deleted"};
  EXPECT_EQ(Merged(&base, Tombstone(), changed).clashes, deleted);
  EXPECT_EQ(Merged(&base, changed, Tombstone()).clashes, deleted);
  // One side alone deleted, or both.
  EXPECT_TRUE(Merged(&base, Tombstone(), base).merged.deleted);
  EXPECT_TRUE(Merged(&base, base, Tombstone()).merged.deleted);
  EXPECT_TRUE(Merged(&base, Tombstone(), Tombstone()).merged.deleted);
  EXPECT_TRUE(Merged(&base, Tombstone(), Tombstone()).clashes.empty());
}

TEST(Merge, WithoutABaseWhatBothBroughtMeets) {
  const EntryMerge merge = Merged(nullptr, Entry(R"({"a":1,"o":{"x":1}})"), Entry(R"({"b":2,"o":{"y":1}})"));
  EXPECT_TRUE(merge.clashes.empty());
  EXPECT_EQ(merge.merged.annotations, R"({"a":1,"b":2,"o":{"x":1,"y":1}})");
  EXPECT_EQ(Merged(nullptr, Entry("{}", "o"), Entry("{}", "t")).clashes, std::vector<std::string>{"digest"});
}

TEST(Merge, Tags) {
  TagEntry one, two, three, gone;
  one.version = "1";
  two.version = "2";
  three.version = "3";
  gone.deleted = true;
  EXPECT_TRUE(MergeTags(&one, two, three).clash);
  EXPECT_TRUE(MergeTags(&one, gone, three).clash);
  EXPECT_TRUE(MergeTags(nullptr, two, three).clash);
  EXPECT_EQ(MergeTags(&one, two, one).merged.version, "2");
  EXPECT_EQ(MergeTags(&one, one, two).merged.version, "2");
  EXPECT_EQ(MergeTags(&one, two, two).merged.version, "2");
  EXPECT_TRUE(MergeTags(&one, gone, one).merged.deleted);
  EXPECT_FALSE(MergeTags(&one, gone, one).clash);
}

/// Few names and values, so that the sides meet.
Json AnyTree(int depth) {
  Json object = Json::object();
  for (const char* name : {"a", "b", "c"}) {
    switch (*rc::gen::inRange(0, depth > 0 ? 5 : 3)) {
      case 0:
        break;
      case 1:
        object[name] = *rc::gen::inRange(0, 3);
        break;
      case 2:
        object[name] = Json::array({*rc::gen::inRange(0, 2)});
        break;
      default:
        object[name] = AnyTree(depth - 1);
    }
  }
  return object;
}

ArtifactEntry AnyEntry() {
  ArtifactEntry entry = Entry(AnyTree(2).dump(), *rc::gen::elementOf(std::vector<std::string>{"", "d", "e"}));
  if (*rc::gen::arbitrary<bool>()) entry.size = *rc::gen::inRange<std::uint64_t>(0, 2);
  if (*rc::gen::arbitrary<bool>()) entry.urls = {"u"};
  if (*rc::gen::inRange(0, 6) == 0) return Tombstone();
  return entry;
}

RC_GTEST_PROP(MergeProperty, AOneSidedChangeWins, ()) {
  const ArtifactEntry base = AnyEntry();
  const ArtifactEntry changed = AnyEntry();
  const EntryMerge ours = Merged(&base, changed, base);
  const EntryMerge theirs = Merged(&base, base, changed);
  RC_ASSERT(ours.clashes.empty() && theirs.clashes.empty());
  RC_ASSERT(SameContent(ours.merged, changed));
  RC_ASSERT(SameContent(theirs.merged, changed));
}

RC_GTEST_PROP(MergeProperty, ItDoesNotMatterWhoIsWho, ()) {
  const ArtifactEntry base = AnyEntry();
  const ArtifactEntry a = AnyEntry();
  const ArtifactEntry b = AnyEntry();
  const bool none = *rc::gen::inRange(0, 4) == 0;
  const EntryMerge ab = Merged(none ? nullptr : &base, a, b);
  const EntryMerge ba = Merged(none ? nullptr : &base, b, a);
  RC_ASSERT(ab.clashes == ba.clashes);
  if (ab.clashes.empty()) RC_ASSERT(SameContent(ab.merged, ba.merged));
}

RC_GTEST_PROP(MergeProperty, MergingAgainChangesNothing, ()) {
  const ArtifactEntry base = AnyEntry();
  const ArtifactEntry ours = AnyEntry();
  const EntryMerge once = Merged(&base, ours, AnyEntry());
  if (!once.clashes.empty()) return;
  const EntryMerge twice = Merged(&base, ours, once.merged);
  RC_ASSERT(twice.clashes.empty());
  RC_ASSERT(SameContent(twice.merged, once.merged));
}

RC_GTEST_PROP(MergeProperty, NothingIsInvented, ()) {
  const Json base = AnyTree(2), ours = AnyTree(2), theirs = AnyTree(2);
  std::vector<std::string> clashes;
  const auto merged = model::MergeObjects(base.dump(), ours.dump(), theirs.dump(), clashes);
  RC_ASSERT(merged.ok());
  const Json result = Json::parse(*merged);
  for (const auto& member : result.items()) {
    const auto from = [&](const Json& side) {
      return side.contains(member.key()) && side[member.key()] == member.value();
    };
    RC_ASSERT(from(base) || from(ours) || from(theirs) || member.value().is_object());
  }
}

}  // namespace
}  // namespace tenure::conflict
