#include "store/base/host.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <string>
#include <vector>

#include "store/base/hash.h"
#include "store/base/posix_file.h"

namespace tenure::base {
namespace {

/// The text of a file of /proc, which has no size; empty when it cannot be read.
std::string ReadProc(const std::string& path) {
  const int descriptor = OpenDescriptor(path, O_RDONLY, 0);
  if (descriptor < 0) return {};
  const PosixFile file(path, descriptor);
  std::array<std::byte, 4096> buffer;
  const auto got = file.ReadAt(0, buffer);
  return got.ok() ? std::string(AsText(ByteView(buffer).first(*got))) : std::string();
}

/// Field 22 of /proc/self/stat. The second field is the program's name in parentheses and may hold
/// anything, so fields are counted from the last closing one.
std::uint64_t ProcessStart() {
  const std::string stat = ReadProc("/proc/self/stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::size_t at = name_end + 1;
  for (int field = 3; field <= 22; ++field) {
    at = stat.find_first_not_of(' ', at);
    if (at == std::string::npos) return 0;
    if (field == 22) return std::strtoull(stat.c_str() + at, nullptr, 10);
    at = stat.find(' ', at);
    if (at == std::string::npos) return 0;
  }
  return 0;
}

std::array<std::byte, 16> BootId() {
  std::string digits;
  for (const char c : ReadProc("/proc/sys/kernel/random/boot_id")) {
    if (c != '-' && c != '\n') digits.push_back(c);
  }
  std::array<std::byte, 16> id{};
  if (!FromHex(digits, id)) id.fill(std::byte{0});
  return id;
}

std::string UserName(uid_t uid) {
  std::vector<char> buffer(1024);
  constexpr std::size_t kBufferMax = 1 << 20;
  for (;;) {
    struct passwd record {};
    struct passwd* found = nullptr;
    const int error_number = ::getpwuid_r(uid, &record, buffer.data(), buffer.size(), &found);
    if (error_number == EINTR) continue;
    if (error_number == ERANGE && buffer.size() < kBufferMax) {
      buffer.resize(2 * buffer.size());
      continue;
    }
    if (error_number != 0 || found == nullptr || found->pw_name[0] == '\0') return std::to_string(uid);
    return found->pw_name;
  }
}

std::string HostName() {
  char name[HOST_NAME_MAX + 1] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

HostInfo ReadHost() {
  HostInfo info;
  info.host = HostName();
  info.uid = ::getuid();
  info.user = UserName(info.uid);
  info.pid = static_cast<std::uint32_t>(::getpid());
  info.process_start = ProcessStart();
  info.boot_id = BootId();
  struct stat time_namespace {};
  if (::stat("/proc/self/ns/time", &time_namespace) == 0) info.time_namespace = time_namespace.st_ino;
  return info;
}

// A forked child adds a node of its own in front; the parent's stays, since references to it may exist.
struct Node {
  HostInfo info;
  const Node* previous;
};
std::atomic<const Node*> newest_node{nullptr};

}  // namespace

const HostInfo& ThisHost() {
  const auto pid = static_cast<std::uint32_t>(::getpid());
  // Acquire pairs with the release below: whoever sees the node sees it filled.
  const Node* seen = newest_node.load(std::memory_order_acquire);
  if (seen != nullptr && seen->info.pid == pid) return seen->info;
  const Node* made = new Node{ReadHost(), seen};
  while (!newest_node.compare_exchange_strong(seen, made, std::memory_order_acq_rel)) {
    if (seen->info.pid == pid) {  // another thread of this process was faster
      delete made;
      return seen->info;
    }
    delete made;
    made = new Node{ReadHost(), seen};
  }
  return made->info;
}

}  // namespace tenure::base
