// Lines of `apply`.
#include "cli/operations.h"
#include "store/model/json.h"
#include "store/model/json_tree.h"
#include "store/model/validate.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace tenure::fuzz::operation_target {
namespace {

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    for (const Operation& op : SampleOperations()) made.seeds.push_back(model::OperationJson(op));
    for (const char* member :
         {"op",          "name",      "version",   "tag",         "digest",     "size",        "mediaType", "urls",
          "annotations", "with_tags", "if_absent", "if_revision", "if_digest",  "if_version",  "base",      "glob",
          "policy",      "unset",     "conflict",  "take",        "request_id", "on_conflict", "lease"}) {
      made.words.push_back(",\"" + std::string(member) + "\":");
    }
    made.words.insert(made.words.end(), {"null", "true", "1", "{}", "[]", "\"park\"", "\"12.1\"", "\"\"", "\"patch\""});
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = Text(data, size);
  auto parsed = model::ParseOperation(text);
  const auto line = cli::ParseOperationLine(text);
  if (!parsed.ok()) {
    FUZZ_EXPECT(!line.ok());
    return ExpectWorded(parsed.error()), 0;
  }
  if (!line.ok()) ExpectWorded(line.error());
  Operation op = parsed->operation;
  FUZZ_EXPECT(model::ParseJson(model::OperationJson(op), 128).ok());
  if (const Status status = model::Normalise(op); !status.ok()) return ExpectWorded(status.error()), 0;
  // What the store would take prints and reads back as the same operation.
  const std::string printed = model::OperationJson(op);
  auto again = model::ParseOperation(printed);
  FUZZ_EXPECT(again.ok());
  Must(model::Normalise(again->operation));
  FUZZ_EXPECT(model::OperationJson(again->operation) == printed);
  FUZZ_EXPECT(model::BodyHash({again->operation}) == model::BodyHash({op}));
  FUZZ_EXPECT(model::OperationBytes(again->operation) == model::OperationBytes(op));
  return 0;
}

const Registration registration("operation", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::operation_target
