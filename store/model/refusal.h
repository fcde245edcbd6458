// How this room words its refusals: which value, which rule, what would be accepted.
#pragma once

#include <string>
#include <string_view>

#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::model {

/// `value` in quotes, escaped, cut to a length that fits a message.
inline std::string Shown(std::string_view value) {
  constexpr std::size_t kShownMax = 80;
  if (value.size() <= kShownMax) return QuoteJson(value);
  return QuoteJson(value.substr(0, kShownMax)) + "... (" + std::to_string(value.size()) + " bytes)";
}

inline Error Invalid(std::string message, std::string hint = {}) {
  return base::MakeError(ErrorCode::kInvalidArgument, std::move(message), std::move(hint));
}

/// `what` has `bytes`, and `bytes_max` is the limit.
inline Error TooLarge(const std::string& what, std::size_t bytes, std::size_t bytes_max) {
  return base::MakeError(
      ErrorCode::kTooLarge,
      what + " has " + std::to_string(bytes) + " bytes; the limit is " + std::to_string(bytes_max) + " bytes",
      "see docs/limits.md");
}

}  // namespace tenure::model
