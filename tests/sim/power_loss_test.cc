// Power loss at any step of a run, with any subset of what was not synced kept, dropped or torn.
//
//   TENURE_SIM_STATES=100000   so many states instead of the check run's
//   TENURE_SIM_FIRST=17        beginning with this one; a failure prints it
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/sim/power_loss.h"
#include "tests/sim/sim_env.h"
#include "tests/sim/sim_scratch.h"

namespace tenure::sim {
namespace {

constexpr int kTransactions = 150;
constexpr std::uint64_t kStates = 400;
/// Every so many states, the recovery is interrupted by further losses.
constexpr std::uint64_t kEveryNested = 8;

/// A run that is recorded from before `init` on: segments fill up, the store is closed and opened
/// half-way, and two thirds through its shared memory is lost within the boot.
class RecordedRun {
 public:
  explicit RecordedRun(const std::string& dir) : dir_(dir), env_(7) {
    options_.env = &env_;
    options_.background = false;
    options_.writer = "sim@sim";
  }

  void Do() {
    {
      auto store = Store::Create(dir_, FewSlots(), options_);
      ASSERT_TRUE(store.ok()) << store.error().message;
      env_.Mark("created");
      Commit(*store, 0, kTransactions / 2);
      // An index of this moment, as SQLite may have it on the disk at any later loss.
      ASSERT_TRUE(store->CatchUp().ok());
    }
    std::filesystem::copy(dir_ + "/.tenure/index", dir_ + "-index");
    index_copied_at_ = WithoutSqlite(env_.CopyTrace()).size();
    CommitReopened(kTransactions / 2, kTransactions * 2 / 3);
    ASSERT_TRUE(env_.Remove(dir_ + "/.tenure/ingest.shm").ok());
    CommitReopened(kTransactions * 2 / 3, kTransactions);
    trace_ = WithoutSqlite(env_.TakeTrace());
  }

  const std::string& dir() const { return dir_; }
  const base::Trace& trace() const { return trace_; }
  /// Of an index that a disk lost after `steps` may hold; empty when there was none yet.
  std::string IndexCopy(std::size_t steps) const { return steps < index_copied_at_ ? "" : dir_ + "-index"; }

 private:
  void Commit(Store& store, int from, int to) {
    for (int i = from; i < to; ++i) {
      const auto receipt = CommitPlanned(store, env_, i, /*large=*/true);
      ASSERT_TRUE(receipt.ok()) << receipt.error().message;
      ASSERT_EQ(receipt->lsn, static_cast<Lsn>(i) + 1);
    }
  }
  void CommitReopened(int from, int to) {
    auto store = Store::Open(dir_, options_);
    ASSERT_TRUE(store.ok()) << store.error().message;
    Commit(*store, from, to);
  }

  const std::string dir_;
  SimEnv env_;
  OpenOptions options_;
  std::size_t index_copied_at_ = 0;
  base::Trace trace_;
};

TEST(PowerLoss, NothingAcknowledgedIsLost) {
  SimScratch scratch;
  RecordedRun run(scratch / "run");
  ASSERT_NO_FATAL_FAILURE(run.Do());
  const std::uint64_t first = NumberFromEnvironment("TENURE_SIM_FIRST", 0);
  const std::uint64_t states = NumberFromEnvironment("TENURE_SIM_STATES", kStates);
  int failures = 0;
  std::uint64_t with_index = 0;
  for (std::uint64_t number = first; number < first + states && failures < 5; ++number) {
    const base::PowerLoss loss = PickLoss(run.trace(), number);
    LossCheck check;
    check.large = true;
    if (number % 3 == 0) check.index_copy = run.IndexCopy(loss.steps);
    if (number % kEveryNested == 0) check.losses = 2;
    with_index += check.index_copy.empty() ? 0 : 1;
    const Violations violations = CheckLoss(run.trace(), run.dir(), loss, scratch / "lost", check);
    if (violations.empty()) continue;
    ++failures;
    ADD_FAILURE() << "TENURE_SIM_FIRST=" << number << " TENURE_SIM_STATES=1: loss after step " << loss.steps << " of "
                  << run.trace().size() << ", seed " << loss.seed << ", torn at " << loss.tear_bytes << " bytes\n"
                  << Joined(violations);
  }
  std::printf("%llu states over %zu steps, %llu of them with an older index\n", static_cast<unsigned long long>(states),
              run.trace().size(), static_cast<unsigned long long>(with_index));
}

/// Shared memory is lost without a reboot, while the index lags behind: what is acknowledged lies only in
/// a journal whose end has no witness. Power may fail at any step of recovering from that.
TEST(PowerLoss, WhileLostSharedMemoryIsRecovered) {
  SimScratch scratch;
  const std::string dir = scratch / "run";
  SimEnv env(9);
  OpenOptions options;
  options.env = &env;
  options.background = false;
  {
    auto store = Store::Create(dir, FewSlots(), options);
    ASSERT_TRUE(store.ok()) << store.error().message;
    env.Mark("created");
    for (int i = 0; i < 12; ++i) ASSERT_TRUE(CommitPlanned(*store, env, i, false).ok());
  }
  ASSERT_TRUE(env.Remove(dir + "/.tenure/ingest.shm").ok());
  const std::size_t begin = WithoutSqlite(env.CopyTrace()).size();
  {
    auto store = Store::Open(dir, options);
    ASSERT_TRUE(store.ok()) << store.error().message;
    ASSERT_TRUE(CommitPlanned(*store, env, 12, false).ok());
  }
  const base::Trace trace = WithoutSqlite(env.TakeTrace());
  ASSERT_GT(trace.size(), begin + 5);
  for (std::size_t steps = begin; steps <= trace.size(); ++steps) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      const Violations violations = CheckLoss(trace, dir, {steps, seed, 512}, scratch / "lost", {});
      ASSERT_TRUE(violations.empty()) << "loss " << steps - begin << " steps into it, seed " << seed << "\n"
                                      << Joined(violations);
    }
  }
}

/// A seed is worth printing only if it leads to the same state again.
TEST(PowerLoss, ARunAndItsLossesCanBeRepeated) {
  std::uint64_t traces[2];
  std::uint64_t losses[2] = {0, 0};
  for (int again = 0; again < 2; ++again) {
    SimScratch scratch;
    RecordedRun run(scratch / "run");
    ASSERT_NO_FATAL_FAILURE(run.Do());
    traces[again] = TraceHash(run.trace(), run.dir());
    for (std::uint64_t number = 0; number < 8; ++number) {
      const auto decided = base::RebuildAfterPowerLoss(base::Env::Posix(), run.trace(), run.dir(),
                                                       scratch / std::to_string(number), PickLoss(run.trace(), number));
      ASSERT_TRUE(decided.ok()) << decided.error().message;
      losses[again] = losses[again] * 1'000'003 + *decided;
    }
  }
  EXPECT_EQ(traces[0], traces[1]);
  EXPECT_EQ(losses[0], losses[1]);
}

}  // namespace
}  // namespace tenure::sim
