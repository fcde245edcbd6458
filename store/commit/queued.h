// What is waiting in the lanes: for reads that want to see operations before they are committed.
//
// Copies only; nothing is moved, and nobody is waited for. A copy counts while its operation has not been popped:
// StillQueued says so afterwards. Any thread.
#pragma once

#include <string>
#include <vector>

#include "store/commit/context.h"
#include "store/commit/decide.h"
#include "store/ingest/registry.h"

namespace tenure::commit {

struct QueuedRequest {
  Request request;
  model::Origin origin;
  std::uint64_t timestamp_ns = 0;  ///< CLOCK_MONOTONIC when it was pushed.
};

/// Queued requests with an operation on the entry `name:version`, oldest first.
std::vector<QueuedRequest> QueuedOn(const Context& context, ingest::Registry& registry, const std::string& name,
                                    const std::string& version);
/// False: popped by a committer since, committed or not.
bool StillQueued(const ingest::Registry& registry, const model::Origin& origin);

}  // namespace tenure::commit
