// Named facts, for reports: one list that prints as a record and as a JSON object.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/output.h"

namespace tenure::cli {

class Facts {
 public:
  /// `name` is the JSON member ("durable_lsn"); people see it with spaces.
  void Text(const std::string& name, const std::string& value);
  void Number(const std::string& name, std::uint64_t value);
  /// A size: human in a table, a number elsewhere.
  void Bytes(const std::string& name, std::uint64_t value);
  /// An RFC 3339 time, or nothing when `ms` is 0.
  void Time(const std::string& name, std::int64_t ms);
  /// JSON text, shown to nobody else.
  void Json(const std::string& name, const std::string& json);

  void Print(Context& ctx) const;

 private:
  struct Fact {
    std::string name;
    std::string shown;
    std::string plain;
    std::string json;
    bool json_only = false;
  };
  std::vector<Fact> facts_;
};

}  // namespace tenure::cli
