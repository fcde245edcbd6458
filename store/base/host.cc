#include "store/base/host.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <string>
#include <vector>

#include "store/base/fork.h"
#include "store/base/hash.h"
#include "store/base/processes.h"

namespace tenure::base {
namespace {

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
  const auto stat = ReadProcessStat(0);
  info.process_start = stat ? stat->start_ticks : 0;
  info.boot_id = BootId();
  struct stat time_namespace {};
  if (::stat("/proc/self/ns/time", &time_namespace) == 0) info.time_namespace = time_namespace.st_ino;
  return info;
}

// A forked child adds a node of its own in front; the parent's stays, since references to it may exist.
struct HostNode {
  HostInfo info;
  std::uint64_t fork_generation;
  const HostNode* previous;
};
std::atomic<const HostNode*> newest_node{nullptr};

}  // namespace

const HostInfo& ThisHost() {
  // Not by the process id: asking for it is a system call, and this is asked with every commit.
  const std::uint64_t generation = ForkGeneration();
  // Acquire pairs with the release below: whoever sees the node sees it filled.
  const HostNode* seen = newest_node.load(std::memory_order_acquire);
  if (seen != nullptr && seen->fork_generation == generation) return seen->info;
  const HostNode* made = new HostNode{ReadHost(), generation, seen};
  while (!newest_node.compare_exchange_strong(seen, made, std::memory_order_acq_rel)) {
    if (seen->fork_generation == generation) {  // another thread of this process was faster
      delete made;
      return seen->info;
    }
    delete made;
    made = new HostNode{ReadHost(), generation, seen};
  }
  return made->info;
}

}  // namespace tenure::base
