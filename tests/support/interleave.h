// Something that happens between a look at a 16-byte word and the compare-and-swap that follows it, as if another
// thread or process had come in between: the one interleaving that the compare-and-swap is there for, on one thread.
//
//   BeforeSwap(word, [&] { ... });    once, just before the next compare-and-swap of `word` by this thread
//   BeforeLoad(word, [&] { ... });    the same, before its next load
//
// The program must be linked with tenure_interleave, which puts itself in front of Atomic128.
#pragma once

#include <functional>

#include "store/base/atomic128.h"

namespace tenure::testing {

/// In force while it lives; it must have happened by then, or the test fails. One of each kind at a time.
class BeforeSwap {
 public:
  BeforeSwap(const base::Atomic128& word, std::function<void()> action);
  ~BeforeSwap();
  BeforeSwap(const BeforeSwap&) = delete;
  BeforeSwap& operator=(const BeforeSwap&) = delete;
};

class BeforeLoad {
 public:
  BeforeLoad(const base::Atomic128& word, std::function<void()> action);
  ~BeforeLoad();
  BeforeLoad(const BeforeLoad&) = delete;
  BeforeLoad& operator=(const BeforeLoad&) = delete;
};

/// Makes `word` what it is said to be, whatever it was: what another process has done.
void Set(base::Atomic128& word, base::Pair64 to);

}  // namespace tenure::testing
