#include "bench/workloads/recovery_sqlite.h"

#include <algorithm>
#include <vector>

#include "bench/common/failure.h"
#include "bench/common/record.h"
#include "bench/subjects/sqlite_db.h"

namespace tenure::bench {
namespace {

constexpr unsigned kCacheMib = 1024;
constexpr std::uint64_t kRowsPerTransaction = 100'000;
constexpr std::uint64_t kTimeMs = 1'700'000'000'000;
constexpr std::string_view kWriter = "bench@host";
constexpr std::string_view kNoUrls = "[]";

Status CreateEntryTable(SqliteDb& db) {
  return db.Execute(
      "CREATE TABLE entry(id INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, digest TEXT,"
      " size INTEGER, media_type TEXT, urls TEXT NOT NULL, annotations TEXT NOT NULL, created_at_ms INTEGER NOT NULL,"
      " updated_at_ms INTEGER NOT NULL, writer TEXT NOT NULL, revision INTEGER NOT NULL, lsn INTEGER NOT NULL,"
      " deleted INTEGER NOT NULL);"
      "CREATE UNIQUE INDEX entry_key ON entry(name, version)");
}

std::vector<Record> MakeRecords(std::uint64_t rows) {
  std::vector<Record> records(rows);
  RecordSource source(1, 0, rows);
  for (std::uint64_t i = 0; i < rows; ++i) source.NextAt(ScatteredKey(i, rows), records[i]);
  return records;
}

int Insert(SqliteStatement& insert, const Record& record, std::uint64_t lsn) {
  insert.BindText(1, record.name);
  insert.BindText(2, kVersion);
  insert.BindText(3, record.digest_text);
  insert.BindInteger(4, record.size);
  insert.BindText(5, kMediaType);
  insert.BindText(6, kNoUrls);
  insert.BindText(7, record.annotations);
  insert.BindInteger(8, kTimeMs);
  insert.BindInteger(9, kTimeMs);
  insert.BindText(10, kWriter);
  insert.BindInteger(11, 1);
  insert.BindInteger(12, lsn);
  return insert.Run();
}

}  // namespace

Result<Spent> WriteEntriesWithSqlite(const std::string& path, std::uint64_t rows, bool sorted) {
  const std::vector<Record> records = MakeRecords(rows);
  TENURE_ASSIGN(SqliteDb db, SqliteDb::Open(path, "NORMAL", kCacheMib));
  TENURE_RETURN_IF_ERROR(CreateEntryTable(db));
  const StopWatch watch;
  std::vector<std::uint64_t> order(rows);
  for (std::uint64_t i = 0; i < rows; ++i) order[i] = i;
  if (sorted) {
    std::sort(order.begin(), order.end(),
              [&](std::uint64_t a, std::uint64_t b) { return records[a].name < records[b].name; });
  }
  TENURE_ASSIGN(SqliteStatement insert,
                db.Prepare("INSERT INTO entry VALUES(NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0)"));
  for (std::uint64_t i = 0; i < rows; ++i) {
    if (i % kRowsPerTransaction == 0) TENURE_RETURN_IF_ERROR(db.Execute(i == 0 ? "BEGIN" : "COMMIT; BEGIN"));
    if (Insert(insert, records[order[i]], order[i] + 1) != SQLITE_DONE) return db.LastError("INSERT");
  }
  if (rows > 0) TENURE_RETURN_IF_ERROR(db.Execute("COMMIT"));
  TENURE_RETURN_IF_ERROR(db.Execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  const Spent spent = watch.Read();
  TENURE_ASSIGN(SqliteStatement count, db.Prepare("SELECT count(*) FROM entry"));
  if (!count.StepRow() || count.Integer(0) != rows) return Fail("sqlite: rows are missing");
  return spent;
}

}  // namespace tenure::bench
