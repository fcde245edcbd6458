// Who and where this process is.
#pragma once

#include "store/base/env.h"

namespace tenure::base {

/// Read once per process and again after a fork; never destroyed. Any thread.
const HostInfo& ThisHost();

}  // namespace tenure::base
