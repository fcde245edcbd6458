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
#include <optional>
#include <utility>
#include <vector>

#include "store/index/rows.h"
#include "store/model/effect.h"

namespace tenure::index {

/// Rows in chunks: growing moves nothing, so that a large batch never needs its memory twice.
template <typename View>
class Rows {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const View& operator[](std::size_t i) const { return chunks_[i >> kShift][i & (kChunkRows - 1)]; }
  void push_back(const View& row) {
    if (size_ == chunks_.size() << kShift) chunks_.push_back(std::make_unique<View[]>(kChunkRows));
    chunks_[size_ >> kShift][size_ & (kChunkRows - 1)] = row;
    ++size_;
  }
  /// Keeps the memory of one chunk.
  void clear() {
    size_ = 0;
    if (chunks_.size() > 1) chunks_.resize(1);
  }
  std::size_t memory_bytes() const { return chunks_.size() * kChunkRows * sizeof(View); }

 private:
  static constexpr int kShift = 8;
  static constexpr std::size_t kChunkRows = std::size_t{1} << kShift;
  std::vector<std::unique_ptr<View[]>> chunks_;
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
