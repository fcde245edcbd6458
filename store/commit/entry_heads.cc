#include "store/commit/entry_heads.h"

#include <utility>
#include <vector>

#include "store/model/effect.h"

namespace tenure::commit {
namespace {

/// At once: an apply makes many rows superfluous, and freeing them all takes longer than a flush.
constexpr std::size_t kForgottenAtOnce = 128;
constexpr std::size_t kRowsDroppedMin = 128;
constexpr std::size_t kGrownAt = 1'024;

}  // namespace

EntryHead EntryHead::Of(const ArtifactEntry& row) {
  EntryHead head;
  head.lsn = row.lsn;
  head.revision = row.revision;
  head.created_at_ms = row.created_at_ms;
  head.row_hash = model::RowHash(row);
  head.content = model::ContentHash(row);
  head.live = !row.deleted;
  return head;
}

void EntryHeads::Reset(bool complete) {
  rows_.clear();
  slots_.clear();
  complete_ = complete;
  clock_ = 0;
}

EntryHeads::Slot* EntryHeads::Find(const std::string& key) {
  const auto it = slots_.find(key);
  return it != slots_.end() ? &it->second : nullptr;
}

void EntryHeads::Set(Slot& slot, EntryPtr row, const EntryHead& head) {
  // Its final size at once: to grow a large table takes longer than a flush.
  if (slots_.size() == kGrownAt) slots_.reserve(limits_.heads + kForgottenAtOnce);
  slot.head = head;
  slot.row = std::move(row);
  ++slot.queued;
  rows_.push_back({head.lsn, &slot});
  ++set_since_trim_;
}

/// A clock over the buckets: what it passes goes, unless its row is kept.
std::size_t EntryHeads::Forget() {
  complete_ = false;
  std::vector<std::string> keys;
  for (std::size_t passed = 0; passed < slots_.bucket_count() && keys.size() < kForgottenAtOnce; ++passed) {
    clock_ = (clock_ + 1) % slots_.bucket_count();
    for (auto it = slots_.begin(clock_); it != slots_.end(clock_); ++it) {
      if (it->second.queued == 0) keys.push_back(it->first);
    }
  }
  for (const std::string& key : keys) slots_.erase(key);
  return keys.size();
}

void EntryHeads::TrimTo(Lsn applied) {
  // Faster than they come, so that they get fewer.
  std::size_t left = kRowsDroppedMin + 2 * std::exchange(set_since_trim_, 0);
  while (left-- > 0 && rows_.size() > limits_.rows && rows_.front().lsn <= applied) {
    const Row row = rows_.front();
    rows_.pop_front();
    --row.slot->queued;
    if (row.slot->row && row.slot->head.lsn == row.lsn) row.slot->row.reset();
  }
  while (slots_.size() > limits_.heads && Forget() > 0) {
  }
}

}  // namespace tenure::commit
