#include "store/base/atomic128.h"

#ifdef __x86_64__
#include <emmintrin.h>
#endif

// The instructions below are invisible to ThreadSanitizer, so the happens-before edge they make is
// told to it: everything before a compare-and-swap is released, what it read is acquired.
#if defined(__SANITIZE_THREAD__)
#define TENURE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TENURE_TSAN 1
#endif
#endif
#ifdef TENURE_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace tenure::base {
namespace {

#if defined(__x86_64__)

/// Aligned 16-byte loads are atomic where there is AVX, say Intel (SDM, volume 3, 8.1.1) and AMD of their processors.
/// They are in order with other loads, and every change of a word is a locked instruction, behind which no load is
/// moved.
const bool kWholeLoads =
    (__builtin_cpu_init(), __builtin_cpu_supports("avx") && (__builtin_cpu_is("intel") || __builtin_cpu_is("amd")));

bool CompareExchangeWords(std::uint64_t* words, Pair64& expected, Pair64 desired) {
  bool equal = false;
  // The word's order is RDX:RAX against memory, low half first; a mismatch loads both registers.
  __asm__ __volatile__("lock cmpxchg16b %[low]"
                       : "=@ccz"(equal), [low] "+m"(words[0]), "+m"(words[1]), "+a"(expected.first),
                         "+d"(expected.second)
                       : "b"(desired.first), "c"(desired.second)
                       : "memory");
  return equal;
}

#elif defined(__aarch64__)

bool CompareExchangeWords(std::uint64_t* words, Pair64& expected, Pair64 desired) {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::uint64_t store_first = 0;
  std::uint64_t store_second = 0;
  std::uint32_t equal = 0;
  std::uint32_t failed = 0;
  // A pair that was read exclusively is known to be consistent only once an exclusive store to it
  // succeeded, so a mismatch stores back what it read.
  __asm__ __volatile__(
      "1: ldaxp %[first], %[second], [%[words]]\n"
      "   cmp %[first], %[expected_first]\n"
      "   ccmp %[second], %[expected_second], #0, eq\n"
      "   cset %w[equal], eq\n"
      "   csel %[store_first], %[desired_first], %[first], eq\n"
      "   csel %[store_second], %[desired_second], %[second], eq\n"
      "   stlxp %w[failed], %[store_first], %[store_second], [%[words]]\n"
      "   cbnz %w[failed], 1b\n"
      : [first] "=&r"(first), [second] "=&r"(second), [store_first] "=&r"(store_first),
        [store_second] "=&r"(store_second), [equal] "=&r"(equal), [failed] "=&r"(failed)
      : [words] "r"(words), [expected_first] "r"(expected.first), [expected_second] "r"(expected.second),
        [desired_first] "r"(desired.first), [desired_second] "r"(desired.second)
      : "cc", "memory");
  expected = {first, second};
  return equal != 0;
}

#else
#error "tenure needs a lock-free 16-byte compare-and-swap: x86-64 or arm64"
#endif

bool AnnotatedCompareExchange(std::uint64_t* words, Pair64& expected, Pair64 desired) {
#ifdef TENURE_TSAN
  __tsan_release(words);
#endif
  const bool swapped = CompareExchangeWords(words, expected, desired);
#ifdef TENURE_TSAN
  __tsan_acquire(words);
#endif
  return swapped;
}

}  // namespace

Pair64 Atomic128::Load() const {
  Pair64 seen;
#ifdef __x86_64__
  if (kWholeLoads) {
    __m128i whole;
    __asm__ __volatile__("movdqa %[words], %[whole]"
                         : [whole] "=x"(whole)
                         : [words] "m"(*reinterpret_cast<const __m128i*>(words_))
                         : "memory");
    seen.first = static_cast<std::uint64_t>(_mm_cvtsi128_si64(whole));
    seen.second = static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(whole, whole)));
#ifdef TENURE_TSAN
    __tsan_acquire(words_);
#endif
    return seen;
  }
#endif
  AnnotatedCompareExchange(words_, seen, seen);
  return seen;
}

std::uint64_t Atomic128::LoadHalf(int half) const {
  const std::uint64_t seen = __atomic_load_n(&words_[half], __ATOMIC_SEQ_CST);
#ifdef TENURE_TSAN
  __tsan_acquire(words_);
#endif
  return seen;
}

bool Atomic128::CompareExchange(Pair64& expected, Pair64 desired) {
  return AnnotatedCompareExchange(words_, expected, desired);
}

}  // namespace tenure::base
