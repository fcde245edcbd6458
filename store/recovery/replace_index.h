// Makes a newly built index the live one of a store that may be in use.
//
// Whoever builds holds the turn to apply, so that nobody applies to an index that is about to be replaced.
// Others go on with the old generation until they look at the generation word again, which they do for every
// read and before every apply; its file stays, since they may still be opening it by its name, until somebody
// is alone.
#pragma once

#include "store/ingest/membership.h"
#include "store/recovery/rebuild.h"

namespace tenure::recovery {

/// With the turn to apply held by the caller: builds the next generation up to the durable LSN and switches to
/// it. A failure changes nothing; kCorruption also when the old index has applied more than the journal
/// holds. `options.to_lsn` and `options.durable` are set by the function.
Result<RebuildReport> SwitchToRebuilt(base::Env& env, const Layout& layout, ingest::Membership& member,
                                      RebuildOptions options);

/// Removes superseded generations and leftovers of builds when no other process has the store open and nobody
/// has the turn. Best effort: what stays is only space. For a time when this process has no index open.
void RemoveSuperseded(base::Env& env, const Layout& layout, ingest::Membership& member);

/// Becomes a member for the time of it (recovering first, when it is the first one since a crash or reboot)
/// and does the above. The calling process must not have the store open. One thread.
Result<RebuildReport> ReplaceIndex(base::Env& env, const Layout& layout, const Config& config, RebuildOptions options);

}  // namespace tenure::recovery
