#include "store/index/keyed_table.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include <sqlite3.h>

#include "store/base/error.h"
#include "store/base/failpoint.h"

namespace tenure::index {
namespace {

Error DoesNotFollow(Connection& connection, const std::string& kind, std::string key, const std::string& what,
                    Revision revision, Lsn lsn) {
  const char* path = sqlite3_db_filename(connection.handle(), "main");
  Error e = base::MakeError(ErrorCode::kCorruption,
                            std::string("index ") + path + ": " + kind + " " + key + ": " + what + ", but LSN " +
                                std::to_string(lsn) + " of the journal makes revision " + std::to_string(revision),
                            kRebuildHint);
  e.path = path;
  e.key = std::move(key);
  e.revision = revision;
  e.lsn = lsn;
  return e;
}

/// Of a seeded bug: what is written so far is there for all to see, for a while.
Status ShowHalf(Connection& connection) {
  TENURE_RETURN_IF_ERROR(connection.Execute("COMMIT"));
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return connection.Execute("BEGIN IMMEDIATE");
}

std::string KeyText(const EntryView& row) { return std::string(row.name) + ":" + std::string(row.version); }
std::string KeyText(const TagView& row) { return std::string(row.name) + "@" + std::string(row.tag); }

/// One byte of each cache line that a row's texts lie in, more or less: they are behind one another.
unsigned Touch(std::string_view text) {
  constexpr std::size_t kLineBytes = 64;
  unsigned sum = 0;
  for (std::size_t i = 0; i < text.size(); i += kLineBytes) sum += static_cast<unsigned char>(text[i]);
  return sum;
}
unsigned TouchTexts(const EntryView& row) { return Touch(row.name) + Touch(row.digest) + Touch(row.annotations); }
unsigned TouchTexts(const TagView& row) { return Touch(row.name) + Touch(row.version); }

template <typename View>
bool SameKey(const View& a, const View& b) {
  return a.key_rest() == b.key_rest() && a.name == b.name;
}

/// Keys that are new, each with its newest revision; what else SQLite's walk passes is noted for later.
/// Called by SQLite: all memory is there beforehand.
template <typename View>
class NewKeys final : public RowFeed {
 public:
  struct Past {
    std::uint32_t row;  // number of the key's row in the feed
    KeyRun run;
  };
  NewKeys(SortedRows<View>& rows, std::uint64_t& keys_seen)
      : rows_(rows), keys_seen_(keys_seen), lose_rows_(TENURE_SEEDED_BUG("apply_lost_row")) {
    others_.reserve(rows.size());
    pasts_.reserve(rows.size());
  }

  bool Next() override {
    while (rows_.Advance(run_)) {
      if (lose_rows_ && ++keys_seen_ % 100 == 0) continue;
      if (rows_.First(run_).revision != 1) {
        others_.push_back(run_);
        continue;
      }
      if (run_.revisions() > 1) pasts_.push_back({given_, run_});
      ++given_;
      return true;
    }
    return false;
  }
  void Give(int column, FedColumn to) const override {
    const View& row = rows_.Last(run_);
    if (column == 0) return to.Set(row.name);
    if (column == 1) return to.Set(row.key_rest());
    GivePayload(row, column - 2, to);
  }

  std::uint32_t given() const { return given_; }
  const KeyRun& current() const { return run_; }
  const std::vector<KeyRun>& others() const { return others_; }
  const std::vector<Past>& pasts() const { return pasts_; }

 private:
  SortedRows<View>& rows_;
  std::uint64_t& keys_seen_;
  const bool lose_rows_;
  KeyRun run_;
  std::uint32_t given_ = 0;
  std::vector<KeyRun> others_;
  std::vector<Past> pasts_;
};

/// The superseded revisions of keys that were new, in the order of their ids.
template <typename View>
class PastRows final : public RowFeed {
 public:
  PastRows(const SortedRows<View>& rows, const NewKeys<View>& keys, std::int64_t first_id)
      : rows_(rows), pasts_(keys.pasts()), first_id_(first_id) {}

  bool Next() override {
    if (key_ < pasts_.size() && ++revision_ + 1 >= pasts_[key_].run.revisions()) {
      ++key_;
      revision_ = 0;
    }
    return key_ < pasts_.size();
  }
  void Give(int column, FedColumn to) const override {
    const std::uint32_t at = pasts_[key_].run.begin + static_cast<std::uint32_t>(revision_);
    if (column == 0) return to.Set(first_id_ + pasts_[key_].row);
    if (column == 1) return to.Set(rows_.At(at + 1).lsn);
    GivePayload(rows_.At(at), column - 2, to);
  }

 private:
  const SortedRows<View>& rows_;
  const std::vector<typename NewKeys<View>::Past>& pasts_;
  const std::int64_t first_id_;
  std::size_t key_ = 0;
  std::int64_t revision_ = -1;  // before the first
};

}  // namespace

// Rows are visited in the order of their keys, which is no order in memory: one by one, most of the time of a
// large batch goes into waiting for them. A loop that does nothing else waits for many at a time.
template <typename View>
void SortedRows<View>::BringNear(std::uint32_t at) {
  near_.resize(std::min(kRowsNear, order_.size() - at));
  for (std::size_t i = 0; i < near_.size(); ++i) near_[i] = rows_[order_[at + i].position];
  unsigned touched = 0;
  for (const View& row : near_) touched += TouchTexts(row);
  asm volatile("" : : "r"(touched));  // or the compiler would see that nobody wants it
  near_begin_ = at;
  near_end_ = at + static_cast<std::uint32_t>(near_.size());
}

template <typename View>
bool SortedRows<View>::Advance(KeyRun& run) {
  if (gap_ || run.end >= order_.size()) return false;
  run.begin = run.end++;
  if (run.begin >= near_end_) BringNear(run.begin);
  for (; run.end < order_.size() && SameKey(At(run.begin), At(run.end)); ++run.end) {
    if (At(run.end).revision == At(run.end - 1).revision + 1) continue;
    gap_ = run.end;
    return false;
  }
  return true;
}

template <typename View>
Status KeyedTable<View>::CheckGap(Connection& connection, const SortedRows<View>& rows) const {
  if (!rows.gap()) return {};
  const View& row = rows.At(*rows.gap());
  const Revision before = rows.At(*rows.gap() - 1).revision;
  return DoesNotFollow(connection, kind_, KeyText(row), "the journal made revision " + std::to_string(before),
                       row.revision, row.lsn);
}

template <typename View>
Status KeyedTable<View>::Write(Connection& connection, RowSource& source, const Rows<View>& rows) {
  if (rows.empty()) return {};
  SortedRows<View> sorted(rows);
  return sorted.size() < kFeedRowsMin ? WriteOneByOne(connection, sorted) : WriteByFeed(connection, source, sorted);
}

template <typename View>
Status KeyedTable<View>::WriteOneByOne(Connection& connection, SortedRows<View>& rows) {
  const bool lose_rows = TENURE_SEEDED_BUG("apply_lost_row");
  const bool by_halves = TENURE_SEEDED_BUG("apply_by_halves");
  KeyRun run;
  while (rows.Advance(run)) {
    if (lose_rows && ++keys_seen_ % 100 == 0) continue;
    TENURE_RETURN_IF_ERROR(WriteKey(connection, rows, run));
    if (by_halves) TENURE_RETURN_IF_ERROR(ShowHalf(connection));
  }
  return CheckGap(connection, rows);
}

template <typename View>
Status KeyedTable<View>::WriteByFeed(Connection& connection, RowSource& source, SortedRows<View>& rows) {
  NewKeys<View> keys(rows, keys_seen_);
  TENURE_ASSIGN(const bool inserted, source.Insert(feed_, keys));
  if (!inserted) {
    const View& first = rows.First(keys.current());
    return DoesNotFollow(connection, kind_, KeyText(first), "has a row already", first.revision, first.lsn);
  }
  TENURE_RETURN_IF_ERROR(CheckGap(connection, rows));
  if (!keys.pasts().empty() && !TENURE_SEEDED_BUG("history_not_kept")) {
    // One statement gave them consecutive ids: each one more than the greatest there was.
    const std::int64_t last_id = sqlite3_last_insert_rowid(connection.handle());
    PastRows<View> pasts(rows, keys, last_id - keys.given() + 1);
    TENURE_ASSIGN(const bool kept, source.Insert(feed_past_, pasts));
    if (!kept) {
      return base::MakeError(ErrorCode::kCorruption,
                             std::string("index ") + sqlite3_db_filename(connection.handle(), "main") +
                                 ": the history of a new " + kind_ + " has rows already",
                             kRebuildHint);
    }
  }
  for (const KeyRun& run : keys.others()) TENURE_RETURN_IF_ERROR(WriteKey(connection, rows, run));
  return {};
}

template <typename View>
Status KeyedTable<View>::WriteKey(Connection& connection, const SortedRows<View>& rows, const KeyRun& run) {
  const View& first = rows.First(run);
  const View& last = rows.Last(run);
  // A first revision means a key that never was: no need to look for it, the unique index will tell.
  TENURE_ASSIGN(const std::int64_t id,
                first.revision == 1 ? InsertFirst(connection, first, last) : ReplaceCurrent(connection, first, last));
  if (run.revisions() == 1 || TENURE_SEEDED_BUG("history_not_kept")) return {};
  TENURE_ASSIGN(Statement * keep, keep_.Get(connection));
  for (std::uint32_t i = run.begin; i + 1 < run.end; ++i) {
    keep->Bind(1, id);
    keep->Bind(2, rows.At(i + 1).lsn);
    BindPayload(*keep, 3, rows.At(i));
    TENURE_RETURN_IF_ERROR(keep->Run());
  }
  return {};
}

template <typename View>
Result<std::int64_t> KeyedTable<View>::InsertFirst(Connection& connection, const View& first, const View& last) {
  TENURE_ASSIGN(Statement * insert, insert_.Get(connection));
  insert->Bind(1, last.name);
  insert->Bind(2, last.key_rest());
  BindPayload(*insert, 3, last);
  TENURE_ASSIGN(const bool inserted, insert->RunUnlessDuplicate());
  if (!inserted) {
    return DoesNotFollow(connection, kind_, KeyText(first), "has a row already", first.revision, first.lsn);
  }
  return static_cast<std::int64_t>(sqlite3_last_insert_rowid(connection.handle()));
}

template <typename View>
Result<std::int64_t> KeyedTable<View>::ReplaceCurrent(Connection& connection, const View& first, const View& last) {
  TENURE_ASSIGN(Statement * find, find_.Get(connection));
  find->Bind(1, first.name);
  find->Bind(2, first.key_rest());
  TENURE_ASSIGN(const bool found, find->Step());
  const std::int64_t id = found ? find->Int(0) : 0;
  const Revision revision = found ? find->Unsigned(1) : 0;
  find->Reset();
  if (!found || revision + 1 != first.revision) {
    return DoesNotFollow(connection, kind_, KeyText(first),
                         found ? "is at revision " + std::to_string(revision) : std::string("has no row"),
                         first.revision, first.lsn);
  }
  if (!TENURE_SEEDED_BUG("history_not_kept")) {
    TENURE_ASSIGN(Statement * move, move_.Get(connection));
    move->Bind(1, id);
    move->Bind(2, first.lsn);
    TENURE_RETURN_IF_ERROR(move->Run());
  }
  TENURE_ASSIGN(Statement * update, update_.Get(connection));
  update->Bind(1, id);
  BindPayload(*update, 2, last);
  TENURE_RETURN_IF_ERROR(update->Run());
  return id;
}

template <typename View>
Status KeyedTable<View>::Trim(Connection& connection, Lsn below_lsn) {
  TENURE_ASSIGN(Statement * trim, trim_.Get(connection));
  trim->Bind(1, below_lsn);
  return trim->Run();
}

template class KeyedTable<EntryView>;
template class KeyedTable<TagView>;

}  // namespace tenure::index
