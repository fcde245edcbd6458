// Copying bytes that another process may be changing meanwhile: what is judged and used is the copy.
//
// The language calls this a data race; the callers need no value of it: a copy counts only after a word that
// the writer changes first was found unchanged, or for whoever moves a fenced position afterwards.
// ThreadSanitizer would report each such overlap, and intercepts memcpy wherever it is called from, so under
// it the bytes are copied by a loop in a function it leaves alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SANITIZE_THREAD__)
#define TENURE_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TENURE_UNDER_TSAN 1
#endif
#endif

namespace tenure::ingest {

#ifdef TENURE_UNDER_TSAN
__attribute__((no_sanitize("thread"), noinline)) inline void CopyChanging(std::byte* to, const std::byte* from,
                                                                          std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    *reinterpret_cast<volatile unsigned char*>(to + i) = *reinterpret_cast<const volatile unsigned char*>(from + i);
  }
}
#else
inline void CopyChanging(std::byte* to, const std::byte* from, std::size_t bytes) {
  std::memcpy(to, from, bytes);
  // The compiler must not read the source again in place of the copy.
  std::atomic_signal_fence(std::memory_order_seq_cst);
}
#endif

}  // namespace tenure::ingest
