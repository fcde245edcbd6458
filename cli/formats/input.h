// One input of an import: a file, standard input, or a compressed file (.gz, .xz, .lz4, .zst, .bz2), which is
// read through the program that unpacks it.
//
// The program runs as a child; what it could not read is an error at the end (Finish), never a shorter
// input. Reading waits with poll, so that a signal ends it (cli/signals.h). One thread, the main one.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "cli/line_reader.h"
#include "tenure/result.h"

namespace tenure::cli {

class Input {
 public:
  /// `path` "-": standard input, never unpacked.
  static Result<std::unique_ptr<Input>> Open(const std::string& path, std::size_t line_bytes_max);
  /// Ends the child, if there is one.
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  LineReader& lines() { return *lines_; }
  /// What messages call it: the path as given, or "standard input".
  const std::string& name() const { return name_; }
  /// "FILE:LINE" of a line of it.
  std::string At(std::uint64_t line) const { return name_ + ":" + std::to_string(line); }
  /// After the last line: kIo when the unpacking program failed, so that the input was not whole.
  Status Finish();

 private:
  explicit Input(std::string name) : name_(std::move(name)) {}
  Status OpenUnpacked(const std::string& path, std::size_t line_bytes_max);

  std::string name_;
  std::string program_;  ///< Of the child, for messages.
  pid_t child_ = -1;
  std::optional<LineReader> lines_;
};

}  // namespace tenure::cli
