// Memory for large jobs, and giving it back. Thread-safe.
#pragma once

#include <cstddef>
#include <utility>

namespace tenure::base {

/// Zeroed memory straight from the system and back to it, aligned to its size so that one huge page can hold
/// it where the system has them: visiting hundreds of megabytes in no order is bound by address
/// translation otherwise.
class LargeBlock {
 public:
  static constexpr std::size_t kBytes = 2u << 20;
  /// Throws std::bad_alloc, as new does.
  LargeBlock();
  ~LargeBlock();
  LargeBlock(LargeBlock&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  LargeBlock& operator=(LargeBlock&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  char* data() const { return data_; }

 private:
  char* data_ = nullptr;
};

/// Gives memory back to the system that the allocator keeps after a burst. Takes some milliseconds: for the
/// end of large jobs only. Nothing where the C library cannot do it.
void ReturnFreeMemory();

}  // namespace tenure::base
