// Other processes of this machine, as /proc shows them to this user: hints for people, never for decisions.
//
// Thread-safe. What cannot be read (another user's process, another pid namespace, a hidden /proc) is absent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tenure::base {

/// The text of a file of /proc, which has no size; empty when it cannot be read.
std::string ReadProc(const std::string& path);

struct ProcessStat {
  char state = '?';                 ///< R, S, D, T (stopped), t (traced), Z, …
  std::uint64_t start_ticks = 0;    ///< Clock ticks since boot: with the pid, it names one process.
  std::uint64_t start_boot_ms = 0;  ///< The same on CLOCK_BOOTTIME.
};
/// Of process `pid`, or of this one when 0.
std::optional<ProcessStat> ReadProcessStat(std::uint32_t pid);

/// A write lock bound to an open file description (F_OFD_SETLK).
struct HeldLock {
  std::uint32_t pid = 0;    ///< One that has the description open.
  std::uint64_t first = 0;  ///< Bytes locked, both ends included.
  std::uint64_t last = 0;
};
/// The ones on the file of that {device, inode} and last path component, in processes of this user: F_OFD_GETLK says
/// that a lock is held, but not by whom.
std::vector<HeldLock> LocksOn(const std::pair<std::uint64_t, std::uint64_t>& identity, const std::string& file_name);

}  // namespace tenure::base
