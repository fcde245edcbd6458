#include "store/model/utf8.h"

#include <cstdint>
#include <cstring>

#include "store/model/validate.h"

namespace tenure::model {
namespace {

unsigned char ByteAt(std::string_view text, std::size_t pos) { return static_cast<unsigned char>(text[pos]); }

bool IsContinuation(unsigned char b) { return (b & 0xC0) == 0x80; }

}  // namespace

char32_t NextCharacter(std::string_view text, std::size_t& pos) {
  const unsigned char lead = ByteAt(text, pos++);
  if (lead < 0x80) return lead;
  // The table of the Unicode standard (3-7): the second byte's range excludes overlong forms,
  // surrogates and everything above U+10FFFF; the others are plain continuations.
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  std::size_t more = 0;
  char32_t value = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    more = 1;
    value = lead & 0x1F;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    more = 2;
    value = lead & 0x0F;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    more = 3;
    value = lead & 0x07;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return kInvalidCharacter;
  }
  if (text.size() - pos < more) return kInvalidCharacter;
  const unsigned char second = ByteAt(text, pos);
  if (second < low || second > high) return kInvalidCharacter;
  for (std::size_t i = 0; i < more; ++i) {
    const unsigned char b = ByteAt(text, pos + i);
    if (!IsContinuation(b)) return kInvalidCharacter;
    value = (value << 6) | (b & 0x3F);
  }
  pos += more;
  return value;
}

bool IsPrintableAscii(std::string_view text) {
  constexpr std::uint64_t kEach = 0x0101010101010101ULL;
  constexpr std::uint64_t kHigh = 0x80 * kEach;
  // Eight bytes at a time. Below 0x80 each; subtracting 0x20 borrows where one is below that, which shows in its own
  // high bit; adding 1 makes 0x80 of 0x7F.
  const auto other = [](std::uint64_t word) { return (word | (word - 0x20 * kEach) | (word + kEach)) & kHigh; };
  const auto word_at = [&text](std::size_t pos) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + pos, sizeof word);
    return word;
  };
  if (text.size() < 8) {
    for (const char c : text) {
      if (c < 0x20 || c > 0x7E) return false;
    }
    return true;
  }
  std::uint64_t found = other(word_at(text.size() - 8));  // the end, perhaps in part twice
  for (std::size_t pos = 0; pos + 8 <= text.size(); pos += 8) found |= other(word_at(pos));
  return found == 0;
}

bool IsValidUtf8(std::string_view text) {
  std::size_t pos = 0;
  while (pos < text.size()) {
    // Eight ASCII bytes at a time: most texts are nothing else.
    if (text.size() - pos >= 8) {
      std::uint64_t word;
      std::memcpy(&word, text.data() + pos, sizeof word);
      if ((word & 0x8080808080808080ULL) == 0) {
        pos += 8;
        continue;
      }
    }
    if (NextCharacter(text, pos) == kInvalidCharacter) return false;
  }
  return true;
}

}  // namespace tenure::model
