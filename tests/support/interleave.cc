#include "tests/support/interleave.h"

#include <gtest/gtest.h>

#include <utility>

namespace tenure::testing {
namespace {

using base::Atomic128;
using base::Pair64;

struct Interleaved {
  const Atomic128* word = nullptr;
  std::function<void()> action;
  void Begin(const Atomic128& of, std::function<void()> what) {
    word = &of;
    action = std::move(what);
  }
  void End(const char* what) {
    if (std::exchange(word, nullptr) != nullptr) ADD_FAILURE() << what << " that a test waited for did not come";
    action = nullptr;
  }
  void At(const Atomic128* here) {
    if (word == nullptr || here != word) return;
    word = nullptr;  // what happens in between may use the word itself
    std::exchange(action, nullptr)();
  }
};
thread_local Interleaved before_swap;
thread_local Interleaved before_load;

}  // namespace

// The linker knows them by the names that the compiler gives to the members named on the left.
bool RealCompareExchange(Atomic128*, Pair64&,
                         Pair64) __asm__("__real__ZN6tenure4base9Atomic12815CompareExchangeERNS0_6Pair64ES2_");
Pair64 RealLoad(const Atomic128*) __asm__("__real__ZNK6tenure4base9Atomic1284LoadEv");

bool InterleavedCompareExchange(Atomic128*, Pair64&,
                                Pair64) __asm__("__wrap__ZN6tenure4base9Atomic12815CompareExchangeERNS0_6Pair64ES2_");
Pair64 InterleavedLoad(const Atomic128*) __asm__("__wrap__ZNK6tenure4base9Atomic1284LoadEv");

bool InterleavedCompareExchange(Atomic128* word, Pair64& expected, Pair64 desired) {
  before_swap.At(word);
  return RealCompareExchange(word, expected, desired);
}

Pair64 InterleavedLoad(const Atomic128* word) {
  before_load.At(word);
  return RealLoad(word);
}

BeforeSwap::BeforeSwap(const Atomic128& word, std::function<void()> action) {
  before_swap.Begin(word, std::move(action));
}
BeforeSwap::~BeforeSwap() { before_swap.End("the compare-and-swap"); }

BeforeLoad::BeforeLoad(const Atomic128& word, std::function<void()> action) {
  before_load.Begin(word, std::move(action));
}
BeforeLoad::~BeforeLoad() { before_load.End("the load"); }

void Set(Atomic128& word, Pair64 to) {
  Pair64 seen = RealLoad(&word);
  while (!RealCompareExchange(&word, seen, to)) {
  }
}

}  // namespace tenure::testing
