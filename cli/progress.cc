#include "cli/progress.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace tenure::cli {
namespace {

constexpr std::uint64_t kShowAfterNs = 1'000'000'000;
constexpr std::uint64_t kRedrawNs = 100'000'000;
constexpr std::size_t kBarMax = 40;
constexpr const char* kEraseLine = "\r\033[K";

}  // namespace

Progress::Progress(std::string title, Options options) : title_(std::move(title)), options_(std::move(options)) {
  if (options_.enabled) started_ns_ = options_.now_ns();
}

Progress::~Progress() { Clear(); }

void Progress::Update(std::uint64_t done, std::uint64_t total) {
  if (!options_.enabled) return;
  const std::uint64_t now = options_.now_ns();
  if (now - started_ns_ < kShowAfterNs || (drawn_ns_ != 0 && now - drawn_ns_ < kRedrawNs)) return;
  Draw(done, total, now);
}

void Progress::Clear() {
  if (!drawn_) return;
  options_.write(kEraseLine);
  drawn_ = false;
  drawn_ns_ = 0;
}

void Progress::Draw(std::uint64_t done, std::uint64_t total, std::uint64_t now) {
  std::string line = kEraseLine + title_;
  if (total == 0) {
    line += " " + std::to_string(done);
  } else {
    done = std::min(done, total);
    // Through double: done * 100 may not fit for byte counts.
    const double part = static_cast<double>(done) / static_cast<double>(total);
    char percent[8];
    std::snprintf(percent, sizeof percent, " %3d%%", static_cast<int>(part * 100));
    line += percent;
    // "title 100% [bar]": what is left of the line, and nothing when that is too little to see.
    const std::size_t used = title_.size() + 5 + 4;
    const std::size_t bar = options_.width > used ? std::min(options_.width - used, kBarMax) : 0;
    if (bar >= 8) {
      const auto full = static_cast<std::size_t>(part * static_cast<double>(bar));
      line += " [" + std::string(full, '#') + std::string(bar - full, '.') + "]";
    }
  }
  options_.write(line);
  drawn_ = true;
  drawn_ns_ = now;
}

}  // namespace tenure::cli
