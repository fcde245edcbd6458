// What a batch of transactions does to the rows: collected, then put into the order of the keys, so
// that B-tree pages are visited in order and each key's revisions meet in one place. Pure memory.
//
// Borrowing form (Apply): texts stay in the frames, which must outlive the batch. Owning form (bulk):
// texts are copied into an arena, frames may go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "store/index/rows.h"
#include "store/model/effect.h"

namespace tenure::index {

struct SortKey {
  std::uint64_t prefix = 0;  ///< Eight bytes of the key, while sorting.
  std::uint32_t position = 0;
};
/// Positions of `rows` ordered by (name, rest of the key) bytewise, equal keys in the order of arrival.
template <typename View>
std::vector<SortKey> SortByKey(const std::vector<View>& rows);

class Changes {
 public:
  enum class Texts : std::uint8_t { kBorrowed, kOwned };
  explicit Changes(Texts texts) : texts_(texts) {}

  /// An effect that changes an entry or a tag.
  void Add(const model::CommittedTxn& txn, const model::Effect& effect);
  void AddRequest(model::RequestRow row) { requests_.push_back(std::move(row)); }
  /// Rough, for bounding what an owning batch holds.
  std::size_t memory_bytes() const;
  bool empty() const { return entries_.empty() && tags_.empty() && requests_.empty(); }
  /// Empties it; a small borrowing batch keeps its memory for the next one, others give it back.
  void Clear();

  const std::vector<EntryView>& entries() const { return entries_; }
  const std::vector<TagView>& tags() const { return tags_; }
  const std::vector<model::RequestRow>& requests() const { return requests_; }

 private:
  std::string_view Keep(std::string_view text) { return texts_ == Texts::kOwned ? arena_.Copy(text) : text; }
  std::string_view KeepWriter(std::string_view writer);

  const Texts texts_;
  Arena arena_;
  std::string_view last_writer_;  // writers repeat: kept once per run of equal ones
  std::vector<EntryView> entries_;
  std::vector<TagView> tags_;
  std::vector<model::RequestRow> requests_;
};

}  // namespace tenure::index
