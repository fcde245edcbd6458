// Checkpoints and copies.
#include <sqlite3.h>
#include <unistd.h>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/guarded.h"
#include "store/index/reader_state.h"
#include "store/index/writer_state.h"

namespace tenure::index {
namespace {

constexpr int kGuardCacheKib = 64;
constexpr std::uint64_t kWalFrameHeaderBytes = 24;

// Copies every page of `from` in one step, that is from one snapshot.
Status CopyPages(Connection& from, Connection& to) {
  sqlite3_backup* backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (backup == nullptr) return SqliteError(to.handle(), sqlite3_extended_errcode(to.handle()), "start a copy");
  const int stepped = sqlite3_backup_step(backup, -1);
  const int finished = sqlite3_backup_finish(backup);
  if (stepped == SQLITE_DONE && finished == SQLITE_OK) return {};
  return SqliteError(to.handle(), stepped == SQLITE_DONE ? finished : stepped, "copy the pages");
}

enum class Copy : std::uint8_t { kSynced, kUnsynced };

Status CopyInto(Connection& from, const std::string& target, Copy copy) {
  TENURE_ASSIGN(Connection to, Connection::Open(target, Connection::Mode::kReadWrite, kIdleCacheKib));
  TENURE_RETURN_IF_ERROR(to.Execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF"));
  TENURE_RETURN_IF_ERROR(CopyPages(from, to));
  if (copy == Copy::kUnsynced || TENURE_SEEDED_BUG("checkpoint_unsynced")) return {};
  return to.SyncFile();
}

/// A new file, or none.
Status CopyAll(Connection& from, const std::string& target, Copy copy) {
  TENURE_RETURN_IF_ERROR(CreateEmptyFile(target));
  const Status copied = base::Guarded([&] { return CopyInto(from, target, copy); });
  if (!copied.ok()) unlink(target.c_str());
  return copied;
}

}  // namespace

Status IndexWriter::Checkpoint(std::uint64_t wal_bytes_max) {
  State& s = *state_;
  if (s.bulk || s.gathered) {
    return base::MakeError(ErrorCode::kInternal, "index " + s.path + ": Checkpoint in the middle of a large change");
  }
  TENURE_ASSIGN(const std::int64_t page_bytes, s.connection.QueryInt("PRAGMA page_size"));
  const std::uint64_t frame_bytes = static_cast<std::uint64_t>(page_bytes) + kWalFrameHeaderBytes;
  // Before the first commit of this handle only the file's size is known: an upper bound.
  const std::uint64_t wal_bytes = s.wal_frames ? *s.wal_frames * frame_bytes : s.WalBytes();
  if (wal_bytes_max > 0 && wal_bytes <= wal_bytes_max) return {};
  if (!s.guard) {
    TENURE_ASSIGN(Connection guard, Connection::Open(s.path, Connection::Mode::kReadWrite, kGuardCacheKib));
    s.guard.emplace(std::move(guard));
  }
  int rc = SQLITE_OK;
  {
    // No commit can race the checkpoint while this transaction is open; it is rolled back, never committed.
    TENURE_ASSIGN(WriteTransaction exclusion, WriteTransaction::Begin(*s.guard));
    TENURE_FAIL_POINT("index.checkpoint");
    rc = sqlite3_wal_checkpoint_v2(s.connection.handle(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  }
  // SQLite had no memory to roll it back: closing does it, and needs none.
  if (s.guard->in_transaction()) s.guard.reset();
  if (rc != SQLITE_OK) return SqliteError(s.connection.handle(), rc, "checkpoint");
  // Restarts the WAL when no reader is left in it, and takes the sync of its header upon itself. A reader
  // that stays keeps the WAL growing; it costs space and time, not correctness.
  return s.WriteThrough();
}

Status IndexWriter::Sync() {
  // Everything committed is in the file, synced by a checkpoint, or in the WAL.
  return state_->connection.SyncWal();
}

Status IndexWriter::CopyTo(const std::string& target) {
  State& s = *state_;
  if (s.bulk || s.gathered) {
    return base::MakeError(ErrorCode::kInternal, "index " + s.path + ": CopyTo in the middle of a large change");
  }
  return CopyAll(s.connection, target, Copy::kSynced);
}

Status IndexReader::CopyTo(const std::string& target) const {
  return CopyAll(state_->connection, target, Copy::kUnsynced);
}

}  // namespace tenure::index
