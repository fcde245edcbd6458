// What goes wrong, and when: drawn at each step, within the plan.
#pragma once

#include <cstdint>

namespace tenure::sim {

/// Where a step is: the more may go wrong there, the more often something does.
enum class Place : std::uint8_t { kAnywhere, kFailPoint, kSwap };

/// May stop or kill a process, this one more often than others, or set a clock. The caller passes the baton when its
/// process does not run any more, or the kernel is called.
void MaybeFault(Place place);

/// What becomes of one write or sync: takes its time, then says how it ends. 0, or an errno.
enum class DiskCall : std::uint8_t { kWrite, kAllocate, kSync };
/// `journal`: one of the files whose failure the product must survive as the protocol says.
int OnDisk(DiskCall call, const char* point, bool journal);

}  // namespace tenure::sim
