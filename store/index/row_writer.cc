#include "store/index/row_writer.h"

#include <sqlite3.h>

#include "store/base/codec.h"
#include "store/base/error.h"
#include "store/base/failpoint.h"

namespace tenure::index {
namespace {

constexpr KeyedTable<EntryView>::Sql kEntrySql = {
    "entry",
    "SELECT id, revision FROM entry WHERE name = ?1 AND version = ?2",
    "INSERT INTO entry (" TENURE_ENTRY_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    "UPDATE entry SET digest = ?2, size = ?3, media_type = ?4, urls = ?5, annotations = ?6, created_at_ms = ?7,"
    " updated_at_ms = ?8, writer = ?9, revision = ?10, lsn = ?11, deleted = ?12 WHERE id = ?1",
    "INSERT INTO history (entry_id, until_lsn, " TENURE_ENTRY_PAYLOAD ") SELECT id, ?2, " TENURE_ENTRY_PAYLOAD
    " FROM entry WHERE id = ?1",
    "INSERT INTO history (entry_id, until_lsn, " TENURE_ENTRY_PAYLOAD
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    "DELETE FROM history WHERE until_lsn < ?1",
};

constexpr KeyedTable<TagView>::Sql kTagSql = {
    "tag",
    "SELECT id, revision FROM tag WHERE name = ?1 AND tag = ?2",
    "INSERT INTO tag (" TENURE_TAG_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    "UPDATE tag SET version = ?2, updated_at_ms = ?3, writer = ?4, revision = ?5, lsn = ?6, deleted = ?7"
    " WHERE id = ?1",
    "INSERT INTO tag_history (tag_id, until_lsn, " TENURE_TAG_PAYLOAD ") SELECT id, ?2, " TENURE_TAG_PAYLOAD
    " FROM tag WHERE id = ?1",
    "INSERT INTO tag_history (tag_id, until_lsn, " TENURE_TAG_PAYLOAD ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    "DELETE FROM tag_history WHERE until_lsn < ?1",
};

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

std::string KeyText(const EntryView& row) { return std::string(row.name) + ":" + std::string(row.version); }
std::string KeyText(const TagView& row) { return std::string(row.name) + "@" + std::string(row.tag); }

void PrefetchTexts(const EntryView& row) {
  __builtin_prefetch(row.name.data());
  __builtin_prefetch(row.digest.data());
  __builtin_prefetch(row.digest.data() + 64);
  __builtin_prefetch(row.annotations.data());
}
void PrefetchTexts(const TagView& row) {
  __builtin_prefetch(row.name.data());
  __builtin_prefetch(row.version.data());
}

template <typename View>
bool SameKey(const View& a, const View& b) {
  return a.key_rest() == b.key_rest() && a.name == b.name;
}

// Rows are visited in the order of their keys, which is no order in memory: without a hint most of the
// time of a large batch goes into waiting for them.
template <typename View>
void PrefetchBehind(const std::vector<View>& rows, const std::vector<SortKey>& order, std::size_t at) {
  constexpr std::size_t kRowsAhead = 16;
  constexpr std::size_t kTextsAhead = 8;
  if (at + kRowsAhead < order.size()) {
    const char* row = reinterpret_cast<const char*>(&rows[order[at + kRowsAhead].position]);
    for (std::size_t i = 0; i < sizeof(View); i += 64) __builtin_prefetch(row + i);
  }
  if (at + kTextsAhead < order.size()) PrefetchTexts(rows[order[at + kTextsAhead].position]);
}

}  // namespace

template <typename View>
Status KeyedTable<View>::Write(Connection& connection, const std::vector<View>& rows) {
  const bool lose_rows = TENURE_SEEDED_BUG("apply_lost_row");
  const std::vector<SortKey> order = SortByKey(rows);
  std::size_t begin = 0;
  while (begin < order.size()) {
    PrefetchBehind(rows, order, begin);
    std::size_t end = begin + 1;
    while (end < order.size() && SameKey(rows[order[begin].position], rows[order[end].position])) {
      ++end;
    }
    if (!lose_rows || ++written_ % 100 != 0) {
      TENURE_RETURN_IF_ERROR(WriteKey(connection, rows, std::span(order).subspan(begin, end - begin)));
    }
    begin = end;
  }
  return {};
}

template <typename View>
Status KeyedTable<View>::WriteKey(Connection& connection, const std::vector<View>& rows,
                                  std::span<const SortKey> revisions) {
  const View& first = rows[revisions.front().position];
  const View& last = rows[revisions.back().position];
  for (std::size_t i = 1; i < revisions.size(); ++i) {
    const View& row = rows[revisions[i].position];
    const Revision before = rows[revisions[i - 1].position].revision;
    if (row.revision != before + 1) {
      return DoesNotFollow(connection, kind_, KeyText(row), "the journal made revision " + std::to_string(before),
                           row.revision, row.lsn);
    }
  }
  // A first revision means a key that never was: no need to look for it, the unique index will tell.
  TENURE_ASSIGN(const std::int64_t id,
                first.revision == 1 ? InsertFirst(connection, first, last) : ReplaceCurrent(connection, first, last));
  if (revisions.size() == 1 || TENURE_SEEDED_BUG("history_not_kept")) return {};
  TENURE_ASSIGN(Statement * keep, keep_.Get(connection));
  for (std::size_t i = 0; i + 1 < revisions.size(); ++i) {
    keep->Bind(1, id);
    keep->Bind(2, rows[revisions[i + 1].position].lsn);
    BindPayload(*keep, 3, rows[revisions[i].position]);
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

RowWriter::RowWriter(Connection& connection)
    : connection_(connection),
      entries_(kEntrySql),
      tags_(kTagSql),
      insert_request_("INSERT INTO request (" TENURE_REQUEST_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
      prune_requests_("DELETE FROM request WHERE lsn < ?1"),
      raise_oldest_("UPDATE meta SET oldest_history_lsn = ?1 WHERE oldest_history_lsn < ?1") {}

Status RowWriter::Write(const Changes& changes) {
  TENURE_RETURN_IF_ERROR(entries_.Write(connection_, changes.entries()));
  TENURE_RETURN_IF_ERROR(tags_.Write(connection_, changes.tags()));
  return WriteRequests(changes.requests());
}

Status RowWriter::WriteRequests(const std::vector<model::RequestRow>& rows) {
  if (rows.empty()) return {};
  TENURE_ASSIGN(Statement * insert, insert_request_.Get(connection_));
  base::Bytes results;
  for (const model::RequestRow& row : rows) {
    const std::string body_hash = base::Hex(row.body_hash);
    results.clear();
    base::Encoder encoder(results);
    model::EncodeResults(row.results, encoder);
    insert->Bind(1, row.lsn);
    insert->Bind(2, row.request_id);
    insert->Bind(3, row.time_ms);
    insert->Bind(4, body_hash);
    insert->Bind(5, std::int64_t{row.cancelled});
    insert->Bind(6, static_cast<std::int64_t>(row.outcome));
    insert->Bind(7, row.receipt_lsn);
    insert->BindBlob(8, results);
    TENURE_ASSIGN(const bool inserted, insert->RunUnlessDuplicate());
    if (!inserted) {
      Error e =
          base::MakeError(ErrorCode::kCorruption,
                          std::string("index ") + sqlite3_db_filename(connection_.handle(), "main") + ": request id '" +
                              row.request_id + "' is recorded already, and again at LSN " + std::to_string(row.lsn),
                          kRebuildHint);
      e.key = row.request_id;
      e.lsn = row.lsn;
      return e;
    }
  }
  return {};
}

Status RowWriter::TrimHistory(Lsn below_lsn) {
  TENURE_RETURN_IF_ERROR(entries_.Trim(connection_, below_lsn));
  TENURE_RETURN_IF_ERROR(tags_.Trim(connection_, below_lsn));
  TENURE_ASSIGN(Statement * raise, raise_oldest_.Get(connection_));
  raise->Bind(1, below_lsn);
  return raise->Run();
}

Status RowWriter::PruneRequests(Lsn below_lsn) {
  TENURE_ASSIGN(Statement * prune, prune_requests_.Get(connection_));
  prune->Bind(1, below_lsn);
  return prune->Run();
}

}  // namespace tenure::index
