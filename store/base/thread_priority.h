// How the kernel's scheduler treats the calling thread.
#pragma once

namespace tenure::base {

/// For work that others need not wait for: the thread gives way to whatever else wakes up on its processor, and still
/// gets its share of a busy machine. Nothing depends on whether the kernel grants it.
void BecomeBackground();

}  // namespace tenure::base
