// Futex on a 32-bit word in memory shared between processes (never FUTEX_PRIVATE).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace tenure::base {

/// Sleeps while `word` is `expected`, at most `timeout` (negative: no bound), and may return early.
/// False when the time ran out.
bool FutexWait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::chrono::nanoseconds timeout);
/// Like FutexWait; only a wake-up whose mask shares a bit with `mask` (not 0) ends it.
bool FutexWaitMask(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::chrono::nanoseconds timeout,
                   std::uint32_t mask);
/// Wakes every sleeper whose mask shares a bit with `mask`: one system call for all of them.
void FutexWakeMask(const std::atomic<std::uint32_t>& word, std::uint32_t mask);
/// Wakes up to `count` sleepers (INT_MAX: all).
void FutexWake(const std::atomic<std::uint32_t>& word, int count);

}  // namespace tenure::base
