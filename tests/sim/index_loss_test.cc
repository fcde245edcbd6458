// Power loss at any step of a run in which SQLite's writes and syncs are on the trace too: the index, its WAL, copies
// of it and the journal have each lost something else.
//
//   TENURE_SIM_INDEX_STATES=100000   so many states instead of the check run's
//   TENURE_SIM_FIRST=17              beginning with this one; a failure prints it
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <map>

#include "tests/sim/index_run.h"
#include "tests/sim/sim_scratch.h"

namespace tenure::sim {
namespace {

constexpr std::uint64_t kIndexStates = 800;
constexpr std::uint64_t kEveryNestedIndex = 10;
constexpr std::uint64_t kEveryDeep = 5;

void Live(IndexRun& run) {
  run.Commit(12);
  run.BeginSegment();
  run.Commit(8);
  run.Compact();
  run.Commit(5);
  run.BuildGeneration();
  run.Commit(5);
  run.BeginSegment();
  run.CompactBesideAReader();
  run.Commit(1);
  run.BeginSegment();
  run.Commit(6);
  run.Compact();
  run.BuildGeneration();
  run.Commit(3);
  run.Close();
}

TEST(IndexLoss, NothingAcknowledgedIsLost) {
  SimScratch scratch;
  IndexRun run(scratch / "run");
  Live(run);
  const base::Trace trace = run.trace();
  const std::uint64_t first = NumberFromEnvironment("TENURE_SIM_FIRST", 0);
  const std::uint64_t states = NumberFromEnvironment("TENURE_SIM_INDEX_STATES", kIndexStates);
  int failures = 0;
  for (std::uint64_t number = first; number < first + states && failures < 5; ++number) {
    const base::PowerLoss loss = PickLoss(trace, number);
    LossCheck check;
    check.sqlite = true;
    check.deep = number % kEveryDeep == 0;
    if (number % kEveryNestedIndex == 0) check.losses = 2;
    const Violations violations = CheckLoss(trace, run.dir(), loss, scratch / "lost", check);
    if (violations.empty()) continue;
    ++failures;
    ADD_FAILURE() << "TENURE_SIM_FIRST=" << number << " TENURE_SIM_INDEX_STATES=1: loss after step " << loss.steps
                  << " of " << trace.size() << ", seed " << loss.seed << ", torn at " << loss.tear_bytes << " bytes\n"
                  << Joined(violations);
  }
  std::printf("%llu states over %zu steps of %d transactions\n", static_cast<unsigned long long>(states), trace.size(),
              run.submitted());
}

/// With a reader in the way, what compaction had copied and trimmed was durable in the copy alone: power loss set the
/// index back to an LSN behind which there was no journal left, and the store did not open.
TEST(IndexLoss, CompactionBesideAReaderLeavesTheIndexWhereItCanBeCaughtUp) {
  SimScratch scratch;
  IndexRun run(scratch / "run");
  run.Commit(6);
  run.BeginSegment();
  run.Commit(4);
  const std::size_t begin = run.steps();
  run.CompactBesideAReader();
  EXPECT_EQ(Joined(CheckLossesOf(run, begin, 60, scratch / "lost")), "");
}

/// The trace against what SQLite's unix VFS is known to do.
TEST(TracedSqlite, RecordsWhatSqliteDoes) {
  using Kind = base::TraceStep::Kind;
  SimScratch scratch;
  SimEnv env(1);
  const TracedSqlite traced(env, scratch.path());
  const std::string path = scratch / "a.db";
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(env.CopyTrace().size(), 1u);
  EXPECT_EQ(env.CopyTrace().front().kind, Kind::kCreate);
  const auto run = [&](const char* sql) {
    env.TakeTrace();
    EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    std::string told;
    for (const base::TraceStep& step : env.TakeTrace()) {
      static const std::map<Kind, std::string> kNames = {
          {Kind::kCreate, "create"}, {Kind::kWrite, "write"},   {Kind::kTruncate, "truncate"},
          {Kind::kSyncData, "sync"}, {Kind::kRemove, "remove"}, {Kind::kSyncDirectory, "sync-dir"},
      };
      const std::string name = step.path == scratch.path() ? "." : step.path.substr(scratch.path().size() + 1);
      const std::string said = kNames.at(step.kind) + " " + name;
      if (!told.ends_with(said + "\n")) told += said + "\n";
    }
    return told;
  };
  EXPECT_EQ(run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0"),
            "create a.db-journal\nwrite a.db-journal\nsync a.db-journal\nsync-dir .\n"
            "write a.db-journal\nsync a.db-journal\nwrite a.db\nsync a.db\nremove a.db-journal\n");
  EXPECT_EQ(run("CREATE TABLE t(a)"), "create a.db-wal\nwrite a.db-wal\nsync a.db-wal\nsync-dir .\nwrite a.db-wal\n");
  EXPECT_EQ(run("INSERT INTO t VALUES (1)"), "write a.db-wal\n");
  EXPECT_EQ(run("PRAGMA wal_checkpoint(PASSIVE)"), "sync a.db-wal\nwrite a.db\ntruncate a.db\nsync a.db\n");
  sqlite3_close(db);
}

TEST(IndexLoss, ARunCanBeRepeated) {
  std::uint64_t traces[2];
  for (std::uint64_t& trace : traces) {
    SimScratch scratch;
    IndexRun run(scratch / "run");
    Live(run);
    trace = TraceHash(run.trace(), run.dir());
  }
  EXPECT_EQ(traces[0], traces[1]);
}

}  // namespace
}  // namespace tenure::sim
