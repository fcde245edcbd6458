#include "tests/torture/worker.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>
#include <sstream>
#include <vector>

#include "tests/torture/driver.h"
#include "tests/torture/group_steps.h"

namespace tenure::torture {
namespace {

void SayLine(const std::string& line) {
  // One write per line: a killed process leaves whole lines.
  if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::_Exit(3);
}

class Worker {
 public:
  Worker(Store store, std::uint64_t process, std::uint64_t seed)
      : driver_(std::move(store), process,
                [](const Record& record, bool returned) { SayLine(returned ? ReturnLine(record) : CallLine(record)); }),
        random_(seed * 1'000'003 + process),
        groups_(driver_, [this] { return random_(); }) {}

  void RunUntil(std::uint64_t until) {
    while (Now() < until) Step();
  }

 private:
  std::uint64_t Below(std::uint64_t n) { return random_() % n; }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }

  void Step() {
    if (OneIn(3)) {
      if (!groups_.Step()) SayOutOfOrder();
      return;
    }
    const std::uint64_t dice = Below(1'000);
    const auto key = static_cast<std::uint32_t>(Below(kKeys));
    if (dice < 260) {
      WriteAs(OneIn(5) ? Kind::kDelete : Kind::kPut, key, kNone, 0);
    } else if (dice < 400) {
      WriteSeen(key);
    } else if (dice < 430) {
      Burst();
    } else if (dice < 640) {
      Look(Kind::kRead, key);
    } else if (dice < 680) {
      Look(Kind::kSnapshot, key);
    } else if (dice < 720) {
      Look(Kind::kUncommitted, key);
    } else if (dice < 750) {
      Look(Kind::kReadAt, key);
    } else if (dice < 997) {
      StepLease(dice);
    } else {
      driver_.Compact(OneIn(2) || last_lsn_ < 2'000 ? 0 : last_lsn_ - 2'000);
    }
  }

  void WriteAs(Kind kind, std::uint32_t key, Condition condition, std::uint64_t lease) {
    const Record done = driver_.Write(kind, key, condition, seen_[key], lease);
    last_lsn_ = std::max(last_lsn_, done.lsn);
    if (done.code == "ok") seen_[key] = done.revision;
  }

  /// With a condition on what was last seen of the key, which the others have often changed.
  void WriteSeen(std::uint32_t key) {
    if (OneIn(2)) Look(Kind::kRead, key);
    const std::uint64_t dice = Below(8);
    if (dice == 0) return WriteAs(Kind::kPut, key, kIfAbsent, 0);
    WriteAs(dice == 1 ? Kind::kDelete : Kind::kPut, key, dice < 4 ? kBase : kIfRevision, 0);
  }

  void Burst() {
    std::vector<std::uint32_t> keys;
    for (std::uint64_t n = 2 + Below(6); n > 0; --n) keys.push_back(static_cast<std::uint32_t>(Below(kFreeKeys)));
    if (!driver_.Burst(keys)) SayOutOfOrder();
  }

  static void SayOutOfOrder() { SayLine("x transactions of one thread were not committed in the order submitted\n"); }

  void Look(Kind kind, std::uint32_t key) {
    if (kind == Kind::kReadAt && last_lsn_ == 0) return;
    const Record seen = driver_.Read(kind, key, kind == Kind::kReadAt ? last_lsn_ : 0);
    if (kind == Kind::kRead && seen.code == "ok") seen_[key] = seen.value == 0 ? 0 : seen.revision;
  }

  void StepLease(std::uint64_t dice) {
    std::vector<std::uint64_t> leases;
    for (const auto& [lease, held] : driver_.held()) {
      if (held.scope < kScopes) leases.push_back(lease);
    }
    if (leases.empty() || dice < 790) {
      // Short ones expire, when nobody renews them; bound ones end with this process.
      const bool bound = OneIn(2);
      driver_.Acquire(static_cast<std::uint32_t>(Below(kScopes)), bound ? 20'000 : 500 + Below(800), bound,
                      OneIn(3) ? 20 + Below(300) : 0);
      return;
    }
    const std::uint64_t lease = leases[Below(leases.size())];
    const std::uint32_t key = kFreeKeys + driver_.held().at(lease).scope;
    if (dice < 920) {
      WriteAs(OneIn(6) ? Kind::kDelete : Kind::kPut, key, kNone, lease);
    } else if (dice < 950) {
      driver_.Renew(lease);
    } else if (dice < 985) {
      // What was released is presented for a while: it must be of no use.
      driver_.Release(lease);
    } else {
      BreakAny();
    }
    if (leases.size() > 4 && OneIn(2)) driver_.held().erase(leases.front());
  }

  void BreakAny() {
    const auto leases = driver_.store().Leases();
    if (!leases.ok() || leases->empty()) return;
    const LeaseInfo& lease = (*leases)[Below(leases->size())];
    driver_.Break(*ScopeNumber(lease.scopes), IdOf(lease.purpose), lease.id);
  }

  Driver driver_;
  std::mt19937_64 random_;
  GroupSteps groups_;
  std::uint64_t seen_[kKeys] = {};
  Lsn last_lsn_ = 0;
};

}  // namespace

int RunWorker(const std::string& path, std::uint64_t process, std::uint64_t seed, std::uint64_t commit_ttl_ms) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGINT, SIG_IGN);  // the one who checks ends this process
  OpenOptions options;
  options.writer = "torture-" + std::to_string(process);
  options.commit_ttl_ms = commit_ttl_ms;
  Record opening;
  opening.id = process << kCallBits;
  opening.kind = Kind::kOpen;
  opening.called = Now();
  SayLine(CallLine(opening));
  auto store = Store::Open(path, options);
  opening.returned = Now();
  opening.code = store.ok() ? "ok" : ErrorCodeName(store.error().code);
  SayLine(ReturnLine(opening));
  if (!store.ok()) {
    SayLine("x cannot open: " + store.error().message + "\n");
    return 1;
  }
  Worker worker(*store, process, seed);
  std::string line, verb;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::uint64_t phase = 0, until = 0;
    words >> verb >> phase >> until;
    if (verb != "run") break;
    worker.RunUntil(until);
    SayLine("q " + std::to_string(phase) + "\n");
  }
  return 0;
}

}  // namespace tenure::torture
