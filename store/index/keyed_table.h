// Writes the revisions that a batch made of entries, or of tags: the newest of each key becomes the current
// row, older ones go to the history.
//
// It applies, it does not decide; but it refuses a revision that does not continue the one that is there
// (kCorruption, naming the key): such an index has lost or gained rows. One thread, inside a transaction
// of the caller, who rolls back, or discards the file, after any failure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "store/index/changes.h"
#include "store/index/row_source.h"
#include "store/index/sqlite.h"

namespace tenure::index {

/// From this many rows on, new keys go in by one statement that pulls them. Below it, preparing and
/// starting that statement costs more than it saves.
inline constexpr std::size_t kFeedRowsMin = 16;

/// The revisions of one key in a batch, oldest first: positions [begin, end) of the sorted order.
struct KeyRun {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::uint32_t revisions() const { return end - begin; }
};

/// A batch in the order of its keys. `View` is EntryView or TagView.
template <typename View>
class SortedRows {
 public:
  explicit SortedRows(const Rows<View>& rows) : rows_(rows), order_(SortByKey(rows)) { near_.reserve(kRowsNear); }
  std::size_t size() const { return order_.size(); }
  const View& At(std::uint32_t at) const {
    return at >= near_begin_ && at < near_end_ ? near_[at - near_begin_] : rows_[order_[at].position];
  }
  const View& First(const KeyRun& run) const { return At(run.begin); }
  const View& Last(const KeyRun& run) const { return At(run.end - 1); }
  /// Makes `run` the next key's; false at the end, or where a revision does not continue the one before.
  bool Advance(KeyRun& run);
  /// Where Advance found that: a row and the revision before it.
  std::optional<std::uint32_t> gap() const { return gap_; }

 private:
  static constexpr std::size_t kRowsNear = 512;  // with their texts, well within a core's own cache
  void BringNear(std::uint32_t at);
  const Rows<View>& rows_;
  const std::vector<SortKey> order_;
  std::optional<std::uint32_t> gap_;
  /// Rows [near_begin_, near_end_) of the order, side by side.
  std::vector<View> near_;
  std::uint32_t near_begin_ = 0, near_end_ = 0;
};

/// The statements of one kind of keyed row.
template <typename View>
class KeyedTable {
 public:
  struct Sql {
    const char* kind;       ///< For messages: "entry" or "tag".
    const char* find;       ///< ?1 name, ?2 rest of key -> id, revision
    const char* insert;     ///< ?1 name, ?2 rest, payload from ?3
    const char* update;     ///< ?1 id, payload from ?2
    const char* move;       ///< ?1 id, ?2 until_lsn: copies the current row to the history
    const char* keep;       ///< ?1 id, ?2 until_lsn, payload from ?3: a row straight to the history
    const char* trim;       ///< ?1: below this until_lsn
    const char* feed;       ///< Like insert, of a RowFeed.
    const char* feed_past;  ///< Like keep, of a RowFeed.
  };
  explicit KeyedTable(const Sql& sql)
      : kind_(sql.kind),
        find_(sql.find),
        insert_(sql.insert),
        update_(sql.update),
        move_(sql.move),
        keep_(sql.keep),
        trim_(sql.trim),
        feed_(sql.feed),
        feed_past_(sql.feed_past) {}

  Status Write(Connection& connection, RowSource& source, const Rows<View>& rows);
  Status Trim(Connection& connection, Lsn below_lsn);

 private:
  Status WriteOneByOne(Connection& connection, SortedRows<View>& rows);
  /// New keys by two statements, first their rows, then their histories; the others one by one.
  Status WriteByFeed(Connection& connection, RowSource& source, SortedRows<View>& rows);
  Status WriteKey(Connection& connection, const SortedRows<View>& rows, const KeyRun& run);
  Result<std::int64_t> InsertFirst(Connection& connection, const View& first, const View& last);
  Result<std::int64_t> ReplaceCurrent(Connection& connection, const View& first, const View& last);
  Status CheckGap(Connection& connection, const SortedRows<View>& rows) const;

  const char* kind_;
  LazyStatement find_, insert_, update_, move_, keep_, trim_, feed_, feed_past_;
  std::uint64_t keys_seen_ = 0;  // counted for the seeded bug "apply_lost_row"
};

extern template class KeyedTable<EntryView>;
extern template class KeyedTable<TagView>;

}  // namespace tenure::index
