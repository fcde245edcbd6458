// Where a process gets the answers to what it put into the double buffer: one bank per member slot.
//
//   cells, spaces, words   as of a writer slot (completion.h), for 64 operations in flight; an operation's reply
//                          words are those of its cell: nothing is allocated
//   places                 per cell, where in the double buffer its operation is: CellPlace, 0 for nowhere
//
// A process allocates its bank (posix_fallocate) before its first operation and then says so in its member row,
// so that a committer never touches the pages of a bank that is not there.
//
// Sequences. Cell i carries the sequences i, i + 64, i + 128 …: each goes on from what the cell's completion word
// says, so that none comes twice in the life of the segment, whoever has the member slot. (In the journal they are
// told apart by the member's generation as well.) What is no such sequence, because a process wrote over its own
// bank, is replaced by a random one.
//
// Which operations a takeover may answer "not applied". By then the buffer's cells carry the successor's stamp, so
// that nobody of a lower epoch pops any more; the journal is sealed; the journaled ones are popped and answered. Of
// the rest, an operation that is pending may be
//   not in the buffer yet, or claimed, or given up and about to be written again     its record is still to come
//   published                                                                       it is committed normally
//   popped by an older committer, which refused it and never said so                nobody will commit it
// Only the last may be answered. The writer's order tells them apart:
//   place := 0;  pending(sequence);  claim;  place := cell and its sequence;  publish
//   and when the claim was given up:  place := 0;  free the cell;  claim again …
// A place that names a write which its cell no longer holds (claimed, published or given up) thus belongs to a write
// that was published and popped, provided that the place is the same before and after the look at the cell: had
// the claim been given up and freed, the place would have been 0 before that. That the place is this operation's,
// and not the next one's in the same cell, is seen to by the completion's exchange from exactly {sequence, pending}.
// So the look is: read pending, read place, look at the cell, read place again, then answer. All of these are
// sequentially consistent.
#pragma once

#include <atomic>
#include <span>

#include "store/ingest/completion.h"
#include "store/ingest/double_buffer_drain.h"
#include "store/ingest/layout.h"

namespace tenure::ingest {

/// Reply words of each operation.
inline constexpr std::uint32_t kBufferedReplyWords = 64;
inline constexpr std::size_t kBufferedReplyBytesMax = (kBufferedReplyWords - 1) * sizeof(std::uint64_t);
static_assert(WordsFor(kRefusalBytes) <= kBufferedReplyWords);

struct AnswerBank {
  ReplyBank replies;
  std::span<std::atomic<std::uint64_t>> places;

  static constexpr std::uint64_t kPlacesAt = ReplyBank::BytesFor(kBufferedWindow, kBufferedWindow* kBufferedReplyWords);
  static AnswerBank At(std::byte* memory) {
    return {ReplyBank::At(memory, kBufferedWindow, kBufferedWindow * kBufferedReplyWords),
            {reinterpret_cast<std::atomic<std::uint64_t>*>(memory + kPlacesAt), kBufferedWindow}};
  }
};
static_assert(AnswerBank::kPlacesAt == 70'144);
static_assert(AnswerBank::kPlacesAt + kBufferedWindow * sizeof(std::uint64_t) <= kBankBytes);

/// Of a write in `cell` whose claim has its place there: true when it was published and popped. With the buffer
/// stamped by the caller's epoch.
inline bool WasPopped(const AnswerBank& bank, std::uint32_t cell, const Drain& drain) {
  const std::uint64_t place = bank.places[cell].load(std::memory_order_seq_cst);
  return place != 0 && !drain.Holds(place) && bank.places[cell].load(std::memory_order_seq_cst) == place;
}

}  // namespace tenure::ingest
