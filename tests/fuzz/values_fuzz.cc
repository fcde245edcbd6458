// Small values of the command line.
#include <algorithm>

#include "cli/formats/shard.h"
#include "cli/parse.h"
#include "store/model/validate.h"
#include "tenure/conflict.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::values_target {
namespace {

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    made.words = {"=",
                  ".",
                  "\"",
                  "\\",
                  "\n",
                  "a.b=",
                  "\"a.b\".c=",
                  "{}",
                  "1",
                  "18446744073709551616",
                  "/",
                  "12.3",
                  "2026-01-02T03:04:05Z",
                  ":1",
                  "@prod"};
    // A path as long as an argument can be: nesting must not use up the stack.
    std::string deep;
    for (int i = 0; i < 60'000; ++i) deep += "a.";
    made.seeds.push_back(deep + "a=1");
    made.bytes_max = 130'000;
    made.runs = 2'000;
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(Text(data, size));
  const auto count = cli::ParseCount(text, "COUNT");
  if (count.ok()) FUZZ_EXPECT(Must(cli::ParseCount(std::to_string(*count), "COUNT")) == *count);
  const auto at = cli::ParseAt(text, "--at");
  if (at.ok()) FUZZ_EXPECT(at->lsn.has_value() != at->time_ms.has_value());
  const auto shard = cli::ParseShard(text);
  if (shard.ok()) FUZZ_EXPECT(shard->number >= 1 && shard->number <= shard->count);
  if (const auto id = ParseConflictId(text)) FUZZ_EXPECT(ParseConflictId(ConflictIdText(*id)) == id);
  const auto key = cli::ParseKey(text, "put");
  const auto tag = cli::ParseTagKey(text, "tag");
  FUZZ_EXPECT(!key.ok() || !tag.ok());
  if (key.ok()) FUZZ_EXPECT(key->name + ":" + key->version == text);
  if (tag.ok()) FUZZ_EXPECT(tag->name + "@" + tag->tag == text);

  std::vector<std::string> assignments;
  for (std::string_view rest = text; assignments.size() < 8 && !rest.empty();) {
    const std::vector<std::string> parts = Parts(rest, 2);
    assignments.push_back(parts[0]);
    rest = rest.substr(std::min(rest.size(), parts[0].size() + 1));
  }
  const auto annotations = cli::AnnotationsOf(assignments);
  if (!annotations.ok()) return 0;
  FUZZ_EXPECT(annotations->starts_with('{') && annotations->ends_with('}'));
  // The store may still refuse a value (nesting, duplicate members), but says why.
  const auto canonical = model::CanonicalObject(*annotations);
  if (!canonical.ok()) ExpectWorded(canonical.error());
  return 0;
}

const Registration registration("values", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::values_target
