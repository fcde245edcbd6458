#include "store/journal/window.h"

#include <algorithm>

#include "store/base/error.h"

namespace tenure::journal {

void Window::Drop() {
  begin_ = kNowhere;
  bytes_ = 0;
  ahead_bytes_ = kAheadBytesMin;
  fresh_ = false;
}

Result<base::ByteView> Window::View(std::uint64_t offset, std::uint64_t bytes, std::uint64_t end) {
  const std::uint64_t left = offset < end ? end - offset : 0;
  bytes = std::min(bytes, left);
  const bool buffered = begin_ != kNowhere && offset >= begin_ && offset + bytes <= begin_ + bytes_;
  if (!buffered) {
    const std::uint64_t wanted = std::min(left, std::max(bytes, ahead_bytes_));
    // What one huge frame needed is given back with the next ordinary one.
    const bool oversized = buffer_.size() > kAheadBytesMax && wanted <= kAheadBytesMax;
    if (buffer_.size() < wanted || oversized) buffer_ = base::Bytes(wanted);
    begin_ = kNowhere;
    TENURE_ASSIGN(bytes_, file_->ReadAt(offset, std::span(buffer_).first(wanted)));
    begin_ = offset;
    fresh_ = true;
    ahead_bytes_ = std::min(ahead_bytes_ * 2, kAheadBytesMax);
    bytes = std::min(bytes, bytes_);
  }
  return base::ByteView(buffer_).subspan(offset - begin_, bytes);
}

}  // namespace tenure::journal
