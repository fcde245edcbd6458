// The machine's own functions, behind those that this program puts in front of them.
#pragma once

#include <dlfcn.h>

#include <atomic>
#include <cstdint>

namespace tenure::sim {

/// The next definition of `name` after this program's. Never fails: everything asked for is in the C library.
template <class Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

// The C library may call the simulated function before main: each looks its original up when first needed.
#define TENURE_REAL(function)                                                       \
  ([]() {                                                                           \
    static auto* const real = ::tenure::sim::Real<decltype(::function)>(#function); \
    return real;                                                                    \
  }())

long RawSyscall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0);

/// Really sleeps until `word` is not 0. False: not within `timeout_ms` (negative: no bound), or a signal came.
bool AwaitWord(std::atomic<std::uint32_t>& word, int timeout_ms);
void PostWord(std::atomic<std::uint32_t>& word);

}  // namespace tenure::sim
