// References: what is read prints and reads back the same.
#include "store/model/reference.h"
#include "store/model/validate.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::reference_target {
namespace {

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    made.words = {":", "@", "/", "@sha256:", "sha256:0123456789abcdef", "\xC3\xA9", "\xE2\x80\xA8", "."};
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  using Kind = model::Reference::Kind;
  const auto reference = model::ParseReference(Text(data, size));
  if (!reference.ok()) return ExpectWorded(reference.error()), 0;
  std::string text = reference->name;
  if (reference->kind != Kind::kName) text += (reference->kind == Kind::kVersion ? ":" : "@") + reference->rest;
  FUZZ_EXPECT(text == Text(data, size));
  FUZZ_EXPECT(model::ValidateName(reference->name).ok());
  if (reference->kind == Kind::kVersion) FUZZ_EXPECT(model::ValidateVersion(reference->rest).ok());
  if (reference->kind == Kind::kTag) FUZZ_EXPECT(model::ValidateTag(reference->rest).ok());
  if (reference->kind == Kind::kDigest) FUZZ_EXPECT(model::ValidateDigest(reference->rest).ok());
  const auto again = model::ParseReference(text);
  FUZZ_EXPECT(again.ok() && again->kind == reference->kind && again->name == reference->name);
  FUZZ_EXPECT(again->rest == reference->rest);
  return 0;
}

const Registration registration("reference", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::reference_target
