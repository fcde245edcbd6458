#include "store/model/json_memory.h"

#include <functional>
#include <mutex>

namespace tenure::model {
namespace {

/// Children of a tree at a time: 16 bytes each. Trees are bounded too (kJsonTextBytesMax), and mostly small.
constexpr std::size_t kReserveBytes = 512u << 10;

/// Given out in order, and again from the start when all of it has come back.
struct Reserve {
  std::mutex mutex;
  std::size_t used = 0;
  std::size_t blocks = 0;
  alignas(std::max_align_t) std::byte memory[kReserveBytes];

  bool Owns(const void* block) const {
    const std::less<const void*> before;
    return !before(block, memory) && before(block, memory + kReserveBytes);
  }
};
Reserve reserve;  // in memory that nobody touches before it is needed

}  // namespace

void* AllocateToDismantle(std::size_t bytes) {
  if (void* block = ::operator new(bytes, std::nothrow); block != nullptr) return block;
  const std::size_t rounded =
      (bytes + alignof(std::max_align_t) - 1) / alignof(std::max_align_t) * alignof(std::max_align_t);
  const std::lock_guard lock(reserve.mutex);
  if (rounded > kReserveBytes - reserve.used) throw std::bad_alloc();
  void* block = reserve.memory + reserve.used;
  reserve.used += rounded;
  ++reserve.blocks;
  return block;
}

void FreeDismantled(void* block) noexcept {
  if (!reserve.Owns(block)) return ::operator delete(block);
  const std::lock_guard lock(reserve.mutex);
  if (--reserve.blocks == 0) reserve.used = 0;
}

}  // namespace tenure::model
