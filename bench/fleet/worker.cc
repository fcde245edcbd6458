// A writer process: opens the subject, waits for the start, runs its writer threads, reports.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "bench/common/clock.h"
#include "bench/common/failure.h"
#include "bench/common/process.h"
#include "bench/common/record.h"
#include "bench/fleet/fleet.h"
#include "bench/fleet/shared_block.h"

namespace tenure::bench {
namespace {

double CpuSeconds() { return static_cast<double>(CpuNs()) / 1e9; }

/// One writer thread's run: its loop, and its report.
class Writer {
 public:
  Writer(const FleetControl& control, WriterReport& report, Client& client, unsigned number)
      : spec_(control.spec),
        deadline_ns_(control.start_ns + spec_.window_ns),
        report_(report),
        client_(client),
        source_(spec_.seed, number, spec_.keys) {}

  Status Run() {
    if (spec_.one_key != 0) return RunOneKey();
    return spec_.outstanding > 1 ? RunWindowed() : RunOneByOne();
  }

 private:
  bool MayStart(std::uint64_t now_ns) const {
    return now_ns < deadline_ns_ && (spec_.ops_per_writer_max == 0 || started_ < spec_.ops_per_writer_max);
  }
  void Count(std::uint64_t started_ns, std::uint64_t ended_ns) {
    report_.latency.Record(ended_ns - started_ns);
    report_.end_ns = ended_ns;
    ++report_.ops_total;
    if (ended_ns <= deadline_ns_) ++report_.ops;
  }

  Status RunOneByOne() {
    for (;;) {
      source_.Next(record_);
      const std::uint64_t begin = NowNs();
      if (!MayStart(begin)) return {};
      ++started_;
      TENURE_RETURN_IF_ERROR(client_.Put(record_));
      Count(begin, NowNs());
    }
  }

  Status RunOneKey() {
    for (;;) {
      source_.NextAt(0, record_);
      const std::uint64_t begin = NowNs();
      if (!MayStart(begin)) return {};
      ++started_;
      TENURE_ASSIGN(const bool success, client_.Increment(record_));
      const std::uint64_t end = NowNs();
      Count(begin, end);
      report_.successes_total += success ? 1 : 0;
      if (end <= deadline_ns_) report_.successes += success ? 1 : 0;
    }
  }

  Status RunWindowed() {
    std::vector<std::uint64_t> started_at(spec_.outstanding);
    std::uint64_t finished = 0;
    const auto finish_oldest = [&]() -> Status {
      TENURE_RETURN_IF_ERROR(client_.FinishOldest());
      Count(started_at[finished % spec_.outstanding], NowNs());
      ++finished;
      return {};
    };
    for (;;) {
      if (started_ - finished == spec_.outstanding) TENURE_RETURN_IF_ERROR(finish_oldest());
      source_.Next(record_);
      const std::uint64_t begin = NowNs();
      if (!MayStart(begin)) break;
      started_at[started_ % spec_.outstanding] = begin;
      TENURE_RETURN_IF_ERROR(client_.Start(record_));
      ++started_;
    }
    while (finished < started_) TENURE_RETURN_IF_ERROR(finish_oldest());
    return {};
  }

  const FleetSpec& spec_;
  const std::uint64_t deadline_ns_;
  WriterReport& report_;
  Client& client_;
  RecordSource source_;
  Record record_;
  std::uint64_t started_ = 0;
};

/// One writer process.
class Worker {
 public:
  Worker(FleetControl& control, std::uint32_t process) : control_(control), process_(process) {}

  Status Run() {
    const FleetSpec& spec = control_.spec;
    const SubjectEntry* entry = FindSubject(spec.subject);
    if (entry == nullptr) return Fail(std::string("no subject ") + spec.subject);
    SubjectSetup setup;
    setup.dir = spec.dir;
    setup.keys = spec.keys;
    setup.processes = spec.processes;
    setup.threads = spec.threads;
    setup.one_key = spec.one_key != 0;
    const std::unique_ptr<Subject> subject = entry->make();
    TENURE_ASSIGN(const std::unique_ptr<Handle> handle, subject->Open(setup));
    // A lone writer runs in the main thread: a process with one thread is what it stands for.
    if (spec.threads == 1) {
      RunWriter(*handle, 0);
    } else {
      std::vector<std::thread> threads;
      for (std::uint32_t i = 0; i < spec.threads; ++i) {
        threads.emplace_back([this, &handle, i] { RunWriter(*handle, i); });
      }
      for (std::thread& thread : threads) thread.join();
    }
    TENURE_RETURN_IF_ERROR(Settle(*handle));
    control_.process(process_)->cpu_s = CpuSeconds() - cpu_at_start_;
    return {};
  }

  /// Ends the process: the parent sees it, and ends the others, which may be waiting at a barrier.
  [[noreturn]] void GiveUp(const Error& error) {
    std::snprintf(control_.process(process_)->error, sizeof ProcessReport::error, "%s: %s%s%s", control_.spec.subject,
                  error.message.c_str(), error.hint.empty() ? "" : "; ", error.hint.c_str());
    _exit(1);
  }

 private:
  void RunWriter(Handle& handle, std::uint32_t thread) {
    const std::uint32_t number = process_ * control_.spec.threads + thread;
    Result<std::unique_ptr<Client>> client = handle.NewClient(number);
    if (!client.ok()) GiveUp(client.error());
    control_.ready.fetch_add(1, std::memory_order_acq_rel);
    FutexWakeAll(control_.ready);
    while (control_.go.load(std::memory_order_acquire) == 0) FutexWait(control_.go, 0, 0);
    SleepUntilNs(control_.start_ns);
    if (thread == 0) cpu_at_start_ = CpuSeconds();
    Writer writer(control_, *control_.writer(number), **client, number);
    if (Status status = writer.Run(); !status.ok()) GiveUp(status.error());
    control_.finished.fetch_add(1, std::memory_order_acq_rel);
    FutexWakeAll(control_.finished);
  }

  Status Settle(Handle& handle) {
    const std::uint32_t writers = control_.spec.processes * control_.spec.threads;
    if (process_ == 0) {
      for (;;) {
        const std::uint32_t finished = control_.finished.load(std::memory_order_acquire);
        if (finished == writers) break;
        FutexWait(control_.finished, finished, 0);
      }
      TENURE_RETURN_IF_ERROR(handle.Settle());
      control_.settled_ns = NowNs();
      control_.settled.store(1, std::memory_order_release);
      FutexWakeAll(control_.settled);
    }
    while (control_.settled.load(std::memory_order_acquire) == 0) FutexWait(control_.settled, 0, 0);
    return {};
  }

  FleetControl& control_;
  const std::uint32_t process_;
  double cpu_at_start_ = 0;
};

}  // namespace

int WorkerMain(const std::vector<std::string>& arguments) {
  DieWithParent();
  if (arguments.size() != 2) return 2;
  const auto process = static_cast<std::uint32_t>(std::atoi(arguments[0].c_str()));
  const int fd = std::atoi(arguments[1].c_str());
  struct stat info {};
  if (fstat(fd, &info) != 0 || info.st_size < static_cast<off_t>(sizeof(FleetControl))) {
    std::fprintf(stderr, "tenure-bench: __worker is for tenure-bench itself\n");
    return 2;
  }
  void* memory = mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (memory == MAP_FAILED) return 1;
  Worker worker(*static_cast<FleetControl*>(memory), process);
  if (Status status = worker.Run(); !status.ok()) worker.GiveUp(status.error());
  return 0;
}

}  // namespace tenure::bench
