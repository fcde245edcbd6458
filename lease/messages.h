// How refusals about leases are worded: who is in the way, for how long, and what to do. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "lease/table.h"
#include "tenure/result.h"

namespace tenure::lease {

/// "90 ms", "12 s", "5 min 3 s", "2 h 10 min"
std::string Duration(std::uint64_t ms);

/// kLeaseHeld. `what` is the key or scope that was wanted; `holder` tells its age, the time left, and how many wait.
Error HeldError(const std::string& what, LeaseInfo holder, bool by_itself);
/// kLeaseHeld by nobody: `before` requests for `what` are queued.
Error QueuedError(const std::string& what, std::uint64_t before);
/// kLeasesExhausted: `held` are all that the store takes.
Error ExhaustedError(std::size_t held);
/// Codes 12, for a verdict other than kAllowed and kHeld; `other` is the lease in its place, when it was fenced.
Error LostError(const WriteVerdict& verdict, const LeaseInfo* other);
/// The same for renewals and releases.
Error NotHeldError(Lsn id, const Table::Ended* ended);

}  // namespace tenure::lease
