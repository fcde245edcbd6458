// `tenure-bench flood`: one writer with one put at a time, alone and beside processes that flood the store, and how
// many batches each of its puts takes.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "bench/common/clock.h"
#include "bench/common/failure.h"
#include "bench/common/histogram.h"
#include "bench/fleet/fleet.h"
#include "bench/workloads/rounds.h"
#include "bench/workloads/workload.h"
#include "store/base/error.h"
#include "store/journal/reader.h"
#include "store/recovery/checkpoints.h"
#include "store/recovery/config.h"
#include "store/store_impl.h"
#include "tenure/store.h"

namespace tenure::bench {
namespace {

constexpr unsigned kDefaultFlooders = 1;
constexpr unsigned kDefaultOutstanding = 256;
constexpr std::uint64_t kKeys = 10'000;
/// The flood is on when this many of its transactions were committed.
constexpr Lsn kWarmUp = 1'000;
/// The flood lasts longer than what is measured in it.
constexpr double kFloodMargin = 1.5;

/// The last LSN of every frame of a journal: of every batch.
Result<std::vector<Lsn>> BatchesOf(const std::string& dir) {
  base::Env& env = base::Env::Posix();
  TENURE_ASSIGN(const recovery::Layout layout, recovery::FindStore(env, dir));
  TENURE_ASSIGN(const recovery::Config config, recovery::ReadConfig(env, layout));
  TENURE_ASSIGN(const auto reader, journal::Reader::OpenAtStart(env, layout.journal(), config.journal_id,
                                                                recovery::TrimmedBelowOf(env, layout)));
  std::vector<Lsn> batches;
  for (;;) {
    journal::RawFrame raw;
    journal::FrameFault fault = journal::FrameFault::kNone;
    TENURE_ASSIGN(const journal::Stop stop, reader->NextRaw(journal::kNoLimit, 0, raw, fault));
    if (stop != journal::Stop::kFrame) return batches;
    batches.push_back(raw.after.last_lsn);
  }
}

/// Puts, one at a time, and between which LSNs each of them fell.
class Trickler {
 public:
  static Result<std::unique_ptr<Trickler>> Open(const std::string& dir) {
    TENURE_ASSIGN(Store store, Store::Open(dir));
    TENURE_ASSIGN(auto impl, StoreImpl::Open(dir, {}));  // the same one
    return std::unique_ptr<Trickler>(new Trickler(std::move(store), std::move(impl)));
  }

  /// For `seconds`; with a flood, from the moment it is on.
  Status Run(double seconds, const std::atomic<bool>* flood_over) {
    if (flood_over != nullptr) TENURE_RETURN_IF_ERROR(AwaitFlood(*flood_over));
    const std::uint64_t end_ns = NowNs() + static_cast<std::uint64_t>(seconds * 1e9);
    while (NowNs() < end_ns) {
      const Lsn before = impl_->context->DurableLsn();
      Transaction txn;
      txn.Put({.name = "trickle", .version = "1", .size = ++size_});
      const std::uint64_t begin_ns = NowNs();
      TENURE_ASSIGN(const Receipt receipt, store_.Commit(txn));
      times_.Record(NowNs() - begin_ns);
      spent_ns_ += NowNs() - begin_ns;
      puts_.push_back({before, receipt.lsn});
    }
    if (flood_over != nullptr && flood_over->load(std::memory_order_acquire)) {
      return Fail("the flood was over before the trickle", ErrorCode::kInternal);
    }
    return {};
  }

  Metrics MetricsOf(const std::vector<Lsn>& batches) const {
    const auto number = [&](Lsn lsn) {
      return std::lower_bound(batches.begin(), batches.end(), lsn) - batches.begin();
    };
    std::vector<std::ptrdiff_t> taken;
    for (const Span& put : puts_) taken.push_back(number(put.lsn) - number(put.before));
    std::sort(taken.begin(), taken.end());
    const auto at = [&](double share) {
      return static_cast<double>(taken[static_cast<std::size_t>(share * static_cast<double>(taken.size() - 1))]);
    };
    Metrics metrics;
    metrics.Set("ops_per_s", static_cast<double>(times_.count()) * 1e9 / static_cast<double>(spent_ns_));
    metrics.Set("p50_us", times_.Percentile(0.5) / 1e3);
    metrics.Set("p99_us", times_.Percentile(0.99) / 1e3);
    metrics.Set("p50_batches", at(0.5));
    metrics.Set("p99_batches", at(0.99));
    metrics.Set("max_batches", at(1));
    metrics.Set("operations", static_cast<double>(taken.size()));
    return metrics;
  }

 private:
  struct Span {
    Lsn before;  ///< Durable when it was called.
    Lsn lsn;     ///< Its own.
  };
  Trickler(Store store, std::shared_ptr<StoreImpl> impl) : store_(std::move(store)), impl_(std::move(impl)) {}

  Status AwaitFlood(const std::atomic<bool>& over) const {
    const Lsn before = impl_->context->DurableLsn();
    while (impl_->context->DurableLsn() < before + kWarmUp) {
      if (over.load(std::memory_order_acquire)) return Fail("there was no flood", ErrorCode::kInternal);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {};
  }

  Store store_;
  std::shared_ptr<StoreImpl> impl_;  // what is durable, without a call
  Histogram times_;
  std::uint64_t spent_ns_ = 0;
  std::uint64_t size_ = 0;
  std::vector<Span> puts_;
};

Result<Metrics> Measure(const Options& options, const Workspace& workspace, bool flooded) {
  TENURE_ASSIGN(const std::string dir, workspace.Fresh("flood"));
  TENURE_ASSIGN(const Store created, Store::Create(dir));
  TENURE_ASSIGN(const std::unique_ptr<Trickler> trickler, Trickler::Open(dir));
  double flood_per_s = 0;
  if (!flooded) {
    TENURE_RETURN_IF_ERROR(trickler->Run(options.seconds, nullptr));
  } else {
    FleetOrder order;
    order.subject = "tenure";
    order.outstanding = options.outstanding > 1 ? options.outstanding : kDefaultOutstanding;
    order.seconds = options.seconds * kFloodMargin + 2;
    order.verbose = options.verbose;
    order.setup.dir = dir;
    order.setup.keys = kKeys;
    order.setup.processes = options.procs.value_or(kDefaultFlooders);
    std::atomic<bool> over{false};
    std::optional<Status> trickled;
    std::thread thread([&] { trickled = trickler->Run(options.seconds, &over); });
    const Result<FleetResult> written = RunFleet(order);
    over.store(true, std::memory_order_release);
    thread.join();
    if (!written.ok()) return written.error();
    if (!trickled->ok()) return trickled->error();
    flood_per_s = static_cast<double>(written->ops) / written->window_s;
  }
  TENURE_ASSIGN(const std::vector<Lsn> batches, BatchesOf(dir));
  Metrics metrics = trickler->MetricsOf(batches);
  metrics.Set("flood_per_s", flood_per_s);
  return metrics;
}

Result<Report> Run(const Options& options) {
  TENURE_ASSIGN(const Workspace workspace, Workspace::Make(options.dir, options.keep));
  Report report;
  report.workload = "flood";
  report.columns = {{"ops_per_s", "puts/s"},          {"p50_us", "p50 us", 1}, {"p99_us", "p99 us", 1},
                    {"p50_batches", "p50 batches"},   {"p99_batches", "p99"},  {"max_batches", "most"},
                    {"flood_per_s", "puts/s beside"}, {"p50_x_l", "p50/L", 2}, {"p99_x_l", "p99/L", 2}};
  TENURE_RETURN_IF_ERROR(BeginWithProbe(report, workspace, options.seconds));
  for (const char* subject : {"alone", "beside_flood"}) {
    Row row;
    row.subject = subject;
    row.kind = "process";
    row.writers = 1;
    report.rows.push_back(row);
  }
  TENURE_RETURN_IF_ERROR(Interleave(report, workspace, options.rounds, [&](std::size_t row) -> Result<Metrics> {
    if (report.rows[row].subject == "probe") return MeasureProbe(workspace, options.seconds);
    return Measure(options, workspace, report.rows[row].subject == "beside_flood");
  }));
  FinishWithProbe(report);
  report.ratios.Set("p99_batches", report.FindRow("beside_flood")->MedianOf("p99_batches"));
  report.AddRatio("p50_vs_alone", "p50_us", "beside_flood", "alone");
  return report;
}

const WorkloadEntry kEntry("flood", "one writer, one put at a time, beside processes that flood the store",
                           kTakesProcesses | kTakesOutstanding | kTakesSeconds, Run);

}  // namespace
}  // namespace tenure::bench
