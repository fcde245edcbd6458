#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "store/model/json.h"

namespace tenure::cli {
namespace {

bool EnvironmentSays(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

/// "tenure:", in red where that is welcome (https://no-color.org).
std::string Prefix() {
  if (StderrIsTerminal() && !EnvironmentSays("NO_COLOR")) return "\033[31mtenure:\033[0m ";
  return "tenure: ";
}

}  // namespace

bool StderrIsTerminal() {
  const char* term = std::getenv("TERM");
  return term != nullptr && *term != '\0' && std::string_view(term) != "dumb" && ::isatty(STDERR_FILENO) == 1;
}

bool CanAsk() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

std::size_t TerminalWidth() {
  winsize size = {};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

void WriteStderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string ErrorText(const Error& error, Format format) {
  if (IsJson(format)) return model::ErrorJson(error) + "\n";
  std::string text = Prefix() + Printable(error.message) + "\n";
  if (!error.hint.empty()) text += "hint: " + Printable(error.hint) + "\n";
  return text;
}

std::string MessageText(const char* level, const std::string& text, Format format) {
  if (IsJson(format)) {
    return "{\"level\":" + model::QuoteJson(level) + ",\"message\":" + model::QuoteJson(text) + "}\n";
  }
  return "tenure: " + Printable(text) + "\n";
}

bool Ask(const std::string& question) {
  WriteStderr("tenure: " + Printable(question) + " [y/N] ");
  std::string answer;
  char c = 0;
  // One byte at a time: what follows the line is not ours to read.
  while (answer.size() < 16) {
    const ssize_t n = ::read(STDIN_FILENO, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || c == '\n') break;
    answer += c;
  }
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace tenure::cli
