// Named figures in the order in which they were set; small enough that a list is the right map.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tenure::bench {

class Metrics {
 public:
  void Set(const std::string& name, double value) {
    for (auto& [key, old] : items_) {
      if (key == name) {
        old = value;
        return;
      }
    }
    items_.push_back({name, value});
  }
  /// Null when there is no such figure.
  const double* Find(const std::string& name) const {
    for (const auto& [key, value] : items_) {
      if (key == name) return &value;
    }
    return nullptr;
  }
  const std::vector<std::pair<std::string, double>>& items() const { return items_; }

 private:
  std::vector<std::pair<std::string, double>> items_;
};

}  // namespace tenure::bench
