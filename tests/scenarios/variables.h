// Values that a scenario has captured, and where "${name}" and "${name+1}" stand for them.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace tenure::scenarios {

class Variables {
 public:
  using Json = nlohmann::json;

  void Set(const std::string& name, Json value) { values_[name] = std::move(value); }
  /// A string within a command: texts as they are, other values as JSON. Throws std::runtime_error for a name that is
  /// not set.
  std::string InText(const std::string& text) const;
  /// Everywhere in an expectation; a string that is nothing but "${name}" becomes the value itself.
  Json InJson(const Json& json) const;

 private:
  Json ValueOf(const std::string& expression) const;
  std::map<std::string, Json> values_;
};

}  // namespace tenure::scenarios
