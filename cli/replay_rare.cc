#include "cli/replay_rare.h"

#include <utility>

#include "cli/views.h"
#include "store/base/error.h"
#include "store/model/json.h"

namespace tenure::cli {

Result<RareRows> ReadRareRows(const index::IndexReader& reader, bool full) {
  RareRows rows;
  TENURE_ASSIGN(const std::vector<Policy> policies, reader.Policies());
  for (const Policy& policy : policies) {
    Policy said = policy;
    if (!full) {
      said.writer.clear();
      said.time_ms = 0;
      said.lsn = 0;
      said.effect = 0;
    }
    rows["policy " + policy.glob] = {model::PolicyJson(said), model::PolicyJson(policy)};
  }
  if (!full) return rows;
  TENURE_RETURN_IF_ERROR(reader.ForEachConflict([&](const ParkedConflict& conflict) {
    const std::string json = model::ConflictJson(conflict);
    rows["conflict " + ConflictIdText(conflict.id)] = {json, json};
    return true;
  }));
  TENURE_RETURN_IF_ERROR(reader.ForEachLease([&](const model::LeaseRow& lease) {
    const std::string json = model::LeaseJson(lease.info);
    rows["lease " + std::to_string(lease.info.id)] = {json, json};
    return true;
  }));
  return rows;
}

}  // namespace tenure::cli
