// What shared memory says, for people: tenure::StoreDiagnosis filled from a mapped segment.
//
// Reading only, with plain loads: Atomic128::Load writes its line, so halves are read one by one, and a pair may be
// of two moments. Any process that has the segment mapped may call this, member or not.
#pragma once

#include "store/ingest/shared_segment.h"
#include "tenure/doctor.h"

namespace tenure::ingest {

/// Commit lease, LSNs, writer slots, leases and who waits for one, and the rows of members that are in use (`alive`,
/// `visible`, `stopped` and the owner's are left to the caller, who can ask the kernel). `starts[i]` is the process
/// start of members[i], in clock ticks.
void LookAtSegment(SharedSegment& segment, StoreDiagnosis& diagnosis, std::vector<std::uint64_t>& starts,
                   std::uint64_t boottime_ms);

}  // namespace tenure::ingest
