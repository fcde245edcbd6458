// What tests/mutants/run writes into its copy of the sources: each sync and each compare-and-swap asks here whether it
// is the one to be left out. One build holds all mutants; the environment says which one a process is.
//   TENURE_MUTANT="4711 deleted"   that sync answers success at once
//   TENURE_MUTANT="4711 blind"     that compare-and-swap stores whatever is there, and says that it has succeeded
//   TENURE_MUTANT="4711 nothing"   it does nothing, and says that it has succeeded
//   TENURE_MUTANT_REACHED=FILE     of kPlaces bytes: byte n becomes 1 when n is reached, in whichever process
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "store/base/atomic128.h"

namespace tenure_mutant {

enum class Kind { kNone, kDeleted, kBlind, kNothing };
inline constexpr int kPlaces = 1 << 16;

struct Chosen {
  int place = -1;
  Kind kind = Kind::kNone;
  volatile unsigned char* reached = nullptr;

  Chosen() {
    if (const char* mutant = std::getenv("TENURE_MUTANT")) {
      char* end = nullptr;
      place = static_cast<int>(std::strtol(mutant, &end, 10));
      kind = std::strcmp(end, " deleted") == 0 ? Kind::kDeleted
             : std::strcmp(end, " blind") == 0 ? Kind::kBlind
                                               : Kind::kNothing;
    }
    if (const char* file = std::getenv("TENURE_MUTANT_REACHED")) {
      // System calls themselves: the simulation has functions of its own in front of the C library's.
      const long fd = ::syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
      const long at = ::syscall(SYS_mmap, nullptr, kPlaces, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      if (fd >= 0 && at > 0) reached = reinterpret_cast<volatile unsigned char*>(at);
      ::syscall(SYS_close, fd);
    }
  }
};

inline Kind At(int place) {
  static const Chosen chosen;
  if (chosen.reached != nullptr) chosen.reached[place] = 1;
  return chosen.place == place ? chosen.kind : Kind::kNone;
}

template <class T>
class Swap {
 public:
  Swap(int place, T& word) : kind_(At(place)), word_(word) {}

  bool CompareExchange(tenure::base::Pair64& expected, tenure::base::Pair64 desired) {
    if (kind_ == Kind::kNone) return word_.CompareExchange(expected, desired);
    if (kind_ == Kind::kBlind) {
      tenure::base::Pair64 seen = word_.Load();
      while (!word_.CompareExchange(seen, desired)) {
      }
    }
    return true;
  }

  template <class V, class... Orders>
  bool compare_exchange_weak(V& expected, V desired, Orders... orders) {
    return Plain(expected, desired, orders...);
  }
  template <class V, class... Orders>
  bool compare_exchange_strong(V& expected, V desired, Orders... orders) {
    return Plain(expected, desired, orders...);
  }

 private:
  template <class V, class... Orders>
  bool Plain(V& expected, V desired, Orders... orders) {
    if (kind_ == Kind::kNone) return word_.compare_exchange_strong(expected, desired, orders...);
    if (kind_ == Kind::kBlind) word_.store(desired);
    return true;
  }

  const Kind kind_;
  T& word_;
};

}  // namespace tenure_mutant
