// What is not well in a diagnosis, and what to do about it. Pure: figures in, sentences out.
#pragma once

#include <string>
#include <vector>

#include "store/base/env.h"
#include "tenure/doctor.h"

namespace tenure::cli {

struct Finding {
  /// A note needs nobody: it goes away by itself, or only matters to who does something unusual.
  enum class Kind { kWarning, kNote } kind = Kind::kWarning;
  std::string text;
  std::string remedy;
};

/// Beyond this the index is said to be behind.
inline constexpr std::uint64_t kLagHigh = 100'000;

/// The most urgent first.
std::vector<Finding> AdviseOnStore(const StoreDiagnosis& diagnosis);
std::vector<Finding> AdviseOnFileSystem(const base::FileSystemInfo& info);
/// `version` as "3.40.1".
std::vector<Finding> AdviseOnSqlite(const std::string& version);

}  // namespace tenure::cli
