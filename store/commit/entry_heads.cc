#include "store/commit/entry_heads.h"

#include <utility>
#include <vector>

namespace tenure::commit {
namespace {

/// At once: an apply makes many rows superfluous, and freeing them all takes longer than a flush.
constexpr std::size_t kForgottenAtOnce = 128;
constexpr std::size_t kRowsDroppedMin = 128;
constexpr std::size_t kGrownAt = 1'024;

}  // namespace

EntryHead EntryHead::Of(const ArtifactEntry& row, const model::PackedEntry& packed) {
  EntryHead head;
  head.lsn = row.lsn;
  head.revision = row.revision;
  head.created_at_ms = row.created_at_ms;
  head.row_hash = packed.RowHash();
  head.content = packed.ContentHash();
  head.live = !row.deleted;
  return head;
}

void EntryHeads::Reset(bool complete) {
  rows_.clear();
  index_.Clear();
  chunks_.clear();
  free_.clear();
  complete_ = complete;
  clock_ = 0;
}

std::uint32_t EntryHeads::TagOf(const std::string& key) {
  return static_cast<std::uint32_t>(base::Xxh128(base::AsBytes(key)).low);
}

std::uint32_t EntryHeads::NumberOf(const std::string& key, std::uint32_t tag) const {
  return index_.Find(tag, [&](std::uint32_t number) { return SlotAt(number).key == key; });
}

EntryHeads::Slot* EntryHeads::Find(const std::string& key) {
  const std::uint32_t number = NumberOf(key, TagOf(key));
  return number != KeyIndex::kNone ? &SlotAt(number) : nullptr;
}

/// One that is in free_ until it is given a key.
std::uint32_t EntryHeads::FreeNumber() {
  if (free_.empty()) {
    const auto first = static_cast<std::uint32_t>(chunks_.size() * kChunk);
    free_.reserve(first + kChunk);  // so that giving a number back never fails
    chunks_.push_back(std::make_unique<Slot[]>(kChunk));
    for (std::uint32_t n = kChunk; n > 0; --n) free_.push_back(first + n - 1);
  }
  return free_.back();
}

EntryHeads::Slot& EntryHeads::At(const std::string& key) {
  const std::uint32_t tag = TagOf(key);
  if (const std::uint32_t number = NumberOf(key, tag); number != KeyIndex::kNone) return SlotAt(number);
  const std::uint32_t number = FreeNumber();
  Slot& slot = SlotAt(number);
  slot.key = key;
  // Its final size at once: to grow a large table takes longer than a flush.
  if (index_.size() == kGrownAt) index_.Reserve(limits_.heads + kForgottenAtOnce);
  index_.Insert(tag, number);
  free_.pop_back();
  slot.used = true;
  return slot;
}

void EntryHeads::Set(Slot& slot, model::PackedEntry row, const EntryHead& head) {
  slot.head = head;
  slot.row = std::move(row);
  ++slot.queued;
  rows_.push_back({head.lsn, &slot});
  ++set_since_trim_;
}

/// A clock over the slots: what it passes goes, unless its row is kept.
std::size_t EntryHeads::Forget() {
  complete_ = false;
  const auto numbers = static_cast<std::uint32_t>(chunks_.size() * kChunk);
  std::size_t forgotten = 0;
  for (std::uint32_t passed = 0; passed < numbers && forgotten < kForgottenAtOnce; ++passed) {
    clock_ = (clock_ + 1) % numbers;
    Slot& slot = SlotAt(clock_);
    if (!slot.used || slot.queued != 0) continue;
    index_.Erase(TagOf(slot.key), clock_);
    slot = {};
    free_.push_back(clock_);
    ++forgotten;
  }
  return forgotten;
}

void EntryHeads::TrimTo(Lsn applied) {
  // Faster than they come, so that they get fewer.
  std::size_t left = kRowsDroppedMin + 2 * std::exchange(set_since_trim_, 0);
  while (left-- > 0 && rows_.size() > limits_.rows && rows_.front().lsn <= applied) {
    const Row row = rows_.front();
    rows_.pop_front();
    --row.slot->queued;
    if (row.slot->row && row.slot->head.lsn == row.lsn) row.slot->row.Reset();
  }
  while (index_.size() > limits_.heads && Forget() > 0) {
  }
}

}  // namespace tenure::commit
