// Names what a repair gives up: one line per transaction behind the last good frame that can still be
// read somewhere, a range where nothing can.
#pragma once

#include <string>
#include <vector>

#include "store/recovery/repair_plan.h"

namespace tenure::recovery {

/// At most a few thousand lines; the last one then says how many more there are.
Result<std::vector<std::string>> NameLost(base::Env& env, const Layout& layout, const Config& config,
                                          const RepairEvidence& evidence, const RepairPlan& plan);

}  // namespace tenure::recovery
