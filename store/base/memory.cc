#include "store/base/memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace tenure::base {

LargeBlock::LargeBlock() {
  // Twice as much holds an aligned one somewhere; the rest goes back at once.
  void* const mapped = mmap(nullptr, 2 * kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  char* const begin = static_cast<char*>(mapped);
  const std::size_t before = (kBytes - reinterpret_cast<std::uintptr_t>(begin) % kBytes) % kBytes;
  if (before > 0) munmap(begin, before);
  munmap(begin + before + kBytes, kBytes - before);
  data_ = begin + before;
#ifdef MADV_HUGEPAGE
  madvise(data_, kBytes, MADV_HUGEPAGE);  // a wish: small pages are slower, not wrong
#endif
}

LargeBlock::~LargeBlock() {
  if (data_ != nullptr) munmap(data_, kBytes);
}

void ReturnFreeMemory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace tenure::base
