// What a workload found out: a row per subject with the figures of each round, and ratios between the
// medians. Printed as a table for people or as JSON Lines for programs, the same numbers in both.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/common/metrics.h"

namespace tenure::bench {

struct Row {
  std::string subject;
  unsigned writers = 1;
  std::string kind = "process";  ///< "process" or "thread": what the writers are.
  unsigned outstanding = 1;      ///< Operations that one writer has in flight.
  std::vector<Metrics> rounds;

  /// The median over the rounds that have the figure; 0 when none has.
  double MedianOf(const std::string& metric) const;
  double MinOf(const std::string& metric) const;
  double MaxOf(const std::string& metric) const;
  bool Has(const std::string& metric) const;
};

/// One column of the table.
struct Column {
  std::string metric;
  std::string title;
  int decimals = 0;
  double scale = 1;  ///< The figure is multiplied by this before it is printed.
};

struct Report {
  std::string workload;
  /// The figure whose spread over the rounds is shown as well (`<metric>_min`, `<metric>_max`).
  std::string leading = "ops_per_s";
  std::vector<Column> columns;
  std::vector<Row> rows;
  Metrics ratios;
  std::vector<std::pair<std::string, std::string>> notes;  ///< Text members of the last object.
  std::vector<std::string> missing;                        ///< Subjects that were asked for and left out.

  const Row* FindRow(const std::string& subject) const;
  /// Adds ratio `name` = median of `metric` of `subject` over that of `peer`, when both were measured.
  void AddRatio(const std::string& name, const std::string& metric, const std::string& subject,
                const std::string& peer);
};

/// Gives every row whose figures are durable its multiple of one flush: p50_x_l, p99_x_l.
void AddFlushMultiples(Report& report, double flush_p50_us);

/// One object per row, then {"workload":…,"ratios":{…},…}.
std::string JsonLines(const Report& report);
/// The table, then the ratios, then what is missing.
std::string TableText(const Report& report);

}  // namespace tenure::bench
