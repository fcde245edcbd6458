#include "tests/scenarios/variables.h"

#include <stdexcept>

namespace tenure::scenarios {

/// "name", "name+N" or "name-N".
Variables::Json Variables::ValueOf(const std::string& expression) const {
  const std::size_t sign = expression.find_first_of("+-");
  const auto found = values_.find(expression.substr(0, sign));
  if (found == values_.end()) throw std::runtime_error("${" + expression + "} was not captured");
  if (sign == std::string::npos) return found->second;
  const std::int64_t by = std::stoll(expression.substr(sign + 1));
  return found->second.get<std::int64_t>() + (expression[sign] == '+' ? by : -by);
}

std::string Variables::InText(const std::string& text) const {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t begin = text.find("${", at);
    const std::size_t end = begin == std::string::npos ? begin : text.find('}', begin);
    if (end == std::string::npos) return out + text.substr(at);
    const Json value = ValueOf(text.substr(begin + 2, end - begin - 2));
    out += text.substr(at, begin - at) + (value.is_string() ? value.get<std::string>() : value.dump());
    at = end + 1;
  }
}

Variables::Json Variables::InJson(const Json& json) const {
  if (json.is_string()) {
    const std::string text = json.get<std::string>();
    const bool whole = text.starts_with("${") && text.find('}') + 1 == text.size();
    return whole ? ValueOf(text.substr(2, text.size() - 3)) : Json(InText(text));
  }
  if (!json.is_structured()) return json;
  Json out = json;
  for (auto& item : out) item = InJson(item);
  return out;
}

}  // namespace tenure::scenarios
