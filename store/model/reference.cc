#include "store/model/reference.h"

#include "store/model/refusal.h"
#include "store/model/validate.h"

namespace tenure::model {
namespace {

/// The first ':' or the first '@' that does not begin a segment.
std::size_t FindSeparator(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':') return i;
    if (text[i] == '@' && i > 0 && text[i - 1] != '/') return i;
  }
  return std::string_view::npos;
}

Status CheckParts(const Reference& ref) {
  TENURE_RETURN_IF_ERROR(ValidateName(ref.name));
  switch (ref.kind) {
    case Reference::Kind::kName:
      return {};
    case Reference::Kind::kVersion:
      return ValidateVersion(ref.rest);
    case Reference::Kind::kTag:
      return ValidateTag(ref.rest);
    case Reference::Kind::kDigest:
      return ValidateDigest(ref.rest);
  }
  return {};
}

}  // namespace

Result<Reference> ParseReference(std::string_view text) {
  Reference ref;
  const std::size_t at = FindSeparator(text);
  ref.name = text.substr(0, at);
  if (at != std::string_view::npos) {
    ref.rest = text.substr(at + 1);
    if (text[at] == ':') {
      ref.kind = Reference::Kind::kVersion;
    } else {
      // No tag holds a ':', every digest does.
      const bool digest = ref.rest.find(':') != std::string::npos;
      ref.kind = digest ? Reference::Kind::kDigest : Reference::Kind::kTag;
    }
  }
  if (Status status = CheckParts(ref); !status.ok()) {
    Error e = std::move(status).error();
    e.code = ErrorCode::kInvalidArgument;  // a reference over a limit names nothing; it is not data
    e.message = "reference " + Shown(text) + ": " + e.message;
    return e;
  }
  return ref;
}

}  // namespace tenure::model
