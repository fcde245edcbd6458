#include "bench/workloads/rounds.h"

#include <algorithm>
#include <cstdio>

#include "bench/common/failure.h"
#include "bench/fleet/fleet.h"
#include "bench/workloads/put_metrics.h"

namespace tenure::bench {

Status InterleaveInMemory(Report& report, unsigned rounds, const std::function<Result<Metrics>(std::size_t row)>& run) {
  const std::size_t rows = report.rows.size();
  for (unsigned round = 0; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < rows; ++turn) {
      const std::size_t i = round % 2 == 0 ? turn : rows - 1 - turn;
      std::fprintf(stderr, "round %u/%u  %-16s", round + 1, rounds, report.rows[i].subject.c_str());
      std::fflush(stderr);
      Result<Metrics> metrics = run(i);
      if (!metrics.ok()) {
        std::fprintf(stderr, " failed\n");
        return metrics.error();
      }
      const char* shown = metrics->Find(report.leading) != nullptr ? report.leading.c_str() : nullptr;
      if (shown == nullptr && !metrics->items().empty()) shown = metrics->items().front().first.c_str();
      if (shown != nullptr) std::fprintf(stderr, " %14.1f %s", *metrics->Find(shown), shown);
      std::fprintf(stderr, "\n");
      report.rows[i].rounds.push_back(std::move(*metrics));
    }
  }
  return {};
}

Status Interleave(Report& report, const Workspace& workspace, unsigned rounds,
                  const std::function<Result<Metrics>(std::size_t row)>& run) {
  return InterleaveInMemory(report, rounds, [&](std::size_t row) -> Result<Metrics> {
    TENURE_RETURN_IF_ERROR(workspace.Quiesce());
    return run(row);
  });
}

Result<Metrics> MeasureProbe(const Workspace& workspace, double seconds) {
  const SubjectEntry* probe = FindSubject("probe");
  FleetOrder order;
  order.subject = "probe";
  order.seconds = seconds;
  order.setup.keys = 1;
  TENURE_ASSIGN(order.setup.dir, workspace.Fresh("probe"));
  TENURE_RETURN_IF_ERROR(probe->make()->Prepare(order.setup));
  TENURE_RETURN_IF_ERROR(workspace.Quiesce());
  TENURE_ASSIGN(const FleetResult result, RunFleet(order));
  workspace.Discard(order.setup.dir);
  return PutMetrics(result);
}

Status BeginWithProbe(Report& report, const Workspace& workspace, double seconds) {
  TENURE_ASSIGN(Metrics first, MeasureProbe(workspace, seconds));
  std::fprintf(stderr, "probe: one flush takes L = %.1f us at the median, %.1f us at p99\n", *first.Find("p50_us"),
               *first.Find("p99_us"));
  Row row;
  row.subject = "probe";
  row.rounds.push_back(std::move(first));
  report.rows.insert(report.rows.begin(), std::move(row));
  return {};
}

void FinishWithProbe(Report& report) {
  if (const Row* probe = report.FindRow("probe")) AddFlushMultiples(report, probe->MedianOf("p50_us"));
}

}  // namespace tenure::bench
