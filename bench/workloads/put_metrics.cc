#include "bench/workloads/put_metrics.h"

#include <algorithm>

namespace tenure::bench {
namespace {

double PerSecond(std::uint64_t count, double seconds) { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }

void SetLatencyAndShare(Metrics& metrics, const FleetResult& result) {
  metrics.Set("p50_us", result.latency.Percentile(0.5) / 1e3);
  metrics.Set("p99_us", result.latency.Percentile(0.99) / 1e3);
  metrics.Set("p999_us", result.latency.Percentile(0.999) / 1e3);
  const auto [least, most] = std::minmax_element(result.ops_each.begin(), result.ops_each.end());
  metrics.Set("fairness", static_cast<double>(*most) / static_cast<double>(std::max<std::uint64_t>(*least, 1)));
  metrics.Set("cpu_s_per_op", result.cpu_s / static_cast<double>(std::max<std::uint64_t>(result.ops_total, 1)));
  metrics.Set("worst_p99_us", result.worst_p99_ns / 1e3);
  metrics.Set("operations", static_cast<double>(result.ops_total));
  metrics.Set("least_ops", static_cast<double>(*least));
  metrics.Set("most_ops", static_cast<double>(*most));
}

}  // namespace

Metrics PutMetrics(const FleetResult& result) {
  Metrics metrics;
  metrics.Set("ops_per_s", PerSecond(result.ops, result.window_s));
  SetLatencyAndShare(metrics, result);
  return metrics;
}

Metrics WindowedMetrics(const FleetResult& result) {
  Metrics metrics;
  metrics.Set("ops_per_s", PerSecond(result.ops_total, result.settled_s));
  SetLatencyAndShare(metrics, result);
  metrics.Set("acked_per_s", PerSecond(result.ops_total, result.drained_s));
  return metrics;
}

Metrics OneKeyMetrics(const FleetResult& result) {
  Metrics metrics;
  metrics.Set("ops_per_s", PerSecond(result.successes, result.window_s));
  metrics.Set("attempts_per_s", PerSecond(result.ops, result.window_s));
  metrics.Set("successes_per_s", PerSecond(result.successes, result.window_s));
  SetLatencyAndShare(metrics, result);
  return metrics;
}

}  // namespace tenure::bench
