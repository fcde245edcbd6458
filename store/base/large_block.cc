#include "store/base/large_block.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace tenure::base {

LargeBlock LargeBlock::Map() {
  // Twice as much as is needed has an aligned part; what lies around it goes back at once.
  void* const mapped = ::mmap(nullptr, 2 * kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(mapped);
  const std::size_t before = (kBytes - reinterpret_cast<std::uintptr_t>(begin) % kBytes) % kBytes;
  // That these fail would cost address space and nothing else.
  if (before > 0) (void)::munmap(begin, before);
  (void)::munmap(begin + before + kBytes, kBytes - before);
  (void)::madvise(begin + before, kBytes, MADV_HUGEPAGE);  // a wish
  return LargeBlock(begin + before);
}

LargeBlock::~LargeBlock() {
  if (data_ != nullptr) (void)::munmap(data_, kBytes);
}

}  // namespace tenure::base
