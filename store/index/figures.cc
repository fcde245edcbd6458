// Small reads: figures, cursors.
#include "store/base/error.h"
#include "store/index/index.h"
#include "store/index/reader_state.h"
#include "store/index/sqlite.h"

namespace tenure::index {

Result<std::uint64_t> IndexReader::FileBytes() const {
  TENURE_ASSIGN(Statement statement, Statement::Prepare(state_->connection,
                                                        "SELECT c.page_count * s.page_size FROM"
                                                        " pragma_page_count() c, pragma_page_size() s"));
  TENURE_ASSIGN(const bool found, statement.Step());
  TENURE_CHECK(found);
  return statement.Unsigned(0);
}

namespace {

CursorEntry ReadCursor(const Statement& row) {
  CursorEntry cursor;
  cursor.name = row.Text(0);
  cursor.lsn = row.Unsigned(1);
  cursor.effects = static_cast<std::uint32_t>(row.Unsigned(2));
  cursor.moved_at_ms = row.Int(3);
  cursor.writer = row.Text(4);
  return cursor;
}

}  // namespace

Result<std::optional<CursorEntry>> IndexReader::GetCursor(std::string_view name) const {
  TENURE_ASSIGN(Statement statement,
                Statement::Prepare(state_->connection, "SELECT " TENURE_CURSOR_COLUMNS " FROM cursor WHERE name = ?1"));
  statement.Bind(1, name);
  TENURE_ASSIGN(const bool found, statement.Step());
  if (!found) return std::optional<CursorEntry>();
  return std::optional(ReadCursor(statement));
}

Result<std::vector<CursorEntry>> IndexReader::Cursors() const {
  TENURE_ASSIGN(Statement statement,
                Statement::Prepare(state_->connection, "SELECT " TENURE_CURSOR_COLUMNS " FROM cursor ORDER BY name"));
  std::vector<CursorEntry> cursors;
  for (;;) {
    TENURE_ASSIGN(const bool found, statement.Step());
    if (!found) return cursors;
    cursors.push_back(ReadCursor(statement));
  }
}

}  // namespace tenure::index
