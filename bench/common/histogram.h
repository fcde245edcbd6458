// The latencies of a benchmark: those of the library.
#pragma once

#include "store/base/histogram.h"

namespace tenure::bench {

using base::Histogram;

}  // namespace tenure::bench
