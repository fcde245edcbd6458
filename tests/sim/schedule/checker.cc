#include <climits>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "store/recovery/verify.h"
#include "tenure/doctor.h"
#include "tenure/watch.h"
#include "tests/sim/schedule/actors.h"
#include "tests/sim/schedule/calls.h"
#include "tests/sim/schedule/judge.h"
#include "tests/sim/schedule/scheduler.h"
#include "tests/torture/driver.h"
#include "tests/torture/dump.h"

namespace tenure::sim {
namespace {

using torture::Kind;
using torture::Record;

/// The state hash says in every world that the index is what the journal makes; in some the whole of it is compared.
constexpr std::uint64_t kRebuildOneIn = 4;

void Complain(const std::string& text) { sim::Complain(text.c_str()); }

class Checker {
 public:
  Checker(Store store, std::uint64_t caller) : driver_(std::move(store), caller, NoteMyCall) {}

  /// The writers are done, and wait.
  void Judge() {
    Board& board = TheBoard();
    const std::vector<Record> theirs = NotedCalls(board);
    // Whatever has happened: the next operation goes through.
    const Record first = driver_.Write(Kind::kPut, 0, torture::kNone, 0, 0);
    if (first.code != "ok") Complain("the first write after all faults: " + first.code);
    Settle(theirs);
    FreeScopes();
    ReadAll();
    std::vector<Event> events;
    const auto read = driver_.store().Log(kCreatedLsn + 1, 0, [&](const Event& event) {
      events.push_back(event);
      if (board.verbose) {
        std::fprintf(stderr, "LSN %llu %s %s\n", static_cast<unsigned long long>(event.lsn), event.op.c_str(),
                     event.lease ? std::to_string(event.lease->id).c_str() : event.request_id.c_str());
      }
      return true;
    });
    if (!read.ok()) return Complain("cannot read the log: " + read.error().message);
    const Uninterrupted whole;  // nothing of the store is called any more
    for (const std::string& problem : JudgeHistory(board, std::move(events))) Complain(problem);
  }

 private:
  /// Asks what became of the writes that nobody was told about; those that did not happen never will from here on.
  void Settle(const std::vector<Record>& records) {
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (!IsUnknown(records[i]) || !torture::IsWrite(records[i])) continue;
      Record record = records[i];
      driver_.Settle(record);
      NoteSettled(TheBoard(), i, record);
    }
  }

  /// Breaks what is still held; then each scope must be free for the taking.
  void FreeScopes() {
    if (!TheBoard().plan.leases) return;
    const auto leases = driver_.store().Leases();
    if (!leases.ok()) return Complain("cannot list leases: " + leases.error().message);
    for (const LeaseInfo& lease : *leases) {
      (void)driver_.Break(*torture::ScopeNumber(lease.scopes), torture::IdOf(lease.purpose), lease.id);
    }
    const std::uint32_t scopes = TheBoard().plan.groups ? torture::kAllScopes : std::uint32_t{torture::kScopes};
    for (std::uint32_t scope = 0; scope < scopes; ++scope) {
      const Record taken = driver_.Acquire(scope, 60'000, false, 10'000);
      if (taken.code != "ok") Complain("scope " + torture::ScopeOf(scope) + " is not free: " + taken.code);
      if (taken.code == "ok") (void)driver_.Release(taken.id);
    }
  }

  void ReadAll() {
    for (std::uint32_t key = 0; key < torture::kKeys; ++key) (void)driver_.Read(Kind::kRead, key);
    for (std::uint32_t group = 0; TheBoard().plan.groups && group < torture::kGroups; ++group) {
      (void)driver_.LookEntries(group, torture::kCommitted);
      (void)driver_.LookTags(group, torture::kCommitted);
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
    auto dump = torture::DumpStore(*store);
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
  auto after = torture::DumpStore(*store);
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
