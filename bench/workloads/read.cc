// `tenure-bench read`: reads by key while many processes write, through the library and through SQLite on the same
// index file, call by call in turns.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "bench/common/clock.h"
#include "bench/common/failure.h"
#include "bench/common/histogram.h"
#include "bench/fleet/fleet.h"
#include "bench/subjects/sqlite_db.h"
#include "bench/workloads/fill.h"
#include "bench/workloads/rounds.h"
#include "bench/workloads/workload.h"
#include "tenure/doctor.h"
#include "tenure/store.h"

namespace tenure::bench {
namespace {

constexpr unsigned kDefaultProcesses = 16;
constexpr std::uint64_t kDefaultKeys = 100'000;
/// The writers change these; each was changed within the last fraction of a second, whatever the machine.
constexpr std::uint64_t kWrittenKeys = 1'000;
/// The writers are at work when this many transactions of theirs were committed.
constexpr Lsn kWarmUp = 200;
constexpr double kFleetMargin = 1.5;
/// What the library's readers have, twice SQLite's default; and one that holds the whole index.
constexpr unsigned kCacheMib = 4;
constexpr unsigned kLargeCacheMib = 256;

enum Kind { kSnapshot, kSqlite, kSqliteLarge, kCommitted, kCommittedWritten, kSnapshotWritten, kKinds };
constexpr const char* kNames[kKinds] = {
    "snapshot", "sqlite", "sqlite_large", "read_committed", "read_committed_written", "snapshot_written"};

/// A read-only connection to the index, with the statement that the library needs too.
class Peer {
 public:
  static Result<Peer> Open(const std::string& path, unsigned cache_mib) {
    TENURE_ASSIGN(SqliteDb db, SqliteDb::OpenReadOnly(path, cache_mib));
    TENURE_ASSIGN(SqliteStatement select,
                  db.Prepare("SELECT name, version, digest, size, media_type, urls, annotations, created_at_ms,"
                             " updated_at_ms, writer, revision, lsn, deleted FROM entry"
                             " WHERE name = ?1 AND version = ?2"));
    return Peer(std::move(db), std::move(select));
  }

  /// All columns are fetched, as the library does, into strings and numbers.
  Status Select(const std::string& name) {
    select_.BindText(1, name);
    select_.BindText(2, kVersion);
    if (!select_.StepRow()) return db_.LastError("select");
    ArtifactEntry entry;
    entry.name = select_.Text(0);
    entry.version = select_.Text(1);
    entry.digest = select_.Text(2);
    entry.size = select_.Integer(3);
    entry.media_type = select_.Text(4);
    const std::string urls = select_.Text(5);
    entry.annotations = select_.Text(6);
    entry.created_at_ms = static_cast<TimeMs>(select_.Integer(7));
    entry.updated_at_ms = static_cast<TimeMs>(select_.Integer(8));
    entry.writer = select_.Text(9);
    entry.revision = select_.Integer(10);
    entry.lsn = select_.Integer(11);
    entry.deleted = select_.Integer(12) != 0;
    select_.Reset();
    if (entry.name != name || entry.digest.empty() || urls.empty()) return Fail("another entry than asked for");
    return {};
  }

 private:
  Peer(SqliteDb db, SqliteStatement select) : db_(std::move(db)), select_(std::move(select)) {}
  SqliteDb db_;
  SqliteStatement select_;  // behind db_: finalised first
};

/// Reads of one thread, in turns, each under its own clock.
class Reader {
 public:
  static Result<std::unique_ptr<Reader>> Open(const std::string& dir, std::uint64_t keys) {
    OpenOptions options;
    options.background = false;
    TENURE_ASSIGN(Store store, Store::Open(dir, options));
    TENURE_ASSIGN(const StoreDiagnosis diagnosis, store.Diagnose());
    TENURE_ASSIGN(Peer peer, Peer::Open(diagnosis.index_path, kCacheMib));
    TENURE_ASSIGN(Peer large, Peer::Open(diagnosis.index_path, kLargeCacheMib));
    return std::unique_ptr<Reader>(new Reader(std::move(store), std::move(peer), std::move(large), keys));
  }

  /// Until `writers_done` or, without writers, for `seconds`; from the moment the writers are at work.
  Status Run(double seconds, const std::atomic<bool>* writers_done) {
    if (writers_done != nullptr) {
      TENURE_ASSIGN(const bool started, AwaitWriters(*writers_done));
      if (!started) return {};  // the fleet says why
    }
    for (int i = 0; i < 1'000; ++i) TENURE_RETURN_IF_ERROR(Once(false));
    const std::uint64_t end_ns = NowNs() + static_cast<std::uint64_t>(seconds * 1e9);
    while (NowNs() < end_ns) {
      TENURE_RETURN_IF_ERROR(Once(true));
      if (writers_done != nullptr && writers_done->load(std::memory_order_acquire)) {
        return Fail("the writers were done before the readers", ErrorCode::kInternal);
      }
    }
    return {};
  }

  Metrics MetricsOf(Kind kind) const {
    Metrics metrics;
    const Histogram& times = *times_[kind];
    metrics.Set("ops_per_s", static_cast<double>(times.count()) * 1e9 / static_cast<double>(spent_ns_[kind]));
    metrics.Set("p50_us", times.Percentile(0.5) / 1e3);
    metrics.Set("p99_us", times.Percentile(0.99) / 1e3);
    metrics.Set("p999_us", times.Percentile(0.999) / 1e3);
    metrics.Set("operations", static_cast<double>(times.count()));
    return metrics;
  }

 private:
  Reader(Store store, Peer peer, Peer large, std::uint64_t keys)
      : store_(std::move(store)), peer_(std::move(peer)), large_(std::move(large)), keys_(keys) {
    for (auto& histogram : times_) histogram = std::make_unique<Histogram>();
  }

  Result<bool> AwaitWriters(const std::atomic<bool>& writers_done) {
    TENURE_ASSIGN(const StoreDiagnosis before, store_.Diagnose());
    for (;;) {
      if (writers_done.load(std::memory_order_acquire)) return false;
      TENURE_ASSIGN(const StoreDiagnosis now, store_.Diagnose());
      if (now.durable_lsn >= before.durable_lsn + kWarmUp) return true;
    }
  }

  std::uint64_t Random() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;  // Knuth's MMIX
    return state_ >> 33;
  }

  /// One read of each kind, each of a key of its own: reading another's key again would find it in caches. Every kind
  /// is the first in its turn, and every second turn goes backwards.
  Status Once(bool counted) {
    for (unsigned i = 0; i < kKinds; ++i) {
      const unsigned step = turn_ % 2 == 0 ? i : kKinds - i;
      const auto kind = static_cast<Kind>((turn_ / 2 + step) % kKinds);
      const bool of_written = kind == kCommittedWritten || kind == kSnapshotWritten;
      const std::string name =
          KeyName(of_written ? Random() % kWrittenKeys : kWrittenKeys + Random() % (keys_ - kWrittenKeys));
      const std::uint64_t begin_ns = NowNs();
      TENURE_RETURN_IF_ERROR(Read(kind, name));
      const std::uint64_t ns = NowNs() - begin_ns;
      if (!counted) continue;
      times_[kind]->Record(ns);
      spent_ns_[kind] += ns;
    }
    ++turn_;
    return {};
  }

  Status Read(Kind kind, const std::string& name) {
    if (kind == kSqlite) return peer_.Select(name);
    if (kind == kSqliteLarge) return large_.Select(name);
    ReadOptions options;
    if (kind == kSnapshot || kind == kSnapshotWritten) options.consistency = Consistency::kSnapshot;
    TENURE_ASSIGN(const ArtifactEntry entry, store_.Get(name + ":" + std::string(kVersion), options));
    if (entry.name != name || entry.digest.empty()) return Fail("another entry than asked for");
    return {};
  }

  Store store_;
  Peer peer_;
  Peer large_;
  const std::uint64_t keys_;
  std::uint64_t state_ = 1;
  unsigned turn_ = 0;
  std::unique_ptr<Histogram> times_[kKinds];
  std::uint64_t spent_ns_[kKinds] = {};
};

class ReadContest {
 public:
  ReadContest(const Options& options, const Workspace& workspace) : options_(options), workspace_(workspace) {
    processes_ = options.procs.value_or(kDefaultProcesses);
  }

  Result<Report> Run() {
    const std::uint64_t keys = std::max(options_.keys.value_or(kDefaultKeys), 2 * kWrittenKeys);
    TENURE_ASSIGN(dir_, workspace_.Fresh("read"));
    TENURE_RETURN_IF_ERROR(FillStore(dir_, keys));
    report_.workload = "read";
    report_.columns = {{"ops_per_s", "reads/s"},   {"p50_us", "p50 us", 1}, {"p99_us", "p99 us", 1},
                       {"p999_us", "p99.9 us", 1}, {"operations", "reads"}, {"writes_per_s", "writes/s beside"}};
    for (const bool loaded : {false, true}) {
      for (const char* name : kNames) {
        Row row;
        row.subject = std::string(name) + (loaded ? "" : "_idle");
        row.kind = "thread";
        report_.rows.push_back(row);
      }
    }
    for (unsigned round = 0; round < options_.rounds; ++round) {
      for (const bool loaded : {round % 2 == 1, round % 2 == 0}) TENURE_RETURN_IF_ERROR(Measure(loaded, keys, round));
    }
    SetRatios();
    return std::move(report_);
  }

 private:
  Status Measure(bool loaded, std::uint64_t keys, unsigned round) {
    TENURE_RETURN_IF_ERROR(workspace_.Quiesce());
    TENURE_ASSIGN(const std::unique_ptr<Reader> reader, Reader::Open(dir_, keys));
    double writes_per_s = 0;
    if (loaded) {
      TENURE_ASSIGN(writes_per_s, ReadBesideWriters(*reader, round));
    } else {
      TENURE_RETURN_IF_ERROR(reader->Run(options_.seconds, nullptr));
    }
    for (int kind = 0; kind < kKinds; ++kind) {
      Metrics metrics = reader->MetricsOf(static_cast<Kind>(kind));
      if (loaded) metrics.Set("writes_per_s", writes_per_s);
      Row& row = report_.rows[static_cast<std::size_t>(kind + (loaded ? kKinds : 0))];
      std::fprintf(stderr, "round %u/%u  %-28s %10.1f p50_us %10.1f p99_us\n", round + 1, options_.rounds,
                   row.subject.c_str(), *metrics.Find("p50_us"), *metrics.Find("p99_us"));
      row.rounds.push_back(std::move(metrics));
    }
    return {};
  }

  /// Writes per second meanwhile.
  Result<double> ReadBesideWriters(Reader& reader, unsigned round) const {
    FleetOrder order;
    order.subject = "tenure";
    // Longer than the readers need, the warm-up included.
    order.seconds = options_.seconds * kFleetMargin + 2;
    order.seed = round + 1;
    order.verbose = options_.verbose;
    order.setup.dir = dir_;
    order.setup.keys = kWrittenKeys;
    order.setup.processes = processes_;
    std::atomic<bool> done{false};
    std::optional<Status> read;
    std::thread thread([&] { read = reader.Run(options_.seconds, &done); });
    const Result<FleetResult> written = RunFleet(order);
    done.store(true, std::memory_order_release);
    thread.join();
    if (!written.ok()) return written.error();
    if (!read->ok()) return read->error();
    return static_cast<double>(written->ops) / written->window_s;
  }

  void SetRatios() {
    report_.AddRatio("ops_vs_sqlite", "ops_per_s", "snapshot", "sqlite");
    report_.AddRatio("ops_vs_sqlite_large", "ops_per_s", "snapshot", "sqlite_large");
    report_.AddRatio("idle_ops_vs_sqlite", "ops_per_s", "snapshot_idle", "sqlite_idle");
    const auto ratio = [this](const char* name, const char* metric, const char* subject, const char* peer) {
      report_.ratios.Set(name, report_.FindRow(subject)->MedianOf(metric) / report_.FindRow(peer)->MedianOf(metric));
    };
    ratio("p50_vs_sqlite", "p50_us", "snapshot", "sqlite");
    ratio("p99_vs_sqlite", "p99_us", "snapshot", "sqlite");
    ratio("p99_vs_idle", "p99_us", "snapshot", "snapshot_idle");
    ratio("sqlite_p99_vs_idle", "p99_us", "sqlite", "sqlite_idle");
    ratio("read_committed_p50_vs_snapshot", "p50_us", "read_committed", "snapshot");
    ratio("written_p50_vs_untouched", "p50_us", "read_committed_written", "read_committed");
    report_.notes.push_back({"writers", std::to_string(processes_) + " processes"});
  }

  const Options& options_;
  const Workspace& workspace_;
  unsigned processes_ = 1;
  std::string dir_;
  Report report_;
};

Result<Report> Run(const Options& options) {
  TENURE_ASSIGN(const Workspace workspace, Workspace::Make(options.dir, options.keep));
  return ReadContest(options, workspace).Run();
}

const WorkloadEntry kEntry("read", "reads by key while many processes write, beside SQLite on the same file",
                           kTakesProcesses | kTakesSeconds | kTakesKeys, Run);

}  // namespace
}  // namespace tenure::bench
