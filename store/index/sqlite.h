// A thin layer over SQLite's C interface: connections and statements that close themselves, values
// bound and read without copies where they can be, and SQLite's result codes as errors that name the
// file and carry SQLite's text. Nothing here knows tenure's tables.
//
// A Connection and its statements belong to one thread at a time (SQLITE_OPEN_NOMUTEX). Statements
// must go before their connection. Every connection has automatic and on-close checkpoints off.
//
// Codes: SQLITE_CORRUPT, NOTADB, ERROR (a schema that no longer fits) -> kCorruption; FULL, or an I/O error for want of
// space -> kNoSpace; NOMEM -> kOutOfMemory; BUSY, LOCKED, PROTOCOL -> kBusy; READONLY, or an I/O error because the file
// system has become read-only -> kReadOnly; CANTOPEN of a missing file -> kNotFound; the rest -> kIo, or kInternal when
// only a defect of tenure can cause it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "store/base/env.h"
#include "tenure/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tenure::index {

/// What to do about an index that contradicts itself.
inline constexpr char kRebuildHint[] =
    "the index is a projection of the journal: 'tenure-replay rebuild' makes a new one";

/// The error of result code `rc` on `db` (may be null); `doing` says what was tried.
Error SqliteError(sqlite3* db, int rc, const std::string& doing);

class Connection {
 public:
  enum class Mode : std::uint8_t {
    kReadOnly,
    kImmutable,  ///< Read-only medium: no locks, no WAL.
    kReadWrite,
  };
  static Result<Connection> Open(const std::string& path, Mode mode, int cache_kib);

  /// Runs one or more statements that return no rows that anybody wants.
  Status Execute(const char* sql);
  /// The first column of the first row of a query (0 without a row).
  Result<std::int64_t> QueryInt(const char* sql);
  Status SetCacheKib(int kib);
  /// fsync of the database file through SQLite's own descriptor.
  Status SyncFile();
  /// The same of its WAL; success when it has none.
  Status SyncWal();
  bool in_transaction() const;
  /// Rolls back what is open; nothing when SQLite has done so already. Never fails: closing does it too.
  void Rollback();
  sqlite3* handle() const { return db_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  explicit Connection(sqlite3* db) : db_(db) {}
  Status SyncThrough(int which);
  std::unique_ptr<sqlite3, Close> db_;
};

/// A prepared statement. Parameters are numbered from 1, columns from 0. Bound texts are borrowed
/// until the next Reset.
class Statement {
 public:
  static Result<Statement> Prepare(Connection& connection, const std::string& sql);

  void Bind(int parameter, std::string_view text);
  void BindBlob(int parameter, base::ByteView bytes);
  void Bind(int parameter, std::int64_t value);
  void Bind(int parameter, std::uint64_t value) { Bind(parameter, static_cast<std::int64_t>(value)); }
  void BindNull(int parameter);

  /// True when there is a row. An error resets the statement.
  Result<bool> Step();
  /// For statements without rows: steps to the end and resets.
  Status Run();
  /// Like Run; true when it was done, false when a UNIQUE constraint refused it.
  Result<bool> RunUnlessDuplicate();
  /// Ends the statement's read transaction when it holds one.
  void Reset();

  std::int64_t Int(int column) const;
  std::uint64_t Unsigned(int column) const { return static_cast<std::uint64_t>(Int(column)); }
  bool IsNull(int column) const;
  /// Borrowed until the next Step or Reset; "" for NULL.
  std::string_view Text(int column) const;
  base::ByteView Blob(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* stmt) const;
  };
  explicit Statement(sqlite3_stmt* stmt) : stmt_(stmt) {}
  Error StepError(int rc);
  std::unique_ptr<sqlite3_stmt, Finalize> stmt_;
  int bind_error_ = 0;  // the first one; reported by Step
};

/// Resets a statement at the end of a scope, so that an early return leaves no read transaction open.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(Statement& statement) : statement_(statement) {}
  ~ResetAtEnd() { statement_.Reset(); }
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;

 private:
  Statement& statement_;
};

/// A statement that is prepared when it is first used: opening an index stays cheap.
class LazyStatement {
 public:
  explicit LazyStatement(const char* sql) : sql_(sql) {}
  Result<Statement*> Get(Connection& connection);

 private:
  const char* sql_;
  std::optional<Statement> statement_;
};

/// BEGIN IMMEDIATE … COMMIT; rolls back unless committed.
class WriteTransaction {
 public:
  static Result<WriteTransaction> Begin(Connection& connection);
  WriteTransaction(WriteTransaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
  WriteTransaction& operator=(WriteTransaction&&) = delete;
  ~WriteTransaction();
  Status Commit();

 private:
  explicit WriteTransaction(Connection& connection) : connection_(&connection) {}
  Connection* connection_;
};

}  // namespace tenure::index
