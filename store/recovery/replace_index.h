// Makes a newly built index the live one of a store that may be in use.
//
// The caller becomes a member for the time of it (recovering first, when it is the first one since a
// crash or reboot) and holds the turn to apply, so that nobody applies to an index that is about to be
// replaced. Others go on with the old generation until they look at the generation word again, which they
// do for every read and before every apply. One thread; the calling process must not have the store open.
#pragma once

#include "store/recovery/rebuild.h"

namespace tenure::recovery {

/// kCorruption changes nothing, also when it says that the old index has applied more than the journal
/// holds. `options.to_lsn` and `options.durable` are set by the function.
Result<RebuildReport> ReplaceIndex(base::Env& env, const Layout& layout, const Config& config, RebuildOptions options);

}  // namespace tenure::recovery
