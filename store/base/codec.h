// Little-endian fixed-width and varint coding, and bounds-checked reading of untrusted bytes.
//
// Encoder appends to a byte vector it borrows. Decoder looks at a span it does not own; after the
// first failure every further read returns zero values and ok() is false, so a parser checks once.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "store/base/env.h"

namespace tenure::base {

static_assert(std::endian::native == std::endian::little,
              "tenure's formats are little-endian; this platform is refused");

template <typename T>
T LoadLe(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <typename T>
void StoreLe(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

class Encoder {
 public:
  explicit Encoder(Bytes& out) : out_(out) {}
  void U8(std::uint8_t v) { out_.push_back(std::byte{v}); }
  void U32(std::uint32_t v) { Fixed(v); }
  void U64(std::uint64_t v) { Fixed(v); }
  /// LEB128: 7 bits a byte, low first, at most 10 bytes.
  void Varint(std::uint64_t v);
  /// Zigzag, then Varint.
  void Signed(std::int64_t v) { Varint((static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63)); }
  /// Varint length, then the bytes.
  void Text(std::string_view v);
  void Raw(ByteView v) { out_.insert(out_.end(), v.begin(), v.end()); }

 private:
  template <typename T>
  void Fixed(T v) {
    std::byte raw[sizeof v];
    StoreLe(raw, v);
    out_.insert(out_.end(), raw, raw + sizeof v);
  }
  Bytes& out_;
};

class Decoder {
 public:
  explicit Decoder(ByteView in) : in_(in) {}
  std::uint8_t U8();
  std::uint32_t U32();
  std::uint64_t U64();
  /// Refuses overlong and overflowing encodings, so that equal values have one encoding.
  std::uint64_t Varint();
  std::int64_t Signed() {
    const std::uint64_t v = Varint();
    return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
  }
  /// Borrowed from the input; empty after a failure or when longer than `max_bytes`.
  std::string_view Text(std::size_t max_bytes);
  ByteView Raw(std::size_t bytes);

  bool ok() const { return ok_; }
  void Fail() { ok_ = false; }
  bool empty() const { return pos_ == in_.size(); }
  std::size_t remaining() const { return in_.size() - pos_; }
  std::size_t position() const { return pos_; }

 private:
  bool Need(std::size_t bytes);
  ByteView in_;
  std::size_t pos_ = 0;
  bool ok_ = true;
};

}  // namespace tenure::base
