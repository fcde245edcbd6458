// What a worker says about each of its calls: one line before it, one behind it, written to a pipe that outlives the
// process. Times are nanoseconds of CLOCK_BOOTTIME, which is one clock for all processes.
//
//   c ID TIME KIND OBJECT A B C                     about to be made
//   r ID TIME CODE LSN REVISION VALUE FLAG          what came of it
//   q PHASE                                         quiet: nothing is under way until the next phase
//   x TEXT                                          something is wrong
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tenure::torture {

inline constexpr int kKeys = 8;    ///< The last four are under the scopes.
inline constexpr int kScopes = 4;  ///< Scope s covers key 4 + s.
inline constexpr int kFreeKeys = kKeys - kScopes;

enum class Kind : std::uint8_t {
  kPut,          ///< A: Condition; B: revision; C: lease presented, or 0. The value is the id.
  kDelete,       ///< The same.
  kRead,         ///< Committed.
  kSnapshot,     ///< As applied.
  kUncommitted,  ///< What is queued, too. FLAG: it is.
  kReadAt,       ///< A: LSN.
  kAcquire,      ///< A: time to live, ms; B: bound; C: wait, ms. The lease's number is the id.
  kRenew,        ///< A: time to live, ms; C: lease.
  kRelease,      ///< C: lease.
  kBreak,        ///< C: lease.
  kCompact,
  kOpen,
  kCount
};
inline constexpr const char* kKindNames[] = {"put",     "delete", "read",    "snapshot", "uncommitted", "read_at",
                                             "acquire", "renew",  "release", "break",    "compact",     "open"};

enum Condition : std::uint64_t { kNone = 0, kIfRevision = 1, kIfAbsent = 2, kBase = 3 };

struct Record {
  std::uint64_t id = 0;  ///< Names process and call; never twice in a run.
  Kind kind = Kind::kRead;
  std::uint32_t object = 0;  ///< Number of the key; for leases, of the scope.
  std::uint64_t a = 0, b = 0, c = 0;
  std::uint64_t called = 0;
  std::uint64_t returned = 0;  ///< 0: never.
  std::string code;            ///< "ok", or the name of an error.
  std::uint64_t lsn = 0;
  std::uint64_t revision = 0;
  std::uint64_t value = 0;
  bool flag = false;  ///< kAcquire: refused without a holder. kUncommitted: the entry is still queued.
};

/// The process part of an id: one number for each process that was ever started.
inline constexpr int kCallBits = 24;
inline std::uint64_t ProcessOf(std::uint64_t id) { return id >> kCallBits; }

std::uint64_t Now();
std::string CallLine(const Record& record);
std::string ReturnLine(const Record& record);
/// False: it is not such a line. A return line fills in what a return says.
bool ParseCall(const std::string& line, Record& record);
bool ParseReturn(const std::string& line, Record& record);

/// "k0" … "s3", and with their version.
std::string NameOf(std::uint32_t key);
std::string RefOf(std::uint32_t key);
std::string ScopeOf(std::uint32_t scope);
std::optional<std::uint32_t> KeyOf(const std::string& name);

inline std::string RequestId(std::uint64_t id) { return "t" + std::to_string(id); }
/// Of a request id or a purpose; 0: it is none.
std::uint64_t IdOf(const std::string& text);

}  // namespace tenure::torture
