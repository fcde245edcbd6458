// A file that grows by one line per entry acknowledged: "name:version<TAB>digest".
//
// The lines of a transaction are handed to the kernel in one write, after the transaction was
// acknowledged and before the next one is looked at: they survive the death of the process, and name
// nothing that is not durable. One thread.
#pragma once

#include <string>
#include <string_view>

#include "store/base/unique_fd.h"
#include "tenure/result.h"

namespace tenure::cli {

class AckLog {
 public:
  /// Opens for appending; makes the file.
  static Result<AckLog> Open(const std::string& path);
  void Add(std::string_view key, std::string_view digest);
  /// Writes what was added.
  Status Flush();

 private:
  AckLog(base::UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  base::UniqueFd fd_;
  std::string path_;
  std::string lines_;
};

}  // namespace tenure::cli
