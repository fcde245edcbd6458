// A sliding view of one file for sequential reading: big reads, one buffer. Belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "store/base/env.h"
#include "tenure/result.h"

namespace tenure::journal {

class Window {
 public:
  /// Nothing is buffered afterwards.
  void Open(std::unique_ptr<base::File> file) {
    file_ = std::move(file);
    Drop();
  }
  bool is_open() const { return file_ != nullptr; }
  /// Forgets what is buffered, and reads in small steps again: somebody is at the open end.
  void Drop();
  /// What is buffered from now on was there before; see fresh().
  void Age() { fresh_ = false; }
  /// True when the buffer was read after the last Age().
  bool fresh() const { return fresh_; }

  /// The bytes [offset, offset + bytes), fewer where `end` or the file ends. Valid until the next call.
  Result<base::ByteView> View(std::uint64_t offset, std::uint64_t bytes, std::uint64_t end);

 private:
  static constexpr std::uint64_t kAheadBytesMin = 16u << 10;
  static constexpr std::uint64_t kAheadBytesMax = 1u << 20;

  std::unique_ptr<base::File> file_;
  base::Bytes buffer_;
  static constexpr std::uint64_t kNowhere = ~std::uint64_t{0};
  std::uint64_t begin_ = kNowhere;  ///< Offset in the file of buffer_[0].
  std::uint64_t bytes_ = 0;         ///< Valid bytes of buffer_.
  std::uint64_t ahead_bytes_ = kAheadBytesMin;
  bool fresh_ = false;
};

}  // namespace tenure::journal
