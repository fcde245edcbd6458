// The directory of one simulation. What is durable is decided by the trace, so the real disk only
// costs time: memory is used where there is enough of it. TMPDIR overrides that.
#pragma once

#include <sys/statvfs.h>

#include <cstdlib>

#include "tests/support/scratch.h"

namespace tenure::sim {

class SimScratch {
 public:
  const std::string& path() const { return scratch_.path(); }
  std::string operator/(const std::string& name) const { return scratch_ / name; }

 private:
  static bool PreferMemory() {
    constexpr std::uint64_t kEnough = 256u << 20;
    struct statvfs fs {};
    const bool enough = ::statvfs("/dev/shm", &fs) == 0 && std::uint64_t{fs.f_bavail} * fs.f_frsize >= kEnough;
    return enough && ::setenv("TMPDIR", "/dev/shm", /*overwrite=*/0) == 0;
  }
  const bool memory_ = PreferMemory();  // before scratch_: it says where that goes
  testing::Scratch scratch_;
};

}  // namespace tenure::sim
