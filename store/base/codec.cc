#include "store/base/codec.h"

namespace tenure::base {

void Encoder::Varint(std::uint64_t v) {
  std::byte raw[10];
  std::size_t used = 0;
  while (v >= 0x80) {
    raw[used++] = static_cast<std::byte>(v | 0x80);
    v >>= 7;
  }
  raw[used++] = static_cast<std::byte>(v);
  out_.insert(out_.end(), raw, raw + used);
}

void Encoder::Text(std::string_view v) {
  Varint(v.size());
  Raw(AsBytes(v));
}

bool Decoder::Need(std::size_t bytes) {
  if (!ok_ || remaining() < bytes) {
    ok_ = false;
    return false;
  }
  return true;
}

std::uint8_t Decoder::U8() {
  if (!Need(1)) return 0;
  return std::to_integer<std::uint8_t>(in_[pos_++]);
}

std::uint32_t Decoder::U32() {
  if (!Need(sizeof(std::uint32_t))) return 0;
  const auto v = LoadLe<std::uint32_t>(in_.data() + pos_);
  pos_ += sizeof v;
  return v;
}

std::uint64_t Decoder::U64() {
  if (!Need(sizeof(std::uint64_t))) return 0;
  const auto v = LoadLe<std::uint64_t>(in_.data() + pos_);
  pos_ += sizeof v;
  return v;
}

std::uint64_t Decoder::Varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (!Need(1)) return 0;
    const auto byte = std::to_integer<std::uint8_t>(in_[pos_++]);
    const std::uint64_t bits = byte & 0x7F;
    const bool overflows = shift == 63 && byte > 1;
    const bool overlong = shift > 0 && byte == 0;
    if (overflows || overlong) break;
    value |= bits << shift;
    if (byte < 0x80) return value;
  }
  ok_ = false;
  return 0;
}

std::string_view Decoder::Text(std::size_t max_bytes) {
  const std::uint64_t bytes = Varint();
  if (bytes > max_bytes) {
    ok_ = false;
    return {};
  }
  return AsText(Raw(static_cast<std::size_t>(bytes)));
}

ByteView Decoder::Raw(std::size_t bytes) {
  if (!Need(bytes)) return {};
  const ByteView view = in_.subspan(pos_, bytes);
  pos_ += bytes;
  return view;
}

}  // namespace tenure::base
