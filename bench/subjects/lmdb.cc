// LMDB with its default durability: one write transaction per put, synced. Reads the old value first, to
// count revisions as the others do (a page-cache hit inside the same transaction).
#include <lmdb.h>

#include "bench/common/failure.h"
#include "bench/subjects/packed_record.h"
#include "bench/subjects/subject.h"

namespace tenure::bench {
namespace {

constexpr std::size_t kMapBytes = std::size_t{16} << 30;

Error LmdbError(const char* doing, int code) { return Fail(std::string("lmdb ") + doing + ": " + mdb_strerror(code)); }

MDB_val ValueOf(std::string& bytes) {
  MDB_val value;
  value.mv_size = bytes.size();
  value.mv_data = bytes.data();
  return value;
}

std::string_view ViewOf(const MDB_val& value) { return {static_cast<const char*>(value.mv_data), value.mv_size}; }

struct CloseEnv {
  void operator()(MDB_env* env) const { mdb_env_close(env); }
};
using EnvPtr = std::unique_ptr<MDB_env, CloseEnv>;

Result<EnvPtr> OpenEnv(const SubjectSetup& setup) {
  MDB_env* raw = nullptr;
  if (const int code = mdb_env_create(&raw); code != 0) return LmdbError("create", code);
  EnvPtr env(raw);
  mdb_env_set_mapsize(raw, kMapBytes);
  mdb_env_set_maxreaders(raw, 1024);
  if (const int code = mdb_env_open(raw, setup.dir.c_str(), 0, 0600); code != 0) return LmdbError("open", code);
  return env;
}

class LmdbClient : public Client {
 public:
  LmdbClient(MDB_env* env, MDB_dbi table) : env_(env), table_(table) {}
  Status Put(const Record& record) override { return Change(record, false); }
  Result<bool> Increment(const Record& record) override {
    TENURE_RETURN_IF_ERROR(Change(record, true));
    return true;
  }

 private:
  Status Change(const Record& record, bool count) {
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(env_, nullptr, 0, &txn); code != 0) return LmdbError("begin", code);
    if (const int code = Write(txn, record, count); code != 0) {
      mdb_txn_abort(txn);
      return LmdbError("put", code);
    }
    if (const int code = mdb_txn_commit(txn); code != 0) return LmdbError("commit", code);
    return {};
  }
  int Write(MDB_txn* txn, const Record& record, bool count) {
    PackKey(record, key_bytes_);
    MDB_val key = ValueOf(key_bytes_);
    MDB_val old{};
    const int found = mdb_get(txn, table_, &key, &old);
    if (found != 0 && found != MDB_NOTFOUND) return found;
    const std::uint64_t revision = found == 0 ? PackedRevision(ViewOf(old)) + 1 : 1;
    if (count) {
      Record next = record;
      next.annotations = CounterJson((found == 0 ? ParseCounter(PackedAnnotations(ViewOf(old))) : 0) + 1);
      PackValue(next, revision, value_bytes_);
    } else {
      PackValue(record, revision, value_bytes_);
    }
    MDB_val value = ValueOf(value_bytes_);
    return mdb_put(txn, table_, &key, &value, 0);
  }

  MDB_env* env_;
  MDB_dbi table_;
  std::string key_bytes_;
  std::string value_bytes_;
};

class LmdbHandle : public Handle {
 public:
  static Result<std::unique_ptr<LmdbHandle>> Make(const SubjectSetup& setup) {
    TENURE_ASSIGN(EnvPtr env, OpenEnv(setup));
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(env.get(), nullptr, MDB_RDONLY, &txn); code != 0)
      return LmdbError("begin", code);
    MDB_dbi table = 0;
    const int opened = mdb_dbi_open(txn, nullptr, 0, &table);
    if (opened != 0) {
      mdb_txn_abort(txn);
      return LmdbError("open table", opened);
    }
    if (const int code = mdb_txn_commit(txn); code != 0) return LmdbError("open table", code);
    return std::unique_ptr<LmdbHandle>(new LmdbHandle(std::move(env), table));
  }
  Result<std::unique_ptr<Client>> NewClient(unsigned) override {
    return std::unique_ptr<Client>(std::make_unique<LmdbClient>(env_.get(), table_));
  }
  Result<std::uint64_t> Counter() {
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(env_.get(), nullptr, MDB_RDONLY, &txn); code != 0) {
      return LmdbError("begin", code);
    }
    Record record;
    RecordSource(1, 0, 1).NextAt(0, record);
    std::string key_bytes;
    PackKey(record, key_bytes);
    MDB_val key = ValueOf(key_bytes);
    MDB_val value{};
    const int code = mdb_get(txn, table_, &key, &value);
    const std::string bytes = code == 0 ? std::string(ViewOf(value)) : std::string();
    mdb_txn_abort(txn);
    if (code != 0) return LmdbError("get", code);
    return CheckedCounter(ParseCounter(PackedAnnotations(bytes)), PackedRevision(bytes));
  }

 private:
  LmdbHandle(EnvPtr env, MDB_dbi table) : env_(std::move(env)), table_(table) {}
  EnvPtr env_;
  MDB_dbi table_;
};

class Lmdb : public Subject {
 public:
  Status Prepare(const SubjectSetup& setup) override {
    TENURE_ASSIGN(const std::unique_ptr<LmdbHandle> handle, LmdbHandle::Make(setup));
    if (!setup.one_key) return {};
    TENURE_ASSIGN(const std::unique_ptr<Client> client, handle->NewClient(0));
    Record record;
    RecordSource(1, 0, 1).NextAt(0, record);
    TENURE_ASSIGN(const bool done, client->Increment(record));
    if (!done) return Fail("lmdb: the first put was refused");
    return {};
  }
  Result<std::unique_ptr<Handle>> Open(const SubjectSetup& setup) override {
    TENURE_ASSIGN(std::unique_ptr<LmdbHandle> handle, LmdbHandle::Make(setup));
    return std::unique_ptr<Handle>(std::move(handle));
  }
  Result<std::uint64_t> Counter(const SubjectSetup& setup) override {
    TENURE_ASSIGN(const std::unique_ptr<LmdbHandle> handle, LmdbHandle::Make(setup));
    return handle->Counter();
  }
};

constexpr SubjectTraits kTraits = {.many_processes = true, .one_key = true, .windowed = false, .keys_max = 0};
const SubjectEntry kEntry("lmdb", "LMDB, default (synced) transactions", kTraits,
                          [] { return std::unique_ptr<Subject>(std::make_unique<Lmdb>()); });

}  // namespace
}  // namespace tenure::bench
