// The order of measuring, and the probe that comes first.
#pragma once

#include <cstddef>
#include <functional>

#include "bench/common/report.h"
#include "bench/common/workspace.h"
#include "tenure/result.h"

namespace tenure::bench {

/// Calls `run` for every row of the report in each round, first to last and in the next round last to first
/// (A-B-B-A), so that drift of the machine meets all subjects alike; keeps the figures in the rows. The
/// file system is quiescent before each call. Progress goes to stderr.
Status Interleave(Report& report, const Workspace& workspace, unsigned rounds,
                  const std::function<Result<Metrics>(std::size_t row)>& run);

/// The same for workloads that touch no file.
Status InterleaveInMemory(Report& report, unsigned rounds, const std::function<Result<Metrics>(std::size_t row)>& run);

/// One run of the probe, with the figures that every durable run has.
Result<Metrics> MeasureProbe(const Workspace& workspace, double seconds);

/// Starts a durable workload: adds the row `probe` with a first measurement.
Status BeginWithProbe(Report& report, const Workspace& workspace, double seconds);

/// Ends it: every row's p50 and p99 as a multiple of L, the median of the probe's p50.
void FinishWithProbe(Report& report);

}  // namespace tenure::bench
