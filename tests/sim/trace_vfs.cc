#include "tests/sim/trace_vfs.h"

#include <sqlite3.h>

#include <cstring>
#include <map>
#include <mutex>
#include <new>

#include "store/base/error.h"

namespace tenure::sim {
namespace {

using Kind = base::TraceStep::Kind;

/// Which directories are traced, and by whom.
struct Traced {
  std::mutex mutex;
  std::map<std::string, base::RecordingEnv*> dirs;

  base::RecordingEnv* Of(const std::string& path) {
    const std::lock_guard lock(mutex);
    for (const auto& [dir, env] : dirs) {
      if (path.size() > dir.size() && path.compare(0, dir.size(), dir) == 0 && path[dir.size()] == '/') return env;
    }
    return nullptr;
  }
};
Traced& TracedDirs() {
  static Traced& traced = *new Traced;
  return traced;
}

sqlite3_vfs& Unix() {
  static sqlite3_vfs& vfs = *sqlite3_vfs_find("unix");
  return vfs;
}

std::string DirectoryOfFile(const std::string& path) { return path.substr(0, path.rfind('/')); }

/// Who traces an open file, and as what.
struct Tracing {
  base::RecordingEnv& env;
  const std::string path;
  const std::uint64_t number;
  bool sync_directory;  ///< At the next sync: SQLite's unix VFS makes the name of a new journal durable then.

  base::TraceStep Step(Kind kind, std::uint64_t offset = 0) const {
    base::TraceStep step;
    step.kind = kind;
    step.path = path;
    step.file = number;
    step.offset = offset;
    return step;
  }
  /// Makes a call and records it. An injected error is `failure`.
  template <typename Call>
  int Do(base::TraceStep step, int failure, Call call) {
    int rc = failure;
    (void)env.Perform(std::move(step), [&]() -> Status {
      rc = call();
      if (rc == SQLITE_OK) return {};
      return base::MakeError(ErrorCode::kIo, path + ": SQLite's VFS says " + std::to_string(rc));
    });
    return rc;
  }
};

/// What SQLite allocates for a file; the unix VFS's own one lies behind it.
struct TraceFile {
  sqlite3_file base;
  Tracing* tracing;  ///< Null: passed through.
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
TraceFile& Trace(sqlite3_file* file) { return *reinterpret_cast<TraceFile*>(file); }
sqlite3_file* Real(sqlite3_file* file) { return Trace(file).real(); }
const sqlite3_io_methods& Methods(sqlite3_file* file) { return *Real(file)->pMethods; }

int TraceClose(sqlite3_file* file) {
  const int rc = Methods(file).xClose(Real(file));
  delete Trace(file).tracing;
  return rc;
}

int TraceRead(sqlite3_file* file, void* to, int bytes, sqlite3_int64 offset) {
  return Methods(file).xRead(Real(file), to, bytes, offset);
}

int TraceWrite(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
  const auto write = [&] { return Methods(file).xWrite(Real(file), data, bytes, offset); };
  Tracing* tracing = Trace(file).tracing;
  if (tracing == nullptr) return write();
  base::TraceStep step = tracing->Step(Kind::kWrite, static_cast<std::uint64_t>(offset));
  const auto* first = static_cast<const std::byte*>(data);
  step.data.assign(first, first + bytes);
  return tracing->Do(std::move(step), SQLITE_IOERR_WRITE, write);
}

int TraceTruncate(sqlite3_file* file, sqlite3_int64 bytes) {
  const auto truncate = [&] { return Methods(file).xTruncate(Real(file), bytes); };
  Tracing* tracing = Trace(file).tracing;
  if (tracing == nullptr) return truncate();
  return tracing->Do(tracing->Step(Kind::kTruncate, static_cast<std::uint64_t>(bytes)), SQLITE_IOERR_TRUNCATE,
                     truncate);
}

/// The unix VFS uses fdatasync, whatever the flags say.
int TraceSync(sqlite3_file* file, int flags) {
  const auto sync = [&] { return Methods(file).xSync(Real(file), flags); };
  Tracing* tracing = Trace(file).tracing;
  if (tracing == nullptr) return sync();
  const int rc = tracing->Do(tracing->Step(Kind::kSyncData), SQLITE_IOERR_FSYNC, sync);
  if (rc != SQLITE_OK || !tracing->sync_directory) return rc;
  tracing->sync_directory = false;
  base::TraceStep directory;
  directory.kind = Kind::kSyncDirectory;
  directory.path = DirectoryOfFile(tracing->path);
  return tracing->Do(std::move(directory), SQLITE_IOERR_DIR_FSYNC, [] { return SQLITE_OK; });  // done by the sync
}

int TraceFileSize(sqlite3_file* file, sqlite3_int64* bytes) { return Methods(file).xFileSize(Real(file), bytes); }
int TraceLock(sqlite3_file* file, int level) { return Methods(file).xLock(Real(file), level); }
int TraceUnlock(sqlite3_file* file, int level) { return Methods(file).xUnlock(Real(file), level); }
int TraceCheckReserved(sqlite3_file* file, int* held) { return Methods(file).xCheckReservedLock(Real(file), held); }
int TraceControl(sqlite3_file* file, int op, void* arg) { return Methods(file).xFileControl(Real(file), op, arg); }
int TraceSectorSize(sqlite3_file* file) { return Methods(file).xSectorSize(Real(file)); }
int TraceCharacteristics(sqlite3_file* file) { return Methods(file).xDeviceCharacteristics(Real(file)); }
int TraceShmMap(sqlite3_file* file, int region, int bytes, int extend, void volatile** at) {
  return Methods(file).xShmMap(Real(file), region, bytes, extend, at);
}
int TraceShmLock(sqlite3_file* file, int offset, int n, int flags) {
  return Methods(file).xShmLock(Real(file), offset, n, flags);
}
void TraceShmBarrier(sqlite3_file* file) { Methods(file).xShmBarrier(Real(file)); }
int TraceShmUnmap(sqlite3_file* file, int remove) { return Methods(file).xShmUnmap(Real(file), remove); }

// Version 2: without xFetch, so that nothing is read or written through a mapping.
const sqlite3_io_methods kTraceMethods = {2,
                                          TraceClose,
                                          TraceRead,
                                          TraceWrite,
                                          TraceTruncate,
                                          TraceSync,
                                          TraceFileSize,
                                          TraceLock,
                                          TraceUnlock,
                                          TraceCheckReserved,
                                          TraceControl,
                                          TraceSectorSize,
                                          TraceCharacteristics,
                                          TraceShmMap,
                                          TraceShmLock,
                                          TraceShmBarrier,
                                          TraceShmUnmap,
                                          nullptr,
                                          nullptr};

int TraceOpen(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  TraceFile* traced = new (file) TraceFile{};
  const int rc = Unix().xOpen(&Unix(), name, traced->real(), flags, out_flags);
  // Without methods SQLite does not close it.
  if (traced->real()->pMethods == nullptr) return rc;
  traced->base.pMethods = &kTraceMethods;
  const bool of_a_database = (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
  if (rc != SQLITE_OK || name == nullptr || !of_a_database || (flags & SQLITE_OPEN_READWRITE) == 0) return rc;
  base::RecordingEnv* env = TracedDirs().Of(name);
  if (env == nullptr) return rc;
  const bool journal = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & SQLITE_OPEN_MAIN_DB) == 0;
  traced->tracing = new Tracing{*env, name, env->NumberOfOpened(name), journal};
  return rc;
}

int TraceDelete(sqlite3_vfs*, const char* name, int sync_directory) {
  const auto remove = [&] { return Unix().xDelete(&Unix(), name, sync_directory); };
  base::RecordingEnv* env = TracedDirs().Of(name);
  if (env == nullptr) return remove();
  Tracing tracing{*env, name, 0, false};
  const int rc = tracing.Do(tracing.Step(Kind::kRemove), SQLITE_IOERR_DELETE, remove);
  if (rc != SQLITE_OK || sync_directory == 0) return rc;
  base::TraceStep directory;
  directory.kind = Kind::kSyncDirectory;
  directory.path = DirectoryOfFile(name);
  return tracing.Do(std::move(directory), SQLITE_IOERR_DIR_FSYNC, [] { return SQLITE_OK; });  // done by the removal
}

int TraceAccess(sqlite3_vfs*, const char* name, int flags, int* out) {
  return Unix().xAccess(&Unix(), name, flags, out);
}
int TraceFullPathname(sqlite3_vfs*, const char* name, int bytes, char* out) {
  return Unix().xFullPathname(&Unix(), name, bytes, out);
}
void* TraceDlOpen(sqlite3_vfs*, const char* name) { return Unix().xDlOpen(&Unix(), name); }
void TraceDlError(sqlite3_vfs*, int bytes, char* out) { Unix().xDlError(&Unix(), bytes, out); }
void (*TraceDlSym(sqlite3_vfs*, void* library, const char* symbol))(void) {
  return Unix().xDlSym(&Unix(), library, symbol);
}
void TraceDlClose(sqlite3_vfs*, void* library) { Unix().xDlClose(&Unix(), library); }

/// SQLite asks once, for the seed of its own generator; again after sqlite3_randomness(0).
int TraceRandomness(sqlite3_vfs*, int bytes, char* out) {
  const std::span<char> to(out, static_cast<std::size_t>(bytes));
  {
    Traced& traced = TracedDirs();
    const std::lock_guard lock(traced.mutex);
    if (!traced.dirs.empty()) {
      traced.dirs.begin()->second->Random(std::as_writable_bytes(to));
      return bytes;
    }
  }
  return Unix().xRandomness(&Unix(), bytes, out);
}

int TraceSleep(sqlite3_vfs*, int microseconds) { return Unix().xSleep(&Unix(), microseconds); }
int TraceTime(sqlite3_vfs*, double* out) { return Unix().xCurrentTime(&Unix(), out); }
int TraceTimeInt64(sqlite3_vfs*, sqlite3_int64* out) { return Unix().xCurrentTimeInt64(&Unix(), out); }
int TraceLastError(sqlite3_vfs*, int bytes, char* out) { return Unix().xGetLastError(&Unix(), bytes, out); }

/// Registered for good: connections keep a pointer to their VFS.
void Install() {
  static sqlite3_vfs& installed = []() -> sqlite3_vfs& {
    sqlite3_vfs& vfs = *new sqlite3_vfs{};
    vfs.iVersion = 2;
    vfs.szOsFile = static_cast<int>(sizeof(TraceFile)) + Unix().szOsFile;
    vfs.mxPathname = Unix().mxPathname;
    vfs.zName = "tenure-trace";
    vfs.xOpen = TraceOpen;
    vfs.xDelete = TraceDelete;
    vfs.xAccess = TraceAccess;
    vfs.xFullPathname = TraceFullPathname;
    vfs.xDlOpen = TraceDlOpen;
    vfs.xDlError = TraceDlError;
    vfs.xDlSym = TraceDlSym;
    vfs.xDlClose = TraceDlClose;
    vfs.xRandomness = TraceRandomness;
    vfs.xSleep = TraceSleep;
    vfs.xCurrentTime = TraceTime;
    vfs.xGetLastError = TraceLastError;
    vfs.xCurrentTimeInt64 = TraceTimeInt64;
    TENURE_CHECK(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
    return vfs;
  }();
  static_cast<void>(installed);
}

}  // namespace

TracedSqlite::TracedSqlite(base::RecordingEnv& env, std::string dir) : dir_(std::move(dir)) {
  Install();
  {
    Traced& traced = TracedDirs();
    const std::lock_guard lock(traced.mutex);
    TENURE_CHECK(traced.dirs.emplace(dir_, &env).second);
  }
  sqlite3_randomness(0, nullptr);
}

TracedSqlite::~TracedSqlite() {
  Traced& traced = TracedDirs();
  const std::lock_guard lock(traced.mutex);
  traced.dirs.erase(dir_);
}

}  // namespace tenure::sim
