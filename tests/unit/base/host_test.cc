#include "store/base/host.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace tenure::base {
namespace {

TEST(ThisHost, IsAskedForOnce) {
  EXPECT_EQ(&ThisHost(), &ThisHost());
  EXPECT_EQ(ThisHost().pid, static_cast<std::uint32_t>(::getpid()));
}

}  // namespace
}  // namespace tenure::base
