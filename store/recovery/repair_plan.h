// What repair will do, decided from a scan: pure apart from reading checkpoints and index.
//
// The journal goes on from the end of one run of faultless frames. A run is usable when what came
// before it can be rebuilt: from the store's first frame, or from a checkpoint that lies within the
// run and has its chain hash. The usable run that reaches furthest wins; damage below a checkpoint
// then costs history that `log` could show, and no state. A checkpoint alone is usable too.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/recovery/index_check.h"
#include "store/recovery/scan.h"

namespace tenure::recovery {

/// Everything that bears witness to the store's content.
struct RepairEvidence {
  JournalScan scan;
  IndexView index;
  std::vector<Error> index_faults;  ///< The index against itself and against the journal.
  std::vector<Checkpoint> checkpoints;
  std::vector<CheckpointView> checkpoint_views;  ///< Parallel to checkpoints.
  /// The journal at the LSNs that checkpoints and index name, where frames end there.
  std::vector<std::pair<std::size_t, model::JournalPosition>> marks;  ///< {run, position}
  Lsn last_known_lsn = 0;
};
Result<RepairEvidence> GatherEvidence(base::Env& env, const Layout& layout, const Config& config,
                                      const Progress& progress);

struct RepairPlan {
  model::JournalPosition last_good;  ///< Where the journal goes on. Segment {0, 0}: behind a checkpoint alone.
  bool new_segment = false;
  /// The first LSN that `log` can still show; 1 unless older segments must be set aside.
  Lsn first_kept_lsn = 1;
  std::vector<std::string> segments_aside;     ///< Paths that must no longer look like segments.
  std::vector<journal::LiveSegment> extend;    ///< Files that are shorter than they were, behind their data.
  std::vector<std::string> checkpoints_aside;  ///< Damaged, or beyond last_good.
  bool rebuild_index = false;
  bool needs_consent() const { return new_segment || first_kept_lsn > 1; }
  bool changes_anything() const {
    return needs_consent() || rebuild_index || !segments_aside.empty() || !extend.empty() || !checkpoints_aside.empty();
  }
};
/// kCorruption when nothing is left to go on from.
Result<RepairPlan> PlanRepair(const RepairEvidence& evidence, const Layout& layout);

}  // namespace tenure::recovery
