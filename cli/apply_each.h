// `apply --each`: one transaction per line, many under way at once, answers in the order of the lines.
#pragma once

#include <cstddef>

#include "cli/command.h"
#include "cli/line_reader.h"
#include "tenure/options.h"

namespace tenure::cli {

inline constexpr std::size_t kWindowDefault = 256;
inline constexpr std::size_t kWindowMax = 65'536;

/// 0, or 3 when any line failed. After a signal nothing more is read, and what was submitted is still
/// answered.
Result<int> ApplyEach(Context& ctx, LineReader& reader, const CommitOptions& commit, std::size_t window);

}  // namespace tenure::cli
