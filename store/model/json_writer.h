// Writing one JSON object member by member, in the order given. Private to this room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/model/json.h"

namespace tenure::model {

/// Appends `text` as a JSON string literal; bytes that are not UTF-8 become U+FFFD.
void AppendQuoted(std::string& out, std::string_view text);

class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }

  void Text(std::string_view name, std::string_view value) {
    Name(name);
    AppendQuoted(out_, value);
  }
  /// Left out when empty.
  void TextIfAny(std::string_view name, std::string_view value) {
    if (!value.empty()) Text(name, value);
  }
  void Number(std::string_view name, std::uint64_t value) {
    Name(name);
    out_ += std::to_string(value);
  }
  void True(std::string_view name) { Raw(name, "true"); }
  void Time(std::string_view name, TimeMs ms) { Text(name, FormatTime(ms)); }
  void Texts(std::string_view name, const std::vector<std::string>& values) {
    Name(name);
    out_ += '[';
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out_ += ',';
      AppendQuoted(out_, values[i]);
    }
    out_ += ']';
  }
  /// `json` is JSON text.
  void Raw(std::string_view name, std::string_view json) {
    Name(name);
    out_ += json;
  }
  /// Writes the name; the caller appends the value to the same text.
  void Name(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  void End() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace tenure::model
