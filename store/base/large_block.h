// Memory straight from the system, in huge pages where it has some: for jobs that need much of it for a short time.
// What malloc gives for those is taken page by page, with a fault for each, and given back page by page.
#pragma once

#include <cstddef>
#include <utility>

namespace tenure::base {

/// kBytes bytes at an address that is a multiple of that; nothing in them is set. Owns them. Any thread.
class LargeBlock {
 public:
  static constexpr std::size_t kBytes = std::size_t{2} << 20;  // a huge page of x86-64, and of arm64 with 4 KiB pages

  /// None.
  LargeBlock() = default;
  /// Throws std::bad_alloc.
  static LargeBlock Map();
  LargeBlock(LargeBlock&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  LargeBlock& operator=(LargeBlock&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~LargeBlock();

  std::byte* data() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  explicit LargeBlock(std::byte* data) : data_(data) {}
  std::byte* data_ = nullptr;
};

}  // namespace tenure::base
