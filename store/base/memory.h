// Gives memory back to the system that the allocator keeps after a burst. Thread-safe; takes some
// milliseconds: for the end of large jobs only. Nothing where the C library cannot do it.
#pragma once

namespace tenure::base {

void ReturnFreeMemory();

}  // namespace tenure::base
