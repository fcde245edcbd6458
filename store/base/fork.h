// What a forked child must not share with its parent.
//
// The child has copies of the parent's descriptors, and a kernel lock of an open file description lives as long as any
// of them: a child that goes on without exec would keep its dead parent looking alive. So descriptors that lock are
// closed in the child, at once. (A raw clone system call goes unnoticed; so it does in glibc.)
#pragma once

#include <cstdint>

namespace tenure::base {

/// Grows by one in the child of every fork(). No system call, so that every operation may ask.
std::uint64_t ForkGeneration();

/// `descriptor` is closed in children from now on. Any thread.
void CloseInChildren(int descriptor);
/// Before it is closed here.
void ForgetDescriptor(int descriptor);

}  // namespace tenure::base
