// The bytes of the shared segment, `ingest.shm`, and the words in it that decide something.
//
//   0        header         what the segment is and whose
//   256      commit area    who may commit, what counts, which index is live, how far the index is
//   4096     member rows    one 64-byte row per process slot
//   69632    key table      LSN of the last change, by hash of the key
//   200704   registry       active bits, then one SlotEntry of 192 bytes per writer slot
//   ...      double buffer  2 x 32 cells of 4 KiB, for threads that have no writer slot
//   ...      lease area     who waits for a lease, and leases in time (lease_layout.h)
//   ...      writer slots   per slot: completion cells, reply positions, reply words, index lane, detail lane
//   ...      answer banks   per member slot: completion cells, reply positions, reply words, places of buffered
//                           operations (answer_bank.h)
//   ...      wait bodies    a page per wait cell
//
// Everything up to the lease area is allocated when the segment is made; a writer slot's part when a thread
// claims it, a process's answer bank before its first buffered operation, a wait body before the first wait, before
// anybody touches it (a sparse page on a full disk would be a SIGBUS).
//
// Who may write what:
//   by compare-and-swap under the writer's epoch   owner, durable, resolved, heartbeat, takeovers, generation,
//                                                  SlotEntry::head and ::quarantine, CompletionCell words, reply
//                                                  words; buffer cells from published, the buffer's turn
//   by compare-and-swap under a lease's id         LeaseCell words: committers; renewals by anybody with the token
//   by compare-and-swap under a ticket             WaitCell::word
//   by who has claimed the slot                    SlotEntry::allocated, from 0 to 1 and never back
//   by the slot's own thread                       SlotEntry::submitted, ::waiting, lane controls, ring tails and
//                                                  bytes, reply positions; CompletionCell::completion from resolved to
//                                                  pending; claimed buffer cells
//   by any thread of the member                    MemberRow, its answer bank likewise
//   hints, whose loss or late change costs a bounded wait and nothing else
//                                                  applied_lsn, applied_turn, done, work, active bits,
//                                                  buffer_wanted, feed, key table
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "store/base/atomic128.h"
#include "store/ingest/double_buffer_layout.h"
#include "store/ingest/lease_layout.h"

namespace tenure::ingest {

inline constexpr std::uint32_t kLayoutVersion = 8;
inline constexpr std::uint32_t kMemberSlots = 1024;
static_assert(kMemberSlots < (1u << 12), "an OwnerWord leaves bits 12 to 31 to the epoch of a lease's cell");
inline constexpr std::uint32_t kWriterSlotsDefault = 64;
inline constexpr std::uint32_t kWriterSlotsMax = 1024;
inline constexpr std::uint64_t kMagic = 0x31304d48'53524e54;  // "TNRSHM01"

struct SegmentHeader {
  std::uint64_t magic = 0;
  std::uint32_t layout_version = 0;
  std::uint32_t header_bytes = 0;
  std::uint64_t bytes = 0;
  std::array<std::byte, 16> boot_id{};
  std::uint64_t time_namespace = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::array<std::byte, 16> journal_id{};
  std::uint32_t writer_slots = 0;
  std::uint32_t slot_bytes = 0;
};
static_assert(sizeof(SegmentHeader) == 88);

/// Counted up only, compared by their difference, so that they may wrap.
struct FeedWords {
  std::atomic<std::uint32_t> turn;    ///< Futex: changes before each waking up.
  std::atomic<std::uint32_t> wanted;  ///< Somebody sleeps on turn `wanted` - 1, or did.
  std::atomic<std::uint32_t> woken;   ///< Who slept on an earlier turn has been woken up.
};

/// 32 writer slots each, and one for all that have none.
inline constexpr std::uint32_t kDoneWords = kWriterSlotsMax / 32 + 1;

struct CommitArea {
  /// {epoch, owner}: owner is 0 when released cleanly, else OwnerWord(slot, generation), or kAbandoned.
  alignas(64) base::Atomic128 owner;
  /// {epoch, counter}: moves at each phase of a commit, by the committing thread only.
  alignas(64) base::Atomic128 heartbeat;
  /// {epoch, takeovers from living owners since the last publication}: the time to live doubles with each.
  base::Atomic128 takeovers;
  /// {epoch, LSN}: a batch counts from the moment its committer moves this word under its own epoch.
  alignas(64) base::Atomic128 durable;
  /// {epoch, LSN}: every operation up to here has been popped and answered.
  base::Atomic128 resolved;
  /// {epoch, number} of the live index generation.
  alignas(64) base::Atomic128 generation;
  /// The index has applied at least up to here. Only grows within a generation.
  alignas(64) std::atomic<std::uint64_t> applied_lsn;
  /// Futex: changes whenever applied_lsn did; woken only when somebody waits.
  std::atomic<std::uint32_t> applied_turn;
  std::atomic<std::uint32_t> applied_waiters;
  /// Moves while somebody applies: who waits tells one that works from one that stopped. A hint.
  std::atomic<std::uint64_t> apply_progress;
  /// Changes up to this LSN are older than the key table.
  std::atomic<std::uint64_t> key_table_floor;
  /// Futex: changes when the lease was released to somebody who wanted it.
  alignas(64) std::atomic<std::uint32_t> released_turn;
  /// OwnerWord of a process that asks the owner for the commit lease; taken back by whoever releases. A hint.
  std::atomic<std::uint64_t> wanted_by;
  /// Futex: kIdle while the owner sleeps for lack of work; else 0. Whoever submits clears it and wakes.
  alignas(64) std::atomic<std::uint32_t> work;
  /// Not 0: somebody waits for room in the double buffer, at DonePlace::OfRoom. Taken back by who makes room.
  std::atomic<std::uint32_t> buffer_wanted;
  /// Where those sleep that follow the change feed: see feed_bell.h.
  alignas(64) FeedWords feed;
  /// Futexes: each changes with every batch that answered somebody who sleeps there; see done_bell.h.
  alignas(64) std::array<std::atomic<std::uint32_t>, kDoneWords> done;
};
static_assert(sizeof(CommitArea) == 704);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

inline constexpr std::uint32_t kBusy = 0;
inline constexpr std::uint32_t kIdle = 1;

/// Who holds a member slot. Liveness is the kernel lock on the slot's byte.
struct MemberRow {
  std::atomic<std::uint32_t> generation;
  std::atomic<std::uint32_t> pid;
  std::atomic<std::uint64_t> process_start;
  std::atomic<std::uint32_t> uid;
  /// Generation of the last process that allocated and used the slot's answer bank; 0: nobody ever did.
  std::atomic<std::uint32_t> bank;
  /// Threads that sleep until one of their buffered operations is answered.
  std::atomic<std::uint32_t> waiting;
  /// Futex: moves when a lease that is bound to the process was closed by somebody; woken when `lease_asleep`.
  std::atomic<std::uint32_t> lease_turn;
  std::atomic<std::uint32_t> lease_asleep;
  std::uint32_t unused[7];
};
static_assert(sizeof(MemberRow) == 64);

/// {generation << 32 | process slot + 1}: a process, for as long as it is a member. 0: nobody.
constexpr std::uint64_t OwnerWord(std::uint32_t slot, std::uint32_t generation) {
  return (static_cast<std::uint64_t>(generation) << 32) | (slot + 1);
}
constexpr std::uint32_t OwnerSlot(std::uint64_t word) { return static_cast<std::uint32_t>(word) - 1; }
constexpr std::uint32_t OwnerGeneration(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); }
/// The last owner failed a write or a sync: nobody may go on in its epoch.
inline constexpr std::uint64_t kAbandoned = ~std::uint64_t{0};

/// Where the committer is in a slot's index lane: everything before it has been popped.
/// 32 bits of position are enough because a ring is far smaller; 16 of the turn because a lane has at most 16
/// rings; the sequence never wraps, so that no two states of the word are equal.
struct LaneHead {
  std::uint32_t epoch = 0;     ///< 4e9 takeovers in the life of a segment.
  std::uint32_t position = 0;  ///< Low bits of the position in the ring of `turn`.
  std::uint64_t sequence = 0;  ///< 48 bits: operations popped so far.
  std::uint16_t turn = 0;      ///< Low bits of the turn.

  base::Pair64 Pack() const { return {(static_cast<std::uint64_t>(epoch) << 32) | position, (sequence << 16) | turn}; }
  static LaneHead Unpack(const base::Pair64& word) {
    return {static_cast<std::uint32_t>(word.first >> 32), static_cast<std::uint32_t>(word.first), word.second >> 16,
            static_cast<std::uint16_t>(word.second)};
  }
};
inline constexpr std::uint64_t kSequenceMax = (std::uint64_t{1} << 48) - 1;

///          Claim                Activate
///   free ─────────▶ claimed ─────────────▶ active
///     ▲                │ owner died           │ owner died and drained: Reclaim ─▶ claimed (generation + 1)
///     └────Release─────┴──────────────────────┘
enum class SlotState : std::uint8_t { kFree, kClaimed, kActive };

/// One writer slot of the registry. Three lines: the registry's, the committer's, the writer's.
struct SlotEntry {
  /// {generation << 8 | state, OwnerWord of the process}.
  alignas(64) base::Atomic128 word;
  std::atomic<std::uint32_t> allocated;              ///< 1: the slot's pages exist, for as long as the file does.
  alignas(64) base::Atomic128 head;                  ///< A LaneHead.
  base::Atomic128 quarantine;                        ///< {epoch, generation of the slot whose content is bad}.
  alignas(64) std::atomic<std::uint64_t> submitted;  ///< Operations pushed so far; release, after the ring's tail.
  std::atomic<std::uint32_t> waiting;                ///< Threads that sleep until one of their operations is answered.
  std::atomic<std::uint32_t> thread;                 ///< Kernel thread id, for people.
};
static_assert(sizeof(SlotEntry) == 192);

/// Buckets of the key table: 128 KiB.
inline constexpr std::uint64_t kKeyTableEntries = 16'384;

constexpr std::uint64_t SlotWord(std::uint32_t generation, SlotState state) {
  return (static_cast<std::uint64_t>(generation) << 8) | static_cast<std::uint8_t>(state);
}
constexpr SlotState StateOf(std::uint64_t word) { return static_cast<SlotState>(word & 0xff); }
constexpr std::uint32_t GenerationOf(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 8); }

/// Which slots are in use, a bit each: a hint that saves the drain the walk over free ones.
inline constexpr std::size_t kActiveWords = kWriterSlotsMax / 64;
struct ActiveBits {
  std::array<std::atomic<std::uint64_t>, kActiveWords> words;
};
static_assert(sizeof(ActiveBits) == 128);

inline constexpr std::uint64_t kCommitAreaAt = 256;
inline constexpr std::uint64_t kMembersAt = 4096;
inline constexpr std::uint64_t kKeyTableAt = kMembersAt + kMemberSlots * sizeof(MemberRow);
inline constexpr std::uint64_t kRegistryAt = kKeyTableAt + kKeyTableEntries * sizeof(std::uint64_t);
inline constexpr std::uint64_t kEntriesAt = kRegistryAt + sizeof(ActiveBits);
inline constexpr std::uint64_t kPageBytes = 4096;
static_assert(kCommitAreaAt + sizeof(CommitArea) <= kMembersAt);
static_assert(kEntriesAt % 64 == 0);

constexpr std::uint64_t RoundToPage(std::uint64_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes; }
/// The double buffer: cells of one page.
inline constexpr std::uint32_t kBufferCells = 32;
inline constexpr std::uint32_t kBufferPayloadBytes = 4096 - Cell::kRecordOffset - sizeof(RecordHeader);
inline constexpr std::uint64_t kBufferBytes =
    sizeof(DoubleBufferControl) + 2 * kBufferCells * CellStride(kBufferPayloadBytes);
static_assert(CellStride(kBufferPayloadBytes) == 4096);
static_assert(kMemberSlots <= kCellOwnerSlots);

/// Operations on their way through the buffer per process, and what their answers take.
inline constexpr std::uint32_t kBufferedWindow = 64;
inline constexpr std::uint64_t kBankBytes = 18 * kPageBytes;
/// Origins of buffered operations name this + the member slot; no writer slot has such a number.
inline constexpr std::uint32_t kBufferedOrigin = 1 << 20;
static_assert(kBufferedOrigin > kWriterSlotsMax);

constexpr std::uint64_t BufferAt(std::uint32_t writer_slots) {
  return RoundToPage(kEntriesAt + writer_slots * sizeof(SlotEntry));
}
constexpr std::uint64_t LeasesAt(std::uint32_t writer_slots) {
  return RoundToPage(BufferAt(writer_slots) + kBufferBytes);
}
/// Where the writer slots begin; everything before is allocated from the start.
constexpr std::uint64_t SlotsAt(std::uint32_t writer_slots) {
  return RoundToPage(LeasesAt(writer_slots) + kLeaseAreaBytes);
}

}  // namespace tenure::ingest
