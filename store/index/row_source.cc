#include "store/index/row_source.h"

#include <new>

#include <sqlite3.h>

#include "store/base/error.h"

namespace tenure::index {
namespace {

constexpr char kModuleName[] = "tenure_rows";
constexpr char kDeclaration[] = "CREATE TABLE rows (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12)";
// Only so that the planner sees a finite number; there is nothing to choose between.
constexpr double kCost = 1'000'000;

struct Table : sqlite3_vtab {
  RowFeed** feed = nullptr;
};
struct Cursor : sqlite3_vtab_cursor {
  RowFeed* feed = nullptr;
  sqlite3_int64 row = 0;
  bool at_end = false;
};
Cursor& Of(sqlite3_vtab_cursor* cursor) { return *static_cast<Cursor*>(cursor); }

int Connect(sqlite3* db, void* feed, int, const char* const*, sqlite3_vtab** made, char**) {
  const int rc = sqlite3_declare_vtab(db, kDeclaration);
  if (rc != SQLITE_OK) return rc;
  Table* table = new (std::nothrow) Table();
  if (table == nullptr) return SQLITE_NOMEM;
  table->feed = static_cast<RowFeed**>(feed);
  *made = table;
  return SQLITE_OK;
}
int Disconnect(sqlite3_vtab* table) {
  delete static_cast<Table*>(table);
  return SQLITE_OK;
}
int BestIndex(sqlite3_vtab*, sqlite3_index_info* plan) {
  plan->estimatedCost = kCost;
  plan->estimatedRows = static_cast<sqlite3_int64>(kCost);
  return SQLITE_OK;
}
int OpenCursor(sqlite3_vtab* table, sqlite3_vtab_cursor** made) {
  Cursor* cursor = new (std::nothrow) Cursor();
  if (cursor == nullptr) return SQLITE_NOMEM;
  cursor->feed = *static_cast<Table*>(table)->feed;
  *made = cursor;
  return SQLITE_OK;
}
int CloseCursor(sqlite3_vtab_cursor* cursor) {
  delete &Of(cursor);
  return SQLITE_OK;
}
int Step(sqlite3_vtab_cursor* cursor) {
  Cursor& c = Of(cursor);
  c.at_end = c.feed == nullptr || !c.feed->Next();
  ++c.row;
  return SQLITE_OK;
}
int Filter(sqlite3_vtab_cursor* cursor, int, const char*, int, sqlite3_value**) { return Step(cursor); }
int AtEnd(sqlite3_vtab_cursor* cursor) { return Of(cursor).at_end ? 1 : 0; }
int GiveColumn(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int column) {
  Of(cursor).feed->Give(column, FedColumn(context));
  return SQLITE_OK;
}
int GiveRowId(sqlite3_vtab_cursor* cursor, sqlite3_int64* row) {
  *row = Of(cursor).row;
  return SQLITE_OK;
}

/// Without xCreate: the table is there under the module's name and cannot be part of a schema.
constexpr sqlite3_module MakeModule() {
  sqlite3_module module{};
  module.xConnect = Connect;
  module.xBestIndex = BestIndex;
  module.xDisconnect = Disconnect;
  module.xOpen = OpenCursor;
  module.xClose = CloseCursor;
  module.xFilter = Filter;
  module.xNext = Step;
  module.xEof = AtEnd;
  module.xColumn = GiveColumn;
  module.xRowid = GiveRowId;
  return module;
}
constexpr sqlite3_module kModule = MakeModule();

void ForgetFeed(void* feed) { delete static_cast<RowFeed**>(feed); }

/// The feed is there for one statement only.
class FeedInUse {
 public:
  FeedInUse(RowFeed*& slot, RowFeed& feed) : slot_(slot) { slot_ = &feed; }
  ~FeedInUse() { slot_ = nullptr; }
  FeedInUse(const FeedInUse&) = delete;
  FeedInUse& operator=(const FeedInUse&) = delete;

 private:
  RowFeed*& slot_;
};

}  // namespace

void FedColumn::Set(std::string_view text) const {
  // A null pointer would be NULL.
  const char* data = text.data() != nullptr ? text.data() : "";
  sqlite3_result_text64(context_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
}
void FedColumn::Set(std::int64_t value) const { sqlite3_result_int64(context_, value); }
void FedColumn::SetNull() const { sqlite3_result_null(context_); }

Result<bool> RowSource::Insert(LazyStatement& insert, RowFeed& feed) {
  if (feed_ == nullptr) {
    RowFeed** slot = new RowFeed*(nullptr);
    // Frees the slot itself when it fails.
    const int rc = sqlite3_create_module_v2(connection_.handle(), kModuleName, &kModule, slot, ForgetFeed);
    if (rc != SQLITE_OK) return SqliteError(connection_.handle(), rc, "register the source of rows");
    feed_ = slot;
  }
  TENURE_ASSIGN(Statement * statement, insert.Get(connection_));
  const FeedInUse in_use(*feed_, feed);
  return statement->RunUnlessDuplicate();
}

}  // namespace tenure::index
