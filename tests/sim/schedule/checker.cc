#include <algorithm>
#include <climits>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>

#include "store/model/json.h"
#include "store/recovery/verify.h"
#include "tenure/doctor.h"
#include "tenure/watch.h"
#include "tests/sim/schedule/actors.h"
#include "tests/sim/schedule/scheduler.h"
#include "tests/torture/audit/audit.h"
#include "tests/torture/driver.h"

namespace tenure::sim {
namespace {

using torture::Kind;
using torture::Record;

constexpr std::uint64_t kMs = 1'000'000;

/// The first transaction is the creator's.
constexpr Lsn kCursorLsn = 1;
/// The state hash says in every world that the index is what the journal makes; in some the whole of it is compared.
constexpr std::uint64_t kRebuildOneIn = 4;

void Complain(const std::string& text) { sim::Complain(text.c_str()); }

/// Far above what is seen, far below the longest stop: takeovers that follow one another, and reads behind a rebuilt
/// index, each twice the time to live, with a slow disk in between.
std::uint64_t WaitMaxNs(const Plan& plan) {
  return 15 * plan.commit_ttl_ms * kMs + 20 * plan.sync_ns + (plan.slow_one_in != 0 ? 10 * plan.slow_ns_max : 0);
}

bool IsUnknown(const Record& record) {
  return record.returned == 0 || record.code == "outcome_unknown" || record.code == "io";
}
bool IsWriteKind(Kind kind) { return kind == Kind::kPut || kind == Kind::kDelete; }

/// Answers that the store may give to what is asked here.
bool IsExplained(const Record& record, bool disk_fails) {
  static constexpr const char* kCodes[] = {
      "ok",         "not_found", "never",  "revision_mismatch", "exists",       "stale_base",    "deleted_since",
      "lease_held", "deadlock",  "fenced", "lease_expired",     "lease_broken", "lease_unknown", "lease_not_covering"};
  static constexpr const char* kDiskCodes[] = {"io", "no_space", "outcome_unknown"};
  const auto is = [&](const char* code) { return record.code == code; };
  return std::any_of(std::begin(kCodes), std::end(kCodes), is) ||
         (disk_fails && std::any_of(std::begin(kDiskCodes), std::end(kDiskCodes), is));
}

/// Everything that can be read of entries and their pasts.
Result<std::string> DumpStore(const Store& store) {
  ListOptions list;
  list.include_deleted = true;
  auto entries = store.List(list);
  if (!entries.ok()) return std::move(entries).error();
  std::string text;
  for (const ArtifactEntry& entry : *entries) {
    auto history = store.History(entry.name + ":" + entry.version);
    if (!history.ok()) return std::move(history).error();
    for (const ArtifactEntry& revision : *history) text += model::EntryJson(revision) + "\n";
  }
  return text;
}

class Checker {
 public:
  Checker(Store store, std::uint64_t caller) : driver_(std::move(store), caller, NoteCall) {}

  /// The writers are done, and wait.
  void Judge() {
    Board& board = TheBoard();
    const std::vector<Record> theirs = NotedCalls();
    // Whatever has happened: the next operation goes through.
    const Record first = driver_.Write(Kind::kPut, 0, torture::kNone, 0, 0);
    if (first.code != "ok") Complain("the first write after all faults: " + first.code);
    Settle(theirs);
    FreeScopes();
    for (std::uint32_t key = 0; key < torture::kKeys; ++key) (void)driver_.Read(Kind::kRead, key);
    torture::Phase phase;
    const auto read = driver_.store().Log(kCursorLsn + 1, 0, [&](const Event& event) {
      phase.events.push_back(event);
      if (board.verbose) {
        std::fprintf(stderr, "LSN %llu %s %s\n", static_cast<unsigned long long>(event.lsn), event.op.c_str(),
                     event.lease ? std::to_string(event.lease->id).c_str() : event.request_id.c_str());
      }
      return true;
    });
    if (!read.ok()) return Complain("cannot read the log: " + read.error().message);
    phase.ended = torture::Now();
    phase.records = NotedCalls();
    // Who was told that the outcome is unknown may be granted the lease later.
    for (Record& record : phase.records) {
      if (record.kind == Kind::kAcquire && IsUnknown(record)) record.returned = 0;
    }
    LookAtAnswers(phase.records);
    const auto dead_since = [&board](std::uint64_t caller) {
      return board.processes[caller / CallerNumber(1, 0)].ended_at;
    };
    const Uninterrupted whole;  // nothing of the store is called any more
    torture::Audit audit({dead_since, board.plan.commit_ttl_ms});
    torture::Phase creation;
    creation.events.emplace_back().lsn = kCursorLsn;
    (void)audit.Judge(std::move(creation));
    for (const std::string& problem : audit.Judge(std::move(phase))) Complain(problem);
    board.counts.lsn = audit.last_lsn();
  }

 private:
  /// Asks what became of the writes that nobody was told about; those that did not happen never will from here on.
  void Settle(const std::vector<Record>& records) {
    Board& board = TheBoard();
    for (std::size_t i = 0; i < records.size(); ++i) {
      Record record = records[i];
      if (!IsUnknown(record) || !IsWriteKind(record.kind)) continue;
      const auto outcome = driver_.store().OutcomeOf(torture::RequestId(record.id));
      if (outcome.ok()) {
        record.code = "ok";
        record.lsn = outcome->lsn;
        if (!outcome->results.empty()) record.revision = outcome->results.front().revision;
      } else {
        record.code =
            outcome.error().code == ErrorCode::kNotFound ? "never" : std::string(ErrorCodeName(outcome.error().code));
      }
      CallSlot& slot = board.calls[i];
      slot.settled = true;
      slot.returned = torture::Now();
      slot.lsn = record.lsn;
      slot.revision = record.revision;
      std::snprintf(slot.code, sizeof slot.code, "%s", record.code.c_str());
    }
  }

  /// Breaks what is still held; then each scope must be free for the taking.
  void FreeScopes() {
    if (!TheBoard().plan.leases) return;
    const auto leases = driver_.store().Leases();
    if (!leases.ok()) return Complain("cannot list leases: " + leases.error().message);
    for (const LeaseInfo& lease : *leases) {
      (void)driver_.Break(*torture::KeyOf(lease.scopes.front()) - torture::kFreeKeys, torture::IdOf(lease.purpose),
                          lease.id);
    }
    for (std::uint32_t scope = 0; scope < torture::kScopes; ++scope) {
      const Record taken = driver_.Acquire(scope, 60'000, false, 10'000);
      if (taken.code != "ok") Complain("scope " + torture::ScopeOf(scope) + " is not free: " + taken.code);
      if (taken.code == "ok") (void)driver_.Release(taken.id);
    }
  }

  void LookAtAnswers(const std::vector<Record>& records) {
    Board& board = TheBoard();
    for (std::size_t i = 0; i < records.size(); ++i) {
      const Record& record = records[i];
      const CallSlot& slot = board.calls[i];
      ++board.counts.calls;
      if (record.code == "ok") ++board.counts.acknowledged;
      if (record.returned == 0) continue;
      if (!IsExplained(record, board.plan.MayFail())) {
        Complain("an answer that nothing explains: " + record.code + " to " + torture::CallLine(record));
      }
      if (slot.settled || slot.disturbed) continue;  // it waited for nobody else
      const std::uint64_t asked = record.kind == Kind::kAcquire ? record.c * kMs : 0;
      const std::uint64_t waited = slot.waited_ns - std::min(slot.waited_ns, asked);
      board.counts.longest_wait_ns = std::max(board.counts.longest_wait_ns, waited);
      if (waited > WaitMaxNs(board.plan)) {
        Complain("who was not stopped waited " + std::to_string(waited / kMs) +
                 " ms for: " + torture::CallLine(record));
      }
    }
  }

  torture::Driver driver_;
};

/// Everybody has left: what is still taken is of those that were killed.
void CheckGivenBack(const std::string& path, const OpenOptions& options) {
  const auto found = Diagnose(path, options);
  if (!found.ok()) return Complain("cannot look at the store: " + found.error().message);
  const Board& board = TheBoard();
  const std::uint64_t of_dead = board.counts.kills * static_cast<std::uint64_t>(board.plan.writers);
  if (found->shared_memory != SharedMemoryState::kSound) Complain("shared memory: " + found->shared_memory_problem);
  if (found->members_alive != 0) Complain(std::string("a member byte is held"));
  if (found->lease.state != LeaseState::kFree) Complain(std::string("the commit lease was not given back"));
  if (found->slots.size() > of_dead) {
    Complain(std::to_string(found->slots.size()) + " writer slots are taken, of " + std::to_string(of_dead) +
             " threads that were killed");
  }
  for (const WriterSlotDiagnosis& slot : found->slots) {
    if (slot.waiting != 0) Complain("operations were left in writer slot " + std::to_string(slot.slot));
  }
  if (found->lease_waiters.size() > of_dead)
    Complain(std::string("places in the queue for leases were not given back"));
}

/// Nobody has it open: journal, chain, seals, index, state hash; and the index equals a replay.
void CheckClosed(const std::string& path, const OpenOptions& options) {
  std::string before;
  {
    auto store = Store::Open(path, options);
    if (!store.ok()) return Complain("cannot open at the end: " + store.error().message);
    auto dump = DumpStore(*store);
    if (!dump.ok()) return Complain("cannot read at the end: " + dump.error().message);
    before = *std::move(dump);
  }
  const recovery::Layout layout{path + "/.tenure"};
  const auto report = recovery::Verify(base::Env::Posix(), layout, {});
  if (!report.ok()) return Complain("cannot verify: " + report.error().message);
  for (const Error& problem : report->problems) Complain("verify: " + problem.message);
  if (!report->state_hash_checked) Complain("verify did not come to check the state hash");
  if (TheBoard().plan.seed % kRebuildOneIn != 0) return;
  std::filesystem::remove_all(layout.index());
  auto store = Store::Open(path, options);
  if (!store.ok()) return Complain("cannot rebuild the index: " + store.error().message);
  auto after = DumpStore(*store);
  if (!after.ok()) return Complain("cannot read the rebuilt index: " + after.error().message);
  if (*after != before) Complain(std::string("the index is not what a replay of the journal gives"));
}

}  // namespace

void LiveAsCreator(const std::string& path) {
  OpenOptions options;
  options.writer = "creator";
  options.background = false;
  CreateOptions create;
  create.writer_slots = TheBoard().plan.writer_slots;
  auto store = Store::Create(path, create, options);
  if (!store.ok()) return Complain("cannot create a store: " + store.error().message);
  // Keeps compactions from taking away what is checked at the end.
  WatchOptions cursor;
  cursor.cursor = "sim";
  cursor.from = 1;
  const auto watch = store->Watch(cursor);
  if (!watch.ok()) Complain("cannot make a cursor: " + watch.error().message);
}

void LiveAsChecker(const std::string& path) {
  Board& board = TheBoard();
  OpenOptions options;
  options.writer = "checker";
  options.commit_ttl_ms = board.plan.commit_ttl_ms;
  {
    auto store = Store::Open(path, options);
    if (!store.ok()) {
      Complain("the one who checks cannot open the store: " + store.error().message);
    } else {
      Checker(*store, CallerNumber(MyProcessNumber(), 0)).Judge();
    }
    board.over = true;
    Wake({kBarrierSpace, 1}, 1, INT_MAX);
    while (board.open_writers > 0) Block("checker.waits", {kBarrierSpace, 1}, 1, -1);
  }
  CheckGivenBack(path, options);
  CheckClosed(path, options);
  board.checked = true;
}

}  // namespace tenure::sim
