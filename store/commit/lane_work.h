// One operation on its way through a batch, from a lane or from the double buffer.
#pragma once

#include <optional>

#include "store/commit/context.h"
#include "store/commit/decide.h"
#include "store/ingest/completion.h"
#include "store/ingest/slot_reader.h"

namespace tenure::commit {

/// Once decided, with its answer as it will travel. One whose request could not be read for now comes with it. The
/// request itself is not kept: a batch has thousands of these, and they stay in the cache.
struct LaneWork {
  model::Origin origin;
  ingest::SlotReader* reader = nullptr;  ///< Null: it came through the double buffer.
  std::optional<ingest::Reply> answer;
};

/// The request in `body`, or in the staging file that it names, into `request`, whatever that was. False, and said:
/// these bytes are no request. An error: the staging file did not answer, which says nothing against whoever queued it.
Result<bool> ReadRequest(const Context& context, base::Bytes& body, bool in_file, Request& request);

}  // namespace tenure::commit
