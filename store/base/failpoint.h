// Named places where tests stop, kill or fail the process, and deliberate defects that tests must
// catch. Compiled in only with TENURE_TESTING; otherwise every macro is nothing.
//
//   TENURE_FAILPOINT="journal.mid_write=kill@3"   kill -9 this process the third time it gets there
//   actions: kill, stop (SIGSTOP), eio (FailPointError returns kIo), enospc; several separated by ','; in a build with
//   AddressSanitizer or ThreadSanitizer also misuse, which it reports
//   NAME=ACTION@N acts on hit N of this process, @N+ on hit N and all later ones; without it kill and
//   stop act on the first hit, errors on all. A spec that cannot be read aborts the process.
//   TENURE_FAILPOINT_LOG=FILE                     append one line per point reached (first time each)
//   TENURE_SEEDED_BUG="skip_fdatasync"            switch a deliberate defect on (or several, ',')
#pragma once

#include <functional>

#include "tenure/result.h"

#ifdef TENURE_TESTING

namespace tenure::base {
/// For tests in one process: called at every point, by the thread that got there, without any lock of this file. Set
/// and emptied while no other thread of the process can reach a point.
void SetFailPointHook(std::function<void(const char* name)> hook);
void HitFailPoint(const char* name);
Status FailPointError(const char* name);
bool SeededBug(const char* name);
/// For tests in one process: replaces what the environment variable said. Empty clears.
void SetFailPoints(const char* spec);
void SetSeededBug(const char* name);
}  // namespace tenure::base

#define TENURE_FAIL_POINT(name) ::tenure::base::HitFailPoint(name)
/// `return`s the injected error from the enclosing function.
#define TENURE_FAIL_POINT_STATUS(name)                                     \
  do {                                                                     \
    if (auto injected = ::tenure::base::FailPointError(name); !injected) { \
      return std::move(injected).error();                                  \
    }                                                                      \
  } while (0)
#define TENURE_SEEDED_BUG(name) ::tenure::base::SeededBug(name)

#else

#define TENURE_FAIL_POINT(name) ((void)0)
#define TENURE_FAIL_POINT_STATUS(name) ((void)0)
#define TENURE_SEEDED_BUG(name) false

#endif
