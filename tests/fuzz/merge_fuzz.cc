// Three-way merge: base, ours and theirs, one a line.
#include "conflict/merge.h"

#include "store/model/validate.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::merge_target {
namespace {

ArtifactEntry EntryWith(const std::string& annotations) {
  ArtifactEntry entry;
  entry.name = "a";
  entry.version = "1";
  entry.annotations = annotations;
  // A little of what else can differ, taken from the text.
  entry.size = annotations.size() % 3;
  if (annotations.size() % 5 == 0) entry.deleted = true;
  return entry;
}

void CheckEntries(const std::string& base, const std::string& ours, const std::string& theirs) {
  const ArtifactEntry a = EntryWith(base), b = EntryWith(ours), c = EntryWith(theirs);
  const conflict::EntryMerge one = Must(conflict::MergeEntries(&a, b, c));
  const conflict::EntryMerge other = Must(conflict::MergeEntries(&a, c, b));
  FUZZ_EXPECT(one.clashes == other.clashes);
  if (one.clashes.empty()) FUZZ_EXPECT(conflict::SameContent(one.merged, other.merged));
  const conflict::EntryMerge equal = Must(conflict::MergeEntries(&a, b, b));
  FUZZ_EXPECT(equal.clashes.empty() && conflict::SameContent(equal.merged, b));
  const conflict::EntryMerge theirs_only = Must(conflict::MergeEntries(&a, a, c));
  FUZZ_EXPECT(theirs_only.clashes.empty() && conflict::SameContent(theirs_only.merged, c));
  const conflict::EntryMerge from_nothing = Must(conflict::MergeEntries(nullptr, b, b));
  FUZZ_EXPECT(from_nothing.clashes.empty() && conflict::SameContent(from_nothing.merged, b));
  if (!one.clashes.empty()) FUZZ_EXPECT(!conflict::ClashText(one.clashes).empty());
}

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    made.words = {
        "{", "}", ",", ":", "\n", "{\"a\":", "{\"b\":{\"c\":", "1", "1.0", "null", "{}", "\"x\"", "[1,2]", "\"a.b\":"};
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> sides;
  for (const std::string& part : Parts(Text(data, size), 3)) {
    auto side = model::CanonicalObject(part.empty() ? "{}" : part);
    if (!side.ok()) return 0;
    sides.push_back(std::move(side).value());
  }
  const std::string &base = sides[0], &ours = sides[1], &theirs = sides[2];
  const auto merge = [](const std::string& b, const std::string& o, const std::string& t,
                        std::vector<std::string>& clashes) { return Must(model::MergeObjects(b, o, t, clashes)); };
  std::vector<std::string> clashes, clashes_turned, none;
  const std::string merged = merge(base, ours, theirs, clashes);
  FUZZ_EXPECT(Must(model::CanonicalObject(merged)) == merged);
  FUZZ_EXPECT(merge(base, theirs, ours, clashes_turned) == merged && clashes_turned == clashes);
  FUZZ_EXPECT(merge(base, ours, ours, none) == ours);
  FUZZ_EXPECT(merge(base, base, theirs, none) == theirs);
  FUZZ_EXPECT(merge(base, ours, base, none) == ours);
  FUZZ_EXPECT(none.empty());
  CheckEntries(base, ours, theirs);
  return 0;
}

const Registration registration("merge", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::merge_target
