// Building an index from nothing: no journal, no syncs, no log; rows collected, sorted, inserted in
// the order of the keys. Until FinishBulk the file says of itself that it is unfinished.
#include "store/base/error.h"
#include "store/index/writer_state.h"

namespace tenure::index {
namespace {

// Leaving WAL mode needs the file for oneself; SQLite answers with the mode that is in force.
Status SwitchJournal(Connection& connection, const std::string& path, const std::string& mode) {
  TENURE_ASSIGN(Statement pragma, Statement::Prepare(connection, "PRAGMA journal_mode = " + mode));
  TENURE_ASSIGN(const bool row, pragma.Step());
  if (!row || pragma.Text(0) != mode) {
    return base::MakeError(ErrorCode::kBusy, "index " + path + ": cannot switch to journal_mode " + mode,
                           "another connection has the index open; a bulk build needs it for itself");
  }
  return {};
}

// Takes the file out of WAL mode and marks it unfinished. Fails without a trace when somebody else has it
// open; a failure behind that point makes the build a failed one.
Status BeginBuild(Connection& connection, const std::string& path, std::optional<BulkBuild>& bulk,
                  const model::JournalPosition& from) {
  TENURE_RETURN_IF_ERROR(connection.Execute("PRAGMA synchronous = OFF"));
  if (Status alone = SwitchJournal(connection, path, "off"); !alone) {
    TENURE_RETURN_IF_ERROR(connection.Execute("PRAGMA synchronous = NORMAL"));
    return alone;
  }
  bulk.emplace();
  bulk->position = from;
  Status begun = connection.SetCacheKib(kLargeCacheKib);
  if (begun.ok()) begun = connection.Execute("PRAGMA user_version = 0; BEGIN IMMEDIATE");
  if (!begun.ok()) bulk->failed = begun.error();
  return begun;
}

}  // namespace

Status IndexWriter::ApplyBulk(std::span<const AppliedFrame> frames) {
  State& s = *state_;
  if (s.gathered) {
    return base::MakeError(ErrorCode::kInternal, "index " + s.path + ": ApplyBulk during a large transaction");
  }
  if (!s.bulk) {
    TENURE_ASSIGN(const Mark mark, s.ReadMark());
    s.guard.reset();
    TENURE_RETURN_IF_ERROR(BeginBuild(s.connection, s.path, s.bulk, mark.position));
  }
  BulkBuild& bulk = *s.bulk;
  if (bulk.failed) return *bulk.failed;
  // A gap is found before anything is collected: it changes nothing and the build may go on.
  TENURE_ASSIGN(const std::vector<const AppliedFrame*> fresh, FramesBehind(frames, bulk.position.last_lsn));
  for (const AppliedFrame* frame : fresh) {
    Status collected;
    for (const model::CommittedTxn& txn : frame->txns) {
      if (collected.ok()) collected = s.Collect(txn, bulk.changes);
    }
    if (collected.ok() && bulk.changes.memory_bytes() >= kBulkBytesMax) collected = s.Flush(bulk.changes);
    if (!collected.ok()) {
      bulk.failed = collected.error();
      return collected;
    }
    bulk.position = frame->after;
  }
  return {};
}

Status IndexWriter::FinishBulk() {
  State& s = *state_;
  if (!s.bulk) return {};
  TENURE_RETURN_IF_ERROR(FinishBulkUnsynced());
  const auto make_durable = [&s]() -> Status {
    TENURE_RETURN_IF_ERROR(s.connection.SyncFile());
    TENURE_RETURN_IF_ERROR(s.connection.Execute("PRAGMA synchronous = NORMAL"));
    return s.WriteThrough();
  };
  Status finished = make_durable();
  if (!finished.ok()) {
    s.bulk.emplace();
    s.bulk->failed = finished.error();
  }
  return finished;
}

Status IndexWriter::FinishBulkUnsynced() {
  State& s = *state_;
  if (!s.bulk) return Checkpoint(0);
  if (s.bulk->failed) return *s.bulk->failed;
  const auto finish = [&s]() -> Status {
    TENURE_RETURN_IF_ERROR(s.Flush(s.bulk->changes));
    TENURE_RETURN_IF_ERROR(s.WritePositionRow(s.bulk->position));
    const std::string done = "PRAGMA user_version = " + std::to_string(kFormatVersion) + "; COMMIT";
    TENURE_RETURN_IF_ERROR(s.connection.Execute(done.c_str()));
    TENURE_RETURN_IF_ERROR(SwitchJournal(s.connection, s.path, "wal"));
    return s.connection.SetCacheKib(kIdleCacheKib);
  };
  if (Status finished = finish(); !finished) {
    s.bulk->failed = finished.error();
    return finished;
  }
  s.bulk.reset();
  return {};
}

}  // namespace tenure::index
