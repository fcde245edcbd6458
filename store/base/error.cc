#include "store/base/error.h"

#include <cstdio>
#include <cstdlib>

namespace tenure::base {

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "tenure: broken invariant at %s:%d: %s\n", file, line, condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace tenure::base
