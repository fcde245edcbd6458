// A progress bar on a terminal, for work that takes over a second.
//
// Nothing is drawn during the first second, then at most ten times a second; the line is erased at the
// end. The clock and the sink are injected. Not thread-safe: one thread calls Update.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace tenure::cli {

class Progress {
 public:
  struct Options {
    bool enabled = false;                         ///< False: draws nothing, ever.
    std::size_t width = 80;                       ///< Columns of the terminal.
    std::function<std::uint64_t()> now_ns;        ///< Monotonic.
    std::function<void(std::string_view)> write;  ///< To the terminal.
  };
  Progress(std::string title, Options options);
  /// Erases the bar.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `total` 0: unknown; a count is shown instead of a bar. Cheap when nothing is due.
  void Update(std::uint64_t done, std::uint64_t total);
  /// Erases the bar, so that a message can be printed; the next Update draws it again.
  void Clear();

 private:
  void Draw(std::uint64_t done, std::uint64_t total, std::uint64_t now);
  std::string title_;
  Options options_;
  std::uint64_t started_ns_ = 0;
  std::uint64_t drawn_ns_ = 0;
  bool drawn_ = false;
};

}  // namespace tenure::cli
