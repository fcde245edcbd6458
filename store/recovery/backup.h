// A copy of a store as of one LSN: every live segment up to there, verbatim, and an index copied or
// rebuilt. The copy keeps the journal id (so the chain verifies from the start) and gets a new store
// id and the next incarnation.
#pragma once

#include <optional>
#include <string>

#include "store/recovery/verify.h"

namespace tenure::recovery {

struct BackupOptions {
  Lsn to_lsn = 0;  ///< The last LSN to copy; must be durable.
  Progress progress;
};
/// Makes `target_dir`/.tenure, synced. kAlreadyAStore when there is one. A partial copy of an
/// interrupted run is under another name and is no store.
Status CopyStore(base::Env& env, const Layout& source, const std::string& target_dir, const BackupOptions& options);

}  // namespace tenure::recovery
