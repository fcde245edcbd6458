// WHERE clauses: a field, a value, and the annotations of an entry, one a line.
#include "store/model/json.h"
#include "store/model/json_tree.h"
#include "store/model/reference.h"
#include "store/model/validate.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::where_target {
namespace {

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    made.words = {"annotations.", "digest",  "size", "mediaType", "writer", "name",    "version", "=",
                  "!=",           "\"",      "\\",   "\n",        "null",   "true",    "1.0",     "1e5",
                  "-0.0",         "{\"a\":", "}",    "[",         "]",      "\\u0041", "\\ud800"};
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::string> parts = Parts(Text(data, size), 3);
  ArtifactEntry entry;
  entry.name = "release/app";
  entry.version = "1.4.2";
  entry.media_type = parts[1];
  entry.size = 12;
  const auto annotations = model::CanonicalObject(parts[2]);
  if (annotations.ok()) entry.annotations = *annotations;

  // The whole input as a clause, and its first two lines as both sides of one.
  const auto whole = model::WhereClause::Parse(Text(data, size));
  if (whole.ok()) whole->Matches(entry);
  const auto equal = model::WhereClause::Parse(parts[0] + " = " + parts[1]);
  const auto unequal = model::WhereClause::Parse(parts[0] + " != " + parts[1]);
  if (!equal.ok()) ExpectWorded(equal.error());
  // A quotation that begins in the field must not end in the value: the '=' would be within it.
  const auto quotes = [](const std::string& part) { return part.find('"') != std::string::npos; };
  if (parts[0].find('=') == std::string::npos && !(quotes(parts[0]) && quotes(parts[1]))) {
    FUZZ_EXPECT(equal.ok() == unequal.ok());
    if (equal.ok()) FUZZ_EXPECT(equal->Matches(entry) != unequal->Matches(entry));
  }
  // A member is found by its name and its value.
  if (!annotations.ok()) return 0;
  const model::Json tree = Must(model::ParseJson(*annotations, model::kJsonDepthMax));
  for (const auto& member : tree.items()) {
    const auto clause = model::WhereClause::Parse("annotations." + model::QuoteJson(member.key()) + " = " +
                                                  model::CanonicalText(member.value()));
    FUZZ_EXPECT(clause.ok() && clause->Matches(entry));
  }
  return 0;
}

const Registration registration("where", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::where_target
