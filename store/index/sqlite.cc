#include "store/index/sqlite.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <sqlite3.h>
#include <unistd.h>

#include "store/base/error.h"
#include "store/base/posix_error.h"

namespace tenure::index {
namespace {

// Long enough for another connection's commit or WAL recovery, short enough that a stopped process
// that holds a lock is noticed well within the takeover bound.
constexpr int kBusyTimeoutMs = 100;

ErrorCode CodeOf(sqlite3* db, int rc, const std::string& path) {
  const int system_errno = db != nullptr ? sqlite3_system_errno(db) : 0;
  if (rc == SQLITE_IOERR_NOMEM) return ErrorCode::kOutOfMemory;
  switch (rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    // Statements are constants that every sound index accepts: what SQLite cannot make sense of is the schema.
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
      return ErrorCode::kCorruption;
    case SQLITE_FULL:
      return ErrorCode::kNoSpace;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return ErrorCode::kBusy;
    case SQLITE_READONLY:
      return ErrorCode::kReadOnly;
    case SQLITE_CANTOPEN:
      return !path.empty() && access(path.c_str(), F_OK) != 0 && errno == ENOENT ? ErrorCode::kNotFound
                                                                                 : ErrorCode::kIo;
    case SQLITE_IOERR:
      if (system_errno == EROFS) return ErrorCode::kReadOnly;
      return system_errno == ENOSPC || system_errno == EDQUOT ? ErrorCode::kNoSpace : ErrorCode::kIo;
    case SQLITE_NOMEM:
      return ErrorCode::kOutOfMemory;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_NOLFS:
      return ErrorCode::kIo;
    case SQLITE_TOOBIG:
      return ErrorCode::kTooLarge;
    default:
      return ErrorCode::kInternal;
  }
}

const char* HintOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kCorruption:
      return kRebuildHint;
    case ErrorCode::kNoSpace:
      return "free space on the file system and try again";
    case ErrorCode::kBusy:
      return "another process holds a lock of this index file";
    default:
      return "";
  }
}

Error ErrorFor(sqlite3* db, int rc, const std::string& path, const std::string& doing) {
  const char* text = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
  // errmsg describes the most recent failure only; when it is about something else, name the code.
  if (db != nullptr && (sqlite3_errcode(db) & 0xff) != (rc & 0xff)) text = sqlite3_errstr(rc);
  const ErrorCode code = CodeOf(db, rc, path);
  const int system_errno = db != nullptr && code == ErrorCode::kIo ? sqlite3_system_errno(db) : 0;
  Error e =
      base::MakeError(code, "index " + path + ": " + doing + ": " + text + " (SQLite code " + std::to_string(rc) + ")",
                      system_errno != 0 ? base::ErrnoHint(system_errno) : HintOf(code));
  e.path = path;
  return e;
}

// A file: URI for a path: everything that means something in a URI is escaped.
std::string ImmutableUri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (c == '?' || c == '#' || c == '%' || byte < 0x20 || byte >= 0x7f) {
      char escaped[4];
      std::snprintf(escaped, sizeof escaped, "%%%02X", byte);
      uri += escaped;
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

Error SqliteError(sqlite3* db, int rc, const std::string& doing) {
  const char* name = db != nullptr ? sqlite3_db_filename(db, "main") : nullptr;
  return ErrorFor(db, rc, name != nullptr ? name : "", doing);
}

void Connection::Close::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

Result<Connection> Connection::Open(const std::string& path, Mode mode, int cache_kib) {
  sqlite3* raw = nullptr;
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= mode == Mode::kReadWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  if (mode == Mode::kImmutable) flags |= SQLITE_OPEN_URI;
  const std::string name = mode == Mode::kImmutable ? ImmutableUri(path) : path;
  const int rc = sqlite3_open_v2(name.c_str(), &raw, flags, nullptr);
  Connection connection(raw);
  if (rc != SQLITE_OK) return ErrorFor(raw, rc, path, "open");
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  sqlite3_wal_autocheckpoint(raw, 0);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (mode == Mode::kReadWrite) {
    TENURE_RETURN_IF_ERROR(connection.Execute("PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY"));
  }
  TENURE_RETURN_IF_ERROR(connection.SetCacheKib(cache_kib));
  return connection;
}

Status Connection::Execute(const char* sql) {
  const int rc = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return SqliteError(db_.get(), rc, std::string(sql).substr(0, 60));
  return {};
}

Result<std::int64_t> Connection::QueryInt(const char* sql) {
  TENURE_ASSIGN(Statement statement, Statement::Prepare(*this, sql));
  TENURE_ASSIGN(const bool row, statement.Step());
  return row ? statement.Int(0) : std::int64_t{0};
}

Status Connection::SetCacheKib(int kib) { return Execute(("PRAGMA cache_size = -" + std::to_string(kib)).c_str()); }

Status Connection::SyncFile() { return SyncThrough(SQLITE_FCNTL_FILE_POINTER); }

Status Connection::SyncWal() { return SyncThrough(SQLITE_FCNTL_JOURNAL_POINTER); }

Status Connection::SyncThrough(int which) {
  sqlite3_file* file = nullptr;
  int rc = sqlite3_file_control(db_.get(), "main", which, &file);
  if (rc == SQLITE_OK && file != nullptr && file->pMethods != nullptr) {
    rc = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  }
  if (rc != SQLITE_OK) return SqliteError(db_.get(), rc, "sync");
  return {};
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }

void Connection::Rollback() {
  if (in_transaction()) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Statement::Finalize::operator()(sqlite3_stmt* stmt) const { sqlite3_finalize(stmt); }

Result<Statement> Statement::Prepare(Connection& connection, const std::string& sql) {
  sqlite3_stmt* raw = nullptr;
  const int rc = sqlite3_prepare_v3(connection.handle(), sql.c_str(), static_cast<int>(sql.size() + 1),
                                    SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (rc != SQLITE_OK) return SqliteError(connection.handle(), rc, "prepare " + sql.substr(0, 60));
  return Statement(raw);
}

void Statement::Bind(int parameter, std::string_view text) {
  // A null pointer would bind NULL.
  const char* data = text.data() != nullptr ? text.data() : "";
  const int rc = sqlite3_bind_text64(stmt_.get(), parameter, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (rc != SQLITE_OK && bind_error_ == 0) bind_error_ = rc;
}

void Statement::BindBlob(int parameter, base::ByteView bytes) {
  const int rc = bytes.empty() ? sqlite3_bind_zeroblob(stmt_.get(), parameter, 0)
                               : sqlite3_bind_blob64(stmt_.get(), parameter, bytes.data(), bytes.size(), SQLITE_STATIC);
  if (rc != SQLITE_OK && bind_error_ == 0) bind_error_ = rc;
}

void Statement::Bind(int parameter, std::int64_t value) {
  const int rc = sqlite3_bind_int64(stmt_.get(), parameter, value);
  if (rc != SQLITE_OK && bind_error_ == 0) bind_error_ = rc;
}

void Statement::BindNull(int parameter) {
  const int rc = sqlite3_bind_null(stmt_.get(), parameter);
  if (rc != SQLITE_OK && bind_error_ == 0) bind_error_ = rc;
}

Error Statement::StepError(int rc) {
  const std::string sql = sqlite3_sql(stmt_.get());
  Error e = SqliteError(sqlite3_db_handle(stmt_.get()), rc, sql.substr(0, 60));
  Reset();
  return e;
}

Result<bool> Statement::Step() {
  if (bind_error_ != 0) return StepError(std::exchange(bind_error_, 0));
  const int rc = sqlite3_step(stmt_.get());
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  return StepError(rc);
}

Status Statement::Run() {
  TENURE_ASSIGN(const bool row, Step());
  static_cast<void>(row);
  Reset();
  return {};
}

Result<bool> Statement::RunUnlessDuplicate() {
  if (bind_error_ != 0) return StepError(std::exchange(bind_error_, 0));
  const int rc = sqlite3_step(stmt_.get());
  if (rc != SQLITE_DONE && rc != SQLITE_CONSTRAINT_UNIQUE && rc != SQLITE_CONSTRAINT_PRIMARYKEY) return StepError(rc);
  Reset();
  return rc == SQLITE_DONE;
}

void Statement::Reset() { sqlite3_reset(stmt_.get()); }

std::int64_t Statement::Int(int column) const { return sqlite3_column_int64(stmt_.get(), column); }

bool Statement::IsNull(int column) const { return sqlite3_column_type(stmt_.get(), column) == SQLITE_NULL; }

std::string_view Statement::Text(int column) const {
  // As a blob: asked for a text, SQLite may have to allocate the zero behind it, and says NULL when it cannot.
  const void* text = sqlite3_column_blob(stmt_.get(), column);
  if (text == nullptr) return {};
  return {static_cast<const char*>(text), static_cast<std::size_t>(sqlite3_column_bytes(stmt_.get(), column))};
}

base::ByteView Statement::Blob(int column) const {
  const void* data = sqlite3_column_blob(stmt_.get(), column);
  if (data == nullptr) return {};
  return {static_cast<const std::byte*>(data), static_cast<std::size_t>(sqlite3_column_bytes(stmt_.get(), column))};
}

Result<Statement*> LazyStatement::Get(Connection& connection) {
  if (!statement_) {
    TENURE_ASSIGN(Statement prepared, Statement::Prepare(connection, sql_));
    statement_.emplace(std::move(prepared));
  }
  return &*statement_;
}

Result<WriteTransaction> WriteTransaction::Begin(Connection& connection) {
  TENURE_RETURN_IF_ERROR(connection.Execute("BEGIN IMMEDIATE"));
  return WriteTransaction(connection);
}

WriteTransaction::~WriteTransaction() {
  if (connection_ != nullptr) connection_->Rollback();
}

Status WriteTransaction::Commit() {
  TENURE_RETURN_IF_ERROR(connection_->Execute("COMMIT"));
  connection_ = nullptr;
  return {};
}

}  // namespace tenure::index
