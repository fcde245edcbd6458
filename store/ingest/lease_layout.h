// The lease area of the shared segment: what leases are in time, and who waits for one.
//
//   LeaseArea        hints and the ticket counter
//   1024 WaitCell    requests that wait, and threads that wait for a lease of others to end; their bodies of 4 KiB
//                    are at the end of the file
//   16384 LeaseCell  one per lease that is held, at the slot that its grant in the journal names
//
//                 Publish               Close: expired, broken, released, or its process died
//   (another id) ──────────▶ open ──────────────────────────────▶ closed or ending ──▶ (another id)
//                           ▲    │
//                           └────┘ Renew: one compare-and-swap from the word that was read
//
// Whoever renews was not closed before, and whoever closes sees no renewal after: nobody is told "renewed" once a
// committer has decided that the lease is over. A cell is given to a lease under its committer's epoch, which stays in
// the word: one that was superseded overwrites nothing newer, and one that comes after overwrites what was left by
// batches that came to nothing (their ids may be higher than its own). A takeover stamps all cells with its epoch: else
// the old committer, deciding on what it remembers, could give away the cell of a lease that is held. A cell of a batch
// that came to nothing names a lease that nobody was told of: those who decide look at the journal's leases, and at a
// cell only for the id that they know.
#pragma once

#include <atomic>
#include <cstdint>

#include "store/base/atomic128.h"

namespace tenure::ingest {

enum class LeaseCellState : std::uint8_t {
  kNever = 0,
  kOpen = 1,
  kClosed = 2,  ///< Over: nobody renews it any more. Its end is journaled when somebody wants its scope.
  /// Over, by a release or a break that is on its way into the journal. A later batch that finds the lease in the
  /// journal all the same opens it again: that release, or break, came to nothing, and nobody was told of it.
  kEnding = 3,
};

struct LeaseCell {
  /// {lease id, deadline in CLOCK_BOOTTIME ms << 22 | epoch << 2 | LeaseCellState}
  alignas(64) base::Atomic128 word;
  /// {lease id, the process that it is bound to: generation << 32 | epoch << 12 | slot + 1, or 0 there}
  base::Atomic128 owner;
};
static_assert(sizeof(LeaseCell) == 64);

/// Epochs in a cell are the low 20 bits: compared as serial numbers, so that half a million takeovers may lie between
/// two that meet. 42 bits of milliseconds are 139 years since boot.
inline constexpr std::uint32_t kLeaseEpochBits = 20;
inline constexpr std::uint64_t kLeaseEpochMask = (1u << kLeaseEpochBits) - 1;
/// True when a committer of epoch `mine` comes after, or is, the one that wrote `theirs`.
constexpr bool MayOverwrite(std::uint64_t theirs, std::uint64_t mine) {
  return ((mine - theirs) & kLeaseEpochMask) < (kLeaseEpochMask + 1) / 2;
}

constexpr std::uint64_t LeaseWord(std::uint64_t deadline_ms, std::uint64_t epoch, LeaseCellState state) {
  return (deadline_ms << (kLeaseEpochBits + 2)) | ((epoch & kLeaseEpochMask) << 2) | static_cast<std::uint8_t>(state);
}
constexpr std::uint64_t LeaseDeadline(std::uint64_t word) { return word >> (kLeaseEpochBits + 2); }
constexpr std::uint64_t LeaseEpoch(std::uint64_t word) { return (word >> 2) & kLeaseEpochMask; }
constexpr LeaseCellState LeaseStateOf(std::uint64_t word) { return static_cast<LeaseCellState>(word & 3); }

/// An OwnerWord, or 0, with an epoch in bits that it does not use.
constexpr std::uint64_t PackLeaseOwner(std::uint64_t owner, std::uint64_t epoch) {
  return owner | ((epoch & kLeaseEpochMask) << 12);
}
constexpr std::uint64_t LeaseOwnerEpoch(std::uint64_t packed) { return (packed >> 12) & kLeaseEpochMask; }
constexpr std::uint64_t LeaseOwnerOf(std::uint64_t packed) { return packed & ~(kLeaseEpochMask << 12); }

///         Claim          Announce            a committer refused it: it has a place
///  free ─────────▶ claimed ─────────▶ announced ───────────────────────────────────▶ queued ──▶ refused (a circle)
///   ▲                 │                  │                                              │           │
///   └──── Leave, or anybody once its process is dead ───────────────────────────────────┴───────────┘
///                     └─────────────▶ watching: wants to be woken, has no place in the queue ──▶ refused (a circle)
enum class WaitState : std::uint8_t { kFree = 0, kClaimed, kAnnounced, kQueued, kRefused, kWatching };

struct WaitCell {
  /// {ticket << 8 | WaitState, OwnerWord}
  alignas(64) base::Atomic128 word;
  std::atomic<std::uint32_t> turn;       ///< Futex: moves when it is worth looking again.
  std::atomic<std::uint32_t> asleep;     ///< Its thread sleeps, or is about to.
  std::atomic<std::uint64_t> called_ms;  ///< CLOCK_BOOTTIME of the first call that it has not answered yet.
  std::atomic<std::uint32_t> answered;   ///< The turn that its thread has acted upon: another one is a call.
  std::atomic<std::uint32_t> allocated;  ///< 1: the body's page exists, for as long as the file does.
  std::atomic<std::uint32_t> bytes;      ///< Of the body.
};
static_assert(sizeof(WaitCell) == 64);

constexpr std::uint64_t WaitWord(std::uint64_t ticket, WaitState state) {
  return (ticket << 8) | static_cast<std::uint8_t>(state);
}
constexpr std::uint64_t TicketOf(std::uint64_t word) { return word >> 8; }
constexpr WaitState WaitStateOf(std::uint64_t word) { return static_cast<WaitState>(word & 0xff); }

inline constexpr std::uint32_t kLeaseCells = 16'384;
inline constexpr std::uint32_t kWaitCells = 1'024;
inline constexpr std::uint32_t kWaitBodyBytes = 4'096;

struct LeaseArea {
  /// 1: every lease of the journal has its cell. 0 after the segment was made: the first committer sees to it.
  alignas(64) std::atomic<std::uint32_t> ready;
  /// No cell at or behind it was ever used.
  std::atomic<std::uint32_t> lease_cells_used;
  std::atomic<std::uint32_t> wait_cells_used;
  alignas(64) std::atomic<std::uint64_t> last_ticket;
};
static_assert(sizeof(LeaseArea) == 128);

inline constexpr std::uint64_t kLeaseAreaBytes =
    sizeof(LeaseArea) + kWaitCells * sizeof(WaitCell) + kLeaseCells * sizeof(LeaseCell);

}  // namespace tenure::ingest
