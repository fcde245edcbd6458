// Has this process been forked since? Without a system call, so that every operation may ask.
#pragma once

#include <cstdint>

namespace tenure::base {

/// Grows by one in the child of every fork(). (A raw clone system call goes unnoticed; so it does in glibc.)
std::uint64_t ForkGeneration();

}  // namespace tenure::base
