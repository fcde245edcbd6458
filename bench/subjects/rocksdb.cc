// RocksDB with sync=true: group commit among the threads of one process (its design allows no second
// process). Writes blindly, without reading the old revision: cheaper than what the others do.
#include <rocksdb/c.h>

#include <cstdlib>

#include "bench/common/failure.h"
#include "bench/subjects/packed_record.h"
#include "bench/subjects/subject.h"

namespace tenure::bench {
namespace {

Error TakeError(const char* doing, char* message) {
  Error error = Fail(std::string("rocksdb ") + doing + ": " + message);
  rocksdb_free(message);
  return error;
}

class RocksClient : public Client {
 public:
  explicit RocksClient(rocksdb_t* db) : db_(db), options_(rocksdb_writeoptions_create()) {
    rocksdb_writeoptions_set_sync(options_, 1);
  }
  ~RocksClient() override { rocksdb_writeoptions_destroy(options_); }
  Status Put(const Record& record) override {
    PackKey(record, key_);
    PackValue(record, 1, value_);
    char* message = nullptr;
    rocksdb_put(db_, options_, key_.data(), key_.size(), value_.data(), value_.size(), &message);
    if (message != nullptr) return TakeError("put", message);
    return {};
  }

 private:
  rocksdb_t* db_;
  rocksdb_writeoptions_t* options_;
  std::string key_;
  std::string value_;
};

class RocksHandle : public Handle {
 public:
  static Result<std::unique_ptr<Handle>> Make(const SubjectSetup& setup) {
    rocksdb_options_t* options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    char* message = nullptr;
    rocksdb_t* db = rocksdb_open(options, (setup.dir + "/rocks").c_str(), &message);
    rocksdb_options_destroy(options);
    if (message != nullptr) return TakeError("open", message);
    return std::unique_ptr<Handle>(new RocksHandle(db));
  }
  ~RocksHandle() override { rocksdb_close(db_); }
  Result<std::unique_ptr<Client>> NewClient(unsigned) override {
    return std::unique_ptr<Client>(std::make_unique<RocksClient>(db_));
  }

 private:
  explicit RocksHandle(rocksdb_t* db) : db_(db) {}
  rocksdb_t* db_;
};

class RocksDb : public Subject {
 public:
  /// Nothing: opening makes it, and the parent must not hold it.
  Status Prepare(const SubjectSetup&) override { return {}; }
  Result<std::unique_ptr<Handle>> Open(const SubjectSetup& setup) override { return RocksHandle::Make(setup); }
};

constexpr SubjectTraits kTraits = {.many_processes = false, .one_key = false, .windowed = false, .keys_max = 0};
const SubjectEntry kEntry("rocksdb", "RocksDB, sync=true, threads of one process", kTraits,
                          [] { return std::unique_ptr<Subject>(std::make_unique<RocksDb>()); });

}  // namespace
}  // namespace tenure::bench
