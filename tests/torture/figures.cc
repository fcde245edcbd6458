#include "tests/torture/figures.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace tenure::torture {
namespace {

namespace fs = std::filesystem;

std::uint64_t AnonymousKib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    std::uint64_t kib = 0;
    if (word == "RssAnon:" && status >> kib) return kib;
  }
  return 0;
}

std::uint64_t CountDescriptors(pid_t pid) {
  std::error_code gone;
  const fs::directory_iterator fds("/proc/" + std::to_string(pid) + "/fd", gone);
  return gone ? 0 : static_cast<std::uint64_t>(std::distance(fs::begin(fds), fs::end(fds)));
}

struct Limit {
  const char* what;
  std::uint64_t Figures::*figure;
  std::uint64_t slack;
};
/// Half as much again as ever in the middle, and this much on top, is growth.
constexpr Limit kLimits[] = {{"memory (KiB)", &Figures::memory_kib, 16'384},
                             {"descriptors", &Figures::descriptors, 12},
                             {"WAL (KiB)", &Figures::wal_kib, 16'384},
                             {"journal (KiB)", &Figures::journal_kib, 131'072},
                             {"files", &Figures::files, 24}};
constexpr std::size_t kSamplesMin = 6;

}  // namespace

Figures Measure(const std::string& store, pid_t pid) {
  Figures figures;
  figures.memory_kib = AnonymousKib(pid);
  figures.descriptors = CountDescriptors(pid);
  std::error_code gone;
  for (fs::recursive_directory_iterator it(store + "/.tenure", gone), end; !gone && it != end; it.increment(gone)) {
    std::error_code error;
    if (!it->is_regular_file(error)) continue;
    const std::uintmax_t bytes = it->file_size(error);
    if (error) continue;  // removed meanwhile
    ++figures.files;
    const std::string name = it->path().string();
    if (name.ends_with("-wal")) figures.wal_kib += bytes / 1'024;
    if (name.ends_with(".seg")) figures.journal_kib += bytes / 1'024;
  }
  return figures;
}

std::vector<std::string> Grown(const std::vector<Figures>& samples) {
  std::vector<std::string> grown;
  if (samples.size() < kSamplesMin) return grown;
  const auto from = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 3);
  const auto to = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() * 2 / 3);
  for (const Limit& limit : kLimits) {
    std::uint64_t middle = 0;
    for (auto it = from; it != to; ++it) middle = std::max(middle, (*it).*limit.figure);
    const std::uint64_t last = samples.back().*limit.figure;
    if (last <= middle + middle / 2 + limit.slack) continue;
    grown.push_back(std::string(limit.what) + " grew from at most " + std::to_string(middle) +
                    " in the middle of the run to " + std::to_string(last) + " at its end");
  }
  return grown;
}

}  // namespace tenure::torture
