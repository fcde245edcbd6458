// SQLite as the peers use it: a connection, prepared statements, and the table of artifacts.
//
// The table is the shape that is fastest for random keys here: an ordinary rowid table with a unique
// index, digests as 32-byte blobs. The page cache is large enough for the job; with SQLite's default of
// 2 MB random upserts would be slower by a factor of many, and the comparison worth nothing.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>

#include "bench/common/record.h"
#include "tenure/result.h"

namespace tenure::bench {

class SqliteStatement;

/// One connection. Not thread-safe.
class SqliteDb {
 public:
  /// WAL mode; `synchronous` is "FULL" or "NORMAL".
  static Result<SqliteDb> Open(const std::string& path, const std::string& synchronous, unsigned cache_mib);
  /// An existing file, to read.
  static Result<SqliteDb> OpenReadOnly(const std::string& path, unsigned cache_mib);
  Status Execute(const char* sql);
  Result<SqliteStatement> Prepare(const char* sql);
  sqlite3* raw() const { return db_.get(); }
  Error LastError(const std::string& doing) const;

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  explicit SqliteDb(sqlite3* db) : db_(db) {}
  std::unique_ptr<sqlite3, Close> db_;
};

/// A prepared statement. Bound text and blobs must live until Run or Reset.
class SqliteStatement {
 public:
  SqliteStatement() = default;
  explicit SqliteStatement(sqlite3_stmt* statement) : statement_(statement) {}
  void BindText(int column, std::string_view text);
  void BindBlob(int column, const void* data, std::size_t bytes);
  void BindInteger(int column, std::uint64_t value);
  /// Steps to the end and resets; SQLITE_DONE on success, else the error code.
  int Run();
  /// One row: true, and the columns can be read until Reset.
  bool StepRow();
  std::uint64_t Integer(int column) const;
  std::string Text(int column) const;
  void Reset();

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// CREATE TABLE artifacts(name, version, digest, size, media_type, annotations, revision).
Status CreateArtifactTable(SqliteDb& db);

/// The upsert of one record: a new key gets revision 1, a known one the next.
class ArtifactUpsert {
 public:
  static Result<ArtifactUpsert> Prepare(SqliteDb& db);
  Status Run(SqliteDb& db, const Record& record);

 private:
  explicit ArtifactUpsert(SqliteStatement statement) : statement_(std::move(statement)) {}
  SqliteStatement statement_;
};

}  // namespace tenure::bench
