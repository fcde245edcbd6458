#include "cli/line_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "cli/signals.h"
#include "store/base/error.h"

namespace tenure::cli {
namespace {

constexpr std::size_t kReadBytes = 64u << 10;

Error CannotRead(const std::string& name, int error) {
  Error result = base::MakeError(ErrorCode::kIo, "cannot read " + name + ": " + std::strerror(error));
  result.path = name;
  return result;
}

std::string_view WithoutReturn(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

Result<LineReader> LineReader::Open(const std::string& path, std::size_t line_bytes_max) {
  LineReader reader;
  reader.line_bytes_max_ = line_bytes_max;
  if (path.empty() || path == "-") {
    reader.fd_ = STDIN_FILENO;
    reader.name_ = "standard input";
  } else {
    reader.owned_ = base::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    reader.fd_ = reader.owned_.get();
    reader.name_ = path;
    if (reader.fd_ < 0) return CannotRead(path, errno);
  }
  struct stat info = {};
  if (::fstat(reader.fd_, &info) != 0) return CannotRead(reader.name_, errno);
  if (S_ISDIR(info.st_mode)) return CannotRead(reader.name_, EISDIR);
  if (S_ISREG(info.st_mode)) reader.bytes_total_ = static_cast<std::uint64_t>(info.st_size);
  return reader;
}

Result<LineReader::Filled> LineReader::Fill() {
  pollfd fds[2] = {{fd_, POLLIN, 0}, {WakeDescriptor(), POLLIN, 0}};
  while (::poll(fds, 2, -1) < 0) {
    if (errno != EINTR) return CannotRead(name_, errno);
  }
  if ((fds[1].revents & POLLIN) != 0) return Filled::kWoken;
  // Moved only when half of it is behind us: the cost per byte stays constant.
  if (start_ > buffer_.size() / 2) {
    buffer_.erase(0, start_);
    scanned_ -= start_;
    start_ = 0;
  }
  const std::size_t old_size = buffer_.size();
  buffer_.resize(old_size + kReadBytes);
  ssize_t n = 0;
  do {
    n = ::read(fd_, buffer_.data() + old_size, kReadBytes);
  } while (n < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(old_size + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  if (n < 0) {
    if (error == EAGAIN) return Filled::kMore;
    return CannotRead(name_, error);
  }
  bytes_read_ += static_cast<std::uint64_t>(n);
  return n == 0 ? Filled::kEof : Filled::kMore;
}

Result<LineReader::Kind> LineReader::Next(std::string_view& line) {
  for (;;) {
    const std::size_t end = buffer_.find('\n', scanned_);
    const bool whole = end != std::string::npos;
    if (whole || (eof_ && (start_ < buffer_.size() || skipping_))) {
      const std::size_t stop = whole ? end : buffer_.size();
      line = WithoutReturn(std::string_view(buffer_).substr(start_, stop - start_));
      start_ = scanned_ = whole ? end + 1 : stop;
      ++number_;
      const bool too_long = std::exchange(skipping_, false) || line.size() > line_bytes_max_;
      return too_long ? Kind::kTooLong : Kind::kLine;
    }
    if (eof_) return Kind::kEnd;
    scanned_ = buffer_.size();
    if (buffer_.size() - start_ > line_bytes_max_ + 1) {  // room for a '\r'
      skipping_ = true;
      start_ = scanned_ = buffer_.size();
    }
    TENURE_ASSIGN(const Filled filled, Fill());
    if (filled == Filled::kWoken) return Kind::kWoken;
    eof_ = filled == Filled::kEof;
  }
}

}  // namespace tenure::cli
