// JSON from outside: what is taken has one canonical form.
#include "store/model/json_tree.h"
#include "store/model/validate.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::json_target {
namespace {

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    made.words = {"{",
                  "}",
                  "[",
                  "]",
                  ",",
                  ":",
                  "\"",
                  "{\"a\":",
                  "{}",
                  "null",
                  "true",
                  "false",
                  "-0",
                  "-0.0",
                  "1e400",
                  "1e-400",
                  "0.1",
                  "1.0",
                  "18446744073709551615",
                  "18446744073709551616",
                  "-9223372036854775808",
                  "9007199254740993",
                  "\\u0000",
                  "\\ud83d\\ude00",
                  "\\u00e9",
                  "\xC3\xA9",
                  " ",
                  "[[[[[[[[[[[[[[[["};
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = Text(data, size);
  const auto value = model::ParseJson(text, model::kJsonDepthMax);
  if (value.ok()) {
    const std::string canonical = model::CanonicalText(*value);
    const auto again = model::ParseJson(canonical, model::kJsonDepthMax);
    FUZZ_EXPECT(again.ok() && model::CanonicalText(*again) == canonical);
  } else {
    ExpectWorded(value.error());
  }
  const auto object = model::CanonicalObject(text);
  const auto by_tree = model::CanonicalObjectByTree(text);
  FUZZ_EXPECT(object.ok() == by_tree.ok());
  if (model::IsPlainCanonicalObject(text)) FUZZ_EXPECT(object.ok() && *object == text);
  if (!object.ok()) return ExpectWorded(object.error()), 0;
  FUZZ_EXPECT(*object == *by_tree && value.ok());
  FUZZ_EXPECT(Must(model::CanonicalObject(*object)) == *object);
  // RFC 7396: an empty patch changes nothing, and a patch that was applied has nothing left to do.
  FUZZ_EXPECT(Must(model::MergePatch(*object, "{}")) == *object);
  const std::string patched = Must(model::MergePatch(R"({"a":{"b":1},"c":[2]})", *object));
  FUZZ_EXPECT(Must(model::MergePatch(patched, *object)) == patched);
  return 0;
}

const Registration registration("json", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::json_target
