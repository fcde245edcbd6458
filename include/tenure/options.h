// Options of stores, commits and reads. Each field says its default, its unit and what changing costs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tenure/conflict.h"
#include "tenure/types.h"

namespace tenure {

namespace base {
class Env;
}
class Lease;

/// Where messages for people go: the level is "debug", "info", "warning" or "error". Called from any
/// thread, never while a lock of tenure is held; must not call back into the store.
using LogCallback = std::function<void(const char* level, const std::string& message)>;

/// Options of `init`, written once into tenure.json.
struct CreateOptions {
  /// Files 0660 and directories 02770 for a group of users, instead of 0600 and 0700.
  bool shared_with_group = false;
  /// Also accept copy-on-write file systems, where preallocation promises nothing.
  bool allow_any_file_system = false;
  /// How many writing threads, over all processes, get lanes of their own (1 to 1024). Each in use takes about
  /// 700 KiB of disk and of shared memory; further threads share a slower path.
  std::uint32_t writer_slots = 64;
};

struct OpenOptions {
  /// Refuse writes. Where the files of the store cannot be written to (a read-only medium, somebody else's files),
  /// reading works from a copy of the index in $TMPDIR, or /tmp, made when it is opened and removed when it is closed;
  /// kBusy while somebody has the store open for writing.
  bool read_only = false;
  /// Recorded with every transaction; empty means `user@host`. At most 256 bytes.
  std::string writer = {};
  /// How many committed transactions the index may lag behind the journal before acknowledgements
  /// slow down. Higher takes longer bursts at journal speed and makes opening after a crash slower.
  std::uint64_t apply_lag_max = 200'000;
  /// Start a background thread that applies committed transactions to the index and prepares journal
  /// segments. Without it the same work is done by reads, by commits over the lag bound, and by
  /// whoever opens the store next; right for a process that commits once and leaves.
  bool background = true;
  /// How long, in milliseconds, the process that commits for everybody may stand still before another one takes
  /// over; 10 or more. The shorter, the sooner a stopped process is passed by, and the sooner a slow disk is taken
  /// for one. Nobody waits much longer than twice this. Use one value in all processes of a store.
  std::uint64_t commit_ttl_ms = 1'000;
  LogCallback log = {};
  /// Injected environment (files, clocks, randomness) for tests; null means the machine's own.
  /// Must outlive the store.
  base::Env* env = nullptr;
};

struct CommitOptions {
  /// Retrying the same id never applies twice. At most 128 bytes; empty means none.
  std::string request_id = {};
  /// How conflicts are settled. Unset: the policy of each path decides, and without one they are rejected.
  std::optional<ConflictStrategy> on_conflict = {};
  /// Recorded instead of OpenOptions::writer when not empty.
  std::string writer = {};
  /// The lease that the transaction is made under: checked when it is committed, and every key that it writes must be
  /// covered. Must outlive the call.
  const Lease* lease = nullptr;
  /// The same, by token: every key must be covered by `lease` or one of these.
  std::vector<std::string> lease_tokens = {};
  /// Tokens that apply where they cover; keys that they do not cover are written as without. Those of other stores
  /// are ignored. One that is no longer held rejects the transaction, unless it is known not to cover its keys.
  std::vector<std::string> ambient_lease_tokens = {};
  /// How long, in milliseconds, Commit waits when somebody else's lease is in the way; Submit never does.
  std::uint64_t wait_ms = 0;
  /// Asked before each sleep of that wait and whenever a signal handler has run in its thread: true ends the wait at
  /// once, with kLeaseHeld.
  std::function<bool()> interrupted = {};
};

enum class Consistency : std::uint8_t {
  kSnapshot,       ///< The index as applied; never waits.
  kReadCommitted,  ///< Everything acknowledged before the call.
  /// Get of "name:version" only: also what is still queued, as if it were accepted. Such an entry says so; it has no
  /// LSN and no revision yet, and may never get one. Everything else reads as committed.
  kReadUncommitted,
};

/// A point of the past: an LSN, or the last commit at or before a time.
struct At {
  std::optional<Lsn> lsn = {};
  std::optional<TimeMs> time_ms = {};
};

struct ReadOptions {
  Consistency consistency = Consistency::kReadCommitted;
  std::optional<At> at = {};
  bool include_deleted = false;  ///< Get: return a tombstone as a value instead of kNotFound.
};

struct ListOptions {
  ReadOptions read = {};
  std::string glob = {};    ///< Empty means all; see docs/cli.md for the syntax.
  std::string where = {};   ///< "annotations.<path> = <json>", "digest = …", "mediaType = …"; empty means all.
  std::uint64_t limit = 0;  ///< 0 means no limit.
  std::string after = {};   ///< "name:version": continue behind this key.
  bool include_deleted = false;
};

}  // namespace tenure
