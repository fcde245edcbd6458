// Steps at what only the product has: its fail points, and every access to a 16-byte word of shared memory, before and
// so also behind it. The linker puts these in front of the product's own (--wrap): its objects stay as they are.
#include "store/base/atomic128.h"
#include "tests/sim/schedule/scheduler.h"

namespace tenure::sim {

using base::Atomic128;
using base::Pair64;

// The linker knows them by the names that the compiler gives to the members and the function named on the left.
bool RealCompareExchange(Atomic128*, Pair64&,
                         Pair64) __asm__("__real__ZN6tenure4base9Atomic12815CompareExchangeERNS0_6Pair64ES2_");
bool CompareExchange(Atomic128*, Pair64&,
                     Pair64) __asm__("__wrap__ZN6tenure4base9Atomic12815CompareExchangeERNS0_6Pair64ES2_");
Pair64 RealLoad(const Atomic128*) __asm__("__real__ZNK6tenure4base9Atomic1284LoadEv");
Pair64 Load(const Atomic128*) __asm__("__wrap__ZNK6tenure4base9Atomic1284LoadEv");
void HitFailPoint(const char*) __asm__("__wrap__ZN6tenure4base12HitFailPointEPKc");

bool CompareExchange(Atomic128* word, Pair64& expected, Pair64 desired) {
  StepAtSwap();
  return RealCompareExchange(word, expected, desired);
}

Pair64 Load(const Atomic128* word) {
  Step("load");
  return RealLoad(word);
}

void HitFailPoint(const char* name) { StepAtFailPoint(name); }

}  // namespace tenure::sim
