// What a worker says about each of its calls: one line before it, one behind it, written to a pipe that outlives the
// process. Times are nanoseconds of CLOCK_BOOTTIME, which is one clock for all processes.
//
//   c ID TIME KIND OBJECT A B C [OPERATION…]             about to be made
//   r ID TIME CODE LSN REVISION VALUE FLAG [SEEN…]       what came of it
//   q PHASE                                         quiet: nothing is under way until the next phase
//   x TEXT                                          something is wrong
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/torture/names.h"

namespace tenure::torture {

enum class Kind : std::uint8_t {
  kPut,          ///< A: Condition; B: revision; C: lease presented, or 0. The value is the id.
  kDelete,       ///< The same.
  kRead,         ///< Committed.
  kSnapshot,     ///< As applied.
  kUncommitted,  ///< What is queued, too. FLAG: it is.
  kReadAt,       ///< A: LSN.
  kAcquire,      ///< A: time to live, ms; B: Mode, as bits; C: wait, ms. The lease's number is the id.
  kRenew,        ///< A: time to live, ms; C: lease.
  kRelease,      ///< C: lease.
  kBreak,        ///< C: lease.
  kCompact,
  kOpen,
  kTransact,     ///< Operations on cells of a group, in order. C: lease presented, or 0. FLAG: it changed nothing.
  kLookCell,     ///< One cell of a group, committed. A: its number.
  kLookEntries,  ///< All entries of a group at once. A: Level; B: LSN.
  kLookTags,     ///< All its tags at once; the same.
  kCount
};
inline constexpr const char* kKindNames[] = {
    "put",     "delete", "read",    "snapshot", "uncommitted", "read_at",   "acquire",      "renew",
    "release", "break",  "compact", "open",     "transaction", "read_cell", "read_entries", "read_tags"};

enum Condition : std::uint64_t { kNone = 0, kIfRevision = 1, kIfAbsent = 2, kBase = 3, kIfVersion = 4 };
enum Mode : std::uint64_t { kBound = 1, kShared = 2 };
enum Level : std::uint64_t { kCommitted = 0, kAsApplied = 1, kAtLsn = 2 };

/// One of a transaction's. What it puts is the id of its call.
struct CellOp {
  linear::GroupModel::Do what = linear::GroupModel::Do::kPut;
  std::uint32_t cell = 0;
  std::uint64_t target = 0;  ///< Of set_tag: the entry's number, from 1.
  Condition condition = kNone;
  std::uint64_t seen = 0;  ///< What the condition names: a revision; kIfVersion: an entry's number, from 1.
};
struct Seen {
  std::uint64_t lsn = 0, revision = 0, value = 0;
};

struct Record {
  std::uint64_t id = 0;  ///< Names process and call; never twice in a run.
  Kind kind = Kind::kRead;
  std::uint32_t object = 0;  ///< Number of the key; for leases, of the scope; of the group.
  std::uint64_t a = 0, b = 0, c = 0;
  std::uint64_t called = 0;
  std::uint64_t returned = 0;  ///< 0: never.
  std::string code;            ///< "ok", or the name of an error.
  std::uint64_t lsn = 0;
  std::uint64_t revision = 0;
  std::uint64_t value = 0;
  bool flag = false;  ///< kAcquire: refused without a holder. kUncommitted: the entry is still queued.
  std::vector<CellOp> ops = {};
  /// kTransact: the revision after each operation. Reads of a group: what was in each cell, by number.
  std::vector<Seen> seen = {};
};
/// It changes entries or tags, and has a request id.
inline bool IsWrite(const Record& record) {
  return record.kind == Kind::kPut || record.kind == Kind::kDelete || record.kind == Kind::kTransact;
}
/// The answer to a write under a lease that is over. To one that is held it may be "lease_not_covering".
bool IsLeaseLoss(const std::string& code);
inline bool IsLook(const Record& record) { return record.kind >= Kind::kLookCell && record.kind <= Kind::kLookTags; }
/// Of a read of a group: the cells, as bits.
std::uint32_t CellsOf(const Record& record);

/// The process part of an id: one number for each process that was ever started.
inline constexpr int kCallBits = 24;
inline std::uint64_t ProcessOf(std::uint64_t id) { return id >> kCallBits; }

std::uint64_t Now();
std::string CallLine(const Record& record);
std::string ReturnLine(const Record& record);
/// False: it is not such a line. A return line fills in what a return says.
bool ParseCall(const std::string& line, Record& record);
bool ParseReturn(const std::string& line, Record& record);

inline std::string RequestId(std::uint64_t id) { return "t" + std::to_string(id); }
/// Of a request id or a purpose; 0: it is none.
std::uint64_t IdOf(const std::string& text);

}  // namespace tenure::torture
