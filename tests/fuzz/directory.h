// A directory for targets that read files: in memory where there is such a place, and gone when the process ends in
// peace.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz.h"

namespace tenure::fuzz {

class Directory {
 public:
  Directory() {
    std::string pattern = std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp";
    pattern += "/tenure-fuzz-XXXXXX";
    FUZZ_EXPECT(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  const std::string& path() const { return path_; }
  void Write(const std::string& name, std::string_view content) const {
    std::ofstream out(path_ + "/" + name, std::ios::binary | std::ios::trunc);
    out << content;
    FUZZ_EXPECT(out.flush().good());
  }

 private:
  std::string path_;
};

}  // namespace tenure::fuzz
