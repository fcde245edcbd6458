// UTF-8, and JSON strings of any bytes.
#include "store/model/utf8.h"

#include "store/model/json.h"
#include "store/model/json_tree.h"
#include "store/model/validate.h"
#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz::utf8_target {
namespace {

void Append(std::string& to, char32_t c) {
  const auto put = [&to](char32_t byte) { to += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  }
}

const Target& ThisTarget() {
  static const Target target = [] {
    Target made;
    made.words = {"\xC3\xA9",         "\xE2\x80\xA8", "\xF0\x9F\x98\x80", "\xED\xA0\x80", "\xC0\x80",
                  "\xF4\x90\x80\x80", "\x7F",         "\xEF\xBF\xBD",     "\\",           "\""};
    made.bytes_max = 64;
    return made;
  }();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = Text(data, size);
  std::string again, mended;
  bool valid = true;
  for (std::size_t pos = 0; pos < text.size();) {
    const std::size_t before = pos;
    const char32_t c = model::NextCharacter(text, pos);
    FUZZ_EXPECT(pos > before && pos <= text.size());
    if (c == model::kInvalidCharacter) {
      FUZZ_EXPECT(pos == before + 1);
      valid = false;
      continue;
    }
    FUZZ_EXPECT(c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF));
    Append(again, c);
  }
  FUZZ_EXPECT(valid == model::IsValidUtf8(text));
  if (valid) FUZZ_EXPECT(again == text);
  const std::string quoted = model::QuoteJson(text);
  FUZZ_EXPECT(model::IsValidUtf8(quoted));
  const auto read = model::ParseJson(quoted, 0);
  if (text.find('\0') != std::string_view::npos) return 0;  // no text of ours may hold one: refused when it is read
  FUZZ_EXPECT(read.ok() && read->is_string());
  if (valid) FUZZ_EXPECT(read->get<std::string>() == text);
  return 0;
}

const Registration registration("utf8", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::utf8_target
