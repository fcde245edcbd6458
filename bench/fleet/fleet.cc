#include "bench/fleet/fleet.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

#include "bench/common/clock.h"
#include "bench/common/failure.h"
#include "bench/common/process.h"
#include "bench/fleet/shared_block.h"

namespace tenure::bench {

void FutexWait(std::atomic<std::uint32_t>& word, std::uint32_t value, std::uint64_t timeout_ns) {
  timespec timeout{};
  timeout.tv_sec = static_cast<time_t>(timeout_ns / 1'000'000'000U);
  timeout.tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000U);
  syscall(SYS_futex, &word, FUTEX_WAIT, value, timeout_ns == 0 ? nullptr : &timeout, nullptr, 0);
}

void FutexWakeAll(std::atomic<std::uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE, INT32_MAX, nullptr, nullptr, 0);
}

namespace {

/// Between `go` and the first operation: enough for every writer to have been scheduled once.
constexpr std::uint64_t kStartDelayNs = 20'000'000;
constexpr std::uint64_t kReadyCheckNs = 20'000'000;

/// The shared block, its descriptor and the processes that use it. Kills what still runs when it goes.
class Running {
 public:
  explicit Running(const FleetSpec& spec) : bytes_(FleetControl::BytesFor(spec)) {
    fd_ = memfd_create("tenure-bench", MFD_CLOEXEC);
    if (fd_ < 0 || ftruncate(fd_, static_cast<off_t>(bytes_)) != 0) return;
    void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (memory == MAP_FAILED) return;
    control_ = new (memory) FleetControl;
    control_->spec = spec;
    for (std::uint32_t i = 0; i < spec.processes; ++i) new (control_->process(i)) ProcessReport;
    for (std::uint32_t i = 0; i < spec.processes * spec.threads; ++i) new (control_->writer(i)) WriterReport;
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    KillAll(pids_);
    if (control_ != nullptr) munmap(control_, bytes_);
    if (fd_ >= 0) close(fd_);
  }
  FleetControl* control() { return control_; }

  Status Start(bool verbose) {
    SpawnOptions options;
    options.inherit_fd = fd_;
    for (std::uint32_t i = 0; i < control_->spec.processes; ++i) {
      TENURE_ASSIGN(const pid_t pid, Spawn(SelfPath(), {"__worker", std::to_string(i), std::to_string(fd_)}, options));
      pids_.push_back(pid);
      control_->process(i)->pid = pid;
    }
    if (verbose) {
      std::fprintf(stderr, "\n  writer processes:");
      for (const pid_t pid : pids_) std::fprintf(stderr, " %d", static_cast<int>(pid));
      std::fprintf(stderr, "\n");
    }
    return {};
  }

  Status AwaitReady() {
    const std::uint32_t writers = control_->spec.processes * control_->spec.threads;
    for (;;) {
      const std::uint32_t ready = control_->ready.load(std::memory_order_acquire);
      if (ready == writers) return {};
      FutexWait(control_->ready, ready, kReadyCheckNs);
      TENURE_ASSIGN(const Exit exit, ReapOne());
      if (exit.pid != 0) return Ended(exit);
    }
  }

  Status AwaitExits() {
    while (!pids_.empty()) {
      TENURE_ASSIGN(const Exit exit, WaitFor(-1));
      if (!exit.clean()) return Ended(exit);
      Forget(exit.pid);
    }
    return {};
  }

 private:
  void Forget(pid_t pid) { pids_.erase(std::remove(pids_.begin(), pids_.end(), pid), pids_.end()); }

  Error Ended(const Exit& exit) {
    Forget(exit.pid);
    for (std::uint32_t i = 0; i < control_->spec.processes; ++i) {
      const ProcessReport& report = *control_->process(i);
      if (report.pid == exit.pid && report.error[0] != 0) return Fail(report.error);
    }
    return Fail("writer process " + std::to_string(exit.pid) + " ended with " + DescribeExit(exit.status));
  }

  std::size_t bytes_;
  int fd_ = -1;
  FleetControl* control_ = nullptr;
  std::vector<pid_t> pids_;
};

Result<FleetSpec> SpecOf(const FleetOrder& order) {
  FleetSpec spec;
  if (order.subject.size() >= sizeof spec.subject) return Fail("subject name too long: " + order.subject);
  if (order.setup.dir.size() >= sizeof spec.dir) return Fail("directory name too long: " + order.setup.dir);
  std::memcpy(spec.subject, order.subject.data(), order.subject.size());
  std::memcpy(spec.dir, order.setup.dir.data(), order.setup.dir.size());
  spec.processes = order.setup.processes;
  spec.threads = order.setup.threads;
  spec.outstanding = order.outstanding;
  spec.one_key = order.setup.one_key ? 1 : 0;
  spec.keys = order.setup.keys;
  spec.window_ns = static_cast<std::uint64_t>(order.seconds * 1e9);
  spec.ops_per_writer_max = order.ops_per_writer_max;
  spec.seed = order.seed;
  return spec;
}

FleetResult Collect(FleetControl& control) {
  FleetResult result;
  const FleetSpec& spec = control.spec;
  result.writers = spec.processes * spec.threads;
  std::uint64_t last_ns = control.start_ns;
  for (std::uint32_t i = 0; i < result.writers; ++i) {
    const WriterReport& report = *control.writer(i);
    result.latency.Merge(report.latency);
    result.worst_p99_ns = std::max(result.worst_p99_ns, report.latency.Percentile(0.99));
    result.ops_each.push_back(report.ops);
    result.ops += report.ops;
    result.ops_total += report.ops_total;
    result.successes += report.successes;
    result.successes_total += report.successes_total;
    last_ns = std::max(last_ns, report.end_ns);
  }
  for (std::uint32_t i = 0; i < spec.processes; ++i) result.cpu_s += control.process(i)->cpu_s;
  result.drained_s = static_cast<double>(last_ns - control.start_ns) / 1e9;
  result.settled_s = static_cast<double>(control.settled_ns - control.start_ns) / 1e9;
  result.window_s = spec.ops_per_writer_max > 0 ? result.drained_s : static_cast<double>(spec.window_ns) / 1e9;
  return result;
}

}  // namespace

Result<FleetResult> RunFleet(const FleetOrder& order) {
  TENURE_ASSIGN(const FleetSpec spec, SpecOf(order));
  Running running(spec);
  FleetControl* control = running.control();
  if (control == nullptr)
    return FailErrno("shared memory of " + std::to_string(FleetControl::BytesFor(spec)) + " bytes");
  TENURE_RETURN_IF_ERROR(running.Start(order.verbose));
  TENURE_RETURN_IF_ERROR(running.AwaitReady());
  control->start_ns = NowNs() + kStartDelayNs;
  control->go.store(1, std::memory_order_release);
  FutexWakeAll(control->go);
  TENURE_RETURN_IF_ERROR(running.AwaitExits());
  return Collect(*control);
}

}  // namespace tenure::bench
