// Creating, opening and applying. Large transactions are in gather.cc, bulk builds in bulk.cc, checkpoints and
// copies in maintenance.cc.
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/guarded.h"
#include "store/index/writer_state.h"
#include "tenure_generated/index_schema.h"

namespace tenure::index {
namespace {

// The WAL is cut back to this size when it is next restarted after a burst.
constexpr char kLimitWalSql[] = "PRAGMA journal_size_limit = 16777216";
constexpr std::uint64_t kWalHeaderBytes = 32;

int RememberWalFrames(void* to, sqlite3*, const char*, int frames) {
  static_cast<std::optional<std::uint64_t>*>(to)->emplace(static_cast<std::uint64_t>(frames));
  return SQLITE_OK;
}

Error SystemError(int error, const std::string& path, const std::string& doing) {
  const ErrorCode code = error == EEXIST                      ? ErrorCode::kExists
                         : error == ENOENT                    ? ErrorCode::kNotFound
                         : error == ENOSPC || error == EDQUOT ? ErrorCode::kNoSpace
                         : error == EROFS                     ? ErrorCode::kReadOnly
                                                              : ErrorCode::kIo;
  Error e = base::MakeError(code, "index " + path + ": " + doing + ": " + std::strerror(error));
  e.path = path;
  return e;
}

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::size_t RowsIn(std::span<const AppliedFrame> frames) {
  std::size_t rows = 0;
  for (const AppliedFrame& frame : frames) {
    for (const model::CommittedTxn& txn : frame.txns) rows += txn.effects.size() + (txn.request_id.empty() ? 0 : 1);
  }
  return rows;
}

// Everything of an empty index. Without journal and syncs: until it is whole, the file is nobody's.
Status BuildEmpty(const std::string& path, const std::string& store_id_hex, const model::JournalPosition& at) {
  TENURE_ASSIGN(Connection connection, Connection::Open(path, Connection::Mode::kReadWrite, kIdleCacheKib));
  TENURE_RETURN_IF_ERROR(connection.Execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN"));
  TENURE_RETURN_IF_ERROR(connection.Execute(kIndexSchemaSql));
  TENURE_RETURN_IF_ERROR(InsertMeta(connection, store_id_hex, at));
  TENURE_RETURN_IF_ERROR(connection.Execute("COMMIT; PRAGMA journal_mode = WAL"));
  return connection.SyncFile();
}

}  // namespace

Status CreateEmptyFile(const std::string& path) {
  struct stat directory {};
  if (stat(DirectoryOf(path).c_str(), &directory) != 0) return SystemError(errno, path, "create");
  const mode_t mode = (directory.st_mode & S_IWGRP) != 0 ? 0660 : 0600;
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return SystemError(errno, path, "create");
  // The umask may have taken the group's bits; SQLite gives -wal and -shm the mode of this file.
  const int failed = fchmod(fd, mode) != 0 ? errno : 0;
  close(fd);  // nothing has opened this file yet, so no lock is lost by closing it
  if (failed != 0) return SystemError(failed, path, "set the mode");
  return {};
}

Result<std::vector<const AppliedFrame*>> FramesBehind(std::span<const AppliedFrame> frames, Lsn applied_lsn) {
  std::vector<const AppliedFrame*> fresh;
  Lsn last = applied_lsn;
  for (const AppliedFrame& frame : frames) {
    if (TENURE_SEEDED_BUG("apply_no_continuity")) {
      fresh.push_back(&frame);
      continue;
    }
    if (frame.after.last_lsn <= last) continue;
    Lsn next = last;
    for (const model::CommittedTxn& txn : frame.txns) {
      if (txn.lsn != next + 1) {
        return base::MakeError(ErrorCode::kInternal, "apply: LSN " + std::to_string(next + 1) +
                                                         " must come next, not " + std::to_string(txn.lsn) +
                                                         " (applied up to LSN " + std::to_string(applied_lsn) + ")");
      }
      next = txn.lsn;
    }
    if (next != frame.after.last_lsn) {
      return base::MakeError(ErrorCode::kInternal, "apply: a frame ends at LSN " +
                                                       std::to_string(frame.after.last_lsn) +
                                                       " but its last transaction is LSN " + std::to_string(next));
    }
    last = next;
    fresh.push_back(&frame);
  }
  return fresh;
}

IndexWriter::State::State(std::string file, Connection opened)
    : path(std::move(file)), connection(std::move(opened)), rows(connection) {
  sqlite3_wal_hook(connection.handle(), RememberWalFrames, &wal_frames);
}

Result<std::unique_ptr<IndexWriter::State>> IndexWriter::State::Open(const std::string& path) {
  TENURE_ASSIGN(Connection opened, OpenIndexFile(path, Connection::Mode::kReadWrite, kIdleCacheKib));
  TENURE_RETURN_IF_ERROR(opened.Execute(kLimitWalSql));
  auto state = std::make_unique<State>(path, std::move(opened));
  if (state->WalBytes() <= kWalHeaderBytes) TENURE_RETURN_IF_ERROR(state->WriteThrough());
  return state;
}

Status IndexWriter::State::WriteThrough() { return connection.Execute("UPDATE meta SET primed = primed + 1"); }

std::uint64_t IndexWriter::State::WalBytes() const {
  struct stat wal {};
  return stat((path + "-wal").c_str(), &wal) == 0 ? static_cast<std::uint64_t>(wal.st_size) : 0;
}

Result<Mark> IndexWriter::State::ReadMark() {
  TENURE_ASSIGN(Statement * statement, read_meta.Get(connection));
  return ReadMarkRow(*statement);
}

Status IndexWriter::State::WritePositionRow(const model::JournalPosition& position) {
  TENURE_ASSIGN(Statement * statement, update_meta.Get(connection));
  return WritePosition(*statement, position);
}

Status IndexWriter::State::Flush(Changes& changes) {
  if (changes.empty()) return {};
  TENURE_RETURN_IF_ERROR(rows.Write(changes));
  changes.Clear();
  return {};
}

Status IndexWriter::State::Collect(const model::CommittedTxn& txn, Changes& changes) {
  for (std::size_t i = 0; i < txn.effects.size(); ++i) {
    const model::Effect& effect = txn.effects[i];
    switch (effect.kind) {
      case model::EffectKind::kPutEntry:
      case model::EffectKind::kDeleteEntry:
      case model::EffectKind::kSetTag:
      case model::EffectKind::kDeleteTag:
        changes.Add(txn, effect);
        break;
      case model::EffectKind::kTrimHistory:
        TENURE_RETURN_IF_ERROR(Flush(changes));
        TENURE_RETURN_IF_ERROR(rows.TrimHistory(effect.below_lsn));
        break;
      case model::EffectKind::kPruneRequests:
        TENURE_RETURN_IF_ERROR(Flush(changes));
        TENURE_RETURN_IF_ERROR(rows.PruneRequests(effect.below_lsn));
        break;
      case model::EffectKind::kTrimHistoryExcept:
        TENURE_RETURN_IF_ERROR(Flush(changes));
        TENURE_RETURN_IF_ERROR(rows.TrimHistory(effect.below_lsn, effect.rare->keep));
        break;
      case model::EffectKind::kSetPolicy:
      case model::EffectKind::kDeletePolicy:
      case model::EffectKind::kPark:
      case model::EffectKind::kResolve:
      case model::EffectKind::kSetCursor:
      case model::EffectKind::kDeleteCursor:
        // In order among themselves; no row of an entry or tag depends on them.
        TENURE_RETURN_IF_ERROR(rows.WriteRare(txn, i));
        break;
      case model::EffectKind::kTrimJournal:
        break;  // concerns files, not rows
      case model::EffectKind::kGrantLease:
      case model::EffectKind::kReleaseLease:
      case model::EffectKind::kExpireLease:
      case model::EffectKind::kBreakLease:
      case model::EffectKind::kOrphanLease:
        changes.AddLease(txn, effect);
        break;
    }
  }
  if (std::optional<model::RequestRow> request = model::RequestRowOf(txn)) changes.AddRequest(std::move(*request));
  return {};
}

IndexWriter::IndexWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
IndexWriter::~IndexWriter() = default;

Result<std::unique_ptr<IndexWriter>> IndexWriter::Create(const std::string& path, const std::string& store_id_hex,
                                                         const model::JournalPosition& at) {
  TENURE_RETURN_IF_ERROR(CreateEmptyFile(path));
  if (Status built = base::Guarded([&] { return BuildEmpty(path, store_id_hex, at); }); !built) {
    unlink(path.c_str());
    return std::move(built).error();
  }
  return Open(path);
}

Result<std::unique_ptr<IndexWriter>> IndexWriter::Open(const std::string& path) {
  TENURE_ASSIGN(std::unique_ptr<State> state, State::Open(path));
  return std::unique_ptr<IndexWriter>(new IndexWriter(std::move(state)));
}

Status IndexWriter::Apply(std::span<const AppliedFrame> frames) {
  if (frames.empty()) return {};
  State& s = *state_;
  if (s.bulk || s.gathered) {
    return base::MakeError(ErrorCode::kInternal,
                           "index " + s.path + ": Apply during a " + (s.bulk ? "bulk build" : "large transaction"));
  }
  BatchCache cache(s.connection, RowsIn(frames));
  TENURE_ASSIGN(WriteTransaction transaction, WriteTransaction::Begin(s.connection));
  TENURE_FAIL_POINT("index.begin");
  TENURE_ASSIGN(const Mark mark, s.ReadMark());
  TENURE_ASSIGN(const std::vector<const AppliedFrame*> fresh, FramesBehind(frames, mark.position.last_lsn));
  if (fresh.empty()) return {};
  s.batch.Clear();
  for (const AppliedFrame* frame : fresh) {
    for (const model::CommittedTxn& txn : frame->txns) TENURE_RETURN_IF_ERROR(s.Collect(txn, s.batch));
  }
  TENURE_RETURN_IF_ERROR(s.Flush(s.batch));
  TENURE_RETURN_IF_ERROR(s.WritePositionRow(fresh.back()->after));
  TENURE_FAIL_POINT("index.before_commit");
  TENURE_RETURN_IF_ERROR(transaction.Commit());
  TENURE_FAIL_POINT("index.after_commit");
  return {};
}

Result<Mark> IndexWriter::ReadMark() const {
  TENURE_ASSIGN(Mark mark, state_->ReadMark());
  if (state_->bulk) mark.position = state_->bulk->position;
  if (state_->gathered) mark.position = state_->gathered->position;
  return mark;
}

std::string SqliteVersion() { return sqlite3_libversion(); }

}  // namespace tenure::index
