#include "store/index/state_hash.h"

#include <array>
#include <exception>
#include <string>

#include <sqlite3.h>

#include "store/base/error.h"
#include "store/base/guarded.h"
#include "store/base/helper_thread.h"
#include "store/index/rare_rows.h"
#include "store/index/reader_state.h"

namespace tenure::index {
namespace {

constexpr char kEntrySumSql[] =
    "SELECT tenure_entry_sum(" TENURE_ENTRY_COLUMNS ") FROM entry WHERE id BETWEEN ?1 AND ?2";
constexpr int kEntryColumns = 2 + kEntryPayloadColumns;

std::string_view TextOf(sqlite3_value* value) {
  // As a blob, which allocates nothing: see Statement::Text.
  const void* text = sqlite3_value_blob(value);
  if (text == nullptr) return {};
  return {static_cast<const char*>(text), static_cast<std::size_t>(sqlite3_value_bytes(value))};
}
std::uint64_t UnsignedOf(sqlite3_value* value) { return static_cast<std::uint64_t>(sqlite3_value_int64(value)); }

/// The order is that of TENURE_ENTRY_COLUMNS.
Result<base::Hash128> HashOf(sqlite3_value** columns) {
  model::EntryFields e;
  e.name = TextOf(columns[0]);
  e.version = TextOf(columns[1]);
  e.digest = TextOf(columns[2]);
  if (sqlite3_value_type(columns[3]) != SQLITE_NULL) e.size = UnsignedOf(columns[3]);
  e.media_type = TextOf(columns[4]);
  const std::string_view urls_json = TextOf(columns[5]);
  e.annotations = TextOf(columns[6]);
  e.created_at_ms = sqlite3_value_int64(columns[7]);
  e.updated_at_ms = sqlite3_value_int64(columns[8]);
  e.writer = TextOf(columns[9]);
  e.revision = UnsignedOf(columns[10]);
  e.lsn = UnsignedOf(columns[11]);
  e.deleted = sqlite3_value_int64(columns[12]) != 0;
  if (urls_json == kNoUrls) return model::RowHash(e);
  TENURE_ASSIGN(const std::vector<std::string> urls, ReadUrls(urls_json, e.name, e.version));
  e.urls = &urls;
  return model::RowHash(e);
}

/// All rows of a query without parameters.
template <typename T>
Status AddAllHashes(Connection& connection, const char* sql, Result<T> (*read)(const Statement&), base::Hash128& sum) {
  TENURE_ASSIGN(Statement statement, Statement::Prepare(connection, sql));
  for (;;) {
    TENURE_ASSIGN(const bool found, statement.Step());
    if (!found) return {};
    TENURE_ASSIGN(const T row, read(statement));
    sum += model::RowHash(row);
  }
}

template <typename T>
Status AddRowHashes(Connection& connection, const std::string& sql, const RowRange& range,
                    Result<T> (*read)(const Statement&), base::Hash128& sum) {
  TENURE_ASSIGN(Statement statement, Statement::Prepare(connection, sql));
  statement.Bind(1, range.first);
  statement.Bind(2, range.last);
  for (;;) {
    TENURE_ASSIGN(const bool found, statement.Step());
    if (!found) return {};
    TENURE_ASSIGN(const T row, read(statement));
    sum += model::RowHash(row);
  }
}

/// Which rows of each table.
struct Part {
  RowRange entries, tags, requests, leases;
  bool rare = true;  // policies and parked conflicts: few, so one part has them all
};

Result<base::Hash128> HashPart(Connection& connection, EntrySum& entries, const Part& part) {
  TENURE_ASSIGN(base::Hash128 sum, entries.Of(connection, part.entries));
  TENURE_RETURN_IF_ERROR(AddRowHashes(connection, "SELECT " TENURE_TAG_COLUMNS " FROM tag WHERE id BETWEEN ?1 AND ?2",
                                      part.tags, ReadTag, sum));
  TENURE_RETURN_IF_ERROR(AddRowHashes(connection,
                                      "SELECT " TENURE_REQUEST_COLUMNS " FROM request WHERE lsn BETWEEN ?1 AND ?2",
                                      part.requests, ReadRequest, sum));
  TENURE_RETURN_IF_ERROR(AddRowHashes(connection,
                                      "SELECT " TENURE_LEASE_COLUMNS " FROM lease WHERE id BETWEEN ?1 AND ?2",
                                      part.leases, ReadLease, sum));
  if (!part.rare) return sum;
  TENURE_RETURN_IF_ERROR(AddAllHashes(connection, "SELECT " TENURE_POLICY_COLUMNS " FROM policy", ReadPolicy, sum));
  TENURE_RETURN_IF_ERROR(
      AddAllHashes(connection, "SELECT " TENURE_CONFLICT_COLUMNS " FROM conflict", ReadConflict, sum));
  return sum;
}

/// Two ranges that together are everything, each with about half of the rows.
Result<std::array<RowRange, 2>> Halves(Connection& connection, const char* greatest_sql) {
  TENURE_ASSIGN(const std::int64_t greatest, connection.QueryInt(greatest_sql));
  std::array<RowRange, 2> halves;
  halves[0].last = greatest / 2;
  halves[1].first = greatest / 2 + 1;
  return halves;
}

// One view over several statements, unless the caller has one open already.
class OneView {
 public:
  OneView(Connection& connection, bool open_already) : connection_(open_already ? nullptr : &connection) {}
  ~OneView() {
    if (connection_ != nullptr) connection_->Rollback();
  }
  OneView(const OneView&) = delete;
  OneView& operator=(const OneView&) = delete;
  Status Begin() { return connection_ != nullptr ? connection_->Execute("BEGIN") : Status(); }

 private:
  Connection* connection_;
};

}  // namespace

struct EntrySumCallbacks {
  static void Step(sqlite3_context* context, int, sqlite3_value** columns) {
    EntrySum& sum = *static_cast<EntrySum*>(sqlite3_user_data(context));
    try {
      Result<base::Hash128> hash = HashOf(columns);
      if (hash.ok()) {
        sum.sum_ += *hash;
        return;
      }
      sum.failed_ = std::move(hash).error();
      sqlite3_result_error(context, "a row cannot be read", -1);
    } catch (const std::exception&) {
      sqlite3_result_error_nomem(context);  // nothing else is thrown here, and nothing may pass through SQLite
    }
  }
  static void Final(sqlite3_context* context) { sqlite3_result_null(context); }
};

Result<base::Hash128> EntrySum::Of(Connection& connection, const RowRange& range) {
  if (!registered_) {
    const int rc = sqlite3_create_function_v2(connection.handle(), "tenure_entry_sum", kEntryColumns,
                                              SQLITE_UTF8 | SQLITE_DIRECTONLY, this, nullptr, EntrySumCallbacks::Step,
                                              EntrySumCallbacks::Final, nullptr);
    if (rc != SQLITE_OK) return SqliteError(connection.handle(), rc, "register the sum of row hashes");
    registered_ = true;
  }
  sum_ = {};
  failed_.reset();
  TENURE_ASSIGN(Statement statement, Statement::Prepare(connection, kEntrySumSql));
  statement.Bind(1, range.first);
  statement.Bind(2, range.last);
  Result<bool> done = statement.Step();
  if (failed_) return *std::move(failed_);
  if (!done.ok()) return std::move(done).error();
  return sum_;
}

Result<base::Hash128> IndexReader::ComputeStateHash() const {
  Connection& connection = state_->connection;
  OneView view(connection, state_->in_snapshot);
  TENURE_RETURN_IF_ERROR(view.Begin());
  return HashPart(connection, state_->entry_sum, {});
}

Result<base::Hash128> ComputeStateHashOf(const std::string& path) {
  TENURE_ASSIGN(Connection mine, OpenIndexFile(path, Connection::Mode::kImmutable, kReaderCacheKib));
  TENURE_ASSIGN(const auto entries, Halves(mine, "SELECT max(id) FROM entry"));
  TENURE_ASSIGN(const auto tags, Halves(mine, "SELECT max(id) FROM tag"));
  TENURE_ASSIGN(const auto requests, Halves(mine, "SELECT max(lsn) FROM request"));
  TENURE_ASSIGN(const auto leases, Halves(mine, "SELECT max(id) FROM lease"));
  const auto hash_half = [&](std::size_t half) -> Result<base::Hash128> {
    EntrySum entry_sum;
    TENURE_ASSIGN(Connection connection, Connection::Open(path, Connection::Mode::kImmutable, kReaderCacheKib));
    return HashPart(connection, entry_sum, {entries[half], tags[half], requests[half], leases[half], half == 0});
  };
  Result<base::Hash128> other = base::Hash128();
  base::HelperThread helper;
  const bool helping = helper.Start([&] { other = base::Guarded([&] { return hash_half(1); }); });
  Result<base::Hash128> sum = hash_half(0);
  if (!helping) other = hash_half(1);
  helper.Join();
  if (!sum.ok()) return sum;
  if (!other.ok()) return other;
  *sum += *other;
  return sum;
}

}  // namespace tenure::index
