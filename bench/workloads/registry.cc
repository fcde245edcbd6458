// `tenure-bench registry`: what it costs a thread to get a writer slot, to find it again, and to push beside it.
#include <algorithm>
#include <array>
#include <barrier>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "bench/common/failure.h"
#include "bench/common/histogram.h"
#include "bench/common/ticks.h"
#include "bench/common/workspace.h"
#include "bench/workloads/rounds.h"
#include "bench/workloads/workload.h"
#include "store/base/cores.h"
#include "store/base/error.h"
#include "store/commit/writer_slots.h"
#include "store/ingest/slot_reader.h"

namespace tenure::bench {
namespace {

using ingest::Registry;
using ingest::SharedSegment;
using ingest::WriterSlot;

constexpr std::uint32_t kSlots = 64;
constexpr std::uint32_t kEpoch = 1;
constexpr std::uint64_t kProcess = ingest::OwnerWord(0, 1);
constexpr std::size_t kBodyBytes = 200;  // a put of the other workloads
constexpr int kRun = 256;                // pushes between two drains: half of the window
constexpr char kMine[] = "a writer slot was refused";

/// A segment of its own in the temporary directory, and its registry.
struct Shared {
  std::unique_ptr<SharedSegment> segment;
  std::unique_ptr<Registry> registry;

  static Result<Shared> Make(const Workspace& workspace) {
    TENURE_ASSIGN(const std::string dir, workspace.Fresh("registry"));
    Shared made;
    TENURE_ASSIGN(made.segment, SharedSegment::Create(base::Env::Posix(), dir + "/ingest.shm", {}, kSlots,
                                                      [](ingest::CommitArea&) { return Status(); }));
    made.registry = std::make_unique<Registry>(*made.segment, kProcess, [](std::uint64_t) { return false; });
    return made;
  }
  /// Every slot was used once: its pages exist and are mapped.
  Status UseAll() {
    std::vector<std::unique_ptr<WriterSlot>> all;
    for (std::uint32_t i = 0; i < kSlots; ++i) {
      TENURE_ASSIGN(auto slot, WriterSlot::Open(*registry));
      all.push_back(std::move(slot));
    }
    return {};
  }
};

/// Single calls by the processor's counter, less what two readings differ by; in tenths of nanoseconds.
class CallTimes {
 public:
  template <typename Call>
  void Time(Call&& call) {
    const std::uint64_t begin = Ticks();
    call();
    const std::uint64_t ticks = Ticks() - begin;
    const std::uint64_t net = ticks > scale_.empty_ticks ? ticks - scale_.empty_ticks : 0;
    histogram_->Record(static_cast<std::uint64_t>(static_cast<double>(net) * scale_.ns_per_tick * 10));
  }
  void Report(Metrics& metrics) const {
    metrics.Set("p50_ns", histogram_->Percentile(0.5) / 10);
    metrics.Set("p99_ns", histogram_->Percentile(0.99) / 10);
    metrics.Set("operations", static_cast<double>(histogram_->count()));
  }

 private:
  const TickScale scale_ = CalibrateTicks();
  std::unique_ptr<Histogram> histogram_ = std::make_unique<Histogram>();
};

/// The committing end, in the same thread: pops and answers what is queued, and the writer reads the answers.
class Drain {
 public:
  Drain(Registry& registry, WriterSlot& slot) : slot_(slot), reader_(registry, slot.slot()) {}
  Status Run() {
    if (!reader_.Begin()) return Fail("the writer slot is not active");
    ingest::Reply reply;
    reply.state = ingest::AnswerState::kUnchanged;
    sequences_.clear();
    while (reader_.Next(operation_) == ingest::SlotReader::Step::kOperation) sequences_.push_back(operation_.sequence);
    if (!reader_.Pop(kEpoch)) return Fail("the head was moved by somebody else");
    for (const std::uint64_t sequence : sequences_) {
      if (!reader_.Answer(sequence, kEpoch, reply)) return Fail("an answer was refused");
      slot_.Retire(sequence);
    }
    return {};
  }

 private:
  WriterSlot& slot_;
  ingest::SlotReader reader_;
  ingest::QueuedOperation operation_;
  std::vector<std::uint64_t> sequences_;
};

bool Push(WriterSlot& slot) {
  static constexpr std::array<std::byte, kBodyBytes> kBody{};
  std::uint64_t sequence = 0;
  return slot.TryPush(ingest::RecordType::kInline, kBody, 0, 1, sequence) == WriterSlot::PushResult::kOk;
}

/// A slot that nobody has used: its pages are allocated, on disk and in memory.
Result<Metrics> FirstUse(const Workspace& workspace, double) {
  TENURE_ASSIGN(Shared shared, Shared::Make(workspace));
  CallTimes times;
  std::vector<Result<std::unique_ptr<WriterSlot>>> opened;
  opened.reserve(kSlots);
  for (std::uint32_t i = 0; i < kSlots; ++i) {
    times.Time([&] { opened.push_back(WriterSlot::Open(*shared.registry)); });
    if (!opened.back().ok()) return opened.back().error();
  }
  Metrics metrics;
  times.Report(metrics);
  return metrics;
}

/// Registry::Claim and Activate, of a slot used before.
Result<Metrics> Claim(const Workspace& workspace, double) {
  TENURE_ASSIGN(Shared shared, Shared::Make(workspace));
  TENURE_RETURN_IF_ERROR(shared.UseAll());
  CallTimes times;
  for (int i = 0; i < 20'000; ++i) {
    std::optional<Result<ingest::SlotClaim>> claim;
    times.Time([&] {
      claim.emplace(shared.registry->Claim());
      if (claim->ok()) shared.registry->Activate(**claim);
    });
    if (!claim->ok()) return claim->error();
    shared.registry->Release(**claim);
  }
  Metrics metrics;
  times.Report(metrics);
  return metrics;
}

/// What a thread's first commit pays: WriterSlots::OfThisThread, of a slot used before.
Result<Metrics> Register(const Workspace& workspace, double) {
  TENURE_ASSIGN(Shared shared, Shared::Make(workspace));
  TENURE_RETURN_IF_ERROR(shared.UseAll());
  CallTimes times;
  for (int i = 0; i < 20'000; ++i) {
    commit::WriterSlots slots(*shared.registry);
    std::shared_ptr<commit::SlotUse> use;
    times.Time([&] { use = slots.OfThisThread(); });
    if (!use) return Fail(kMine);
  }
  Metrics metrics;
  times.Report(metrics);
  return metrics;
}

/// What every later commit pays: the own slot found again. Runs of 500 calls under one reading of the clock, because
/// one call is below its resolution.
Result<Metrics> Lookup(const Workspace& workspace, double) {
  TENURE_ASSIGN(Shared shared, Shared::Make(workspace));
  commit::WriterSlots slots(*shared.registry);
  const std::shared_ptr<commit::SlotUse> mine = slots.OfThisThread();
  if (!mine) return Fail(kMine);
  constexpr int kCalls = 500;
  const TickScale scale = CalibrateTicks();
  Histogram histogram;
  std::uint64_t wrong = 0;
  for (int run = 0; run < 20'000; ++run) {
    const std::uint64_t begin = Ticks();
    for (int call = 0; call < kCalls; ++call) wrong += slots.OfThisThread() == mine ? 0 : 1;
    const double ns = static_cast<double>(Ticks() - begin - scale.empty_ticks) * scale.ns_per_tick;
    histogram.Record(static_cast<std::uint64_t>(ns * 10 / kCalls));
  }
  if (wrong != 0) return Fail("a thread found another slot than its own", ErrorCode::kInternal);
  Metrics metrics;
  metrics.Set("p50_ns", histogram.Percentile(0.5) / 10);
  metrics.Set("p99_ns", histogram.Percentile(0.99) / 10);
  metrics.Set("operations", static_cast<double>(histogram.count()) * kCalls);
  return metrics;
}

/// A record of 200 bytes into a lane that nobody reads meanwhile.
Result<Metrics> PushAlone(const Workspace& workspace, double) {
  TENURE_ASSIGN(Shared shared, Shared::Make(workspace));
  TENURE_ASSIGN(const auto slot, WriterSlot::Open(*shared.registry));
  Drain drain(*shared.registry, *slot);
  CallTimes times;
  for (int run = 0; run < 1'000; ++run) {
    bool pushed = true;
    for (int call = 0; call < kRun; ++call) times.Time([&] { pushed = Push(*slot) && pushed; });
    if (!pushed) return Fail("the lane was full", ErrorCode::kInternal);
    TENURE_RETURN_IF_ERROR(drain.Run());
  }
  Metrics metrics;
  times.Report(metrics);
  return metrics;
}

/// As many threads as slots ask at the same moment; each must get one of its own.
Result<Metrics> AllAtOnce(const Workspace& workspace, double) {
  TENURE_ASSIGN(Shared shared, Shared::Make(workspace));
  TENURE_RETURN_IF_ERROR(shared.UseAll());
  commit::WriterSlots slots(*shared.registry);
  std::barrier ready(kSlots + 1);
  std::barrier done(kSlots + 1);
  std::vector<std::uint32_t> got(kSlots, kSlots);
  std::vector<std::uint64_t> spent_ns(kSlots, 0);
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < kSlots; ++i) {
    threads.emplace_back([&, i] {
      ready.arrive_and_wait();
      const std::uint64_t begin_ns = NowNs();
      if (const auto use = slots.OfThisThread()) got[i] = use->slot->slot();
      spent_ns[i] = NowNs() - begin_ns;
      done.arrive_and_wait();  // nobody ends, and gives its slot back, before all have one
    });
  }
  ready.arrive_and_wait();
  const std::uint64_t begin_ns = NowNs();
  done.arrive_and_wait();
  const std::uint64_t all_ns = NowNs() - begin_ns;
  for (std::thread& thread : threads) thread.join();
  const std::set<std::uint32_t> distinct(got.begin(), got.end());
  if (distinct.size() != kSlots || distinct.count(kSlots) != 0) {
    return Fail("64 threads that registered at once got " + std::to_string(distinct.size()) + " distinct slots",
                ErrorCode::kInternal);
  }
  Histogram histogram;
  for (const std::uint64_t ns : spent_ns) histogram.Record(ns);
  Metrics metrics;
  metrics.Set("p50_ns", histogram.Percentile(0.5));
  metrics.Set("p99_ns", histogram.Percentile(0.99));
  metrics.Set("all_us", static_cast<double>(all_ns) / 1e3);
  metrics.Set("operations", kSlots);
  return metrics;
}

/// Producers with a slot and a core each, which drain their own lanes: nothing of one is shared with another.
Result<Metrics> Produce(const Workspace& workspace, double seconds, const std::vector<int>& cores) {
  TENURE_ASSIGN(Shared shared, Shared::Make(workspace));
  TENURE_RETURN_IF_ERROR(shared.UseAll());
  std::vector<std::thread> threads;
  std::vector<std::uint64_t> pushed(cores.size() * 8, 0);  // a line apart
  std::vector<std::string> faults(cores.size());
  std::barrier ready(static_cast<std::ptrdiff_t>(cores.size()));
  for (std::size_t i = 0; i < cores.size(); ++i) {
    threads.emplace_back([&, i] {
      (void)base::PinThisThread(cores[i]);
      auto slot = WriterSlot::Open(*shared.registry);
      ready.arrive_and_wait();
      if (!slot.ok()) {
        faults[i] = slot.error().message;
        return;
      }
      Drain drain(*shared.registry, **slot);
      const std::uint64_t end_ns = NowNs() + static_cast<std::uint64_t>(seconds * 1e9);
      while (NowNs() < end_ns && faults[i].empty()) {
        for (int call = 0; call < kRun; ++call) pushed[i * 8] += Push(**slot) ? 1 : 0;
        if (const Status drained = drain.Run(); !drained.ok()) faults[i] = drained.error().message;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < cores.size(); ++i) {
    if (!faults[i].empty()) return Fail(faults[i]);
    total += pushed[i * 8];
  }
  Metrics metrics;
  metrics.Set("ops_per_s", static_cast<double>(total) / seconds);
  return metrics;
}

Result<Metrics> ProduceAlone(const Workspace& workspace, double seconds) {
  std::vector<int> cores = base::AllowedCores();
  cores.resize(std::min<std::size_t>(cores.size(), 1));
  return Produce(workspace, seconds, cores);
}
Result<Metrics> ProduceOnAll(const Workspace& workspace, double seconds) {
  std::vector<int> cores = base::AllowedCores();
  cores.resize(std::min<std::size_t>(cores.size(), kSlots));
  return Produce(workspace, seconds, cores);
}

struct Subject {
  const char* name;
  Result<Metrics> (*run)(const Workspace& workspace, double seconds);
};
constexpr Subject kSubjects[] = {{"registration", Register},
                                 {"claim", Claim},
                                 {"first_use", FirstUse},
                                 {"lookup", Lookup},
                                 {"push", PushAlone},
                                 {"all_at_once", AllAtOnce},
                                 {"one_producer", ProduceAlone},
                                 {"producer_per_core", ProduceOnAll}};

Result<Report> RunAll(const Options& options) {
  TENURE_ASSIGN(const Workspace workspace, Workspace::Make(options.dir, options.keep));
  const std::size_t cores = std::min<std::size_t>(base::AllowedCores().size(), kSlots);
  if (cores == 0) return Fail("the kernel does not say which cores may be used");
  Report report;
  report.workload = "registry";
  report.leading = "p50_ns";
  report.columns = {{"p50_ns", "p50 ns", 1},
                    {"p99_ns", "p99 ns", 1},
                    {"all_us", "all done us", 1},
                    {"operations", "operations"},
                    {"ops_per_s", "M pushes/s", 2, 1e-6}};
  for (const Subject& subject : kSubjects) {
    Row row;
    row.subject = subject.name;
    row.kind = "thread";
    if (subject.run == AllAtOnce) row.writers = kSlots;
    if (subject.run == ProduceOnAll) row.writers = static_cast<unsigned>(cores);
    report.rows.push_back(row);
  }
  TENURE_RETURN_IF_ERROR(InterleaveInMemory(
      report, options.rounds, [&](std::size_t i) { return kSubjects[i].run(workspace, options.seconds); }));
  report.AddRatio("producers_vs_one", "ops_per_s", "producer_per_core", "one_producer");
  report.notes.push_back({"cores", std::to_string(cores)});
  return report;
}

const WorkloadEntry kEntry("registry", "getting a writer slot, finding it again, pushing beside it", kTakesSeconds,
                           RunAll);

}  // namespace
}  // namespace tenure::bench
