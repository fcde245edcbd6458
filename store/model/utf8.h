// Reading UTF-8 one character at a time, and telling apart the kinds of characters that the syntax
// rules name. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace tenure::model {

inline constexpr char32_t kInvalidCharacter = 0xFFFFFFFF;

/// The character that begins at `pos`, which moves behind it. For bytes that are not valid UTF-8
/// (overlong forms, surrogates and values above U+10FFFF included) the answer is kInvalidCharacter
/// and `pos` moves by one byte. `pos` must be below text.size().
char32_t NextCharacter(std::string_view text, std::size_t& pos);

/// Nothing but U+0020 to U+007E: most texts are such, and nothing more needs to be asked of them.
bool IsPrintableAscii(std::string_view text);

/// Unicode's category Cc: U+0000 to U+001F and U+007F to U+009F.
constexpr bool IsControl(char32_t c) { return c < 0x20 || (c >= 0x7F && c <= 0x9F); }

/// Unicode's property White_Space.
constexpr bool IsWhiteSpace(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

}  // namespace tenure::model
