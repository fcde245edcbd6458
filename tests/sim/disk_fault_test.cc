// A life that uses all that a store has, in which one call to the disk fails: of the store's own, or of SQLite's.
//
// Each call answers with success, or with an error that names a file of the store. What was acknowledged is in the log
// at its LSN; what was refused is not, unless the answer was that nobody knows. Without the fault the store goes on,
// and verifies.
//
//   TENURE_SIM_FAULT_STEP=1    every call, not every third one
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>

#include "store/base/error.h"
#include "store/recovery/verify.h"
#include "tenure/doctor.h"
#include "tenure/lease.h"
#include "tenure/watch.h"
#include "tests/sim/history.h"
#include "tests/sim/sim_env.h"
#include "tests/sim/sim_scratch.h"
#include "tests/support/failing_statements.h"

namespace tenure::sim {
namespace {

/// SQLite's default VFS, of which one read, write, sync or truncation fails. One at a time.
class FailingSqlite {
 public:
  FailingSqlite() {
    original_ = sqlite3_vfs_find(nullptr);
    vfs_ = *original_;
    vfs_.zName = "tenure-test-failing";
    vfs_.xOpen = Open;
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~FailingSqlite() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(original_, 1);
  }
  FailingSqlite(const FailingSqlite&) = delete;
  FailingSqlite& operator=(const FailingSqlite&) = delete;

  /// The call of this number fails, counted from 0.
  static void FailAt(std::uint64_t index) {
    calls_ = 0;
    fail_at_ = index;
  }
  /// Returns how many calls there were.
  static std::uint64_t Stop() {
    fail_at_ = kNever;
    return calls_;
  }

 private:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  struct Methods {
    const sqlite3_io_methods* original = nullptr;
    sqlite3_io_methods replaced{};
  };
  static bool Fails() { return fail_at_ != kNever && calls_++ == fail_at_; }
  static const sqlite3_io_methods* Of(sqlite3_file* file) {
    const std::lock_guard lock(mutex_);
    for (const auto& [original, methods] : methods_) {
      if (&methods.replaced == file->pMethods) return original;
    }
    std::abort();
  }
  static int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
    const int rc = original_->xOpen(original_, name, file, flags, out);
    if (rc != SQLITE_OK || file->pMethods == nullptr) return rc;
    const std::lock_guard lock(mutex_);
    Methods& methods = methods_[file->pMethods];
    methods.original = file->pMethods;
    methods.replaced = *file->pMethods;
    methods.replaced.xRead = Read;
    methods.replaced.xWrite = Write;
    methods.replaced.xSync = Sync;
    methods.replaced.xTruncate = Truncate;
    file->pMethods = &methods.replaced;
    return rc;
  }
  static int Read(sqlite3_file* file, void* out, int bytes, sqlite3_int64 offset) {
    return Fails() ? SQLITE_IOERR_READ : Of(file)->xRead(file, out, bytes, offset);
  }
  static int Write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
    return Fails() ? SQLITE_IOERR_WRITE : Of(file)->xWrite(file, data, bytes, offset);
  }
  static int Sync(sqlite3_file* file, int flags) { return Fails() ? SQLITE_IOERR_FSYNC : Of(file)->xSync(file, flags); }
  static int Truncate(sqlite3_file* file, sqlite3_int64 bytes) {
    return Fails() ? SQLITE_IOERR_TRUNCATE : Of(file)->xTruncate(file, bytes);
  }

  static inline sqlite3_vfs* original_ = nullptr;
  static inline std::mutex mutex_;
  static inline std::map<const sqlite3_io_methods*, Methods> methods_;  // a handful, each copied once
  static inline std::atomic<std::uint64_t> calls_{0};
  static inline std::atomic<std::uint64_t> fail_at_{kNever};
  sqlite3_vfs vfs_{};
};

PutSpec Spec(const std::string& name, int n) {
  PutSpec spec;
  spec.name = name;
  spec.version = "1";
  spec.annotations = "{\"n\":" + std::to_string(n) + "}";
  return spec;
}

class FullLife {
 public:
  explicit FullLife(std::string dir) : dir_(std::move(dir)), env_(1) {
    options_.env = &env_;
    options_.background = false;
    options_.writer = "sim@sim";
  }
  SimEnv& env() { return env_; }
  Violations& violations() { return violations_; }

  /// What all lives begin with: of everything there is something.
  void Begin() {
    auto store = Store::Create(dir_, FewSlots(), options_);
    ASSERT_TRUE(store.ok()) << store.error().message;
    for (int round = 0; round < 3; ++round) {
      Transaction txn;
      for (int i = 0; i < 12; ++i) txn.Put(Spec("e/" + std::to_string(i), round));
      ASSERT_TRUE(store->Commit(txn).ok());
    }
    for (int i = 0; i < 3; ++i) {
      Transaction txn;
      txn.SetTag("e/" + std::to_string(i), "prod", "1");
      CommitOptions options;
      options.request_id = "known-" + std::to_string(i);
      ASSERT_TRUE(store->Commit(txn, options).ok());
    }
    PolicySpec policy;
    policy.glob = "m/**";
    policy.on_conflict = ConflictStrategy::kMerge;
    ASSERT_TRUE(store->SetPolicy(policy).ok());
    for (int i = 0; i < 3; ++i) {
      Transaction txn;
      txn.Put(Spec("e/" + std::to_string(3 + i), 50)).Base(1);
      CommitOptions options;
      options.on_conflict = ConflictStrategy::kPark;
      const auto parked = store->Commit(txn, options);
      ASSERT_TRUE(parked.ok()) << parked.error().message;
      parked_[i] = {parked->lsn, 0};
    }
    AcquireOptions acquire;
    acquire.scopes = {"held/**"};
    acquire.bound = false;
    auto lease = store->Acquire(acquire);
    ASSERT_TRUE(lease.ok()) << lease.error().message;
    Transaction merged;
    merged.Put(Spec("m/1", 1));
    ASSERT_TRUE(store->Commit(merged).ok());
    merged = {};
    merged.Put(Spec("m/1", 2));
    ASSERT_TRUE(store->Commit(merged).ok());
    lease->Detach();
    ASSERT_TRUE(store->CatchUp().ok());
  }

  void Live(const FullLife& begun) {
    std::copy(begun.parked_, begun.parked_ + 3, parked_);
    auto store = Store::Open(dir_, options_);
    if (!Fine("open", store)) return;
    Reads(*store);
    Fine("compact", store->Compact());
    Writes(*store);
    Conflicts(*store);
    Leases(*store);
    Reads(*store);
    Feed(*store);
    Fine("stats", store->Stats());
    Fine("diagnose", store->Diagnose());
    Fine("catch up", store->CatchUp());
  }

  /// The fault is gone.
  void Afterwards() {
    {
      auto store = Store::Open(dir_, options_);
      if (!store.ok()) return Violation("opening without faults: " + store.error().message);
      const auto stats = store->Stats();
      if (!stats.ok()) return Violation("figures without faults: " + stats.error().message);
      std::map<std::string, Lsn> there;
      const Status read = store->Log(stats->oldest_log_lsn, 0, [&](const Event& event) {
        there.emplace(event.writer, event.lsn);
        return true;
      });
      if (!read.ok()) return Violation("the log without faults: " + read.error().message);
      for (const auto& [writer, told] : told_) {
        const auto found = there.find(writer);
        if (told.acknowledged && (found == there.end() || found->second != told.lsn)) {
          Violation(writer + " was acknowledged at LSN " + std::to_string(told.lsn) + ", and is not there");
        }
        if (told.refused && found != there.end()) {
          Violation(writer + " was refused, and is there at LSN " + std::to_string(found->second) + ": " +
                    told.message);
        }
      }
      Transaction txn;
      txn.Put(Spec("last", 1));
      const auto receipt = store->Commit(txn);
      if (!receipt.ok()) Violation("a commit without faults: " + receipt.error().message);
    }
    for (const std::string& violation : CheckVerify(env_, dir_ + "/.tenure", true)) Violation(violation);
  }

 private:
  struct Told {
    bool acknowledged = false;
    bool refused = false;
    Lsn lsn = 0;
    std::string message;
  };

  void Violation(const std::string& violation) { violations_.push_back(violation); }
  void Failed(const std::string& what, const Error& error) {
    const bool fits = error.code == ErrorCode::kIo || error.code == ErrorCode::kOutcomeUnknown;
    if (!fits) Violation(what + " failed with " + std::string(ErrorCodeName(error.code)) + ": " + error.message);
    if (error.message.find(dir_) == std::string::npos) {
      Violation(what + " failed without naming a file: " + error.message);
    }
  }
  template <typename T>
  bool Fine(const std::string& what, const Result<T>& result) {
    if (!result.ok()) Failed(what, result.error());
    return result.ok();
  }
  bool Fine(const std::string& what, const Status& status) {
    if (!status.ok()) Failed(what, status.error());
    return status.ok();
  }

  /// Known in the log by its writer.
  void Write(Store& store, const std::string& what, const Transaction& txn, CommitOptions options = {}) {
    options.writer = what;
    const auto receipt = store.Commit(txn, options);
    Told& told = told_[what];
    if (receipt.ok()) {
      told.acknowledged = receipt->outcome != Outcome::kUnchanged && !receipt->replayed;
      told.lsn = receipt->lsn;
      return;
    }
    told.refused = receipt.error().code != ErrorCode::kOutcomeUnknown;
    told.message = receipt.error().message;
    // What an earlier write would have made is not there when that failed.
    const bool follows = receipt.error().code == ErrorCode::kNotFound || receipt.error().code == ErrorCode::kStaleBase;
    if (!follows) Failed(what, receipt.error());
  }

  void Writes(Store& store) {
    Transaction txn;
    txn.Put(Spec("e/1", 9)).Base(3);
    Write(store, "put-on-base", txn);
    txn = {};
    txn.Patch("e/2", "1", R"({"p":1})").IfRevision(3);
    txn.SetTag("e/2", "next", "1");
    Write(store, "patch", txn);
    txn = {};
    txn.Delete("e/0", "1", true);
    Write(store, "delete-with-tags", txn);
    txn = {};
    txn.SetTag("e/1", "prod", "1").Base(1);
    txn.DeleteTag("e/2", "prod").Base(1);
    Write(store, "tags", txn);
    txn = {};
    txn.Put(Spec("e/3", 10));
    CommitOptions options;
    options.request_id = "new";
    Write(store, "with-request-id", txn, options);
    txn = {};
    txn.SetTag("e/1", "prod", "1");
    options.request_id = "known-1";
    (void)store.Commit(txn, options);  // of another body: refused, whatever the disk does
    Fine("outcome", store.OutcomeOf("known-2"));
    const auto cancelled = store.OutcomeOf("never");
    if (!cancelled.ok() && cancelled.error().code != ErrorCode::kNotFound) Failed("outcome", cancelled.error());
  }

  void Conflicts(Store& store) {
    Transaction txn;
    PutSpec late = Spec("m/1", 1);
    late.media_type = "text/plain";
    txn.Put(late).Base(1);
    Write(store, "merged-by-policy", txn);
    txn = {};
    txn.Put(Spec("e/7", 70)).Base(1);
    CommitOptions options;
    options.on_conflict = ConflictStrategy::kPark;
    Write(store, "parked", txn, options);
    for (int i = 0; i < 3; ++i) {
      txn = {};
      txn.Resolve(parked_[i], i == 0 ? Take::kTheirs : Take::kOurs);
      CommitOptions last_writer;
      last_writer.on_conflict = ConflictStrategy::kLastWriterWins;
      Write(store, "resolve-" + std::to_string(i), txn, last_writer);
    }
    PolicySpec policy;
    policy.glob = "e/**";
    policy.keep_history = true;
    txn = {};
    txn.SetPolicy(policy);
    txn.DeletePolicy("m/**");
    Write(store, "policies", txn);
    Fine("conflicts", store.Conflicts());
    Fine("policies", store.Policies());
  }

  void Leases(Store& store) {
    AcquireOptions acquire;
    acquire.scopes = {"l/**"};
    auto lease = store.Acquire(acquire);
    if (!Fine("acquire", lease)) return;
    Transaction txn;
    txn.Put(Spec("l/1", 1));
    CommitOptions options;
    options.lease = &*lease;
    Write(store, "under-lease", txn, options);
    Fine("leases", store.Leases());
    Fine("release", lease->Release());
  }

  void Reads(Store& store) {
    Fine("get", store.Get("e/5:1"));
    ReadOptions at;
    at.at = At{};
    at.at->lsn = 2;
    const auto old = store.Get("e/5:1", at);
    if (!old.ok() && old.error().code != ErrorCode::kCompacted) Failed("get at", old.error());
    Fine("list", store.List());
    Fine("history", store.History("e/5:1"));
    Fine("tags", store.Tags());
  }

  void Feed(Store& store) {
    WatchOptions options;
    options.cursor = "mirror";
    auto watch = store.Watch(options);
    if (!Fine("watch", watch)) return;
    Fine("next", watch->Next(std::chrono::milliseconds(0)));
    Fine("cursors", store.Cursors());
  }

  const std::string dir_;
  SimEnv env_;
  OpenOptions options_;
  ConflictId parked_[3];
  std::map<std::string, Told> told_;
  Violations violations_;
};

class DiskFault : public ::testing::Test {
 protected:
  DiskFault() : begun_(scratch_ / "begun") {
    begun_.Begin();
    // Memory of a copied store is foreign: it is made anew by whoever opens it.
    for (const char* file : {"/.tenure/ingest.shm", "/.tenure/members.lock"}) {
      std::filesystem::remove(scratch_ / "begun" + file);
    }
  }

  /// `arm` makes call `index` of a life fail; `stop` ends that and returns how many calls there were.
  void EveryIndex(const std::function<void(FullLife&, std::uint64_t index)>& arm,
                  const std::function<std::uint64_t(FullLife&)>& stop, std::uint64_t usual_step = 3) {
    const std::uint64_t step = NumberFromEnvironment("TENURE_SIM_FAULT_STEP", usual_step);
    const std::string dir = scratch_ / "store";
    int failures = 0;
    std::uint64_t index = 0;
    for (; failures < 5; index += step) {
      std::filesystem::remove_all(dir);
      std::filesystem::copy(scratch_ / "begun", dir, std::filesystem::copy_options::recursive);
      FullLife life(dir);
      arm(life, index);
      life.Live(begun_);
      const std::uint64_t calls = stop(life);
      life.Afterwards();
      if (!life.violations().empty()) {
        ++failures;
        ADD_FAILURE() << "fault at call " << index << ":\n" << Joined(life.violations());
      }
      if (calls <= index) break;
    }
    std::printf("%llu call indexes, step %llu\n", static_cast<unsigned long long>(index),
                static_cast<unsigned long long>(step));
    EXPECT_GT(index, 60u) << "the life makes more calls than that";
  }

  SimScratch scratch_;
  FullLife begun_;
};

TEST_F(DiskFault, OfTheStoresOwnCalls) {
  EveryIndex(
      [](FullLife& life, std::uint64_t index) {
        life.env().SetFaultPlan([index](std::uint64_t call, base::TraceStep::Kind, const std::string& path) -> Status {
          if (call != index) return {};
          Error error = base::MakeError(ErrorCode::kIo, path + ": injected by the test");
          error.path = path;
          return error;
        });
      },
      [](FullLife& life) {
        life.env().SetFaultPlan({});
        return life.env().calls();
      });
}

TEST_F(DiskFault, OfSqlites) {
  const FailingSqlite sqlite;
  EveryIndex([](FullLife&, std::uint64_t index) { FailingSqlite::FailAt(index); },
             [](FullLife&) { return FailingSqlite::Stop(); });
}

/// Whatever SQLite has in its page cache. There are many such calls, and most of them are one of a few.
TEST_F(DiskFault, OfCallsOfSqlite) {
  EveryIndex([](FullLife&, std::uint64_t index) { testing::FailingStatements::FailAt(index); },
             [](FullLife&) { return testing::FailingStatements::Stop(); }, 17);
}

}  // namespace
}  // namespace tenure::sim
