// Rows that SQLite pulls: one INSERT … SELECT instead of a statement per row.
//
// A table-valued virtual table of SQLite whose rows are a RowFeed's. Running one statement over many
// rows saves binding, stepping and resetting each, and leaves the cursors where the last row went, so
// that rows in the order of their keys are appended. Faster than a prepared INSERT per row: docs/performance.md has
// figures. Belongs to its connection's thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "store/index/sqlite.h"

/// The first columns of a feed, behind "INSERT OR FAIL INTO t (…)".
#define TENURE_FED_8 " SELECT c0, c1, c2, c3, c4, c5, c6, c7 FROM tenure_rows"
#define TENURE_FED_13 " SELECT c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12 FROM tenure_rows"

struct sqlite3_context;

namespace tenure::index {

/// A column of the row that SQLite is asking for. Texts are borrowed until the feed's next step.
class FedColumn {
 public:
  explicit FedColumn(sqlite3_context* context) : context_(context) {}
  void Set(std::string_view text) const;
  void Set(std::int64_t value) const;
  void Set(std::uint64_t value) const { Set(static_cast<std::int64_t>(value)); }
  void SetNull() const;

 private:
  sqlite3_context* context_;
};

/// Called from within SQLite: must not throw, nor use the connection.
class RowFeed {
 public:
  virtual ~RowFeed() = default;
  /// To the first row, then to the next one; false when there is none.
  virtual bool Next() = 0;
  virtual void Give(int column, FedColumn to) const = 0;
};

class RowSource {
 public:
  explicit RowSource(Connection& connection) : connection_(connection) {}

  /// Runs a statement that ends in one of the above over all rows of `feed`. False when a UNIQUE constraint
  /// refused the row that the feed is at: those before it are in, so the transaction must not commit. (OR FAIL
  /// says so to SQLite, which would otherwise keep the old content of every page it touches.)
  Result<bool> Insert(LazyStatement& insert, RowFeed& feed);

 private:
  Connection& connection_;
  RowFeed** feed_ = nullptr;  // what the module reads; owned by the connection once attached
};

}  // namespace tenure::index
