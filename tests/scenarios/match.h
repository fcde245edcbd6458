// Does a JSON document look as a scenario expects? README.md has the language.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tenure::scenarios {

using Json = nlohmann::json;

/// Empty when `actual` matches `expected`; else where it does not, and why.
std::string WhyNot(const Json& expected, const Json& actual, const std::string& at = "$");

}  // namespace tenure::scenarios
