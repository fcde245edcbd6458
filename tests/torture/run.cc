#include "tests/torture/run.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "store/recovery/verify.h"
#include "tenure/watch.h"
#include "tests/torture/answers.h"
#include "tests/torture/dump.h"

namespace tenure::torture {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
/// Far above what is promised: twice commit_ttl_ms and a flush. The machine may be busy with other things.
constexpr std::uint64_t kWaitLimitMs = 20'000;
constexpr const char* kCursor = "torture";

OpenOptions OptionsOf(const RunOptions& options) {
  OpenOptions open;
  open.writer = "torture-check";
  open.commit_ttl_ms = options.fleet.commit_ttl_ms;
  return open;
}

}  // namespace

Run::Run(RunOptions options)
    : options_(std::move(options)),
      fleet_(options_.fleet),
      audit_(
          {[this](std::uint64_t process) { return fleet_.DeadSince(process); }, options_.fleet.commit_ttl_ms, true}) {}

void Run::Complain(std::string text) {
  std::fprintf(stderr, "FAILED in phase %llu: %s\n", static_cast<unsigned long long>(phase_), text.c_str());
  problems_.push_back(std::move(text));
}

int Run::Go(const volatile std::sig_atomic_t& interrupted) {
  auto store = Store::Create(options_.fleet.store, {}, OptionsOf(options_));
  if (!store.ok()) {
    std::fprintf(stderr, "cannot create a store: %s\n", store.error().message.c_str());
    return 2;
  }
  driver_ = std::make_unique<Driver>(*std::move(store), 1, [this](const Record& record, bool returned) {
    if (returned) own_.push_back(record);
  });
  // From the first LSN on, before anybody can compact.
  WatchOptions cursor;
  cursor.cursor = kCursor;
  cursor.from = 1;
  if (const auto watch = driver_->store().Watch(cursor); !watch.ok()) {
    Complain("cannot make a cursor: " + watch.error().message);
  }
  Phase before;
  if (ReadEvents(before.events)) (void)audit_.Judge(std::move(before));  // the cursor itself
  const std::uint64_t end = Now() + static_cast<std::uint64_t>(options_.seconds * 1e9);
  while (Now() < end && interrupted == 0 && problems_.empty()) {
    ++phase_;
    if (!OnePhase(std::min(end, Now() + options_.phase_ms * kMs))) break;
    Progress();
  }
  if (problems_.empty() && !fleet_.End()) {
    for (const std::string& problem : fleet_.problems()) Complain(problem);
  }
  for (const std::string& growth : Grown(figures_)) Complain(growth);
  driver_.reset();
  if (problems_.empty()) CheckStore();
  Report();
  return problems_.empty() ? 0 : 1;
}

/// False: the run cannot go on.
bool Run::OnePhase(std::uint64_t until) {
  if (!fleet_.RunPhase(phase_, until, options_.fault_gap_ms)) {
    for (const std::string& problem : fleet_.problems()) Complain(problem);
    return false;
  }
  Phase phase;
  phase.records = fleet_.TakeRecords();
  Settle(phase.records);
  FreeScopes();
  for (std::uint32_t key = 0; key < kKeys; ++key) driver_->Read(Kind::kRead, key);
  for (std::uint32_t group = 0; group < kGroups; ++group) {
    driver_->LookEntries(group, kCommitted);
    driver_->LookTags(group, kCommitted);
  }
  if (phase_ % 3 == 0) driver_->Compact(audit_.last_lsn() > 1'000 ? audit_.last_lsn() - 1'000 : 0);
  if (!ReadEvents(phase.events) || !FollowFeed(phase.events) || !ReadPassed(phase.events)) return false;
  for (Record& record : own_) phase.records.push_back(std::move(record));
  own_.clear();
  phase.ended = Now();
  fleet_.BuryDead();
  Count(phase.records);
  for (std::string& problem : audit_.Judge(std::move(phase))) Complain(std::move(problem));
  figures_.push_back(Measure(options_.fleet.store, fleet_.PidOfSlot(0)));
  return problems_.empty();
}

void Run::Settle(std::vector<Record>& records) {
  for (Record& record : records) {
    if (record.returned != 0 || !IsWrite(record)) continue;
    ++unanswered_;
    driver_->Settle(record);
  }
}

/// Breaks what is still held; then each scope must be free for the taking.
void Run::FreeScopes() {
  const auto leases = driver_->store().Leases();
  if (!leases.ok()) return Complain("cannot list leases: " + leases.error().message);
  for (const LeaseInfo& lease : *leases) {
    driver_->Break(*ScopeNumber(lease.scopes), IdOf(lease.purpose), lease.id);
  }
  for (std::uint32_t scope = 0; scope < kAllScopes; ++scope) {
    const Record taken = driver_->Acquire(scope, 60'000, false, 10'000);
    if (taken.code != "ok") {
      Complain("scope " + ScopeOf(scope) + " is not free although everything was broken: " + taken.code);
      continue;
    }
    driver_->Release(taken.id);
    driver_->held().clear();
  }
}

bool Run::ReadEvents(std::vector<Event>& events) {
  const auto read = driver_->store().Log(audit_.last_lsn() + 1, 0, [&](const Event& event) {
    events.push_back(event);
    return true;
  });
  if (!read.ok()) Complain("cannot read the log: " + read.error().message);
  return read.ok();
}

/// The change feed tells the same as the log. Its cursor keeps compaction from taking the journal away before that.
bool Run::FollowFeed(const std::vector<Event>& events) {
  WatchOptions options;
  options.cursor = kCursor;
  auto watch = driver_->store().Watch(options);
  if (!watch.ok()) return Complain("cannot follow: " + watch.error().message), false;
  const auto of_cursor = [](const Event& event) { return event.op == "set_cursor" || event.op == "delete_cursor"; };
  for (auto expected = events.begin();;) {
    while (expected != events.end() && of_cursor(*expected)) ++expected;
    if (expected == events.end()) break;
    const auto some = watch->Next(std::chrono::seconds(10));
    if (!some.ok()) return Complain("cannot follow: " + some.error().message), false;
    if (some->empty()) return Complain("the feed stops before LSN " + std::to_string(expected->lsn)), false;
    for (const Event& event : *some) {
      if (expected == events.end()) break;  // younger than the log that was read
      if (event.lsn != expected->lsn || event.effect != expected->effect || event.op != expected->op) {
        Complain("the feed has LSN " + std::to_string(event.lsn) + " " + event.op + " where the log has LSN " +
                 std::to_string(expected->lsn) + " " + expected->op);
        return false;
      }
      do {
        ++expected;
      } while (expected != events.end() && of_cursor(*expected));
    }
  }
  auto moved = watch->Acknowledge();
  if (moved.ok()) moved = watch->Close();
  if (!moved.ok()) Complain("cannot move the cursor: " + moved.error().message);
  return moved.ok();
}

/// What the cursor has passed without being compared: its own move, and what came behind the log that was read. From
/// here on it may be compacted away.
bool Run::ReadPassed(std::vector<Event>& events) {
  const auto cursors = driver_->store().Cursors();
  if (!cursors.ok()) return Complain("cannot list cursors: " + cursors.error().message), false;
  Lsn passed = 0;
  for (const CursorEntry& cursor : *cursors) passed = cursor.name == kCursor ? cursor.lsn : passed;
  const Lsn last = events.empty() ? audit_.last_lsn() : events.back().lsn;
  if (passed <= last) return true;
  const auto read = driver_->store().Log(last + 1, passed, [&](const Event& event) {
    events.push_back(event);
    return true;
  });
  if (!read.ok()) Complain("cannot read what the cursor has passed: " + read.error().message);
  return read.ok();
}

void Run::Count(const std::vector<Record>& records) {
  for (const Record& record : records) {
    ++calls_;
    if (record.returned == 0) continue;
    ++answers_[std::string(kKindNames[static_cast<int>(record.kind)]) + " " + record.code];
    if (!IsExpected(record)) {
      Complain("an answer that nothing explains: " + record.code + " to " + CallLine(record));
    }
    // Those who were stopped themselves, and those who died, waited for nobody else.
    const std::uint64_t process = ProcessOf(record.id);
    if (record.kind == Kind::kCompact || record.code == "never" || fleet_.DeadSince(process) != 0 ||
        fleet_.WasStopped(process, record.called, record.returned)) {
      continue;
    }
    const std::uint64_t asked = record.kind == Kind::kAcquire ? record.c * kMs : 0;
    const std::uint64_t waited = record.returned - record.called;
    if (waited <= asked + longest_wait_ns_) continue;
    longest_wait_ns_ = waited - asked;
    longest_wait_of_ = kKindNames[static_cast<int>(record.kind)];
    if (longest_wait_ns_ > kWaitLimitMs * kMs) {
      Complain("a process that was not stopped waited " + std::to_string(longest_wait_ns_ / kMs) +
               " ms for: " + CallLine(record));
    }
  }
}

/// From outside, with everybody gone: journal, chain, seals, index, state hash; and the index equals a replay.
void Run::CheckStore() {
  std::string before;
  {
    auto store = Store::Open(options_.fleet.store);
    if (!store.ok()) return Complain("cannot open at the end: " + store.error().message);
    auto dump = DumpStore(*store);
    if (!dump.ok()) return Complain("cannot read at the end: " + dump.error().message);
    before = *std::move(dump);
  }
  const recovery::Layout layout{options_.fleet.store + "/.tenure"};
  const auto report = recovery::Verify(base::Env::Posix(), layout, {});
  if (!report.ok()) return Complain("cannot verify: " + report.error().message);
  for (const Error& problem : report->problems) Complain("verify: " + problem.message);
  if (!report->state_hash_checked) Complain("verify did not come to check the state hash");
  transactions_verified_ = report->transactions;
  std::filesystem::remove_all(layout.index());
  auto store = Store::Open(options_.fleet.store);
  if (!store.ok()) return Complain("cannot rebuild the index: " + store.error().message);
  auto after = DumpStore(*store);
  if (!after.ok()) return Complain("cannot read the rebuilt index: " + after.error().message);
  if (*after != before) Complain("the index is not what a replay of the journal gives");
}

void Run::Progress() const {
  const FaultCounts& faults = fleet_.counts();
  std::fprintf(stderr, "phase %llu: %llu calls, LSN %llu, %llu killed, %llu stopped, longest wait %llu ms\n",
               static_cast<unsigned long long>(phase_), static_cast<unsigned long long>(calls_),
               static_cast<unsigned long long>(audit_.last_lsn()),
               static_cast<unsigned long long>(faults.kills + faults.killed_stopped + faults.point_kills),
               static_cast<unsigned long long>(faults.stops + faults.point_stops),
               static_cast<unsigned long long>(longest_wait_ns_ / kMs));
}

void Run::Report() const {
  const FaultCounts& faults = fleet_.counts();
  const std::pair<const char*, std::uint64_t> rows[] = {
      {"seed", options_.fleet.seed},
      {"processes", static_cast<std::uint64_t>(options_.fleet.processes)},
      {"phases", phase_},
      {"calls", calls_},
      {"calls_checked", audit_.calls_checked()},
      {"search_steps", audit_.steps()},
      {"unanswered_writes", unanswered_},
      {"group_transactions", audit_.counts().group_transactions},
      {"of_several_effects", audit_.counts().several_effects},
      {"their_effects", audit_.counts().group_effects},
      {"leases_granted", audit_.counts().grants},
      {"shared_ones", audit_.counts().shared_grants},
      {"leases_expired", audit_.counts().expiries},
      {"last_lsn", audit_.last_lsn()},
      {"transactions_verified", transactions_verified_},
      {"processes_started", faults.starts},
      {"killed", faults.kills},
      {"killed_while_stopped", faults.killed_stopped},
      {"killed_at_points", faults.point_kills},
      {"stopped", faults.stops},
      {"stopped_at_points", faults.point_stops},
      {"longest_wait_ms", longest_wait_ns_ / kMs}};
  if (options_.json) {
    std::string text = "{";
    for (const auto& [name, value] : rows) text += "\"" + std::string(name) + "\":" + std::to_string(value) + ",";
    text += "\"answers\":{";
    for (const auto& [name, count] : answers_) text += "\"" + name + "\":" + std::to_string(count) + ",";
    if (text.back() == ',') text.pop_back();
    std::printf("%s},\"ok\":%s}\n", text.c_str(), problems_.empty() ? "true" : "false");
  } else {
    for (const auto& [name, value] : rows) std::printf("%-24s %llu\n", name, static_cast<unsigned long long>(value));
    if (!longest_wait_of_.empty()) std::printf("%-24s %s\n", "longest_wait_of", longest_wait_of_.c_str());
    for (const auto& [name, count] : answers_) {
      std::printf("  %-28s %llu\n", name.c_str(), static_cast<unsigned long long>(count));
    }
    if (!figures_.empty()) {
      const Figures& last = figures_.back();
      std::printf("memory %llu KiB, descriptors %llu, WAL %llu KiB, journal %llu KiB, files %llu\n",
                  static_cast<unsigned long long>(last.memory_kib), static_cast<unsigned long long>(last.descriptors),
                  static_cast<unsigned long long>(last.wal_kib), static_cast<unsigned long long>(last.journal_kib),
                  static_cast<unsigned long long>(last.files));
    }
  }
  if (problems_.empty()) return;
  std::fprintf(stderr, "%zu problems; the store: %s. Again: tenure-torture --seed %llu --processes %d --seconds %g\n",
               problems_.size(), options_.fleet.store.c_str(), static_cast<unsigned long long>(options_.fleet.seed),
               options_.fleet.processes, options_.seconds);
}

}  // namespace tenure::torture
