// Deliberate defects of the product, one at a time: for each there is a check that is content without
// the defect and objects to it. A test programme that does not notice these notices nothing.
//
// The last test reads the sources: a defect without a check, or a check without its defect, fails.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <sstream>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/index/index.h"
#include "store/ingest/double_buffer_drain.h"
#include "store/ingest/slot_reader.h"
#include "store/journal/reader.h"
#include "store/recovery/repair.h"
#include "tests/sim/index_run.h"
#include "tests/sim/journal_bytes.h"
#include "tests/sim/lease_checks.h"
#include "tests/sim/power_loss.h"
#include "tests/sim/sim_env.h"
#include "tests/sim/sim_scratch.h"

namespace tenure::sim {
namespace {

namespace fs = std::filesystem;
using Kind = base::TraceStep::Kind;

/// A store in a simulated machine, for one check.
class Machine {
 public:
  Machine() {
    options.env = &env;
    options.background = false;
    options.writer = "sim@sim";
    auto made = Store::Create(dir, FewSlots(), options);
    if (!made.ok()) throw std::runtime_error(made.error().message);
    env.Mark("created");
    store.emplace(std::move(made).value());
  }
  void Reopen() {
    store.reset();
    auto opened = Store::Open(dir, options);
    if (!opened.ok()) throw std::runtime_error(opened.error().message);
    store.emplace(std::move(opened).value());
  }
  void Commit(int from, int to) {
    for (int i = from; i < to; ++i) {
      const auto receipt = CommitPlanned(*store, env, i, false);
      if (!receipt.ok()) throw std::runtime_error(receipt.error().message);
    }
  }
  /// Commits transaction i while the next `kind` of call on a segment fails.
  Result<Receipt> CommitFailing(int i, Kind kind) {
    bool done = false;
    env.SetFaultPlan([&done, kind](std::uint64_t, Kind call, const std::string& path) -> Status {
      if (done || call != kind || !path.ends_with(".seg")) return {};
      done = true;
      return base::MakeError(ErrorCode::kIo, path + ": injected by the test");
    });
    auto receipt = CommitPlanned(*store, env, i, false);
    env.SetFaultPlan({});
    return receipt;
  }
  Violations Log() {
    const base::Trace trace = env.CopyTrace();
    return CheckLog(*store, ExpectedAt(trace, trace.size(), false));
  }
  Violations LoseNow() {
    const base::Trace trace = WithoutSqlite(env.CopyTrace());
    for (std::uint64_t seed = 0; seed < 24; ++seed) {
      Violations violations = CheckLoss(trace, dir, {trace.size(), seed, 512}, scratch / "lost", {});
      if (!violations.empty()) return violations;
    }
    return {};
  }

  SimScratch scratch;
  const std::string dir = scratch / "store";
  SimEnv env{5};
  OpenOptions options;
  std::optional<Store> store;
};

Violations LossAfterCreate() { return Machine().LoseNow(); }

Violations LossAfterCommits() {
  Machine machine;
  machine.Commit(0, 5);
  return machine.LoseNow();
}

/// In a segment that was begun for a new epoch, under a name of its own.
Violations LossInANewSegment() {
  Machine machine;
  machine.Commit(0, 3);
  machine.store.reset();
  if (!machine.env.Remove(machine.dir + "/.tenure/ingest.shm").ok()) return {"cannot remove shared memory"};
  machine.Reopen();
  machine.Commit(3, 6);
  return machine.LoseNow();
}

Violations FailedWriteIsNotVisible() {
  Machine machine;
  machine.Commit(0, 3);
  if (machine.CommitFailing(3, Kind::kWrite).ok()) return {"acknowledged though its write failed"};
  Violations violations = machine.Log();
  const auto next = CommitPlanned(*machine.store, machine.env, 4, false);
  if (!next.ok()) violations.push_back("the next commit: " + next.error().message);
  for (const std::string& violation : machine.Log()) violations.push_back(violation);
  return violations;
}

/// A whole frame lies behind the seal: its sync had failed, so its LSN was given to the next one.
Violations NothingBeyondASealIsData() {
  Machine machine;
  machine.Commit(0, 3);
  if (machine.CommitFailing(3, Kind::kSyncData).ok()) return {"acknowledged though its sync failed"};
  machine.Commit(4, 6);
  Violations violations = machine.Log();
  machine.store.reset();
  for (const std::string& violation : CheckVerify(machine.env, machine.dir + "/.tenure"))
    violations.push_back(violation);
  return violations;
}

Violations IndexHoldsEveryRow() {
  Machine machine;
  for (int batch = 0; batch < 3; ++batch) {
    Transaction txn;
    for (int i = 0; i < 60; ++i) {
      PutSpec spec;
      spec.name = "row/" + std::to_string(batch) + "/" + std::to_string(i);
      spec.version = "1";
      txn.Put(spec);
    }
    const auto receipt = machine.store->Commit(txn);
    if (!receipt.ok()) return {receipt.error().message};
  }
  if (const Status applied = machine.store->CatchUp(); !applied.ok()) return {applied.error().message};
  machine.store.reset();
  return CheckVerify(machine.env, machine.dir + "/.tenure");
}

Result<Receipt> PutN(Machine& machine, int n, std::optional<Revision> base = std::nullopt) {
  Transaction txn;
  PutSpec spec;
  spec.name = "key";
  spec.version = "1";
  spec.annotations = "{\"n\":" + std::to_string(n) + "}";
  Operation& op = txn.Put(spec);
  if (base) op.Base(*base);
  return machine.store->Commit(txn);
}

Violations HistoryIsKept() {
  Machine machine;
  for (int n = 1; n <= 3; ++n) {
    if (!PutN(machine, n).ok() || !machine.store->CatchUp().ok()) return {"a put failed"};
  }
  const auto history = machine.store->History("key:1");
  if (!history.ok()) return {history.error().message};
  if (history->size() != 3) return {"3 revisions were made, " + std::to_string(history->size()) + " are retained"};
  return {};
}

Violations StaleBaseIsRejected() {
  Machine machine;
  if (!PutN(machine, 1).ok() || !PutN(machine, 2, 1).ok()) return {"a put failed"};
  const auto stale = PutN(machine, 3, 1);
  if (stale.ok()) return {"a write based on revision 1 replaced revision 2 unseen"};
  if (stale.error().code != ErrorCode::kStaleBase) return {stale.error().message};
  return {};
}

Result<Receipt> PatchKey(Machine& machine, const std::string& patch, std::optional<Revision> base,
                         ConflictStrategy strategy) {
  Transaction txn;
  txn.Patch("key", "1", patch).base = base;
  CommitOptions options;
  options.on_conflict = strategy;
  return machine.store->Commit(txn, options);
}

Violations AMergeKeepsBothSides() {
  Machine machine;
  if (!PutN(machine, 1).ok() || !PatchKey(machine, R"({"theirs":1})", 1, ConflictStrategy::kReject).ok()) {
    return {"a write failed"};
  }
  const auto merged = PatchKey(machine, R"({"ours":1})", 1, ConflictStrategy::kMerge);
  if (!merged.ok()) return {merged.error().message};
  const auto entry = machine.store->Get("key:1");
  if (!entry.ok()) return {entry.error().message};
  const bool both =
      entry->annotations.find("theirs") != std::string::npos && entry->annotations.find("ours") != std::string::npos;
  if (!both) return {"a merge lost a change: " + entry->annotations};
  return {};
}

Violations AResolutionOverwritesNothingUnseen() {
  Machine machine;
  if (!PutN(machine, 1).ok() || !PatchKey(machine, R"({"a":1})", 1, ConflictStrategy::kReject).ok()) {
    return {"a write failed"};
  }
  const auto parked = PatchKey(machine, R"({"b":1})", 1, ConflictStrategy::kPark);
  if (!parked.ok() || parked->outcome != Outcome::kParked) return {"a stale write was not parked"};
  if (!PatchKey(machine, R"({"later":1})", std::nullopt, ConflictStrategy::kReject).ok()) return {"a write failed"};
  const auto resolved = machine.store->Resolve({parked->lsn, 0}, Take::kOurs);
  if (resolved.ok()) return {"a resolution replaced a revision that nobody had looked at"};
  return {};
}

Violations RequestIdAppliesOnce() {
  Machine machine;
  machine.Commit(0, 1);
  const auto again = CommitPlanned(*machine.store, machine.env, 0, false);
  if (!again.ok()) return {again.error().message};
  if (!again->replayed || again->lsn != 1) return {"a retried request id was applied again"};
  return machine.Log();
}

Violations EditIsFound(bool mend_chain) {
  SimScratch scratch;
  const ClosedStore store(scratch / "store", 6);
  EditFrame(store.middle(), mend_chain);
  if (CheckVerify(base::Env::Posix(), store.layout().root).empty()) return {"an edited frame verifies"};
  return {};
}

Violations ZeroedLastFrameIsFoundInTheJournal() {
  SimScratch scratch;
  const ClosedStore store(scratch / "store", 6);
  ZeroFrame(store.last());
  const auto report = recovery::Verify(base::Env::Posix(), store.layout(), {});
  if (!report.ok()) return {report.error().message};
  for (const Error& problem : report->problems) {
    if (problem.path == store.last().path && problem.offset == store.last().begin) return {};
  }
  return {"the journal's last frame is zeros, and verify does not name its place"};
}

Violations RepairAsksFirst() {
  SimScratch scratch;
  const ClosedStore store(scratch / "store", 6);
  FlipBits(store.middle().path, store.middle().begin + 200);
  const auto before = base::Env::Posix().List(store.layout().journal());
  const auto repaired = recovery::Repair(base::Env::Posix(), store.layout(), {});
  const auto after = base::Env::Posix().List(store.layout().journal());
  if (repaired.ok()) return {"transactions were given up without consent"};
  if (*before != *after) return {"a refused repair changed the journal"};
  return {};
}

/// Journal is trimmed on the strength of a checkpoint: its name must be durable before that is decided.
Violations CheckpointIsDurableBeforeTheTrim() {
  Machine machine;
  machine.Commit(0, 4);
  const std::size_t begin = machine.env.CopyTrace().size();
  if (const auto compacted = machine.store->Compact(); !compacted.ok()) return {compacted.error().message};
  const base::Trace trace = machine.env.CopyTrace();
  bool named = false;
  bool durable = false;
  for (std::size_t i = begin; i < trace.size(); ++i) {
    const base::TraceStep& step = trace[i];
    if (step.kind == Kind::kRename && step.to.find("/checkpoints/") != std::string::npos) named = true;
    if (step.kind == Kind::kSyncDirectory && step.path.ends_with("/checkpoints")) durable = named;
    if (step.kind != Kind::kWrite || !step.path.ends_with(".seg")) continue;
    if (!named) return {"the decision to trim is written before there is a checkpoint"};
    return durable ? Violations{}
                   : Violations{"the decision to trim is written before the checkpoint's name is durable"};
  }
  return {"compaction was not journaled"};
}

/// Losses during and after a compaction, with what SQLite did to index and copy on the trace.
Violations LossAroundACompaction(void (IndexRun::*compact)()) {
  SimScratch scratch;
  IndexRun run(scratch / "run");
  run.Commit(6);
  run.BeginSegment();
  run.Commit(4);
  const std::size_t begin = run.steps();
  (run.*compact)();
  run.Commit(1);
  return CheckLossesOf(run, begin, 60, scratch / "lost");
}

/// The same around a switch to a new generation of the index.
Violations LossAroundASwitch() {
  SimScratch scratch;
  IndexRun run(scratch / "run");
  run.Commit(6);
  const std::size_t begin = run.steps();
  run.BuildGeneration();
  run.Commit(2);
  return CheckLossesOf(run, begin, 60, scratch / "lost");
}

Violations LateApplyDoesNothing() {
  SimScratch scratch;
  const ClosedStore store(scratch / "store", 6);
  base::Env& env = base::Env::Posix();
  const auto config = recovery::ReadConfig(env, store.layout());
  auto reader = journal::Reader::OpenAtStart(env, store.layout().journal(), config->journal_id, 0);
  if (!reader.ok()) return {reader.error().message};
  auto writer = index::IndexWriter::Create(scratch / "again.db", recovery::IndexIdOf(*config), (*reader)->position());
  if (!writer.ok()) return {writer.error().message};
  std::vector<index::AppliedFrame> frames;
  for (std::size_t i = 0; i < store.frames().size(); ++i) {
    auto step = (*reader)->Next(store.last().last_lsn, store.last().last_lsn);
    if (!step.ok()) return {step.error().message};
    frames.push_back({std::move(step->frame.txns), step->frame.after});
  }
  const std::span<const index::AppliedFrame> all(frames);
  if (const Status applied = (*writer)->Apply(all.first(3)); !applied.ok()) return {applied.error().message};
  if (const Status late = (*writer)->Apply(all.first(2)); !late.ok()) {
    return {"a late apply was not a harmless one: " + late.error().message};
  }
  if ((*writer)->ReadMark()->position != frames[2].after) return {"a late apply set the index back"};
  if ((*writer)->Apply(all.subspan(4)).ok()) return {"frames with a gap before them were applied"};
  return {};
}

/// A shared segment with one writer slot in use.
struct Lanes {
  Lanes()
      : segment(*ingest::SharedSegment::Create(base::Env::Posix(), scratch / "ingest.shm", {}, 2,
                                               [](ingest::CommitArea&) { return Status(); })),
        registry(*segment, ingest::OwnerWord(0, 1), [](std::uint64_t) { return false; }),
        slot(*ingest::WriterSlot::Open(registry)),
        reader(registry, slot->slot()) {}

  std::uint64_t Push() {
    std::uint64_t sequence = 0;
    const auto pushed = slot->TryPush(ingest::RecordType::kInline, base::AsBytes("operation"), 0, 0, sequence);
    if (pushed != ingest::WriterSlot::PushResult::kOk) throw std::runtime_error("the lane is full");
    return sequence;
  }
  void Take() {
    ingest::QueuedOperation operation;
    reader.Begin();
    if (reader.Next(operation) != ingest::SlotReader::Step::kOperation) throw std::runtime_error("no operation");
  }
  ingest::Reply Committed(Lsn lsn) {
    ingest::Reply reply;
    reply.state = ingest::AnswerState::kCommitted;
    reply.lsn = lsn;
    return reply;
  }

  SimScratch scratch;
  std::unique_ptr<ingest::SharedSegment> segment;
  ingest::Registry registry;
  std::unique_ptr<ingest::WriterSlot> slot;
  ingest::SlotReader reader;
};

Violations AnOldEpochPopsNothing() {
  Lanes lanes;
  lanes.Push();
  lanes.Take();
  if (!ingest::RestampHeads(lanes.registry, 7)) return {"a higher epoch could not stamp the heads"};
  if (lanes.reader.Pop(1)) return {"a committer of epoch 1 popped a lane that epoch 7 had stamped"};
  return lanes.slot->Drained() ? Violations{"the operation is gone from its lane"} : Violations{};
}

Violations ALateAnswerChangesNothing() {
  Lanes lanes;
  const std::uint64_t old = lanes.Push();
  lanes.Take();
  lanes.reader.Pop(1);
  lanes.reader.Answer(old, 1, lanes.Committed(1));
  lanes.slot->Retire(old);
  std::uint64_t newest = old;
  // Round the window once, so that the cell is in use again.
  while (newest < old + ingest::kWindow) {
    newest = lanes.Push();
    lanes.Take();
    lanes.reader.Pop(1);
    if (newest == old + ingest::kWindow) break;
    lanes.reader.Answer(newest, 1, lanes.Committed(2));
    lanes.slot->Retire(newest);
  }
  lanes.reader.Answer(old, 1, lanes.Committed(3));
  return lanes.slot->IsPending(newest) ? Violations{} : Violations{"a late answer went to another operation"};
}

Violations AnOldEpochReleasesNoCell() {
  Lanes lanes;
  ingest::DoubleBuffer& buffer = lanes.segment->buffer();
  ingest::Drain old(buffer, 1);
  ingest::Drain successor(buffer, 2);
  if (!old.TakeOver() || buffer.Write({3, 1}, 1, 0, base::AsBytes("operation")) != ingest::WriteResult::kOk ||
      old.Swap() != ingest::Drain::Swapped::kYes) {
    return {"the buffer does not work at all"};
  }
  std::optional<ingest::Drain::Collected> copy;
  const auto nobody = [](ingest::CellOwner) { return false; };
  old.Collect(0, 1, nobody, [&](const ingest::Drain::Collected& got) { copy = got; });
  if (!copy || !successor.TakeOver()) return {"nothing was collected, or nobody can take over"};
  if (old.Release(copy->cell, copy->word)) return {"a committer of epoch 1 freed a cell that epoch 2 had stamped"};
  int left = 0;
  successor.Look([&](const ingest::Drain::Collected& got) { left += successor.Release(got.cell, got.word) ? 1 : 0; });
  return left == 1 ? Violations{} : Violations{"the successor does not find the operation"};
}

struct Case {
  const char* bug;
  std::function<Violations()> check;
};

const std::vector<Case>& Cases() {
  static const auto& cases = *new std::vector<Case>{
      {"skip_fdatasync", LossAfterCommits},
      {"skip_segment_header_sync", LossAfterCreate},
      {"skip_segment_dir_sync", LossInANewSegment},
      {"publish_before_sync", FailedWriteIsNotVisible},
      {"read_beyond_seal", NothingBeyondASealIsData},
      {"crc_only_verify", [] { return EditIsFound(false); }},
      {"accept_wrong_prev_chain", [] { return EditIsFound(true); }},
      {"verify_skips_last_frame", ZeroedLastFrameIsFoundInTheJournal},
      {"repair_without_consent", RepairAsksFirst},
      {"checkpoint_no_dir_sync", CheckpointIsDurableBeforeTheTrim},
      {"checkpoint_unsynced", [] { return LossAroundACompaction(&IndexRun::Compact); }},
      {"compact_unsynced_index", [] { return LossAroundACompaction(&IndexRun::CompactBesideAReader); }},
      {"generation_unsynced", LossAroundASwitch},
      {"apply_lost_row", IndexHoldsEveryRow},
      {"apply_no_continuity", LateApplyDoesNothing},
      {"history_not_kept", HistoryIsKept},
      {"ignore_stale_base", StaleBaseIsRejected},
      {"merge_loses_theirs", AMergeKeepsBothSides},
      {"resolve_without_base", AResolutionOverwritesNothingUnseen},
      {"forget_request_ids", RequestIdAppliesOnce},
      {"pop_ignores_epoch", AnOldEpochPopsNothing},
      {"release_ignores_stamp", AnOldEpochReleasesNoCell},
      {"complete_any_sequence", ALateAnswerChangesNothing},
      {"lease_never_expires", AnExpiredLeaseEntitlesNobody},
      {"accept_any_secret", AnotherSecretEntitlesNobody},
      {"ignore_leases", ALeaseKeepsOthersAway},
  };
  return cases;
}

/// Those that have a test of their own: tenure_sim_catches(NAME SEEDS), tenure_sim_catches_group(NAME SEEDS FINDING),
/// tenure_alloc_catches(NAME).
std::vector<std::string> CaughtByOtherPrograms() {
  std::vector<std::string> bugs;
  const auto read = [&](const std::string& file, const std::string& call) {
    std::ifstream text(std::string(TENURE_SOURCES) + "/tests/sim/" + file);
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with(call)) bugs.push_back(line.substr(call.size(), line.find_first_of(" )") - call.size()));
    }
  };
  read("schedule/CMakeLists.txt", "tenure_sim_catches(");
  read("schedule/CMakeLists.txt", "tenure_sim_catches_group(");
  read("CMakeLists.txt", "tenure_alloc_catches(");
  return bugs;
}

void PrintTo(const Case& item, std::ostream* out) { *out << item.bug; }

class SeededBug : public ::testing::TestWithParam<Case> {
 protected:
  ~SeededBug() override { base::SetSeededBug(""); }
  /// A check that cannot go on has found something, too.
  static Violations Run(const Case& item) {
    try {
      return item.check();
    } catch (const std::exception& stopped) {
      return {stopped.what()};
    }
  }
};

TEST_P(SeededBug, IsCaught) {
  base::SetSeededBug("");
  EXPECT_EQ(Joined(Run(GetParam())), "") << "sound without the defect";
  base::SetSeededBug(GetParam().bug);
  const Violations caught = Run(GetParam());
  EXPECT_FALSE(caught.empty()) << "nobody noticed " << GetParam().bug;
  if (!caught.empty()) std::printf("caught: %.200s\n", caught.front().c_str());
}

INSTANTIATE_TEST_SUITE_P(All, SeededBug, ::testing::ValuesIn(Cases()),
                         [](const ::testing::TestParamInfo<Case>& info) { return std::string(info.param.bug); });

TEST(SeededBugs, EachInTheSourcesHasACheck) {
  std::set<std::string> in_sources;
  for (const char* room : {"store", "conflict"}) {
    for (const auto& entry : fs::recursive_directory_iterator(std::string(TENURE_SOURCES) + "/" + room)) {
      if (entry.path().extension() != ".cc") continue;
      std::stringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      const std::string source = text.str();
      const std::string call = "TENURE_SEEDED_BUG(\"";
      for (std::size_t at = source.find(call); at != std::string::npos; at = source.find(call, at + 1)) {
        const std::size_t begin = at + call.size();
        in_sources.insert(source.substr(begin, source.find('"', begin) - begin));
      }
    }
  }
  std::set<std::string> checked;
  for (const Case& item : Cases()) checked.insert(item.bug);
  for (const std::string& bug : CaughtByOtherPrograms()) checked.insert(bug);
  EXPECT_EQ(in_sources, checked);
}

}  // namespace
}  // namespace tenure::sim
