// Requests too large for a lane travel in a file of staging/: written whole before the operation is pushed,
// removed by the writer after the answer. A file that nobody names any more is removed when the store is next
// opened by a process that is alone. Nothing in it was acknowledged.
#pragma once

#include <string>

#include "store/base/env.h"

namespace tenure::commit {

/// Writes `body` to a new file and returns its name. kNoSpace leaves nothing behind.
Result<std::string> StageBody(base::Env& env, const std::string& dir, base::ByteView body);
/// The body in the file that `name` (untrusted bytes) names; kCorruption when it is not what was staged.
Result<base::Bytes> ReadStaged(base::Env& env, const std::string& dir, base::ByteView name);
void RemoveStaged(base::Env& env, const std::string& dir, const std::string& name);
/// Removes what dead processes left. Only while no other process is a member.
void RemoveAllStaged(base::Env& env, const std::string& dir);

}  // namespace tenure::commit
