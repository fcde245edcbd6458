// SQLite, one durable transaction per put: WAL, synchronous=FULL, BEGIN IMMEDIATE, upsert, COMMIT. Three
// ways for many writers to wait for each other:
//   sqlite        busy_timeout of 60 s: SQLite's own back-off, what most programs use
//   sqlite_retry  a busy handler that tries again every 0.5 ms
//   sqlite_flock  an flock(2) in front of the transaction: the fair work-around
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "bench/common/failure.h"
#include "bench/subjects/sqlite_db.h"
#include "bench/subjects/subject.h"

namespace tenure::bench {
namespace {

constexpr unsigned kCacheMib = 64;
constexpr int kRetriesMax = 120'000;  // 60 s of 0.5 ms, the same patience as busy_timeout.

enum class Waiting { kBusyTimeout, kRetry, kFlock };

std::string DbPath(const SubjectSetup& setup) { return setup.dir + "/artifacts.db"; }

int RetrySoon(void*, int tries) {
  if (tries >= kRetriesMax) return 0;
  usleep(500);
  return 1;
}

/// The lock in front, held from BEGIN to COMMIT; nothing for the other variants.
class Turn {
 public:
  explicit Turn(int lock_fd) : lock_fd_(lock_fd) {
    if (lock_fd_ < 0) return;
    while (flock(lock_fd_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~Turn() {
    if (lock_fd_ >= 0) flock(lock_fd_, LOCK_UN);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  int lock_fd_;
};

class SqliteClient : public Client {
 public:
  static Result<std::unique_ptr<Client>> Make(const SubjectSetup& setup, Waiting waiting) {
    int lock_fd = -1;
    if (waiting == Waiting::kFlock) {
      lock_fd = open((setup.dir + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
      if (lock_fd < 0) return FailErrno("open " + setup.dir + "/lock");
    }
    TENURE_ASSIGN(SqliteDb db, SqliteDb::Open(DbPath(setup), "FULL", kCacheMib));
    if (waiting == Waiting::kRetry) sqlite3_busy_handler(db.raw(), RetrySoon, nullptr);
    TENURE_ASSIGN(SqliteStatement begin, db.Prepare("BEGIN IMMEDIATE"));
    TENURE_ASSIGN(SqliteStatement commit, db.Prepare("COMMIT"));
    TENURE_ASSIGN(ArtifactUpsert upsert, ArtifactUpsert::Prepare(db));
    TENURE_ASSIGN(SqliteStatement select,
                  db.Prepare("SELECT annotations FROM artifacts WHERE name = ?1 AND version = ?2"));
    return std::unique_ptr<Client>(new SqliteClient(std::move(db), lock_fd, std::move(begin), std::move(commit),
                                                    std::move(upsert), std::move(select)));
  }
  ~SqliteClient() override {
    if (lock_fd_ >= 0) close(lock_fd_);
  }

  Status Put(const Record& record) override {
    const Turn turn(lock_fd_);
    if (begin_.Run() != SQLITE_DONE) return db_.LastError("BEGIN IMMEDIATE");
    TENURE_RETURN_IF_ERROR(upsert_.Run(db_, record));
    if (commit_.Run() != SQLITE_DONE) return db_.LastError("COMMIT");
    return {};
  }

  /// Read, add one, write, in one transaction: an attempt never fails, it waits.
  Result<bool> Increment(const Record& record) override {
    const Turn turn(lock_fd_);
    if (begin_.Run() != SQLITE_DONE) return db_.LastError("BEGIN IMMEDIATE");
    select_.BindText(1, record.name);
    select_.BindText(2, kVersion);
    if (!select_.StepRow()) return db_.LastError("SELECT");
    Record next = record;
    next.annotations = CounterJson(ParseCounter(select_.Text(0)) + 1);
    select_.Reset();
    TENURE_RETURN_IF_ERROR(upsert_.Run(db_, next));
    if (commit_.Run() != SQLITE_DONE) return db_.LastError("COMMIT");
    return true;
  }

 private:
  SqliteClient(SqliteDb db, int lock_fd, SqliteStatement begin, SqliteStatement commit, ArtifactUpsert upsert,
               SqliteStatement select)
      : db_(std::move(db)),
        lock_fd_(lock_fd),
        begin_(std::move(begin)),
        commit_(std::move(commit)),
        upsert_(std::move(upsert)),
        select_(std::move(select)) {}
  SqliteDb db_;
  int lock_fd_;
  SqliteStatement begin_;
  SqliteStatement commit_;
  ArtifactUpsert upsert_;
  SqliteStatement select_;
};

class SqliteHandle : public Handle {
 public:
  SqliteHandle(SubjectSetup setup, Waiting waiting) : setup_(std::move(setup)), waiting_(waiting) {}
  Result<std::unique_ptr<Client>> NewClient(unsigned) override { return SqliteClient::Make(setup_, waiting_); }

 private:
  SubjectSetup setup_;
  Waiting waiting_;
};

class Sqlite : public Subject {
 public:
  explicit Sqlite(Waiting waiting) : waiting_(waiting) {}

  Status Prepare(const SubjectSetup& setup) override {
    TENURE_ASSIGN(SqliteDb db, SqliteDb::Open(DbPath(setup), "FULL", kCacheMib));
    TENURE_RETURN_IF_ERROR(CreateArtifactTable(db));
    if (!setup.one_key) return {};
    TENURE_ASSIGN(ArtifactUpsert upsert, ArtifactUpsert::Prepare(db));
    Record record;
    RecordSource(1, 0, 1).NextAt(0, record);
    record.annotations = CounterJson(1);
    return upsert.Run(db, record);
  }
  Result<std::unique_ptr<Handle>> Open(const SubjectSetup& setup) override {
    return std::unique_ptr<Handle>(std::make_unique<SqliteHandle>(setup, waiting_));
  }
  Result<std::uint64_t> Counter(const SubjectSetup& setup) override {
    TENURE_ASSIGN(SqliteDb db, SqliteDb::Open(DbPath(setup), "FULL", kCacheMib));
    TENURE_ASSIGN(SqliteStatement select, db.Prepare("SELECT annotations, revision FROM artifacts"));
    if (!select.StepRow()) return db.LastError("SELECT");
    return CheckedCounter(ParseCounter(select.Text(0)), select.Integer(1));
  }

 private:
  Waiting waiting_;
};

constexpr SubjectTraits kTraits = {.many_processes = true, .one_key = true, .windowed = false, .keys_max = 0};

template <Waiting kWaiting>
std::unique_ptr<Subject> Make() {
  return std::make_unique<Sqlite>(kWaiting);
}

const SubjectEntry kBusyTimeout("sqlite", "SQLite WAL, synchronous=FULL, BEGIN IMMEDIATE, busy_timeout 60 s", kTraits,
                                Make<Waiting::kBusyTimeout>);
const SubjectEntry kRetry("sqlite_retry", "the same with a busy handler that retries every 0.5 ms", kTraits,
                          Make<Waiting::kRetry>);
const SubjectEntry kFlock("sqlite_flock", "the same with an flock in front", kTraits, Make<Waiting::kFlock>);

}  // namespace
}  // namespace tenure::bench
