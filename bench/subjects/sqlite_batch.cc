// SQLite's own best rate: one connection, 10,000 upserts in each durable transaction (WAL,
// synchronous=FULL). The peer of asynchronous puts: a row is acknowledged when its transaction is.
#include "bench/common/failure.h"
#include "bench/subjects/sqlite_db.h"
#include "bench/subjects/subject.h"

namespace tenure::bench {
namespace {

constexpr unsigned kCacheMib = 256;

std::string DbPath(const SubjectSetup& setup) { return setup.dir + "/artifacts.db"; }

class BatchClient : public Client {
 public:
  BatchClient(SqliteDb db, ArtifactUpsert upsert) : db_(std::move(db)), upsert_(std::move(upsert)) {}

  Status Put(const Record& record) override {
    TENURE_RETURN_IF_ERROR(Start(record));
    return FinishOldest();
  }
  Status Start(const Record& record) override {
    if (started_ == committed_) TENURE_RETURN_IF_ERROR(db_.Execute("BEGIN IMMEDIATE"));
    TENURE_RETURN_IF_ERROR(upsert_.Run(db_, record));
    ++started_;
    return {};
  }
  /// Commits when the oldest unfinished row is in the open transaction, which then holds a whole window.
  Status FinishOldest() override {
    if (finished_ == committed_) {
      TENURE_RETURN_IF_ERROR(db_.Execute("COMMIT"));
      committed_ = started_;
    }
    ++finished_;
    return {};
  }

 private:
  SqliteDb db_;
  ArtifactUpsert upsert_;
  std::uint64_t started_ = 0;
  std::uint64_t committed_ = 0;
  std::uint64_t finished_ = 0;
};

class BatchHandle : public Handle {
 public:
  explicit BatchHandle(SubjectSetup setup) : setup_(std::move(setup)) {}
  Result<std::unique_ptr<Client>> NewClient(unsigned) override {
    TENURE_ASSIGN(SqliteDb db, SqliteDb::Open(DbPath(setup_), "FULL", kCacheMib));
    TENURE_ASSIGN(ArtifactUpsert upsert, ArtifactUpsert::Prepare(db));
    return std::unique_ptr<Client>(std::make_unique<BatchClient>(std::move(db), std::move(upsert)));
  }

 private:
  SubjectSetup setup_;
};

class SqliteBatch : public Subject {
 public:
  Status Prepare(const SubjectSetup& setup) override {
    TENURE_ASSIGN(SqliteDb db, SqliteDb::Open(DbPath(setup), "FULL", kCacheMib));
    return CreateArtifactTable(db);
  }
  Result<std::unique_ptr<Handle>> Open(const SubjectSetup& setup) override {
    return std::unique_ptr<Handle>(std::make_unique<BatchHandle>(setup));
  }
};

constexpr SubjectTraits kTraits = {.many_processes = false, .one_key = false, .windowed = true, .keys_max = 0};
const SubjectEntry kEntry("sqlite_batch", "SQLite WAL, synchronous=FULL, one writer, 10,000 rows in a transaction",
                          kTraits, [] { return std::unique_ptr<Subject>(std::make_unique<SqliteBatch>()); });

}  // namespace
}  // namespace tenure::bench
