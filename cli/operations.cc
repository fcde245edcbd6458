#include "cli/operations.h"

#include <utility>

#include "cli/parse.h"
#include "lease/token.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {

Result<OperationLine> ParseOperationLine(std::string_view line) {
  TENURE_ASSIGN(model::ParsedOperation parsed, model::ParseOperation(line));
  OperationLine result;
  if (parsed.on_conflict) {
    TENURE_ASSIGN(result.on_conflict, ParseStrategy(*parsed.on_conflict));
  }
  result.operation = std::move(parsed.operation);
  result.request_id = std::move(parsed.request_id);
  if (parsed.lease) {
    // Here, so that the error names the line.
    TENURE_ASSIGN(const lease::Token token, lease::ParseToken(*parsed.lease));
    result.lease = lease::Print(token);
  }
  return result;
}

bool IsBlank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

Error LineTooLong() {
  return base::MakeError(ErrorCode::kTooLarge, "the line is longer than " + std::to_string(kLineBytesMax) + " bytes",
                         "write one operation per line; docs/limits.md lists the limits");
}

Error AtLine(const LineReader& reader, Error error) {
  error.message = reader.name() + " line " + std::to_string(reader.number()) + ": " + error.message;
  return error;
}

}  // namespace tenure::cli
