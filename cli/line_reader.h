// Lines of a file or of standard input, with a limit on their length.
//
// Reads with poll beside the wake descriptor of cli/signals.h, so that a signal, or WakeMain, ends a
// wait for input. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "store/base/unique_fd.h"
#include "tenure/result.h"

namespace tenure::cli {

class LineReader {
 public:
  enum class Kind : std::uint8_t {
    kLine,
    kTooLong,  ///< The line was skipped.
    kEnd,
    kWoken,  ///< A signal or WakeMain: nothing was consumed.
  };

  /// `path` "-" or empty: standard input.
  static Result<LineReader> Open(const std::string& path, std::size_t line_bytes_max);

  /// The next line, without its end ("\n" or "\r\n"); valid until the next call. The last one needs no end.
  Result<Kind> Next(std::string_view& line);
  /// The number of the line that Next gave, from 1.
  std::uint64_t number() const { return number_; }
  /// "FILE" or "standard input".
  const std::string& name() const { return name_; }
  std::uint64_t bytes_read() const { return bytes_read_; }
  /// Of a regular file; 0 when unknown.
  std::uint64_t bytes_total() const { return bytes_total_; }
  /// Does wait for input: nothing whole is buffered.
  bool WouldWait() const { return !eof_ && buffer_.find('\n', start_) == std::string::npos; }

 private:
  enum class Filled : std::uint8_t { kMore, kEof, kWoken };
  Result<Filled> Fill();

  base::UniqueFd owned_;
  int fd_ = -1;
  std::string name_;
  std::size_t line_bytes_max_ = 0;
  std::string buffer_;
  std::size_t start_ = 0;    // of the next line in buffer_
  std::size_t scanned_ = 0;  // no '\n' in [start_, scanned_)
  bool eof_ = false;
  bool skipping_ = false;  // within a line that is too long
  std::uint64_t number_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_total_ = 0;
};

}  // namespace tenure::cli
