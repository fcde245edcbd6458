// The figures of one fleet run, under the names that the JSON output has for them.
#pragma once

#include "bench/common/metrics.h"
#include "bench/fleet/fleet.h"

namespace tenure::bench {

/// ops_per_s counts what was acknowledged within the window; latencies are of every operation, those in
/// flight at its end included. Fairness is most over least operations of one writer (least taken as 1
/// where a writer got none).
Metrics PutMetrics(const FleetResult& result);

/// For windowed runs: ops_per_s counts everything submitted, over the time until all of it could be read;
/// acked_per_s over the time until it was acknowledged.
Metrics WindowedMetrics(const FleetResult& result);

/// For one-key runs: attempts_per_s and successes_per_s; ops_per_s is the successes.
Metrics OneKeyMetrics(const FleetResult& result);

}  // namespace tenure::bench
