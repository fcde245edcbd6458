#include "tests/support/failing_statements.h"

#include <sqlite3.h>

#include <atomic>
#include <mutex>

namespace tenure::testing {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};
std::atomic<std::uint64_t> statement_calls{0};
std::atomic<std::uint64_t> statement_fails_at{kNever};
std::mutex failed_mutex;
std::string failed_call;
std::string refusing_directory;  // guarded by failed_mutex, with the next
int refusing_code = SQLITE_OK;

/// SQLITE_OK: committed it may be.
int Refusal(sqlite3* db) {
  const std::lock_guard lock(failed_mutex);
  if (refusing_directory.empty()) return SQLITE_OK;
  return std::string(sqlite3_db_filename(db, "main")).starts_with(refusing_directory + "/") ? refusing_code : SQLITE_OK;
}

bool ThisOneFails(const char* what) {
  const std::uint64_t at = statement_fails_at;
  if (at == kNever || statement_calls++ != at) return false;
  const std::lock_guard lock(failed_mutex);
  failed_call = what;
  return true;
}

}  // namespace

void FailingStatements::FailAt(std::uint64_t index) {
  statement_calls = 0;
  const std::lock_guard lock(failed_mutex);
  failed_call.clear();
  statement_fails_at = index;
}

std::uint64_t FailingStatements::Stop() {
  statement_fails_at = kNever;
  return statement_calls;
}

void FailingStatements::RefuseCommits(const std::string& directory, int code) {
  const std::lock_guard lock(failed_mutex);
  refusing_directory = directory;
  refusing_code = code;
}

std::string FailingStatements::Failed() {
  const std::lock_guard lock(failed_mutex);
  return failed_call;
}

// The linker's names of the functions that it wraps.
extern "C" {
int __real_sqlite3_open_v2(const char* name, sqlite3** db, int flags, const char* vfs);
int __real_sqlite3_prepare_v3(sqlite3* db, const char* sql, int bytes, unsigned flags, sqlite3_stmt** out,
                              const char** tail);
int __real_sqlite3_step(sqlite3_stmt* statement);
int __real_sqlite3_exec(sqlite3* db, const char* sql, int (*row)(void*, int, char**, char**), void* of, char** error);

int __wrap_sqlite3_open_v2(const char* name, sqlite3** db, int flags, const char* vfs) {
  const int rc = __real_sqlite3_open_v2(name, db, flags, vfs);
  return rc == SQLITE_OK && ThisOneFails(name) ? SQLITE_IOERR : rc;
}

int __wrap_sqlite3_prepare_v3(sqlite3* db, const char* sql, int bytes, unsigned flags, sqlite3_stmt** out,
                              const char** tail) {
  if (!ThisOneFails(sql)) return __real_sqlite3_prepare_v3(db, sql, bytes, flags, out, tail);
  *out = nullptr;
  return SQLITE_IOERR;
}

int __wrap_sqlite3_step(sqlite3_stmt* statement) {
  if (sqlite3_stmt_busy(statement) == 0 && ThisOneFails(sqlite3_sql(statement))) return SQLITE_IOERR;
  return __real_sqlite3_step(statement);
}

int __wrap_sqlite3_exec(sqlite3* db, const char* sql, int (*row)(void*, int, char**, char**), void* of, char** error) {
  // Rolling back is what the code does about a failure.
  if (std::string(sql) != "ROLLBACK" && ThisOneFails(sql)) return SQLITE_IOERR;
  // What comes before it stays in memory.
  if (std::string(sql) == "COMMIT") {
    if (const int refused = Refusal(db); refused != SQLITE_OK) return refused;
  }
  return __real_sqlite3_exec(db, sql, row, of, error);
}
}

}  // namespace tenure::testing
