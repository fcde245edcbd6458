// SQLite's default VFS with one method of its files replaced: syncs are counted, or left out.
#pragma once

#include <sqlite3.h>

#include <map>
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
      file->pMethods = &methods.replaced;
    }
    return rc;
  }
  static int Sync(sqlite3_file* file, int flags) {
    ++syncs_;
    if (mode_ == Syncs::kLeftOut) return SQLITE_OK;
    for (const auto& [original, methods] : methods_) {
      if (&methods.replaced == file->pMethods) return original->xSync(file, flags);
    }
    return SQLITE_IOERR;
  }

  static inline sqlite3_vfs* original_ = nullptr;
  // SQLite has a handful of method tables; each is copied once and lives as long as the process.
  static inline std::map<const sqlite3_io_methods*, Methods> methods_;
  static inline int syncs_ = 0;
  static inline Syncs mode_ = Syncs::kCounted;
  sqlite3_vfs replaced_{};
};

}  // namespace tenure::index
