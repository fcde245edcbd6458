#include "store/ingest/completion.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "store/base/error.h"
#include "store/base/failpoint.h"

namespace tenure::ingest {
namespace {

using base::Pair64;

constexpr std::uint64_t kReplayed = 1;
constexpr std::uint64_t kHasDetail = 2;

constexpr std::uint64_t Word(std::uint64_t sequence, std::uint64_t flags, AnswerState state) {
  return (sequence << 16) | (flags << 8) | static_cast<std::uint64_t>(state);
}
AnswerState StateOf(std::uint64_t word) { return static_cast<AnswerState>(word & 0xff); }

/// Who answers, and the word that tells whether there has been a higher epoch.
struct Answering {
  std::uint64_t epoch;
  const base::Atomic128* owner;
};

/// False: somebody of a higher epoch wrote it.
bool StoreFenced(base::Atomic128& word, const Answering& by, std::uint64_t value) {
  Pair64 seen = word.Load();
  do {
    // Behind the look at the word: had a successor written it, the lease would be the successor's by now.
    if (seen.first > by.epoch && (by.owner == nullptr || by.owner->LoadFirst() != by.epoch)) return false;
  } while (!word.CompareExchange(seen, {by.epoch, value}));
  return true;
}

std::size_t IndexOf(const ReplyBank& bank, std::uint64_t sequence) { return sequence & (bank.cells.size() - 1); }

ReplySpace SpaceOf(const ReplyBank& bank, std::uint64_t sequence) {
  const std::uint64_t packed = bank.spaces[IndexOf(bank, sequence)].load(std::memory_order_acquire);
  ReplySpace space{static_cast<std::uint32_t>(packed >> 32), static_cast<std::uint32_t>(packed)};
  // The writer's memory: whatever it says, stay inside.
  const auto words = static_cast<std::uint32_t>(bank.words.size());
  space.at &= words - 1;
  space.words = std::min(space.words, words);
  return space;
}

bool StoreDetail(const ReplyBank& bank, ReplySpace space, const Answering& by, base::ByteView detail) {
  const auto word_at = [&](std::uint32_t i) -> base::Atomic128& {
    return bank.words[(space.at + i) & (bank.words.size() - 1)];
  };
  const std::size_t bytes = std::min<std::size_t>(detail.size(), std::size_t{space.words - 1} * 8);
  if (!StoreFenced(word_at(0), by, bytes)) return false;
  for (std::size_t done = 0; done < bytes; done += 8) {
    std::uint64_t value = 0;
    std::memcpy(&value, detail.data() + done, std::min<std::size_t>(8, bytes - done));
    if (!StoreFenced(word_at(static_cast<std::uint32_t>(1 + done / 8)), by, value)) return false;
  }
  return true;
}

/// False when a word is of another epoch.
bool LoadDetail(const ReplyBank& bank, ReplySpace space, std::uint64_t epoch, base::Bytes& detail) {
  const auto load = [&](std::uint32_t i) { return bank.words[(space.at + i) & (bank.words.size() - 1)].Load(); };
  if (space.words == 0) return false;
  const Pair64 length = load(0);
  if (length.first != epoch || length.second > std::uint64_t{space.words - 1} * 8) return false;
  detail.resize(length.second);
  for (std::size_t done = 0; done < detail.size(); done += 8) {
    const Pair64 word = load(static_cast<std::uint32_t>(1 + done / 8));
    if (word.first != epoch) return false;
    std::memcpy(detail.data() + done, &word.second, std::min<std::size_t>(8, detail.size() - done));
  }
  return true;
}

}  // namespace

ReplyBank ReplyBank::At(std::byte* memory, std::uint32_t cells, std::uint32_t words) {
  TENURE_CHECK(std::has_single_bit(cells) && std::has_single_bit(words));
  std::byte* const spaces = memory + cells * sizeof(CompletionCell);
  std::byte* const at_words = spaces + cells * sizeof(std::uint64_t);
  return {{reinterpret_cast<CompletionCell*>(memory), cells},
          {reinterpret_cast<std::atomic<std::uint64_t>*>(spaces), cells},
          {reinterpret_cast<base::Atomic128*>(at_words), words}};
}

void MarkPending(const ReplyBank& bank, std::uint64_t sequence, ReplySpace space) {
  // Release: a committer that finds the record, or the cell, sees the space that goes with it.
  bank.spaces[IndexOf(bank, sequence)].store((std::uint64_t{space.at} << 32) | space.words, std::memory_order_release);
  base::Atomic128& word = bank.cells[IndexOf(bank, sequence)].completion;
  Pair64 seen = word.Load();
  while (!word.CompareExchange(seen, {Word(sequence, 0, AnswerState::kPending), 0})) {
  }
}

bool IsPending(const ReplyBank& bank, std::uint64_t sequence) {
  return bank.cells[IndexOf(bank, sequence)].completion.LoadFirst() == Word(sequence, 0, AnswerState::kPending);
}

Reply ReadReply(const ReplyBank& bank, std::uint64_t sequence) {
  const CompletionCell& cell = bank.cells[IndexOf(bank, sequence)];
  const Pair64 word = cell.completion.Load();
  Reply reply;
  if (word.first >> 16 != sequence || StateOf(word.first) == AnswerState::kPending) return reply;
  reply.state = StateOf(word.first);
  const std::uint64_t flags = (word.first >> 8) & 0xff;
  reply.replayed = (flags & kReplayed) != 0;
  const Pair64 lsn = cell.lsn.Load();
  const Pair64 revision = cell.revision.Load();
  const Pair64 time_ms = cell.time_ms.Load();
  reply.whole = lsn.first == word.second && revision.first == word.second && time_ms.first == word.second;
  if (reply.whole && (flags & kHasDetail)) {
    reply.whole = LoadDetail(bank, SpaceOf(bank, sequence), word.second, reply.detail);
  }
  reply.lsn = lsn.second;
  reply.revision = revision.second;
  reply.time_ms = static_cast<TimeMs>(time_ms.second);
  return reply;
}

bool Complete(const ReplyBank& bank, std::uint64_t sequence, std::uint32_t epoch, const Reply& reply,
              const base::Atomic128* owner) {
  const Answering by{epoch, owner};
  CompletionCell& cell = bank.cells[IndexOf(bank, sequence)];
  Pair64 pending{Word(sequence, 0, AnswerState::kPending), 0};
  if (cell.completion.LoadFirst() != pending.first && !TENURE_SEEDED_BUG("complete_any_sequence")) return true;
  if (!StoreFenced(cell.lsn, by, reply.lsn) || !StoreFenced(cell.revision, by, reply.revision) ||
      !StoreFenced(cell.time_ms, by, static_cast<std::uint64_t>(reply.time_ms))) {
    return false;
  }
  std::uint64_t flags = reply.replayed ? kReplayed : 0;
  const ReplySpace space = SpaceOf(bank, sequence);
  if (!reply.detail.empty() && space.words > 1) {
    if (!StoreDetail(bank, space, by, reply.detail)) return false;
    flags |= kHasDetail;
  }
  TENURE_FAIL_POINT("complete.before_word");
  if (TENURE_SEEDED_BUG("complete_any_sequence")) pending = cell.completion.Load();
  // From exactly this sequence, pending: who comes late finds another sequence or another state.
  cell.completion.CompareExchange(pending, {Word(sequence, flags, reply.state), epoch});
  return true;
}

bool PendingIn(const ReplyBank& bank, std::uint32_t index, std::uint64_t& sequence) {
  const std::uint64_t word = bank.cells[index].completion.LoadFirst();
  sequence = word >> 16;
  return StateOf(word) == AnswerState::kPending;
}

}  // namespace tenure::ingest
