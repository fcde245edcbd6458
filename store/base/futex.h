// Futex on a 32-bit word in memory shared between processes (never FUTEX_PRIVATE).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace tenure::base {

/// Sleeps while `word` is `expected`, at most `timeout` (negative: no bound), and may return early.
/// False when the time ran out.
bool FutexWait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::chrono::nanoseconds timeout);
/// Wakes up to `count` sleepers (INT_MAX: all).
void FutexWake(const std::atomic<std::uint32_t>& word, int count);

}  // namespace tenure::base
