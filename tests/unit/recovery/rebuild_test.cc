#include "store/recovery/rebuild.h"

#include <gmock/gmock.h>

#include <random>

#include "store/base/failpoint.h"
#include "store/base/hash.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RebuildTest : public ::testing::Test {
 protected:
  ~RebuildTest() override { base::SetFailPoints(""); }
  std::string Target() { return store.dir() + "/rebuilt-" + std::to_string(++targets_) + ".db"; }
  Result<RebuildReport> Build(const RebuildOptions& options = {}) {
    return BuildIndex(store.env(), store.layout(), Target(), options);
  }
  RebuildReport BuildTo(Lsn lsn) {
    RebuildOptions options;
    options.to_lsn = lsn;
    return Must(Build(options));
  }
  HandMadeStore store;

 private:
  int targets_ = 0;
};

TEST_F(RebuildTest, FromTheFirstFrameGivesTheRowsOfTheModel) {
  store.Put("a", "1", "r1").Put("b", "2").SetTag("a", "prod", "1");
  store.Commit();
  store.NewEpoch();
  store.Delete("b", "2").Put("a", "1");
  store.Commit();
  const RebuildReport report = Must(Build());
  EXPECT_EQ(report.from_checkpoint_lsn, 0u);
  EXPECT_EQ(report.applied_lsn, 5u);
  EXPECT_EQ(report.transactions, 5u);
  EXPECT_EQ(report.state_hash, base::Hex(store.position().state_hash));
  EXPECT_FALSE(report.inside_batch);
  EXPECT_FALSE(Must(store.env().Exists(report.path + "-wal"))) << "one file, whole by itself";
  EXPECT_EQ(ReadIndex(report.path), store.At(5));
}

TEST_F(RebuildTest, AnEmptyStoreGivesAnEmptyIndex) {
  const RebuildReport report = Must(Build());
  EXPECT_EQ(report.applied_lsn, 0u);
  EXPECT_EQ(ReadIndex(report.path), ModelState());
}

TEST_F(RebuildTest, ToEveryLsnAlsoInsideBatches) {
  store.Put("a", "1", "r1").Put("b", "1", "r2").SetTag("a", "prod", "1").Put("a", "1");
  store.Commit();
  store.Delete("b", "1").PruneRequests(2).Put("b", "1", "r3").SetTag("a", "prod", "1").PruneRequests(8).Put("c", "1");
  store.Commit();
  store.CommitPuts(2);
  for (Lsn lsn = 0; lsn <= store.last_lsn(); ++lsn) {
    const RebuildReport report = BuildTo(lsn);
    EXPECT_EQ(report.applied_lsn, lsn);
    EXPECT_EQ(report.inside_batch, lsn != 0 && lsn != 4 && lsn < 10) << lsn;
    EXPECT_EQ(ReadIndex(report.path), store.At(lsn)) << lsn;
    EXPECT_EQ(report.state_hash, base::Hex(store.At(lsn).Hash())) << lsn;
  }
}

/// The state hash inside a batch is reckoned from the rows, not read: for each kind of row, made in the batch and
/// before.
TEST_F(RebuildTest, ToEveryLsnInsideABatchOfEverythingThatCanBeCommitted) {
  store.Put("a", "1", "r1").SetPolicy("old/**", true).SetPolicy("kept/**", true);
  store.Park("a", "1").Park("b", "1").GrantLease("a").GrantLease("b").SetTag("a", "prod", "1");
  store.Commit();
  store.SetPolicy("old/**", false).DeletePolicy("kept/**").SetPolicy("new", true).DeletePolicy("new");
  store.Resolve({4, 0}).Park("c", "1").Resolve({14, 0});
  store.EndLease(6, model::EffectKind::kReleaseLease).EndLease(7, model::EffectKind::kOrphanLease);
  store.GrantLease("c").EndLease(18, model::EffectKind::kBreakLease);
  store.SetCursor("mirror", 3).Trim(model::EffectKind::kTrimHistory, 2).Trim(model::EffectKind::kTrimJournal, 2);
  store.Put("a", "1", "r2").Put("a", "1").Delete("a", "1").SetTag("a", "prod", "2").PruneRequests(2).PruneRequests(24);
  store.Put("d", "1", "r3");
  store.Commit();
  for (Lsn lsn = 1; lsn <= store.last_lsn(); ++lsn) {
    RebuildOptions options;
    options.to_lsn = lsn;
    const std::string target = store.dir() + "/at-" + std::to_string(lsn) + ".db";
    const RebuildReport report = Must(BuildIndex(store.env(), store.layout(), target, options));
    EXPECT_EQ(report.inside_batch, lsn != 8 && lsn != store.last_lsn()) << lsn;
    EXPECT_EQ(ReadIndex(target), store.At(lsn)) << lsn;
  }
}

TEST_F(RebuildTest, UsesTheNewestCheckpointAtOrBelowTheLsn) {
  store.CommitPuts(10);
  store.MakeCheckpoint();
  store.CommitPuts(10);
  store.MakeCheckpoint();
  store.CommitPuts(5);
  EXPECT_EQ(Must(Build()).from_checkpoint_lsn, 20u);
  EXPECT_EQ(BuildTo(20).from_checkpoint_lsn, 20u);
  EXPECT_EQ(BuildTo(19).from_checkpoint_lsn, 10u);
  EXPECT_EQ(BuildTo(9).from_checkpoint_lsn, 0u);
  for (const Lsn lsn : {9u, 10u, 19u, 20u, 25u}) EXPECT_EQ(ReadIndex(BuildTo(lsn).path), store.At(lsn)) << lsn;
}

TEST_F(RebuildTest, SkipsACheckpointWhoseRowsDoNotAddUp) {
  store.CommitPuts(10);
  store.MakeCheckpoint();
  store.CommitPuts(10);
  const Checkpoint damaged = store.MakeCheckpoint();
  store.CommitPuts(5);
  // Change a stored text within the file: SQLite itself has no objection.
  HandMadeStore::Edit(damaged.path, [](base::Bytes& bytes) {
    const std::string text(base::AsText(bytes));
    const std::size_t at = text.find("{\"n\":14}");
    ASSERT_NE(at, std::string::npos);
    bytes[at + 5] = std::byte{'9'};
  });
  const RebuildReport report = Must(Build());
  EXPECT_EQ(report.from_checkpoint_lsn, 10u);
  ASSERT_THAT(report.skipped, SizeIs(1));
  EXPECT_THAT(report.skipped[0], HasSubstr(damaged.path));
  EXPECT_EQ(ReadIndex(report.path), store.At(25));
}

TEST_F(RebuildTest, ATrimmedJournalNeedsItsCheckpoint) {
  store.CommitPuts(10);
  store.NewEpoch();
  store.CommitPuts(10);
  const Checkpoint checkpoint = store.MakeCheckpoint();
  store.TrimJournal(checkpoint.lsn);
  store.CommitPuts(3);
  EXPECT_EQ(ReadIndex(Must(Build()).path), store.At(23));
  RebuildOptions old;
  old.to_lsn = 5;
  EXPECT_EQ(Build(old).error().code, ErrorCode::kCompacted);
  HandMadeStore::Flip(checkpoint.path, 20);
  EXPECT_EQ(Build().error().code, ErrorCode::kCorruption);
}

TEST_F(RebuildTest, StopsAtTheDurableLsn) {
  store.CommitPuts(8);
  RebuildOptions options;
  options.durable = 5;
  EXPECT_EQ(Must(Build(options)).applied_lsn, 5u);
  options.to_lsn = 6;
  EXPECT_EQ(Build(options).error().code, ErrorCode::kNotFound);
  RebuildOptions beyond;
  beyond.to_lsn = 9;
  const auto refused = Build(beyond);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(refused.error().lsn, 8u);
}

TEST_F(RebuildTest, NeverRebuildsSilentlyOverALossInTheJournal) {
  store.CommitPuts(6);
  store.ApplyIndex();
  store.Close();
  const auto place = store.frames()[4];
  HandMadeStore::Edit(place.path, [&](base::Bytes& bytes) {
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(place.offset), bytes.end(), std::byte{0});
  });
  const auto refused = Build();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(refused.error().path, place.path);
  EXPECT_EQ(refused.error().offset, place.offset);
}

TEST_F(RebuildTest, ATornTailIsNoDataButAFrameBehindDamageIsCorruption) {
  store.CommitPuts(5);
  store.Close();
  HandMadeStore::Flip(store.frames()[4].path, store.frames()[4].offset + 170);
  EXPECT_EQ(Must(Build()).applied_lsn, 4u);
  HandMadeStore::Flip(store.frames()[4].path, store.frames()[4].offset + 170);
  HandMadeStore::Flip(store.frames()[3].path, store.frames()[3].offset + 170);
  const auto refused = Build();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(refused.error().offset, store.frames()[3].offset);
}

TEST_F(RebuildTest, AFailureLeavesNoFile) {
  store.CommitPuts(5);
  const std::string target = Target();
  RebuildOptions options;
  options.progress = [](std::uint64_t, std::uint64_t) { return false; };
  EXPECT_EQ(BuildIndex(store.env(), store.layout(), target, options).error().code, ErrorCode::kClosed);
  for (const char* part : {"", "-wal", "-shm"}) EXPECT_FALSE(Must(store.env().Exists(target + part))) << part;
  EXPECT_TRUE(BuildIndex(store.env(), store.layout(), target, {}).ok());
  EXPECT_EQ(BuildIndex(store.env(), store.layout(), target, {}).error().code, ErrorCode::kExists);
}

TEST_F(RebuildTest, PublishesTheNextGenerationAndLeavesOpenReadersAlone) {
  store.CommitPuts(5);
  store.ApplyIndex();
  const auto old = Must(index::IndexReader::Open(store.index_path()));
  store.CommitPuts(2);
  index::Generation published;
  const RebuildReport report = Must(RebuildIndex(store.env(), store.layout(), 1, {}, &published));
  EXPECT_EQ(published, (index::Generation{1, 2}));
  EXPECT_EQ(Must(index::CurrentGeneration(store.env(), store.layout().index())), published);
  EXPECT_EQ(ReadIndex(report.path), store.At(7));
  EXPECT_EQ(Must(old->AppliedLsn()), 5u);
}

TEST_F(RebuildTest, PublishesNothingInsideABatchOrAfterAFailure) {
  store.Put("a", "1").Put("b", "1");
  store.Commit();
  RebuildOptions inside;
  inside.to_lsn = 1;
  EXPECT_EQ(RebuildIndex(store.env(), store.layout(), 1, inside, nullptr).error().code, ErrorCode::kInvalidArgument);
  base::SetFailPoints("rebuild.before_publish=eio@1");
  EXPECT_EQ(RebuildIndex(store.env(), store.layout(), 1, {}, nullptr).error().code, ErrorCode::kIo);
  base::SetFailPoints("");
  EXPECT_THAT(Must(store.env().List(store.layout().index())), IsEmpty());
  Must(RebuildIndex(store.env(), store.layout(), 1, {}, nullptr));
}

TEST_F(RebuildTest, RandomHistoriesRebuildFromAnyMixOfCheckpoints) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto one_of = [&](std::uint64_t n) { return random() % n; };
  std::size_t requests = 0;
  for (int frame = 0; frame < 60; ++frame) {
    const std::uint64_t txns = 1 + one_of(4);
    for (std::uint64_t i = 0; i < txns; ++i) {
      const std::string name = "n" + std::to_string(one_of(6));
      switch (one_of(6)) {
        case 0:
          store.SetTag(name, "t" + std::to_string(one_of(2)), "1");
          break;
        case 1:
          store.Put(name, "2", "request-" + std::to_string(++requests));
          break;
        case 2:
          store.PruneRequests(store.last_lsn() / 2);
          break;
        default:
          store.Put(name, "1");
      }
    }
    store.Commit();
    if (one_of(12) == 0) store.NewEpoch();
    if (one_of(15) == 0) store.MakeCheckpoint();
  }
  for (int i = 0; i < 12; ++i) {
    const Lsn lsn = one_of(store.last_lsn() + 1);
    EXPECT_EQ(ReadIndex(BuildTo(lsn).path), store.At(lsn)) << lsn;
  }
}

}  // namespace
}  // namespace tenure::recovery
