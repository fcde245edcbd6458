// Listings, histories, counts and checks.
//
// Orders come from the indexes: the entries (or tags) are walked in the order of their keys, and what
// is superseded is looked up below them, so that no query sorts. At an LSN a key is either its current
// row (made at or before it) or one row of its history (valid across it), never both: two ordered walks
// over the same keys, which SQLite merges.
#include <string>

#include "store/base/error.h"
#include "store/index/reader_state.h"

namespace tenure::index {
namespace {

constexpr int kIntegrityLinesMax = 5;

// The first string above all that begin with `prefix`, or "" when there is none.
std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty()) {
    if (static_cast<unsigned char>(prefix.back()) != 0xff) {
      prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
      return prefix;
    }
    prefix.pop_back();
  }
  return prefix;
}

// The part of a key range that SQLite can use: one bound below, one above. ?1 and ?2 are the key to
// continue behind, or ?1 the prefix; ?3 the end of the prefix; ?4 the LSN.
struct Range {
  explicit Range(const Listing& listing)
      : behind_key((!listing.after_name.empty() || !listing.after_version.empty()) &&
                   listing.after_name >= listing.name_prefix),
        end(PrefixEnd(listing.name_prefix)) {}

  std::string Where(const std::string& table, const std::string& rest) const {
    const std::string name = table + ".name";
    std::string where = behind_key ? "(" + name + ", " + table + "." + rest + ") > (?1, ?2)" : name + " >= ?1";
    if (!end.empty()) where += " AND " + name + " < ?3";
    return where;
  }
  void Bind(Statement& statement, const Listing& listing) const {
    statement.Bind(1, behind_key ? listing.after_name : listing.name_prefix);
    if (behind_key) statement.Bind(2, listing.after_version);
    if (!end.empty()) statement.Bind(3, end);
  }

  bool behind_key;
  std::string end;
};

struct ListingSql {
  const char* table;
  const char* rest;  // the second column of the key
  const char* columns;
  const char* past_columns;  // k: the key's row, h: the superseded one
  const char* past_join;
};
constexpr ListingSql kEntryListing = {
    "entry", "version", TENURE_ENTRY_COLUMNS,
    "k.name, k.version, h.digest, h.size, h.media_type, h.urls, h.annotations, h.created_at_ms, h.updated_at_ms,"
    " h.writer, h.revision, h.lsn, h.deleted",
    "entry k CROSS JOIN history h ON h.entry_id = k.id"};
constexpr ListingSql kTagListing = {"tag", "tag", TENURE_TAG_COLUMNS,
                                    "k.name, k.tag, h.version, h.updated_at_ms, h.writer, h.revision, h.lsn, h.deleted",
                                    "tag k CROSS JOIN tag_history h ON h.tag_id = k.id"};

std::string ListSql(const ListingSql& sql, const Range& range, const Listing& listing, bool past) {
  const std::string table = sql.table;
  const std::string rest = sql.rest;
  std::string text = std::string("SELECT ") + sql.columns + " FROM " + table + " WHERE " + range.Where(table, rest);
  if (!listing.include_deleted) text += " AND deleted = 0";
  if (past) {
    text += " AND lsn <= ?4 UNION ALL SELECT " + std::string(sql.past_columns) + " FROM " + sql.past_join + " WHERE " +
            range.Where("k", rest) + " AND k.lsn > ?4 AND h.lsn <= ?4 AND h.until_lsn > ?4";
    if (!listing.include_deleted) text += " AND h.deleted = 0";
  }
  return text + " ORDER BY 1, 2";
}

// Every row of a bound statement, until `visit` has had enough.
template <typename T>
Status VisitRows(Statement& statement, Result<T> (*read)(const Statement&),
                 const std::function<bool(const T&)>& visit) {
  ResetAtEnd reset(statement);
  for (;;) {
    TENURE_ASSIGN(const bool found, statement.Step());
    if (!found) return {};
    TENURE_ASSIGN(const T row, read(statement));
    if (!visit(row)) return {};
  }
}

template <typename T>
Status VisitListing(Connection& connection, const ListingSql& sql, const Listing& listing, std::optional<Lsn> at,
                    Result<T> (*read)(const Statement&), const std::function<bool(const T&)>& visit) {
  const Range range(listing);
  TENURE_ASSIGN(Statement statement, Statement::Prepare(connection, ListSql(sql, range, listing, at.has_value())));
  range.Bind(statement, listing);
  if (at) statement.Bind(4, *at);
  return VisitRows(statement, read, visit);
}

template <typename T>
Result<std::vector<T>> CollectRows(Statement& statement, Result<T> (*read)(const Statement&)) {
  std::vector<T> rows;
  const std::function<bool(const T&)> keep = [&rows](const T& row) { return rows.push_back(row), true; };
  TENURE_RETURN_IF_ERROR(VisitRows(statement, read, keep));
  return rows;
}

std::string AllRevisionsSql(const ListingSql& sql) {
  const std::string key = std::string("name = ?1 AND ") + sql.rest + " = ?2";
  return std::string("SELECT ") + sql.columns + ", revision AS r FROM " + sql.table + " WHERE " + key +
         " UNION ALL SELECT " + sql.past_columns + ", h.revision FROM " + sql.past_join + " WHERE k." +
         "name = ?1 AND k." + sql.rest + " = ?2 ORDER BY r DESC";
}

std::string AllHistorySql(const ListingSql& sql) {
  return std::string("SELECT ") + sql.past_columns + " FROM " + sql.past_join + " ORDER BY k.name, k." + sql.rest +
         ", h.revision";
}

}  // namespace

Status IndexReader::ForEachEntry(const Listing& listing, std::optional<Lsn> at,
                                 const std::function<bool(const ArtifactEntry&)>& visit) const {
  return VisitListing(state_->connection, kEntryListing, listing, at, ReadEntry, visit);
}

Status IndexReader::ForEachTag(const Listing& listing, std::optional<Lsn> at,
                               const std::function<bool(const TagEntry&)>& visit) const {
  return VisitListing(state_->connection, kTagListing, listing, at, ReadTag, visit);
}

Result<std::vector<ArtifactEntry>> IndexReader::History(std::string_view name, std::string_view version) const {
  TENURE_ASSIGN(Statement statement, Statement::Prepare(state_->connection, AllRevisionsSql(kEntryListing)));
  statement.Bind(1, name);
  statement.Bind(2, version);
  return CollectRows(statement, ReadEntry);
}

Result<std::vector<TagEntry>> IndexReader::TagHistory(std::string_view name, std::string_view tag) const {
  TENURE_ASSIGN(Statement statement, Statement::Prepare(state_->connection, AllRevisionsSql(kTagListing)));
  statement.Bind(1, name);
  statement.Bind(2, tag);
  return CollectRows(statement, ReadTag);
}

Status IndexReader::ForEachHistory(const std::function<bool(const ArtifactEntry&)>& visit) const {
  TENURE_ASSIGN(Statement statement, Statement::Prepare(state_->connection, AllHistorySql(kEntryListing)));
  return VisitRows(statement, ReadEntry, visit);
}

Status IndexReader::ForEachTagHistory(const std::function<bool(const TagEntry&)>& visit) const {
  TENURE_ASSIGN(Statement statement, Statement::Prepare(state_->connection, AllHistorySql(kTagListing)));
  return VisitRows(statement, ReadTag, visit);
}

Status IndexReader::ForEachRequest(Lsn below, const std::function<bool(const model::RequestRow&)>& visit) const {
  TENURE_ASSIGN(Statement statement,
                Statement::Prepare(state_->connection,
                                   "SELECT " TENURE_REQUEST_COLUMNS " FROM request WHERE lsn < ?1 ORDER BY lsn"));
  statement.Bind(1, below);
  return VisitRows(statement, ReadRequest, visit);
}

Status IndexReader::ForEachLease(const std::function<bool(const model::LeaseRow&)>& visit) const {
  TENURE_ASSIGN(Statement statement,
                Statement::Prepare(state_->connection, "SELECT " TENURE_LEASE_COLUMNS " FROM lease ORDER BY id"));
  return VisitRows(statement, ReadLease, visit);
}

Result<Counts> IndexReader::Count() const {
  TENURE_ASSIGN(Statement statement,
                Statement::Prepare(state_->connection,
                                   "SELECT e.live, e.dead, t.live, t.dead,"
                                   " (SELECT count(*) FROM history) + (SELECT count(*) FROM tag_history),"
                                   " (SELECT count(*) FROM request), (SELECT count(*) FROM policy),"
                                   " (SELECT count(*) FROM conflict)"
                                   " FROM (SELECT total(deleted = 0) live, total(deleted <> 0) dead FROM entry) e,"
                                   " (SELECT total(deleted = 0) live, total(deleted <> 0) dead FROM tag) t"));
  ResetAtEnd reset(statement);
  TENURE_ASSIGN(const bool found, statement.Step());
  TENURE_CHECK(found);  // aggregates without GROUP BY give one row
  Counts counts;
  counts.entries = statement.Unsigned(0);
  counts.tombstones = statement.Unsigned(1);
  counts.tags = statement.Unsigned(2);
  counts.tag_tombstones = statement.Unsigned(3);
  counts.history_rows = statement.Unsigned(4);
  counts.request_ids = statement.Unsigned(5);
  counts.policies = statement.Unsigned(6);
  counts.conflicts = statement.Unsigned(7);
  return counts;
}

Status IndexReader::CheckIntegrity() const {
  const std::string sql = "PRAGMA integrity_check(" + std::to_string(kIntegrityLinesMax) + ")";
  TENURE_ASSIGN(Statement statement, Statement::Prepare(state_->connection, sql));
  std::string findings;
  for (;;) {
    TENURE_ASSIGN(const bool found, statement.Step());
    if (!found) break;
    if (statement.Text(0) == "ok") continue;
    if (!findings.empty()) findings += "; ";
    findings += statement.Text(0);
  }
  if (findings.empty()) return {};
  Error e = base::MakeError(ErrorCode::kCorruption, "index " + state_->path + ": " + findings, kRebuildHint);
  e.path = state_->path;
  return e;
}

}  // namespace tenure::index
