// Answers on their way back: one completion cell per operation in flight, and words for what does not fit.
//
//                 MarkPending (writer)            Complete (committer)
//   resolved(s-W) ────────────────────▶ pending(s) ───────────────────▶ resolved(s) ──▶ pending(s+W) …
//
// A cell is resolved by one compare-and-swap from exactly {sequence, pending}: a committer that was
// superseded, or that answers an operation of which the cell is long over, changes nothing. The values beside it
// are words {epoch, value}, written before, each by a compare-and-swap that a lower epoch loses. A reader
// accepts them only when their epoch is that of the completion word; otherwise it knows the state alone,
// which is enough: a commit can be looked up, anything else can be submitted again.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "store/base/atomic128.h"
#include "store/base/env.h"
#include "tenure/types.h"

namespace tenure::ingest {

/// Operations in flight per writer slot.
inline constexpr std::uint32_t kWindow = 512;
/// 16-byte words of which 8 bytes are payload.
inline constexpr std::uint32_t kReplyWords = 16'384;
/// What a refusal may say; longer messages are cut.
inline constexpr std::uint32_t kRefusalBytes = 384;

enum class AnswerState : std::uint8_t {
  kEmpty = 0,
  kPending,
  kCommitted,
  kUnchanged,
  kRejected,
  /// Popped by a committer that never answered and never published: submit it again.
  kNotApplied,
  /// The record could not be read: the slot is given up.
  kBadRecord,
  kMerged,
  kParked,
};
/// Something was journaled.
constexpr bool IsJournaled(AnswerState state) {
  return state == AnswerState::kCommitted || state == AnswerState::kMerged || state == AnswerState::kParked;
}

struct CompletionCell {
  alignas(64) base::Atomic128 completion;  ///< {sequence << 16 | flags << 8 | state, epoch}.
  base::Atomic128 lsn;                     ///< {epoch, value} here and below.
  base::Atomic128 revision;
  base::Atomic128 time_ms;
};
static_assert(sizeof(CompletionCell) == 64);

/// Where the words reserved for an operation are, in the slot's bank.
struct ReplySpace {
  std::uint32_t at = 0;
  std::uint32_t words = 0;
};

/// The parts of a writer slot, or of a process's bank for buffered operations, that carry answers. Views of
/// shared memory, laid out in this order. An operation's cell is its sequence modulo the number of cells.
/// Both numbers are powers of two.
struct ReplyBank {
  std::span<CompletionCell> cells;
  std::span<std::atomic<std::uint64_t>> spaces;  ///< at << 32 | words; the writer's.
  std::span<base::Atomic128> words;

  static constexpr std::uint64_t BytesFor(std::uint32_t cells, std::uint32_t words) {
    return cells * (sizeof(CompletionCell) + sizeof(std::uint64_t)) + words * sizeof(base::Atomic128);
  }
  /// Of a writer slot.
  static constexpr std::uint64_t kBytes =
      kWindow * sizeof(CompletionCell) + kWindow * sizeof(std::uint64_t) + kReplyWords * sizeof(base::Atomic128);
  static ReplyBank At(std::byte* memory, std::uint32_t cells = kWindow, std::uint32_t words = kReplyWords);
};
static_assert(ReplyBank::kBytes == ReplyBank::BytesFor(kWindow, kReplyWords));

/// What a committer answers and a writer reads.
struct Reply {
  AnswerState state = AnswerState::kPending;
  bool replayed = false;
  /// False: only `state` is known, because two committers answered at once.
  bool whole = true;
  Lsn lsn = 0;
  Revision revision = 0;
  TimeMs time_ms = 0;
  base::Bytes detail;  ///< Results of several operations, or a refusal; see store/commit/request_codec.h.
};

/// Writer: operation `sequence` is about to be pushed; `space` is what its answer may use.
void MarkPending(const ReplyBank& bank, std::uint64_t sequence, ReplySpace space);
/// Writer, any of its threads: kPending, or the answer. `sequence` must not be reused meanwhile.
Reply ReadReply(const ReplyBank& bank, std::uint64_t sequence);
bool IsPending(const ReplyBank& bank, std::uint64_t sequence);

/// Committer of `epoch`: answers `sequence` if it is pending. False when a higher epoch has been here.
/// `detail` is cut to the space reserved. `owner`: the word of the commit lease, {epoch, owner}. While it says `epoch`,
/// nobody has committed under a higher one, and a word that claims to be of one is what a process wrote over its own
/// memory, perhaps before it died and the memory was another's: it is written over. Without `owner` it is believed.
bool Complete(const ReplyBank& bank, std::uint64_t sequence, std::uint32_t epoch, const Reply& reply,
              const base::Atomic128* owner = nullptr);
/// The sequence pending in cell `index`, if any.
bool PendingIn(const ReplyBank& bank, std::uint32_t index, std::uint64_t& sequence);

/// Words needed for `bytes` of detail.
constexpr std::uint32_t WordsFor(std::size_t bytes) { return static_cast<std::uint32_t>(1 + (bytes + 7) / 8); }

}  // namespace tenure::ingest
