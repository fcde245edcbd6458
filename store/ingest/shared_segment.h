// The words that the processes of one store share: `ingest.shm`, mapped by every member.
//
//   0      header: magic, layout version, size, boot id, time namespace, own device and inode, journal id
//   256    commit area: who may commit (owner), what counts (durable), which index is live (generation),
//          how far the index is (applied), each on its own cache line
//   4096   one row per member slot: pid, process start, uid
//
// Nothing here was acknowledged and not journaled: the segment can be lost at any time and is rebuilt
// from the journal. A header that does not match this boot, time namespace or file is *foreign*.
//
// Words that decide something change by compare-and-swap only and carry the epoch; see
// docs/commit-protocol.md for the rules. `applied` is a hint: it never runs ahead of the index.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "store/base/atomic128.h"
#include "store/base/env.h"

namespace tenure::ingest {

inline constexpr std::uint32_t kLayoutVersion = 1;
inline constexpr std::uint64_t kSegmentBytes = 128 * 1024;
inline constexpr std::uint32_t kMemberSlots = 1024;
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
};
static_assert(sizeof(SegmentHeader) == 80);

struct CommitArea {
  /// {epoch, owner}: owner is 0 when released cleanly, else OwnerWord(slot, generation).
  alignas(64) base::Atomic128 owner;
  /// {epoch, LSN}: a batch counts from the moment its committer moves this word under its own epoch.
  alignas(64) base::Atomic128 durable;
  /// {epoch, number} of the live index generation.
  alignas(64) base::Atomic128 generation;
  /// The index has applied at least up to here. Only grows within a generation.
  alignas(64) std::atomic<std::uint64_t> applied_lsn;
  /// Futex: changes whenever applied_lsn did; woken only when somebody waits.
  std::atomic<std::uint32_t> applied_turn;
  std::atomic<std::uint32_t> applied_waiters;
};
static_assert(sizeof(CommitArea) == 256);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

/// Who holds a member slot. Read for people only; liveness is the kernel lock on the slot's byte.
struct MemberRow {
  std::atomic<std::uint32_t> generation;
  std::atomic<std::uint32_t> pid;
  std::atomic<std::uint64_t> process_start;
  std::atomic<std::uint32_t> uid;
  std::uint32_t unused[11];
};
static_assert(sizeof(MemberRow) == 64);

inline constexpr std::uint64_t kCommitAreaAt = 256;
inline constexpr std::uint64_t kMembersAt = 4096;
static_assert(kMembersAt + kMemberSlots * sizeof(MemberRow) <= kSegmentBytes);

constexpr std::uint64_t OwnerWord(std::uint32_t slot, std::uint32_t generation) {
  return (static_cast<std::uint64_t>(generation) << 32) | (slot + 1);
}
constexpr std::uint32_t OwnerSlot(std::uint64_t word) { return static_cast<std::uint32_t>(word) - 1; }

/// A mapped segment. Destroying it unmaps; the file stays.
class SharedSegment {
 public:
  /// Maps an existing segment. kNotFound when there is none; kForeignSegment when it is of another
  /// boot, time namespace, layout, store or file (a copied store).
  static Result<std::unique_ptr<SharedSegment>> Attach(base::Env& env, const std::string& path,
                                                       const std::array<std::byte, 16>& journal_id);
  /// Makes a new one under a unique name, lets `initialise` fill the commit area, and puts it in place
  /// of whatever is at `path`. Only under the exclusive lock over members.lock.
  static Result<std::unique_ptr<SharedSegment>> Create(base::Env& env, const std::string& path,
                                                       const std::array<std::byte, 16>& journal_id,
                                                       const std::function<Status(CommitArea&)>& initialise);
  CommitArea& commit() { return *reinterpret_cast<CommitArea*>(memory_ + kCommitAreaAt); }
  MemberRow& member(std::uint32_t slot) { return reinterpret_cast<MemberRow*>(memory_ + kMembersAt)[slot]; }

  /// Moves `applied_lsn` up to `lsn` and wakes who waits for it.
  void AdvanceApplied(Lsn lsn);

 private:
  SharedSegment(std::unique_ptr<base::File> file, std::byte* memory) : file_(std::move(file)), memory_(memory) {}
  std::unique_ptr<base::File> file_;
  std::byte* memory_;
};

}  // namespace tenure::ingest
