// Lines of operations as `apply` takes them: parsed, checked, and named in errors.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/line_reader.h"
#include "tenure/options.h"
#include "tenure/result.h"
#include "tenure/transaction.h"

namespace tenure::cli {

inline constexpr std::size_t kLineBytesMax = 16u << 20;

struct OperationLine {
  Operation operation;
  std::optional<std::string> request_id;
  std::optional<ConflictStrategy> on_conflict;
  std::optional<std::string> lease;
};

/// One line. Errors do not name the line: that is AtLine's job.
Result<OperationLine> ParseOperationLine(std::string_view line);
/// White space only: such lines are passed over.
bool IsBlank(std::string_view line);
Error LineTooLong();
/// The same error, with "FILE line N: " in front.
Error AtLine(const LineReader& reader, Error error);

}  // namespace tenure::cli
