// `tenure-bench probe`: what one flush costs on this file system.
#include "bench/workloads/rounds.h"
#include "bench/workloads/workload.h"
#include "store/base/error.h"

namespace tenure::bench {
namespace {

Result<Report> Run(const Options& options) {
  TENURE_ASSIGN(const Workspace workspace, Workspace::Make(options.dir, options.keep));
  Report report;
  report.workload = "probe";
  report.columns = {{"ops_per_s", "ops/s"},
                    {"p50_us", "p50 us", 1},
                    {"p99_us", "p99 us", 1},
                    {"p999_us", "p99.9 us", 1},
                    {"cpu_s_per_op", "cpu us/op", 1, 1e6}};
  Row row;
  row.subject = "probe";
  report.rows.push_back(row);
  TENURE_RETURN_IF_ERROR(Interleave(report, workspace, options.rounds,
                                    [&](std::size_t) { return MeasureProbe(workspace, options.seconds); }));
  FinishWithProbe(report);
  return report;
}

const WorkloadEntry kEntry("probe", "the device: pwrite of 512 bytes + fdatasync, initialised file", kTakesSeconds,
                           Run);

}  // namespace
}  // namespace tenure::bench
