// The final statistics of a run, as a table or as one JSON object, and the line that is shown meanwhile.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/load/account.h"
#include "cli/load/settings.h"
#include "cli/load/sink.h"
#include "store/base/histogram.h"

namespace tenure::cli::load {

struct WriterResult {
  Counts counts;
  base::Histogram latency;
  double seconds = 0;
  std::string failure;
};

struct RunResult {
  std::vector<WriterResult> writers;
  double seconds = 0;
  base::Hash128 content;           ///< Of what was written.
  std::optional<Drained> drained;  ///< Absent with --store.

  Counts Total() const;
  /// Nothing was lost, changed or given up.
  bool Sound() const;
};

std::string JsonText(const Settings& settings, const RunResult& result);
std::string TableText(const Settings& settings, const RunResult& result);
/// "12.3 s  1,234 blocks  …", at most `width` columns.
std::string LiveLine(const Counts& now, double seconds, const Counts& before, double interval, std::size_t width);

}  // namespace tenure::cli::load
