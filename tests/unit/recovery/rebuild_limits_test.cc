// Rebuilds of journals and checkpoints that do not fit, and with calls that fail where a rebuild looks twice.
#include <gmock/gmock.h>

#include "store/recovery/index_check.h"
#include "store/recovery/rebuild.h"
#include "tests/support/fault_sweep.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using tenure::testing::FailEveryCall;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RebuildLimits : public ::testing::Test {
 protected:
  std::string Target() const { return store.dir() + "/rebuilt.db"; }
  Result<RebuildReport> Build(const std::optional<Lsn>& to_lsn = std::nullopt) {
    RebuildOptions options;
    options.to_lsn = to_lsn;
    return BuildIndex(store.env(), store.layout(), Target(), options);
  }
  void ExpectNoFile() { EXPECT_THAT(Must(store.env().List(store.dir())), ElementsAre(".tenure")); }

  HandMadeStore store{MemoryDirectory()};
};

/// Sound checksums around a state that the transactions do not lead to: no index is made of it.
TEST_F(RebuildLimits, RowsThatDoNotAddUpToWhatTheJournalSaysAreRefused) {
  store.CommitPuts(2);
  store.Put("a", "1").Commit(base::Hash128{7, 7});
  const HandMadeStore::FramePlace last = store.frames().back();
  const auto built = Build();
  ASSERT_FALSE(built.ok());
  EXPECT_EQ(built.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(built.error().path, last.path);
  EXPECT_EQ(built.error().offset, last.end);
  EXPECT_THAT(built.error().message, AllOf(HasSubstr("replaying up to LSN 3 gives rows with state hash "),
                                           HasSubstr(", but the journal says ")));
  ExpectNoFile();
  EXPECT_EQ(ReadIndex(Must(Build(2)).path), store.At(2)) << "up to there all is well";
}

TEST_F(RebuildLimits, WhatIsOlderThanEveryCheckpointWasCompacted) {
  store.CommitPuts(4);
  store.NewEpoch();
  store.CommitPuts(4);
  store.TrimJournal(store.MakeCheckpoint().lsn);
  // Not before the journal begins, and yet nothing leads there.
  for (const Lsn lsn : {2u, 4u, 6u}) {
    const auto built = Build(lsn);
    ASSERT_FALSE(built.ok());
    EXPECT_EQ(built.error().code, ErrorCode::kCompacted) << lsn;
    EXPECT_THAT(built.error().message, HasSubstr("the journal begins behind LSN 4"));
    EXPECT_EQ(built.error().hint, "name a later LSN");
    ExpectNoFile();
  }
}

/// Of several checkpoints that cannot be read the newest is told: any of them may be sound.
TEST_F(RebuildLimits, CheckpointsThatCannotBeReadAreNotSaidToBeMissing) {
  store.CommitPuts(2);
  store.NewEpoch();
  store.CommitPuts(2);
  std::vector<std::string> paths = {store.MakeCheckpoint().path};
  store.CommitPuts(2);
  paths.push_back(store.MakeCheckpoint().path);
  store.TrimJournal(4);
  store.Close();
  for (const std::string& path : paths) {
    // SQLite cannot open a directory: "unable to open database file".
    Must(store.env().Remove(path));
    Must(store.env().CreateDirectory(path));
  }
  const auto built = Build();
  ASSERT_FALSE(built.ok());
  EXPECT_EQ(built.error().code, ErrorCode::kIo) << built.error().message;
  EXPECT_EQ(built.error().path, paths.back());
  ExpectNoFile();
}

TEST_F(RebuildLimits, ACheckpointOfAnotherHistoryIsPassedOver) {
  store.CommitPuts(3);
  const Checkpoint checkpoint = store.MakeCheckpoint();
  store.CommitPuts(1);
  store.Close();
  Execute(checkpoint.path, "PRAGMA journal_mode = DELETE; UPDATE meta SET chain = '" + std::string(64, 'a') + "'");
  const RebuildReport report = Must(Build());
  EXPECT_THAT(report.skipped, ElementsAre(AllOf(HasSubstr(checkpoint.path), HasSubstr("does not continue"))));
  EXPECT_EQ(report.from_checkpoint_lsn, 0u);
  EXPECT_EQ(ReadIndex(report.path), store.At(4));
}

/// It has seen another journal: how far that one was says nothing of this one.
TEST_F(RebuildLimits, TheIndexOfAnotherStoreIsNoWitness) {
  store.CommitPuts(3);
  store.ApplyIndex();
  store.Close();
  Execute(store.index_path(), "UPDATE meta SET applied_lsn = 99");
  EXPECT_EQ(Build().error().code, ErrorCode::kCorruption) << "its own index would be";
  Execute(store.index_path(), "UPDATE meta SET store_id = '" + std::string(32, 'b') + "'");
  EXPECT_EQ(ReadIndex(Must(Build()).path), store.At(3));
}

/// What is left of a repair that was interrupted while it set the index aside.
TEST_F(RebuildLimits, TheLogOfAnIndexThatIsGoneIsNotTakenForThatOfTheNewOne) {
  store.CommitPuts(2);
  store.ApplyIndex();
  const std::string log = store.index_path() + "-wal";
  const base::Bytes left = HandMadeStore::Read(log);
  ASSERT_GT(left.size(), 0u);
  store.CommitPuts(3);
  store.Close();
  Must(RemoveDatabase(store.env(), store.index_path()));
  Must(base::WriteFileDurably(store.env(), log, left));
  index::Generation published;
  const RebuildReport report = Must(RebuildIndex(store.env(), store.layout(), 1, {}, &published));
  EXPECT_EQ(published, (index::Generation{1, 2}));
  EXPECT_EQ(ReadIndex(report.path), store.At(5));
  EXPECT_EQ(HandMadeStore::Read(log), left) << "nothing is deleted";
}

TEST_F(RebuildLimits, RequestIdsThatArePrunedTwiceInABatchGoOnce) {
  store.Put("a", "1", "r1").Put("a", "1", "r2").Put("a", "1", "r3").Commit();
  store.Put("a", "1", "r4").PruneRequests(3).PruneRequests(2).PruneRequests(3).PruneRequests(4);
  store.Put("b", "1").Commit();
  for (Lsn lsn = 4; lsn < store.last_lsn(); ++lsn) {
    const RebuildReport report = Must(Build(lsn));
    EXPECT_TRUE(report.inside_batch);
    EXPECT_EQ(ReadIndex(report.path), store.At(lsn)) << lsn;
    Must(RemoveDatabase(store.env(), report.path));
  }
}

/// Up to an LSN inside a batch the journal is read on when all before it is done.
TEST_F(RebuildLimits, ARebuildIntoABatchThatFailsLeavesNoFile) {
  store.CommitPuts(2);
  store.Put("a", "1").Put("b", "1").Commit();
  store.Close();
  FailEveryCall(
      [&](base::Env& env) -> Status {
        RebuildOptions options;
        options.to_lsn = 3;
        const auto built = BuildIndex(env, store.layout(), Target(), options);
        return built.ok() ? Status() : Status(built.error());
      },
      [&](const Status& answer, const std::string& path) {
        if (answer.ok()) {
          EXPECT_EQ(ReadIndex(Target()), store.At(3)) << path;
          Must(RemoveDatabase(store.env(), Target()));
        }
        ExpectNoFile();
      });
}

/// Before damage is told it is asked whether a compaction took the journal away: what does not answer then is told.
TEST_F(RebuildLimits, DamageIsToldOrWhatKeptFromMakingSure) {
  store.CommitPuts(3);
  store.Close();
  HandMadeStore::Flip(store.frames()[1].path, store.frames()[1].offset + 170);
  std::uint64_t told = 0;
  FailEveryCall(
      [&](base::Env& env) -> Status {
        const auto built = BuildIndex(env, store.layout(), Target(), {});
        EXPECT_FALSE(built.ok());
        if (built.error().code != ErrorCode::kCorruption) return built.error();
        EXPECT_EQ(built.error().path, store.frames()[1].path);
        EXPECT_EQ(built.error().offset, store.frames()[1].offset);
        ++told;
        return {};
      },
      [&](const Status&, const std::string&) {
        for (const std::string& name : Must(store.env().List(store.dir()))) {
          // A file that could not be removed, because that was what failed, is only space.
          if (name != ".tenure") Must(store.env().RemoveAll(store.dir() + "/" + name));
        }
      });
  EXPECT_GE(told, 1u);
}

TEST_F(RebuildLimits, ADatabaseIsRemovedWithWhatLiesBesideIt) {
  const std::string parts[] = {"", "-wal", "-shm", "-journal"};
  const auto make = [&] {
    for (const std::string& part : parts) {
      if (!Must(store.env().Exists(Target() + part))) {
        Must(store.env().Open(Target() + part, base::OpenMode::kCreateNew));
      }
    }
  };
  make();
  FailEveryCall([&](base::Env& env) { return RemoveDatabase(env, Target()); },
                [&](const Status& answer, const std::string&) {
                  if (answer.ok()) ExpectNoFile();
                  make();
                });
  Must(RemoveDatabase(store.env(), Target()));
  EXPECT_TRUE(RemoveDatabase(store.env(), Target()).ok()) << "when there is none";
}

}  // namespace
}  // namespace tenure::recovery
