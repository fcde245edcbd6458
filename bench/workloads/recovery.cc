// `tenure-bench recovery`: applying a million acknowledged operations that the index has not seen, against
// SQLite writing the same rows; and opening after a crash.
#include <cstdio>

#include "bench/common/failure.h"
#include "bench/workloads/recovery_child.h"
#include "bench/workloads/rounds.h"
#include "bench/workloads/workload.h"

namespace tenure::bench {
namespace {

constexpr double kProbeSeconds = 1;
constexpr std::uint64_t kDefaultRows = 1'000'000;
constexpr std::uint64_t kBacklogAtOpen = 10'000;

/// A row of the contest: its name, and what the child process is told to measure.
struct Measurement {
  const char* subject;
  const char* what;
  bool is_tenure;
};
constexpr Measurement kMeasurements[] = {
    {"tenure", "rebuild", true},   {"tenure_catchup", "catchup", true},
    {"sqlite", "sqlite", false},   {"sqlite_sorted", "sqlite_sorted", false},
    {"tenure_open", "open", true},
};

Result<Metrics> Measure(const Measurement& measurement, const Workspace& workspace, std::uint64_t rows) {
  const bool opening = std::string(measurement.what) == "open";
  const std::uint64_t count = opening ? kBacklogAtOpen : rows;
  TENURE_ASSIGN(const std::string dir, workspace.Fresh(measurement.subject));
  if (measurement.is_tenure) TENURE_RETURN_IF_ERROR(MakeCrashedStore(dir, count));
  TENURE_RETURN_IF_ERROR(workspace.Quiesce());
  TENURE_ASSIGN(const RecoveryTimes times, TimeRecovery(measurement.what, dir, count));
  workspace.Discard(dir);
  Metrics metrics;
  if (opening) {
    metrics.Set("open_ms", static_cast<double>(times.spent.elapsed_ns) / 1e6);
    metrics.Set("first_read_ms", static_cast<double>(times.read_ns) / 1e6);
  } else {
    metrics.Set("ops_per_s", static_cast<double>(count) * 1e9 / static_cast<double>(times.spent.elapsed_ns));
    metrics.Set("elapsed_ms", static_cast<double>(times.spent.elapsed_ns) / 1e6);
  }
  metrics.Set("cpu_s_per_op", static_cast<double>(times.spent.cpu_ns) / 1e9 / static_cast<double>(count));
  metrics.Set("operations", static_cast<double>(count));
  return metrics;
}

Result<Report> Run(const Options& options) {
  TENURE_ASSIGN(const Workspace workspace, Workspace::Make(options.dir, options.keep));
  Report report;
  report.workload = "recovery";
  report.columns = {{"ops_per_s", "ops/s"},       {"operations", "operations"},
                    {"elapsed_ms", "elapsed ms"}, {"cpu_s_per_op", "cpu us/op", 2, 1e6},
                    {"open_ms", "open ms", 1},    {"first_read_ms", "open + first read ms", 1},
                    {"p50_us", "p50 us", 1}};
  for (const Measurement& measurement : kMeasurements) {
    Row row;
    row.subject = measurement.subject;
    report.rows.push_back(row);
  }
  TENURE_RETURN_IF_ERROR(BeginWithProbe(report, workspace, kProbeSeconds));
  const std::uint64_t rows = options.keys.value_or(kDefaultRows);
  TENURE_RETURN_IF_ERROR(Interleave(report, workspace, options.rounds, [&](std::size_t row) {
    return row == 0 ? MeasureProbe(workspace, kProbeSeconds) : Measure(kMeasurements[row - 1], workspace, rows);
  }));
  FinishWithProbe(report);
  report.AddRatio("ops_vs_sqlite", "ops_per_s", "tenure", "sqlite");
  report.AddRatio("ops_vs_sqlite_sorted", "ops_per_s", "tenure", "sqlite_sorted");
  report.AddRatio("catchup_vs_sqlite", "ops_per_s", "tenure_catchup", "sqlite");
  report.AddRatio("catchup_vs_sqlite_sorted", "ops_per_s", "tenure_catchup", "sqlite_sorted");
  return report;
}

const WorkloadEntry kEntry("recovery", "applying operations that the index has not seen; opening after a crash",
                           kTakesKeys, Run);

}  // namespace
}  // namespace tenure::bench
