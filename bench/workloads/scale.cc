// `tenure-bench scale`: durable puts into a big store and into a small one, and the memory of an idle handle on each.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/common/failure.h"
#include "bench/common/process.h"
#include "bench/fleet/fleet.h"
#include "bench/workloads/fill.h"
#include "bench/workloads/put_metrics.h"
#include "bench/workloads/rounds.h"
#include "bench/workloads/workload.h"
#include "store/base/processes.h"
#include "tenure/store.h"

namespace tenure::bench {
namespace {

constexpr char kCommand[] = "__scale_idle";
constexpr unsigned kDefaultProcesses = 16;
constexpr std::uint64_t kSmall = 10'000;
constexpr std::uint64_t kFullSize = 10'000'000;

/// "VmRSS" and the like of this process, in KiB.
std::uint64_t StatusKib(const std::string& name) {
  const std::string status = base::ReadProc("/proc/self/status");
  const std::size_t at = status.find("\n" + name + ":");
  return at == std::string::npos ? 0 : std::strtoull(status.c_str() + at + name.size() + 2, nullptr, 10);
}

/// Open as a long-lived process has it: it has read and written once, its threads run, and everything is applied.
Status TellIdleMemory(const std::string& dir, int fd) {
  const std::uint64_t before_kib = StatusKib("VmRSS");
  TENURE_ASSIGN(Store store, Store::Open(dir));
  TENURE_ASSIGN(const ArtifactEntry entry, store.Get(KeyName(kSmall / 2) + ":" + std::string(kVersion)));
  Transaction txn;
  PutSpec spec;
  spec.name = entry.name;
  spec.version = entry.version;
  txn.Put(std::move(spec));
  TENURE_ASSIGN(const Receipt receipt, store.Commit(txn));
  TENURE_RETURN_IF_ERROR(store.CatchUp());
  SendLine(fd, std::to_string(before_kib) + " " + std::to_string(StatusKib("VmRSS")) + " " +
                   std::to_string(StatusKib("RssAnon")) + " " + std::to_string(receipt.lsn));
  return {};
}

/// `__scale_idle DIR FD`
int IdleMain(const std::vector<std::string>& arguments) {
  DieWithParent();
  if (arguments.size() != 2) return 2;
  const int fd = std::atoi(arguments[1].c_str());
  const Status told = TellIdleMemory(arguments[0], fd);
  if (told.ok()) return 0;
  SendLine(fd, "error " + told.error().message);
  return 1;
}
const HiddenCommand kHidden(kCommand, IdleMain);

Status MeasureIdle(const std::string& dir, Metrics& metrics) {
  TENURE_ASSIGN(ReportingChild child, ReportingChild::Start(kCommand, {dir}));
  TENURE_ASSIGN(const std::string answer, child.ReadLine());
  TENURE_RETURN_IF_ERROR(child.Finish());
  unsigned long long before = 0;
  unsigned long long after = 0;
  unsigned long long anonymous = 0;
  if (std::sscanf(answer.c_str(), "%llu %llu %llu", &before, &after, &anonymous) != 3) {
    return Fail("the idle process answered: " + answer);
  }
  metrics.Set("idle_rss_mib", static_cast<double>(after) / 1024);
  metrics.Set("idle_handle_mib", (static_cast<double>(after) - static_cast<double>(before)) / 1024);
  metrics.Set("idle_anonymous_mib", static_cast<double>(anonymous) / 1024);
  return {};
}

struct Size {
  std::string name;
  std::uint64_t entries;
  std::string dir;
};

Result<Metrics> Measure(const Size& size, const Options& options, std::uint64_t seed) {
  FleetOrder order;
  order.subject = "tenure";
  order.seconds = options.seconds;
  order.seed = seed;
  order.verbose = options.verbose;
  order.setup.dir = size.dir;
  order.setup.keys = size.entries;
  order.setup.processes = options.procs.value_or(kDefaultProcesses);
  TENURE_ASSIGN(const FleetResult result, RunFleet(order));
  Metrics metrics = PutMetrics(result);
  metrics.Set("settle_ms", (result.settled_s - result.drained_s) * 1e3);
  metrics.Set("queryable_per_s", static_cast<double>(result.ops_total) / result.settled_s);
  metrics.Set("entries", static_cast<double>(size.entries));
  TENURE_RETURN_IF_ERROR(MeasureIdle(size.dir, metrics));
  return metrics;
}

Result<Report> Run(const Options& options) {
  TENURE_ASSIGN(const Workspace workspace, Workspace::Make(options.dir, options.keep));
  Report report;
  report.workload = "scale";
  report.columns = {{"entries", "entries"},
                    {"ops_per_s", "ops/s"},
                    {"p50_us", "p50 us"},
                    {"p99_us", "p99 us"},
                    {"p99_x_l", "p99/L", 1},
                    {"fairness", "fairness", 2},
                    {"cpu_s_per_op", "cpu us/op", 1, 1e6},
                    {"settle_ms", "settle ms"},
                    {"queryable_per_s", "queryable/s"},
                    {"idle_handle_mib", "idle handle MiB", 1},
                    {"idle_rss_mib", "idle RSS MiB", 1}};
  std::vector<Size> sizes = {{"small", kSmall, {}}, {"big", options.big, {}}};
  for (Size& size : sizes) {
    TENURE_ASSIGN(size.dir, workspace.Fresh(size.name));
    TENURE_RETURN_IF_ERROR(FillStore(size.dir, size.entries));
    Row row;
    row.subject = size.name;
    row.writers = options.procs.value_or(kDefaultProcesses);
    report.rows.push_back(row);
  }
  TENURE_RETURN_IF_ERROR(BeginWithProbe(report, workspace, options.seconds));
  std::uint64_t seed = 0;
  TENURE_RETURN_IF_ERROR(Interleave(report, workspace, options.rounds, [&](std::size_t row) {
    return row == 0 ? MeasureProbe(workspace, options.seconds) : Measure(sizes[row - 1], options, ++seed);
  }));
  FinishWithProbe(report);
  report.AddRatio("ops_vs_small", "ops_per_s", "big", "small");
  report.AddRatio("queryable_vs_small", "queryable_per_s", "big", "small");
  report.AddRatio("idle_handle_vs_small", "idle_handle_mib", "big", "small");
  report.notes.push_back({"big", std::to_string(options.big) + " entries" +
                                     (options.big < kFullSize ? ": a short run, not the size of the bar" : "")});
  return report;
}

const WorkloadEntry kEntry("scale", "durable puts into a big store against a small one; memory of an idle handle",
                           kTakesProcesses | kTakesSeconds | kTakesBig, Run);

}  // namespace
}  // namespace tenure::bench
