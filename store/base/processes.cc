#include "store/base/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "store/base/posix_file.h"

namespace tenure::base {
namespace {

/// Names in a directory of /proc that are numbers.
std::vector<std::string> NumbersIn(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(directory.c_str()), &::closedir);
  if (!dir) return names;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name.find_first_not_of("0123456789") == std::string_view::npos) names.emplace_back(name);
  }
  return names;
}

/// True when descriptor `path` of a process is that file. Its name is looked at first: stat(2) of a file of a dead
/// network mount may hang.
bool IsFile(const std::string& path, const std::pair<std::uint64_t, std::uint64_t>& identity,
            const std::string& file_name) {
  std::array<char, PATH_MAX> target;
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  if (length <= 0) return false;
  const std::string_view text(target.data(), static_cast<std::size_t>(length));
  if (text.substr(text.rfind('/') + 1) != file_name) return false;
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && info.st_dev == identity.first && info.st_ino == identity.second;
}

/// "lock:\t1: OFDLCK ADVISORY  WRITE -1 fe:00:1234 7 7" or "… 0 EOF".
std::optional<HeldLock> ParseLockLine(std::string_view line) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t begin = line.find_first_not_of(" \t", at);
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(line.find_first_of(" \t", begin), line.size());
    words.emplace_back(line.substr(begin, end - begin));
    at = end;
  }
  if (words.size() < 9 || words[0] != "lock:" || words[2] != "OFDLCK" || words[4] != "WRITE") return std::nullopt;
  HeldLock lock;
  lock.first = std::strtoull(words[7].c_str(), nullptr, 10);
  lock.last = words[8] == "EOF" ? UINT64_MAX : std::strtoull(words[8].c_str(), nullptr, 10);
  return lock;
}

}  // namespace

std::string ReadProc(const std::string& path) {
  const int descriptor = OpenDescriptor(path, O_RDONLY, 0);
  if (descriptor < 0) return {};
  const auto file = PosixFile::Own(descriptor, path);
  std::array<std::byte, 4096> buffer;
  std::string text;
  for (;;) {
    const auto got = file->ReadAt(text.size(), buffer);
    if (!got.ok()) return {};
    text += AsText(ByteView(buffer).first(*got));
    if (*got < buffer.size()) return text;
  }
}

/// Fields 3 and 22 of /proc/<pid>/stat. The second field is the program's name in parentheses and may hold
/// anything, so fields are counted from the last closing one.
std::optional<ProcessStat> ReadProcessStat(std::uint32_t pid) {
  const std::string stat = ReadProc("/proc/" + (pid == 0 ? "self" : std::to_string(pid)) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  ProcessStat found;
  std::size_t at = name_end + 1;
  for (int field = 3; field <= 22; ++field) {
    at = stat.find_first_not_of(' ', at);
    if (at == std::string::npos) return std::nullopt;
    if (field == 3) found.state = stat[at];
    if (field == 22) break;
    at = stat.find(' ', at);
    if (at == std::string::npos) return std::nullopt;
  }
  found.start_ticks = std::strtoull(stat.c_str() + at, nullptr, 10);
  const long ticks_per_second = ::sysconf(_SC_CLK_TCK);
  if (ticks_per_second > 0)
    found.start_boot_ms = found.start_ticks * 1000 / static_cast<std::uint64_t>(ticks_per_second);
  return found;
}

std::vector<HeldLock> LocksOn(const std::pair<std::uint64_t, std::uint64_t>& identity, const std::string& file_name) {
  std::vector<HeldLock> locks;
  for (const std::string& pid : NumbersIn("/proc")) {
    const std::string process = "/proc/" + pid;
    for (const std::string& descriptor : NumbersIn(process + "/fd")) {
      if (!IsFile(process + "/fd/" + descriptor, identity, file_name)) continue;
      const std::string info = ReadProc(process + "/fdinfo/" + descriptor);
      for (std::size_t at = 0; at < info.size();) {
        const std::size_t end = std::min(info.find('\n', at), info.size());
        auto lock = ParseLockLine(std::string_view(info).substr(at, end - at));
        at = end + 1;
        if (!lock) continue;
        lock->pid = static_cast<std::uint32_t>(std::strtoul(pid.c_str(), nullptr, 10));
        locks.push_back(*lock);
      }
    }
  }
  return locks;
}

}  // namespace tenure::base
