// `tenure-bench lease`: what a lease costs. Pairs of durable acquire and release by many processes, beside durable
// puts by as many in the same run; renewing one, and a put under one, in one thread.
#include "tenure/lease.h"

#include <algorithm>
#include <vector>

#include "bench/common/clock.h"
#include "bench/common/failure.h"
#include "bench/fleet/fleet.h"
#include "bench/workloads/put_metrics.h"
#include "bench/workloads/rounds.h"
#include "bench/workloads/workload.h"

namespace tenure::bench {
namespace {

constexpr unsigned kDefaultProcesses = 16;
constexpr std::uint64_t kKeys = 100'000;
constexpr int kRenewals = 1'000'000;
constexpr int kHeld = 10'000;

class LeaseContest {
 public:
  LeaseContest(const Options& options, const Workspace& workspace)
      : options_(options), workspace_(workspace), processes_(options.procs.value_or(kDefaultProcesses)) {
    report_.workload = "lease";
    report_.columns = {{"ops_per_s", "ops/s"},      {"p50_us", "p50 us"},        {"p99_us", "p99 us"},
                       {"fairness", "fairness", 2}, {"renew_ns", "renew ns", 1}, {"renew_10000_ns", "of 10000", 1}};
  }

  Result<Report> Run() {
    for (const char* subject : {"tenure", "tenure_lease"}) AddRow(subject, processes_);
    for (const char* subject : {"renew", "put_alone", "put_under_lease"}) AddRow(subject, 1);
    TENURE_RETURN_IF_ERROR(BeginWithProbe(report_, workspace_, options_.seconds));
    TENURE_RETURN_IF_ERROR(Interleave(report_, workspace_, options_.rounds, [this](std::size_t row) {
      const std::string& subject = report_.rows[row].subject;
      if (row == 0) return MeasureProbe(workspace_, options_.seconds);
      if (subject == "renew") return MeasureRenewals();
      if (subject.starts_with("put_")) return MeasurePuts(subject == "put_under_lease");
      return MeasureFleet(subject);
    }));
    FinishWithProbe(report_);
    report_.AddRatio("pairs_vs_put", "ops_per_s", "tenure_lease", "tenure");
    report_.AddRatio("put_under_lease_vs_put", "ops_per_s", "put_under_lease", "put_alone");
    return std::move(report_);
  }

 private:
  void AddRow(const char* subject, unsigned writers) {
    Row row;
    row.subject = subject;
    row.writers = writers;
    report_.rows.push_back(row);
  }

  Result<Metrics> MeasureFleet(const std::string& subject_name) {
    const SubjectEntry* entry = FindSubject(subject_name);
    if (entry == nullptr) return Fail(subject_name + " is not compiled into this program", ErrorCode::kInternal);
    FleetOrder order;
    order.subject = subject_name;
    order.seconds = options_.seconds;
    order.seed = ++runs_;
    order.verbose = options_.verbose;
    TENURE_ASSIGN(order.setup.dir, workspace_.Fresh(subject_name));
    order.setup.keys = kKeys;
    order.setup.processes = processes_;
    const std::unique_ptr<Subject> subject = entry->make();
    TENURE_RETURN_IF_ERROR(subject->Prepare(order.setup));
    TENURE_RETURN_IF_ERROR(workspace_.Quiesce());
    TENURE_ASSIGN(const FleetResult result, RunFleet(order));
    workspace_.Discard(order.setup.dir);
    return PutMetrics(result);
  }

  /// The clock included. Of one lease again and again, and of each of many.
  Result<Metrics> MeasureRenewals() {
    TENURE_ASSIGN(const std::string dir, workspace_.Fresh("renew"));
    Metrics metrics;
    {
      TENURE_ASSIGN(Store store, Store::Create(dir));
      std::vector<Lease> leases;
      for (int i = 0; i < kHeld; ++i) {
        AcquireOptions options;
        options.scopes = {"n" + std::to_string(i)};
        TENURE_ASSIGN(Lease lease, store.Acquire(options));
        leases.push_back(std::move(lease));
      }
      const auto renew = [&](auto&& which) -> Result<double> {
        const std::uint64_t begin = NowNs();
        for (int i = 0; i < kRenewals; ++i) TENURE_RETURN_IF_ERROR(leases[which(i)].Renew());
        return static_cast<double>(NowNs() - begin) / kRenewals;
      };
      TENURE_ASSIGN(const double one, renew([](int) { return 0; }));
      TENURE_ASSIGN(const double many, renew([](int i) { return i % kHeld; }));
      metrics.Set("renew_ns", one);
      metrics.Set("renew_10000_ns", many);
      metrics.Set("ops_per_s", 1e9 / one);
    }
    workspace_.Discard(dir);
    return metrics;
  }

  Result<Metrics> MeasurePuts(bool under_lease) {
    TENURE_ASSIGN(const std::string dir, workspace_.Fresh("puts"));
    std::uint64_t operations = 0;
    double seconds = 0;
    {
      TENURE_ASSIGN(Store store, Store::Create(dir));
      AcquireOptions options;
      options.scopes = {"**"};
      std::vector<Lease> leases;
      CommitOptions commit;
      if (under_lease) {
        TENURE_ASSIGN(Lease lease, store.Acquire(options));
        leases.push_back(std::move(lease));
        commit.lease = &leases.front();
      }
      const std::uint64_t begin = NowNs();
      const auto window = static_cast<std::uint64_t>(options_.seconds * 1e9);
      while (NowNs() - begin < window) {
        Transaction txn;
        PutSpec spec;
        spec.name = "a/" + std::to_string(operations % kKeys);
        spec.version = "1";
        spec.size = ++operations;
        txn.Put(std::move(spec));
        TENURE_ASSIGN(const Receipt receipt, store.Commit(txn, commit));
      }
      seconds = static_cast<double>(NowNs() - begin) / 1e9;
    }
    workspace_.Discard(dir);
    Metrics metrics;
    metrics.Set("ops_per_s", static_cast<double>(operations) / seconds);
    return metrics;
  }

  const Options& options_;
  const Workspace& workspace_;
  const unsigned processes_;
  Report report_;
  std::uint64_t runs_ = 0;
};

Result<Report> Run(const Options& options) {
  TENURE_ASSIGN(const Workspace workspace, Workspace::Make(options.dir, options.keep));
  return LeaseContest(options, workspace).Run();
}

const WorkloadEntry kEntry("lease", "leases: acquire and release by many processes, renewals, puts under one",
                           kTakesProcesses | kTakesSeconds, Run);

}  // namespace
}  // namespace tenure::bench
