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

/// Appends to memory that it borrows; exceeding it aborts.
class FlatWriter {
 public:
  FlatWriter(std::byte* to, std::size_t bytes_max) : to_(to), end_(bytes_max) {}

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
  std::size_t size() const { return at_; }
  base::ByteView bytes() const { return {to_, at_}; }

  static constexpr std::size_t TextBytes(std::string_view text) { return sizeof(std::uint32_t) + text.size(); }

 private:
  template <typename T>
  void Fixed(T v) {
    TENURE_CHECK(sizeof v <= end_ - at_);
    base::StoreLe(to_ + at_, v);
    at_ += sizeof v;
  }

  std::byte* const to_;
  std::size_t at_ = 0;
  const std::size_t end_;
};

/// One with memory of its own.
class HashInput {
 public:
  /// `bytes_max` bounds everything that will be appended.
  explicit HashInput(std::size_t bytes_max)
      : large_(bytes_max > sizeof(small_) ? new std::byte[bytes_max] : nullptr),
        out_(large_ ? large_.get() : small_.data(), bytes_max) {}
  HashInput(const HashInput&) = delete;
  HashInput& operator=(const HashInput&) = delete;

  static constexpr std::size_t TextBytes(std::string_view text) { return FlatWriter::TextBytes(text); }

  void U8(std::uint8_t v) { out_.U8(v); }
  void U32(std::uint32_t v) { out_.U32(v); }
  void U64(std::uint64_t v) { out_.U64(v); }
  void Text(std::string_view v) { out_.Text(v); }
  FlatWriter& out() { return out_; }
  base::Hash128 Hash() const { return base::Xxh128(out_.bytes()); }

 private:
  // Deliberately not initialised: every byte that is hashed was appended first.
  std::array<std::byte, 1024> small_;
  std::unique_ptr<std::byte[]> large_;
  FlatWriter out_;
};

}  // namespace tenure::model
