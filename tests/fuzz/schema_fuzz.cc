// JSON Schema: a schema and a value, one a line.
#include "conflict/schema.h"

#include "store/model/json_tree.h"
#include "store/model/validate.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::schema_target {
namespace {

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    for (const char* keyword : {"type",
                                "const",
                                "enum",
                                "properties",
                                "required",
                                "additionalProperties",
                                "propertyNames",
                                "minProperties",
                                "maxProperties",
                                "items",
                                "minItems",
                                "maxItems",
                                "uniqueItems",
                                "contains",
                                "minLength",
                                "maxLength",
                                "minimum",
                                "maximum",
                                "exclusiveMinimum",
                                "exclusiveMaximum",
                                "allOf",
                                "anyOf",
                                "oneOf",
                                "not",
                                "$schema"}) {
      made.words.push_back("\"" + std::string(keyword) + "\":");
    }
    made.words.insert(made.words.end(),
                      {"\"object\"", "\"integer\"", "{\"not\":", "{}", "true", "false", "1.0", "1e300", "\n"});
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::string> parts = Parts(Text(data, size), 2);
  const auto value = model::ParseJson(parts[1], model::kJsonDepthMax);
  if (value.ok() && parts[1].size() < 1024) {
    const auto constant = conflict::Schema::Compile("{\"const\":" + parts[1] + "}");
    if (constant.ok()) FUZZ_EXPECT(constant->WhyNot(parts[1]).empty());
  }
  const auto schema = conflict::Schema::Compile(parts[0]);
  if (!schema.ok()) return ExpectWorded(schema.error()), 0;
  const std::string why = schema->WhyNot(parts[1]);
  FUZZ_EXPECT(model::IsValidUtf8(why));
  schema->WhyNot(ArtifactEntry{});
  if (!value.ok()) {
    FUZZ_EXPECT(!why.empty());
    return 0;
  }
  const auto valid = [&](const std::string& text) {
    const auto compiled = conflict::Schema::Compile(text);
    // One level more than the schema itself: beyond the limit, then nothing can be said.
    return compiled.ok() ? std::optional<bool>(compiled->WhyNot(parts[1]).empty()) : std::nullopt;
  };
  const bool expected = why.empty();
  FUZZ_EXPECT(valid("{\"allOf\":[" + parts[0] + ",true]}").value_or(expected) == expected);
  FUZZ_EXPECT(valid("{\"anyOf\":[false," + parts[0] + "]}").value_or(expected) == expected);
  FUZZ_EXPECT(valid("{\"oneOf\":[" + parts[0] + ",false]}").value_or(expected) == expected);
  FUZZ_EXPECT(valid("{\"not\":" + parts[0] + "}").value_or(!expected) != expected);
  const auto tree = Must(model::ParseJson(parts[0], model::kJsonDepthMax));
  FUZZ_EXPECT(valid(model::CanonicalText(tree)).value_or(expected) == expected);
  return 0;
}

const Registration registration("schema", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::schema_target
