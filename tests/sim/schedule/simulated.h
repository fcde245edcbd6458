// For the files that put functions in front of the C library's.
#pragma once

/// Seen by shared libraries too, although this program is compiled with hidden symbols.
#define TENURE_SIMULATED extern "C" __attribute__((visibility("default")))
