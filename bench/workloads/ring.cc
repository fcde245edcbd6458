// `tenure-bench ring`: 64-byte records from one thread to another through tenure's ring and through
// boost::lockfree::spsc_queue, and what one call of the writer costs.
#include <algorithm>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstdlib>
#include <memory>
#include <new>

#include "bench/common/histogram.h"
#include "bench/common/ticks.h"
#include "bench/workloads/ring_transfer.h"
#include "bench/workloads/rounds.h"
#include "bench/workloads/workload.h"
#include "store/base/error.h"
#include "store/ingest/ring.h"

namespace tenure::bench {
namespace {

constexpr std::size_t kBatch = 16;
constexpr std::uint32_t kBytes = ingest::Ring::kDefaultCapacity;

/// A ring of the default size, in memory that was touched before.
class RingMemory {
 public:
  RingMemory() : memory_(static_cast<std::byte*>(std::aligned_alloc(64, kSize)), &std::free) {
    if (memory_ == nullptr) std::abort();
    std::memset(memory_.get(), 0, kSize);
  }
  Result<ingest::Ring> Make() { return ingest::Ring::Create({memory_.get(), kSize}, kBytes); }

 private:
  static constexpr std::size_t kSize = ingest::Ring::BytesFor(kBytes);
  std::unique_ptr<std::byte, void (*)(void*)> memory_;
};

/// tenure's ring, one record a call or a batch of them.
template <std::uint16_t Flags>
struct RingChannel {
  ingest::Ring ring;
  ingest::RecordCopy record;
  ingest::RecordToWrite batch[kBatch];

  std::size_t Send(const Item* items, std::size_t count) {
    if (count == 1) return ring.TryWrite(1, Flags, items->words[0], std::as_bytes(std::span(items, 1))) ? 1 : 0;
    for (std::size_t i = 0; i < count; ++i) {
      batch[i] = {1, Flags, items[i].words[0], std::as_bytes(std::span(items + i, 1))};
    }
    return ring.WriteBatch(std::span(batch, count));
  }
  std::size_t Receive(Item* items, std::size_t count) {
    if (count == 1) {
      if (ring.TryRead(record) != ingest::ReadFault::kNone) return 0;
      std::memcpy(items, record.payload.data(), sizeof *items);
      return 1;
    }
    std::size_t at = 0;
    return ring
        .ReadBatch(count, [&](const ingest::RecordHeader&,
                              base::ByteView payload) { std::memcpy(items + at++, payload.data(), sizeof *items); })
        .count;
  }
};

/// The same memory for the items themselves, one item a call or an array of them.
struct BoostChannel {
  boost::lockfree::spsc_queue<Item, boost::lockfree::capacity<kBytes / sizeof(Item)>> queue;
  std::size_t Send(const Item* items, std::size_t count) {
    return count == 1 ? (queue.push(*items) ? 1 : 0) : queue.push(items, count);
  }
  std::size_t Receive(Item* items, std::size_t count) {
    return count == 1 ? (queue.pop(*items) ? 1 : 0) : queue.pop(items, count);
  }
};

/// What a call costs among others: runs of 500 under one reading of the clock each, the median of the runs.
template <typename Channel>
double MeanCall(Channel& channel) {
  constexpr int kRun = 500;
  std::vector<double> runs;
  Item item{};
  Item got{};
  for (int run = 0; run < 200; ++run) {
    while (channel.Receive(&got, 1) == 1) {
    }
    const std::uint64_t begin_ns = NowNs();
    for (int call = 0; call < kRun; ++call) {
      item.words[0] = static_cast<std::uint64_t>(call);
      if (channel.Send(&item, 1) != 1) std::abort();  // it was emptied
    }
    runs.push_back(static_cast<double>(NowNs() - begin_ns) / kRun);
  }
  std::nth_element(runs.begin(), runs.begin() + 100, runs.end());
  return runs[100];
}

/// The cost of one call, nothing else going on: a tick count before and after each, less what two readings
/// differ by with nothing in between. The ring is emptied outside of the measured calls.
template <typename Channel>
void MeasureCalls(Channel& channel, Metrics& metrics) {
  const TickScale scale = CalibrateTicks();
  constexpr int kCalls = 400'000;
  constexpr int kRun = 500;
  auto histogram = std::make_unique<Histogram>();
  Item item{};
  Item got{};
  for (int call = 0; call < kCalls; ++call) {
    if (call % kRun == 0) {
      while (channel.Receive(&got, 1) == 1) {
      }
    }
    item.words[0] = static_cast<std::uint64_t>(call);
    const std::uint64_t begin = Ticks();
    const std::size_t sent = channel.Send(&item, 1);
    const std::uint64_t ticks = Ticks() - begin;
    if (sent != 1) std::abort();  // it was emptied
    // In tenths of nanoseconds: a call takes few.
    const std::uint64_t net = ticks > scale.empty_ticks ? ticks - scale.empty_ticks : 0;
    histogram->Record(static_cast<std::uint64_t>(static_cast<double>(net) * scale.ns_per_tick * 10));
  }
  metrics.Set("enqueue_mean_ns", MeanCall(channel));
  metrics.Set("enqueue_p50_ns", histogram->Percentile(0.5) / 10);
  metrics.Set("enqueue_p99_ns", histogram->Percentile(0.99) / 10);
  metrics.Set("enqueue_p999_ns", histogram->Percentile(0.999) / 10);
}

struct Subject {
  const char* name;
  Result<Metrics> (*run)(double seconds, const std::vector<int>& cores);
};

/// Long enough for `seconds`, judged by a first transfer that is not counted.
template <std::size_t Batch, typename Channel>
Result<Metrics> Run(Channel& channel, double seconds, const std::vector<int>& cores) {
  Metrics metrics;
  TENURE_ASSIGN(const double first, (TransferRate<Batch>(channel, 1'000'000, cores)));
  const auto items = static_cast<std::uint64_t>(std::max(first * seconds, 1e6));
  TENURE_ASSIGN(const double rate, (TransferRate<Batch>(channel, items, cores)));
  metrics.Set("ops_per_s", rate);
  if (Batch == 1) MeasureCalls(channel, metrics);
  return metrics;
}

template <std::uint16_t Flags, std::size_t Batch>
Result<Metrics> RunRing(double seconds, const std::vector<int>& cores) {
  RingMemory memory;
  TENURE_ASSIGN(ingest::Ring ring, memory.Make());
  auto channel = std::make_unique<RingChannel<Flags>>(RingChannel<Flags>{std::move(ring), {}, {}});
  return Run<Batch>(*channel, seconds, cores);
}

template <std::size_t Batch>
Result<Metrics> RunBoost(double seconds, const std::vector<int>& cores) {
  auto channel = std::make_unique<BoostChannel>();
  return Run<Batch>(*channel, seconds, cores);
}

constexpr Subject kSubjects[] = {
    {"tenure", RunRing<ingest::kUnchecked, 1>},
    {"spsc_queue", RunBoost<1>},
    {"tenure_crc", RunRing<0, 1>},
    {"tenure_batch", RunRing<ingest::kUnchecked, kBatch>},
    {"spsc_queue_batch", RunBoost<kBatch>},
    {"tenure_crc_batch", RunRing<0, kBatch>},
};

Result<Report> RunAll(const Options& options) {
  Report report;
  report.workload = "ring";
  report.columns = {{"ops_per_s", "M records/s", 2, 1e-6},
                    {"enqueue_mean_ns", "enqueue ns", 1},
                    {"enqueue_p50_ns", "p50 ns", 1},
                    {"enqueue_p99_ns", "p99 ns", 1},
                    {"enqueue_p999_ns", "p99.9 ns", 1}};
  for (const Subject& subject : kSubjects) {
    Row row;
    row.subject = subject.name;
    row.kind = "thread";
    report.rows.push_back(row);
  }
  const std::vector<int> cores = base::AllowedCores();
  TENURE_RETURN_IF_ERROR(InterleaveInMemory(report, options.rounds,
                                            [&](std::size_t i) { return kSubjects[i].run(options.seconds, cores); }));
  report.AddRatio("ops_vs_spsc_queue", "ops_per_s", "tenure", "spsc_queue");
  report.AddRatio("crc_ops_vs_spsc_queue", "ops_per_s", "tenure_crc", "spsc_queue");
  report.AddRatio("batch_ops_vs_spsc_queue_batch", "ops_per_s", "tenure_batch", "spsc_queue_batch");
  report.AddRatio("crc_batch_ops_vs_spsc_queue_batch", "ops_per_s", "tenure_crc_batch", "spsc_queue_batch");
  report.notes.push_back({"cores", cores.size() > 1 ? "two, one for each thread" : "one: the threads take turns"});
  return report;
}

const WorkloadEntry kEntry("ring", "64-byte records between two threads, beside boost::lockfree::spsc_queue",
                           kTakesSeconds, RunAll);

}  // namespace
}  // namespace tenure::bench
