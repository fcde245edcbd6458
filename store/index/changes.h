// What a batch of transactions does to the rows: collected, then put into the order of the keys, so
// that B-tree pages are visited in order and each key's revisions meet in one place. Pure memory.
//
// Borrowing form (Apply): texts stay in the frames, which must outlive the batch. Owning form (bulk):
// texts are copied into an arena, frames may go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "store/index/rows.h"
#include "store/model/effect.h"

namespace tenure::index {

/// Rows in chunks: growing moves nothing, so that a large batch never needs its memory twice. The first chunks are from
/// malloc, the many of a large batch from large blocks.
template <typename View>
class Rows {
  static_assert(std::is_trivially_copyable_v<View> && std::is_trivially_destructible_v<View>);

 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const View& operator[](std::size_t i) const { return chunks_[i >> kShift][i & (kChunkRows - 1)]; }
  void push_back(const View& row) {
    if (size_ == chunks_.size() << kShift) chunks_.push_back(NewChunk());
    new (chunks_[size_ >> kShift] + (size_ & (kChunkRows - 1))) View(row);
    ++size_;
  }
  /// Keeps its memory where that is one chunk.
  void clear() {
    size_ = 0;
    if (small_.size() <= 1) return;
    chunks_.clear();
    small_.clear();
    large_.clear();
  }
  std::size_t memory_bytes() const { return chunks_.size() * kChunkRows * sizeof(View); }

 private:
  static constexpr int kShift = 8;
  static constexpr std::size_t kChunkRows = std::size_t{1} << kShift;
  static constexpr std::size_t kChunkBytes = kChunkRows * sizeof(View);
  static constexpr std::size_t kSmallChunks = 16;
  static constexpr std::size_t kChunksOfLarge = base::LargeBlock::kBytes / kChunkBytes;

  View* NewChunk() {
    if (chunks_.size() < kSmallChunks) {
      small_.push_back(std::make_unique_for_overwrite<std::byte[]>(kChunkBytes));
      return reinterpret_cast<View*>(small_.back().get());
    }
    const std::size_t in_large = (chunks_.size() - kSmallChunks) % kChunksOfLarge;
    if (in_large == 0) large_.push_back(base::LargeBlock::Map());
    return reinterpret_cast<View*>(large_.back().data() + in_large * kChunkBytes);
  }

  std::vector<View*> chunks_;
  std::vector<std::unique_ptr<std::byte[]>> small_;
  std::vector<base::LargeBlock> large_;
  std::size_t size_ = 0;
};

struct SortKey {
  std::uint64_t prefix = 0;  ///< Eight bytes of the key, while sorting.
  std::uint32_t position = 0;
};
/// Positions of `rows` ordered by (name, rest of the key) bytewise, equal keys in the order of arrival.
template <typename View>
std::vector<SortKey> SortByKey(const Rows<View>& rows);

class Changes {
 public:
  enum class Texts : std::uint8_t { kBorrowed, kOwned };
  explicit Changes(Texts texts) : texts_(texts) {}

  /// An effect that changes an entry or a tag.
  void Add(const model::CommittedTxn& txn, const model::Effect& effect);
  void AddRequest(model::RequestRow row) { requests_.push_back(std::move(row)); }
  /// A lease granted, or ended: one that did both within the batch never gets a row.
  void AddLease(const model::CommittedTxn& txn, const model::Effect& effect);
  /// Rough, for bounding what an owning batch holds.
  std::size_t memory_bytes() const;
  bool empty() const { return entries_.empty() && tags_.empty() && requests_.empty() && leases_.empty(); }
  /// Empties it; a borrowing batch keeps a little memory for the next one, an owning one nothing.
  void Clear();

  const Rows<EntryView>& entries() const { return entries_; }
  const Rows<TagView>& tags() const { return tags_; }
  const std::vector<model::RequestRow>& requests() const { return requests_; }
  /// By id; without a row: ended, and granted before this batch.
  const std::map<Lsn, std::optional<model::LeaseRow>>& leases() const { return leases_; }

 private:
  std::string_view Keep(std::string_view text) { return texts_ == Texts::kOwned ? arena_.Copy(text) : text; }
  std::string_view KeepRepeated(std::string_view text, std::string_view& last);

  const Texts texts_;
  Arena arena_;
  std::string_view last_writer_, last_media_type_;  // they repeat: kept once per run of equal ones
  Rows<EntryView> entries_;
  Rows<TagView> tags_;
  std::vector<model::RequestRow> requests_;
  std::map<Lsn, std::optional<model::LeaseRow>> leases_;
};

}  // namespace tenure::index
