// The fixed encoding that row and body hashes are taken over: a flat buffer on the stack, or on the
// heap when the value is large. Little-endian; texts are a 32-bit length and the bytes, so that no
// two different values give the same bytes. Not a storage format, but the state hash of every store
// depends on it: a change here is a change of the journal's format version.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>

#include "store/base/codec.h"
#include "store/base/error.h"
#include "store/base/hash.h"

namespace tenure::model {

class HashInput {
 public:
  /// `bytes_max` bounds everything that will be appended; exceeding it aborts.
  explicit HashInput(std::size_t bytes_max) : end_(bytes_max) {
    if (bytes_max > small_.size()) large_.reset(new std::byte[bytes_max]);
    to_ = large_ ? large_.get() : small_.data();
  }
  HashInput(const HashInput&) = delete;
  HashInput& operator=(const HashInput&) = delete;

  static constexpr std::size_t TextBytes(std::string_view text) { return sizeof(std::uint32_t) + text.size(); }

  void U8(std::uint8_t v) { Fixed(v); }
  void U32(std::uint32_t v) { Fixed(v); }
  void U64(std::uint64_t v) { Fixed(v); }
  void Text(std::string_view v) {
    TENURE_CHECK(v.size() <= std::numeric_limits<std::uint32_t>::max());
    Fixed(static_cast<std::uint32_t>(v.size()));
    TENURE_CHECK(v.size() <= end_ - at_);
    if (!v.empty()) std::memcpy(to_ + at_, v.data(), v.size());
    at_ += v.size();
  }
  base::Hash128 Hash() const { return base::Xxh128(base::ByteView(to_, at_)); }

 private:
  template <typename T>
  void Fixed(T v) {
    TENURE_CHECK(sizeof v <= end_ - at_);
    base::StoreLe(to_ + at_, v);
    at_ += sizeof v;
  }

  // Deliberately not initialised: every byte that is hashed was appended first.
  std::array<std::byte, 1024> small_;
  std::unique_ptr<std::byte[]> large_;
  std::byte* to_ = nullptr;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
};

}  // namespace tenure::model
