#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>
#include <vector>

#include "tests/sim/schedule/actors.h"
#include "tests/sim/schedule/calls.h"
#include "tests/sim/schedule/scheduler.h"
#include "tests/torture/driver.h"
#include "tests/torture/group_steps.h"

namespace tenure::sim {
namespace {

using torture::Kind;
using torture::Record;

constexpr std::uint64_t kMs = 1'000'000;

/// A thread that makes calls.
class Writer {
 public:
  Writer(Store store, std::uint64_t caller, std::uint64_t seed)
      : driver_(std::move(store), caller, NoteMyCall), dice_(seed), groups_(driver_, [this] { return dice_.Next(); }) {}

  void Run() {
    const Plan& plan = TheBoard().plan;
    for (int call = 0; call < plan.calls; ++call) {
      Think();
      if (plan.groups && dice_.OneIn(2)) {
        StepGroup(plan.leases);
      } else if (plan.leases && dice_.OneIn(2)) {
        StepLease();
      } else {
        StepKey();
      }
    }
  }

 private:
  /// Sometimes for long enough that leases expire, and that everybody goes to sleep.
  void Think() {
    const std::uint64_t kind = dice_.Below(10);
    if (kind < 5) return;
    const std::uint64_t ns = dice_.Below(kind < 9 ? 3 * kMs : 400 * kMs);
    std::this_thread::sleep_for(std::chrono::nanoseconds(ns));
  }

  void StepKey() {
    const auto key = static_cast<std::uint32_t>(dice_.Below(3));  // few, so that they meet
    const std::uint64_t what = dice_.Below(20);
    if (what < 8) return Write(dice_.OneIn(5) ? Kind::kDelete : Kind::kPut, key, torture::kNone, 0);
    if (what < 14) return WriteSeen(key);
    if (what < 16) return Burst();
    if (what < 19) return Look(Kind::kRead, key);
    if (dice_.OneIn(3)) return (void)driver_.Compact(0);
    (void)driver_.Read(dice_.OneIn(2) ? Kind::kSnapshot : Kind::kUncommitted, key);
  }

  void Write(Kind kind, std::uint32_t key, torture::Condition condition, std::uint64_t lease) {
    const Record done = driver_.Write(kind, key, condition, seen_[key], lease);
    if (done.code == "ok") seen_[key] = done.revision;
  }

  void WriteSeen(std::uint32_t key) {
    if (dice_.OneIn(2)) Look(Kind::kRead, key);
    const std::uint64_t what = dice_.Below(6);
    if (what == 0) return Write(Kind::kPut, key, torture::kIfAbsent, 0);
    Write(what == 1 ? Kind::kDelete : Kind::kPut, key, what < 3 ? torture::kBase : torture::kIfRevision, 0);
  }

  void Burst() {
    std::vector<std::uint32_t> keys;
    for (std::uint64_t n = dice_.Between(2, 5); n > 0; --n) keys.push_back(static_cast<std::uint32_t>(dice_.Below(3)));
    if (!driver_.Burst(keys)) ComplainOfOrder();
  }

  void Look(Kind kind, std::uint32_t key) {
    const Record seen = driver_.Read(kind, key);
    if (seen.code == "ok") seen_[key] = seen.value == 0 ? 0 : seen.revision;
  }

  void StepGroup(bool leases) {
    if (dice_.OneIn(3)) return groups_.WriteAll();
    if (!(leases ? groups_.Step() : groups_.StepFree())) ComplainOfOrder();
  }

  static void ComplainOfOrder() { Complain("transactions of one thread were not committed in the order submitted"); }

  void StepLease() {
    std::vector<std::uint64_t> leases;
    for (const auto& [lease, held] : driver_.held()) {
      if (held.scope < torture::kScopes) leases.push_back(lease);
    }
    const auto scope = static_cast<std::uint32_t>(dice_.Below(2));
    if (leases.empty() || dice_.OneIn(4)) {
      const bool bound = dice_.OneIn(2);
      driver_.Acquire(scope, bound ? 20'000 : dice_.Between(100, 700), bound, dice_.OneIn(2) ? dice_.Below(400) : 0);
      return;
    }
    const std::uint64_t lease = leases[dice_.Below(leases.size())];
    const std::uint32_t key = torture::kFreeKeys + driver_.held().at(lease).scope;
    const std::uint64_t what = dice_.Below(10);
    if (what < 6) return Write(dice_.OneIn(6) ? Kind::kDelete : Kind::kPut, key, torture::kNone, lease);
    if (what < 8) return (void)driver_.Renew(lease);
    (void)driver_.Release(lease);  // and presented for a while: it must be of no use
    if (leases.size() > 2) driver_.held().erase(leases.front());
  }

  torture::Driver driver_;
  Dice dice_;
  torture::GroupSteps groups_;
  std::uint64_t seen_[torture::kKeys] = {};
};

Result<Store> OpenForWriting(const std::string& path) {
  OpenOptions options;
  options.writer = "writer-" + std::to_string(MyProcessNumber());
  options.commit_ttl_ms = TheBoard().plan.commit_ttl_ms;
  if (TheBoard().verbose) {
    options.log = [](const char* level, const std::string& message) {
      std::fprintf(stderr, "process %d: %s: %s\n", MyProcessNumber(), level, message.c_str());
    };
  }
  // A disk that fails may be in the way of opening, too; not for ever.
  const bool may_fail = TheBoard().plan.MayFail();
  for (int attempt = 0;; ++attempt) {
    auto store = Store::Open(path, options);
    if (store.ok() || !may_fail || attempt == 20) return store;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

void NoteMyCall(const Record& record, bool returned) { NoteCall(TheBoard(), MyProcess(), record, returned); }

void LiveAsWriter(const std::string& path) {
  Board& board = TheBoard();
  {
    auto store = OpenForWriting(path);
    if (!store.ok()) {
      Complain(("a writer cannot open the store: " + store.error().message).c_str());
    } else {
      std::vector<std::thread> threads;
      for (int i = 0; i < board.plan.writers; ++i) {
        const std::uint64_t seed = MyProcess().random.Next();
        threads.emplace_back([&store, i, seed] { Writer(*store, CallerNumber(MyProcessNumber(), i), seed).Run(); });
      }
      for (std::thread& thread : threads) thread.join();
    }
    MyProcess().done = true;
    if (--board.busy_writers == 0) WakeKernelAt(1);  // at once
    while (!board.over) Block("writer.waits", {kBarrierSpace, 1}, 1, -1);
  }
}

}  // namespace tenure::sim
