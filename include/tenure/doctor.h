// What a store looks like from outside: who has it open, who commits, what waits where. For people and for
// monitoring; nothing here is a promise about the next moment.
//
// Looking changes nothing: no member byte is taken, no lock, nothing is recovered, applied or waited for, except
// that the heartbeat of a committer with work is watched for a moment. Several processes go on meanwhile, so that
// figures of one look may be a few operations apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tenure/export.h"
#include "tenure/options.h"
#include "tenure/result.h"
#include "tenure/types.h"

namespace tenure {

/// A process that has the store open, or died while it had.
struct MemberDiagnosis {
  std::uint32_t slot = 0;  ///< Its byte of members.lock.
  std::uint32_t generation = 0;
  std::uint32_t pid = 0;  ///< In its own pid namespace; 0 when shared memory does not tell.
  std::uint32_t uid = 0;
  bool alive = false;     ///< The kernel lock on its byte is held.
  bool visible = false;   ///< Seen in /proc: same pid namespace, same start time.
  bool stopped = false;   ///< Stopped or traced (state T); known only when visible.
  TimeMs started_ms = 0;  ///< When the process started; 0 when that cannot be told.
};

/// What the writer counted since it got the slot.
struct LaneDiagnosis {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t overflowed = 0;        ///< Times that the lane was full.
  std::uint64_t high_water_bytes = 0;  ///< Most bytes that waited at once.
};

enum class WriterSlotState : std::uint8_t { kFree, kClaimed, kActive };

/// A writer slot that is not free: the lanes of one thread.
struct WriterSlotDiagnosis {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  WriterSlotState state = WriterSlotState::kFree;
  std::optional<std::uint32_t> member;  ///< Member slot of its process, while that row is still the same process's.
  std::uint32_t pid = 0;                ///< 0 when its process's row is somebody else's by now.
  std::uint32_t thread = 0;             ///< Kernel thread id, in its own pid namespace.
  /// Sequence numbers behind the last operation pushed and popped. They go on from one owner of the slot to the next.
  std::uint64_t submitted = 0;
  std::uint64_t popped = 0;
  std::uint64_t waiting = 0;   ///< Operations in the lane: submitted - popped.
  std::uint32_t sleeping = 0;  ///< Threads that sleep until one of its operations is answered.
  bool quarantined = false;    ///< Its content was refused: nothing is read from it any more.
  LaneDiagnosis index_lane = {};
  LaneDiagnosis detail_lane = {};
};

enum class LeaseState : std::uint8_t {
  kFree,       ///< Nobody commits: the next writer takes it.
  kOwned,      ///< See `member` and `pid`.
  kAbandoned,  ///< The last owner failed a write or a sync; the next writer takes over.
};

/// The commit lease.
struct CommitLeaseDiagnosis {
  LeaseState state = LeaseState::kFree;
  std::uint64_t epoch = 0;
  std::optional<std::uint32_t> member;  ///< Member slot of the owner, while that row is still the same process's.
  std::uint32_t pid = 0;                ///< 0 when the owner's row is somebody else's by now: it is dead.
  bool owner_alive = false;
  bool wanted = false;          ///< Somebody asked the owner to release it.
  std::uint64_t heartbeat = 0;  ///< Moves at each phase of a commit.
  /// From living owners since the last publication; each doubles the time to live.
  std::uint64_t takeovers_unpublished = 0;
  std::optional<std::uint32_t> watched_ms;  ///< How long the heartbeat was watched: only when work was queued.
  bool progress = false;                    ///< While watched: heartbeat or durable LSN moved, or the work was done.
};

enum class LeaseTermState : std::uint8_t {
  kHeld,
  kExpired,  ///< Its deadline has passed; the end is journaled when somebody wants the scope, or in the background.
  kEnding,   ///< A release, a break or its expiry is on its way into the journal.
};

/// A lease in time, as shared memory has it. Scopes, holder and purpose are in the index: Store::Leases.
struct LeaseDiagnosis {
  std::uint64_t id = 0;
  LeaseTermState state = LeaseTermState::kHeld;
  std::uint64_t left_ms = 0;            ///< Until its deadline; 0 when that has passed.
  bool bound = false;                   ///< It ends with a process, `with-lease` or a Lease handle.
  std::optional<std::uint32_t> member;  ///< Of a bound one: the process, while that row is still the same process's.
  std::uint32_t pid = 0;                ///< 0 when unknown or not bound.
};

/// A request that waits for a lease, or a write that waits for one of others to end.
struct LeaseWaitDiagnosis {
  std::uint64_t ticket = 0;  ///< In the order of arrival.
  bool queued = false;       ///< It has a place in the queue; otherwise it only wants to be woken.
  std::optional<std::uint32_t> member;
  std::uint32_t pid = 0;
  bool called = false;  ///< Woken, and has not acted upon it yet.
};

enum class SharedMemoryState : std::uint8_t {
  kSound,
  kMissing,     ///< Made when the store is opened next.
  kForeign,     ///< Of another boot, copy or version: replaced at the next opening, unless somebody is a member.
  kUnreadable,  ///< This user cannot open it for reading and writing.
};

struct StoreDiagnosis {
  std::string path;  ///< The .tenure directory.
  std::string store_id;
  std::uint64_t incarnation = 0;
  SharedMemoryState shared_memory = SharedMemoryState::kSound;
  std::string shared_memory_problem;  ///< Empty when sound.

  /// All that hold a byte now, and dead ones that still own the commit lease, a writer slot or a lease. Without sound
  /// shared memory: who holds a byte, and its pid where /proc shows it.
  std::vector<MemberDiagnosis> members;
  std::uint32_t members_alive = 0;
  /// Somebody has all of members.lock: shared memory is being made, or the store repaired. Nobody can join.
  bool held_exclusively = false;
  std::uint32_t exclusive_pid = 0;  ///< Where /proc shows it.

  /// From here on: only when shared memory is sound.
  CommitLeaseDiagnosis lease;
  Lsn durable_lsn = 0;
  Lsn resolved_lsn = 0;    ///< Everything up to here was popped and answered.
  Lsn applied_lsn = 0;     ///< The index has applied at least up to here.
  std::string index_path;  ///< The live generation.
  std::uint64_t index_bytes = 0;
  std::uint32_t writer_slots = 0;
  std::uint32_t writer_slots_free = 0;
  std::vector<WriterSlotDiagnosis> slots;  ///< Those that are not free.

  std::vector<LeaseDiagnosis> leases;             ///< In the order of their ids.
  std::vector<LeaseWaitDiagnosis> lease_waiters;  ///< In the order of their tickets.

  /// The turn to apply to the index is taken; by whom, where /proc shows it.
  bool applying = false;
  std::uint32_t applying_pid = 0;

  std::uint64_t segments = 0;
  std::uint64_t journal_bytes = 0;
  std::uint64_t checkpoints = 0;
  std::optional<Error> damage;  ///< Why the journal's segments or the checkpoints could not be listed whole.
};

/// Looks at the store at `path` without opening it. Only `options.env` is used. kNoStore; kCorruption or kUnsupported
/// when tenure.json says nothing usable; kIo.
TENURE_API Result<StoreDiagnosis> Diagnose(const std::string& path, const OpenOptions& options = {});

}  // namespace tenure
