// `tenure-bench put`: durable puts by many writers, tenure and its peers side by side.
#include <algorithm>
#include <cstdio>

#include "bench/common/failure.h"
#include "bench/fleet/fleet.h"
#include "bench/workloads/put_metrics.h"
#include "bench/workloads/rounds.h"
#include "bench/workloads/workload.h"

namespace tenure::bench {
namespace {

constexpr unsigned kDefaultProcesses = 16;
constexpr std::uint64_t kDefaultKeys = 100'000;
constexpr unsigned kBatchRows = 10'000;
/// A burst stays within the default of OpenOptions::apply_lag_max.
constexpr std::uint64_t kBurstOps = 200'000;
const char* const kSqliteVariants[] = {"sqlite", "sqlite_retry", "sqlite_flock"};

enum class Shape { kOneByOne, kWindowed, kOneKey };

/// One row of the contest and how it is run.
struct Contender {
  std::string label;
  const SubjectEntry* subject = nullptr;
  Shape shape = Shape::kOneByOne;
  unsigned processes = 1;
  unsigned threads = 1;
  unsigned outstanding = 1;
  std::uint64_t ops_per_writer_max = 0;
};

class PutContest {
 public:
  PutContest(const Options& options, const Workspace& workspace) : options_(options), workspace_(workspace) {
    processes_ = options.threads ? 1 : options.procs.value_or(kDefaultProcesses);
    threads_ = options.threads.value_or(1);
    shape_ = options.one_key ? Shape::kOneKey : options.outstanding > 1 ? Shape::kWindowed : Shape::kOneByOne;
    report_.workload = "put";
  }

  Result<Report> Run() {
    AddOurs();
    for (const std::string& peer : PeerNames()) AddPeer(peer);
    SetColumns();
    for (const Contender& contender : contenders_) report_.rows.push_back(RowOf(contender));
    TENURE_RETURN_IF_ERROR(BeginWithProbe(report_, workspace_, options_.seconds));
    TENURE_RETURN_IF_ERROR(Interleave(report_, workspace_, options_.rounds, [this](std::size_t row) {
      return row == 0 ? MeasureProbe(workspace_, options_.seconds) : Measure(contenders_[row - 1]);
    }));
    FinishWithProbe(report_);
    SetRatios();
    return std::move(report_);
  }

 private:
  void LeaveOut(const std::string& name, const std::string& why) {
    std::fprintf(stderr, "left out: %s: %s\n", name.c_str(), why.c_str());
    report_.missing.push_back(name);
  }

  std::vector<std::string> PeerNames() const {
    if (options_.no_peers) return {};
    if (!options_.peers.empty()) return options_.peers;
    if (shape_ == Shape::kWindowed) return {"sqlite_batch"};
    return {"sqlite", "sqlite_retry", "sqlite_flock", "lmdb", "rocksdb", "jsonfile"};
  }

  Contender Basic(const std::string& label, const SubjectEntry* subject) const {
    Contender contender;
    contender.label = label;
    contender.subject = subject;
    contender.shape = shape_;
    contender.processes = processes_;
    contender.threads = threads_;
    contender.outstanding = options_.outstanding;
    return contender;
  }

  void AddOurs() {
    const SubjectEntry* subject = FindSubject("tenure");
    if (subject == nullptr) return LeaveOut("tenure", "not compiled into this program");
    contenders_.push_back(Basic("tenure", subject));
    if (shape_ == Shape::kWindowed) {
      Contender burst = Basic("tenure_burst", subject);
      burst.ops_per_writer_max = kBurstOps / (std::uint64_t{processes_} * threads_);
      contenders_.push_back(burst);
    }
    if (shape_ == Shape::kOneKey) {
      // What the attempts and the successes are compared with, measured in the same run.
      Contender spread = Basic("tenure_spread", subject);
      spread.shape = Shape::kOneByOne;
      Contender alone = spread;
      alone.label = "tenure_alone";
      alone.processes = alone.threads = 1;
      contenders_.push_back(spread);
      contenders_.push_back(alone);
    }
  }

  void AddPeer(const std::string& name) {
    const SubjectEntry* subject = FindSubject(name);
    if (subject == nullptr) return LeaveOut(name, "its library was not installed when this program was built");
    Contender contender = Basic(name, subject);
    if (name == "sqlite_batch" && shape_ != Shape::kOneKey) {
      contender.processes = contender.threads = 1;
      contender.outstanding = kBatchRows;
      contender.shape = Shape::kWindowed;
    }
    if (contender.processes > 1 && !subject->traits.many_processes) {
      return LeaveOut(name, "one process only; use --threads or --procs 1");
    }
    if (contender.shape == Shape::kOneKey && !subject->traits.one_key) return LeaveOut(name, "no compare-and-set here");
    if (contender.shape == Shape::kWindowed && !subject->traits.windowed) return LeaveOut(name, "no asynchronous put");
    contenders_.push_back(contender);
  }

  static Row RowOf(const Contender& contender) {
    Row row;
    row.subject = contender.label;
    row.writers = contender.processes * contender.threads;
    row.kind = contender.threads > 1 ? "thread" : "process";
    row.outstanding = contender.outstanding;
    return row;
  }

  Result<Metrics> Measure(const Contender& contender) {
    FleetOrder order;
    order.subject = contender.subject->name;
    order.outstanding = contender.outstanding;
    order.seconds = contender.ops_per_writer_max > 0 ? 600 : options_.seconds;
    order.ops_per_writer_max = contender.ops_per_writer_max;
    order.seed = ++runs_;
    order.verbose = options_.verbose;
    SubjectSetup& setup = order.setup;
    TENURE_ASSIGN(setup.dir, workspace_.Fresh(contender.label));
    setup.keys = options_.keys.value_or(kDefaultKeys);
    if (contender.subject->traits.keys_max > 0) setup.keys = std::min(setup.keys, contender.subject->traits.keys_max);
    setup.processes = contender.processes;
    setup.threads = contender.threads;
    setup.one_key = contender.shape == Shape::kOneKey;
    const std::unique_ptr<Subject> subject = contender.subject->make();
    TENURE_RETURN_IF_ERROR(subject->Prepare(setup));
    TENURE_RETURN_IF_ERROR(workspace_.Quiesce());
    TENURE_ASSIGN(const FleetResult result, RunFleet(order));
    if (setup.one_key) TENURE_RETURN_IF_ERROR(CheckNothingLost(contender.label, *subject, setup, result));
    workspace_.Discard(setup.dir);
    return MetricsOf(contender, result);
  }

  static Metrics MetricsOf(const Contender& contender, const FleetResult& result) {
    Metrics metrics = contender.shape == Shape::kOneKey     ? OneKeyMetrics(result)
                      : contender.shape == Shape::kWindowed ? WindowedMetrics(result)
                                                            : PutMetrics(result);
    if (contender.label == "tenure_burst") metrics.Set("ops_per_s", *metrics.Find("acked_per_s"));
    if (std::string(contender.subject->name) == "tenure") {
      metrics.Set("settle_ms", (result.settled_s - result.drained_s) * 1e3);
      metrics.Set("queryable_per_s", static_cast<double>(result.ops_total) / result.settled_s);
    }
    return metrics;
  }

  /// The counter began at 1; every success raised it by one.
  static Status CheckNothingLost(const std::string& label, Subject& subject, const SubjectSetup& setup,
                                 const FleetResult& result) {
    TENURE_ASSIGN(const std::uint64_t counter, subject.Counter(setup));
    if (counter == result.successes_total + 1) return {};
    return Fail(label + ": lost updates: " + std::to_string(result.successes_total) +
                    " increments were acknowledged, the counter went from 1 to " + std::to_string(counter),
                ErrorCode::kInternal);
  }

  void SetColumns() {
    report_.columns = {{"ops_per_s", "ops/s"}};
    if (shape_ == Shape::kWindowed) report_.columns.push_back({"acked_per_s", "acked/s"});
    if (shape_ == Shape::kOneKey) report_.columns.push_back({"attempts_per_s", "attempts/s"});
    const std::vector<Column> common = {
        {"p50_us", "p50 us"},      {"p99_us", "p99 us"},    {"p999_us", "p99.9 us"},
        {"p50_x_l", "p50/L", 1},   {"p99_x_l", "p99/L", 1}, {"fairness", "fairness", 2},
        {"least_ops", "least"},    {"most_ops", "most"},    {"cpu_s_per_op", "cpu us/op", 1, 1e6},
        {"settle_ms", "settle ms"}};
    report_.columns.insert(report_.columns.end(), common.begin(), common.end());
  }

  void SetRatios() {
    if (shape_ == Shape::kWindowed) {
      report_.AddRatio("ops_vs_probe", "ops_per_s", "tenure", "probe");
      report_.AddRatio("ops_vs_sqlite", "ops_per_s", "tenure", "sqlite_batch");
      report_.AddRatio("burst_vs_sqlite", "ops_per_s", "tenure_burst", "sqlite_batch");
      return;
    }
    report_.AddRatio("ops_vs_probe", "ops_per_s", "tenure", "probe");
    if (const std::string best = BestSqlite(); !best.empty()) {
      report_.AddRatio("ops_vs_sqlite", "ops_per_s", "tenure", best);
      report_.notes.push_back({"sqlite_best", best});
    }
    for (const char* peer : {"sqlite_flock", "sqlite_batch", "lmdb", "rocksdb", "jsonfile", "group_probe"}) {
      report_.AddRatio(std::string("ops_vs_") + peer, "ops_per_s", "tenure", peer);
    }
    const Row* attempts = report_.FindRow("tenure");
    const Row* spread = report_.FindRow("tenure_spread");
    if (attempts != nullptr && spread != nullptr) {
      report_.ratios.Set("attempts_vs_put", attempts->MedianOf("attempts_per_s") / spread->MedianOf("ops_per_s"));
      report_.AddRatio("successes_vs_one_writer", "ops_per_s", "tenure", "tenure_alone");
    }
  }

  /// SQLite counts as the best of its three ways to wait.
  std::string BestSqlite() const {
    std::string best;
    for (const char* name : kSqliteVariants) {
      const Row* row = report_.FindRow(name);
      if (row == nullptr) continue;
      if (best.empty() || row->MedianOf("ops_per_s") > report_.FindRow(best)->MedianOf("ops_per_s")) best = name;
    }
    return best;
  }

  const Options& options_;
  const Workspace& workspace_;
  unsigned processes_ = 1;
  unsigned threads_ = 1;
  Shape shape_ = Shape::kOneByOne;
  std::vector<Contender> contenders_;
  Report report_;
  std::uint64_t runs_ = 0;
};

Result<Report> Run(const Options& options) {
  TENURE_ASSIGN(const Workspace workspace, Workspace::Make(options.dir, options.keep));
  return PutContest(options, workspace).Run();
}

const WorkloadEntry kEntry("put", "durable puts by many processes or threads, with peers",
                           kTakesWriters | kTakesOutstanding | kTakesOneKey | kTakesSeconds | kTakesKeys | kTakesPeers,
                           Run);

}  // namespace
}  // namespace tenure::bench
