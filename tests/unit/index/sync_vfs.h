// SQLite's default VFS with two methods of its files replaced: syncs are counted, or left out; of database files it is
// known whether something in them is not synced.
#pragma once

#include <sqlite3.h>

#include <map>
#include <set>
#include <string>
#include <utility>

namespace tenure::index {

/// In force from construction to destruction, for files opened meanwhile. One at a time, one thread.
class SyncVfs {
 public:
  enum class Syncs {
    kCounted,
    kLeftOut,  ///< For tests of content, which would wait for the disk most of their time.
  };
  explicit SyncVfs(Syncs mode) {
    mode_ = mode;
    syncs_ = 0;
    unsynced_.clear();
    original_ = sqlite3_vfs_find(nullptr);
    replaced_ = *original_;
    replaced_.zName = "tenure-test-sync";
    replaced_.xOpen = Open;
    sqlite3_vfs_register(&replaced_, 1);
  }
  ~SyncVfs() {
    sqlite3_vfs_unregister(&replaced_);
    sqlite3_vfs_register(original_, 1);
  }
  SyncVfs(const SyncVfs&) = delete;
  SyncVfs& operator=(const SyncVfs&) = delete;
  /// Syncs since the last call.
  int Take() { return std::exchange(syncs_, 0); }
  /// Database files (not their WALs) that were written to and not synced since.
  const std::set<std::string>& Unsynced() const { return unsynced_; }

 private:
  struct Methods {
    const sqlite3_io_methods* original = nullptr;
    sqlite3_io_methods replaced{};
  };
  static int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
    const int rc = original_->xOpen(original_, name, file, flags, out);
    if (rc == SQLITE_OK && file->pMethods != nullptr) {
      Methods& methods = methods_[file->pMethods];
      methods.original = file->pMethods;
      methods.replaced = *file->pMethods;
      methods.replaced.xSync = Sync;
      methods.replaced.xWrite = Write;
      file->pMethods = &methods.replaced;
      const bool database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
      names_[file] = database && name != nullptr ? name : "";
    }
    return rc;
  }
  static int Sync(sqlite3_file* file, int flags) {
    ++syncs_;
    unsynced_.erase(names_[file]);
    if (mode_ == Syncs::kLeftOut) return SQLITE_OK;
    const sqlite3_io_methods* original = OriginalOf(file);
    return original != nullptr ? original->xSync(file, flags) : SQLITE_IOERR;
  }
  static int Write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 at) {
    if (const std::string& name = names_[file]; !name.empty()) unsynced_.insert(name);
    const sqlite3_io_methods* original = OriginalOf(file);
    return original != nullptr ? original->xWrite(file, data, bytes, at) : SQLITE_IOERR;
  }
  static const sqlite3_io_methods* OriginalOf(sqlite3_file* file) {
    for (const auto& [original, methods] : methods_) {
      if (&methods.replaced == file->pMethods) return original;
    }
    return nullptr;
  }

  static inline sqlite3_vfs* original_ = nullptr;
  // SQLite has a handful of method tables; each is copied once and lives as long as the process.
  static inline std::map<const sqlite3_io_methods*, Methods> methods_;
  static inline std::map<sqlite3_file*, std::string> names_;  // of the file that was opened there last
  static inline std::set<std::string> unsynced_;
  static inline int syncs_ = 0;
  static inline Syncs mode_ = Syncs::kCounted;
  sqlite3_vfs replaced_{};
};

}  // namespace tenure::index
