// What to do when the journal itself is damaged: say exactly what is lost, and only when told to
// accept that, go on from the last good frame.
//
// Needs the store to itself (no member). Nothing is deleted: the damaged segments stay where they are
// as orphans, the old index moves to a name that says so. A new epoch begins at the last good LSN;
// the next transactions continue from there, so LSNs behind it are given out again: the new
// incarnation tells them apart.
#pragma once

#include <string>
#include <vector>

#include "store/recovery/verify.h"

namespace tenure::recovery {

struct RepairOptions {
  bool accept_loss = false;
  bool dry_run = false;
  Progress progress;
};
struct RepairReport {
  bool changed = false;
  Lsn last_good_lsn = 0;
  Lsn last_known_lsn = 0;  ///< Highest LSN that index, checkpoint or later frames name.
  std::vector<Error> damage;
  std::vector<std::string> lost;     ///< One line per lost transaction that can still be named, else a range.
  std::vector<std::string> actions;  ///< What was done, or would be.
};
/// kCorruption when there is damage and accept_loss is not set (the report is in the error's message);
/// kBusy when the store has members.
Result<RepairReport> Repair(base::Env& env, const Layout& layout, const RepairOptions& options);

}  // namespace tenure::recovery
