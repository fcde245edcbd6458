#include "bench/subjects/sqlite_db.h"

#include "bench/common/failure.h"

namespace tenure::bench {

Result<SqliteDb> SqliteDb::Open(const std::string& path, const std::string& synchronous, unsigned cache_mib) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  SqliteDb db(raw);
  if (code != SQLITE_OK) return Fail("sqlite open " + path + ": " + sqlite3_errstr(code));
  sqlite3_busy_timeout(raw, 60'000);
  const std::string pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=" + synchronous + "; PRAGMA cache_size=-" +
                              std::to_string(cache_mib * 1024);
  TENURE_RETURN_IF_ERROR(db.Execute(pragmas.c_str()));
  return db;
}

Result<SqliteDb> SqliteDb::OpenReadOnly(const std::string& path, unsigned cache_mib) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
  SqliteDb db(raw);
  if (code != SQLITE_OK) return Fail("sqlite open " + path + ": " + sqlite3_errstr(code));
  sqlite3_busy_timeout(raw, 60'000);
  TENURE_RETURN_IF_ERROR(db.Execute(("PRAGMA cache_size=-" + std::to_string(cache_mib * 1024)).c_str()));
  return db;
}

Error SqliteDb::LastError(const std::string& doing) const {
  return Fail("sqlite " + doing + ": " + sqlite3_errmsg(db_.get()));
}

Status SqliteDb::Execute(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return LastError(sql);
  return {};
}

Result<SqliteStatement> SqliteDb::Prepare(const char* sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(db_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK) {
    return LastError(sql);
  }
  return SqliteStatement(raw);
}

void SqliteStatement::BindText(int column, std::string_view text) {
  sqlite3_bind_text(statement_.get(), column, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

void SqliteStatement::BindBlob(int column, const void* data, std::size_t bytes) {
  sqlite3_bind_blob(statement_.get(), column, data, static_cast<int>(bytes), SQLITE_STATIC);
}

void SqliteStatement::BindInteger(int column, std::uint64_t value) {
  sqlite3_bind_int64(statement_.get(), column, static_cast<sqlite3_int64>(value));
}

int SqliteStatement::Run() {
  int code = sqlite3_step(statement_.get());
  while (code == SQLITE_ROW) code = sqlite3_step(statement_.get());
  sqlite3_reset(statement_.get());
  return code;
}

bool SqliteStatement::StepRow() { return sqlite3_step(statement_.get()) == SQLITE_ROW; }

std::uint64_t SqliteStatement::Integer(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

std::string SqliteStatement::Text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text));
}

void SqliteStatement::Reset() { sqlite3_reset(statement_.get()); }

Status CreateArtifactTable(SqliteDb& db) {
  return db.Execute(
      "CREATE TABLE artifacts(name TEXT NOT NULL, version TEXT NOT NULL, digest BLOB, size INTEGER,"
      " media_type TEXT, annotations TEXT, revision INTEGER NOT NULL, UNIQUE(name, version))");
}

Result<ArtifactUpsert> ArtifactUpsert::Prepare(SqliteDb& db) {
  TENURE_ASSIGN(SqliteStatement statement,
                db.Prepare("INSERT INTO artifacts VALUES(?1, ?2, ?3, ?4, ?5, ?6, 1)"
                           " ON CONFLICT(name, version) DO UPDATE SET digest = excluded.digest, size = excluded.size,"
                           " media_type = excluded.media_type, annotations = excluded.annotations,"
                           " revision = revision + 1"));
  return ArtifactUpsert(std::move(statement));
}

Status ArtifactUpsert::Run(SqliteDb& db, const Record& record) {
  statement_.BindText(1, record.name);
  statement_.BindText(2, kVersion);
  statement_.BindBlob(3, record.digest.data(), record.digest.size());
  statement_.BindInteger(4, record.size);
  statement_.BindText(5, kMediaType);
  statement_.BindText(6, record.annotations);
  if (statement_.Run() != SQLITE_DONE) return db.LastError("upsert");
  return {};
}

}  // namespace tenure::bench
