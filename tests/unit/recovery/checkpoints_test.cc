#include "store/recovery/checkpoints.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/base/recording_env.h"
#include "store/index/generations.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CheckpointsTest : public ::testing::Test {
 protected:
  ~CheckpointsTest() override {
    base::SetFailPoints("");
    base::SetSeededBug("");
  }
  std::vector<std::string> Names() { return Must(store.env().List(store.layout().checkpoints())); }
  HandMadeStore store;
};

TEST_F(CheckpointsTest, HoldsTheRowsOfItsLsnInOneFile) {
  store.CommitPuts(5);
  const Checkpoint checkpoint = store.MakeCheckpoint();
  EXPECT_EQ(checkpoint.lsn, 5u);
  EXPECT_THAT(checkpoint.path, EndsWith("/checkpoints/0000000000000005.db"));
  EXPECT_THAT(Names(), SizeIs(1));
  store.CommitPuts(3);
  store.ApplyIndex();
  EXPECT_EQ(ReadIndex(checkpoint.path), store.At(5));
}

TEST_F(CheckpointsTest, ListsOldestFirstAndOnlyCompleteOnes) {
  EXPECT_EQ(Must(NewestCheckpointLsn(store.env(), store.layout())), 0u);
  for (int i = 0; i < 3; ++i) {
    store.CommitPuts(10);
    store.MakeCheckpoint();
  }
  for (const char* name :
       {"making-00", "0000000000000fff.tmp", "000000000000FFFF.db", "1.db", "damaged-1-0000000000000fff.db",
        "0000000000000fff.dx", "gggggggggggggggg.db", "000000000000ffg0.db"}) {
    Must(store.env().Open(store.layout().checkpoints() + "/" + name, base::OpenMode::kCreateNew));
  }
  const auto found = Must(ListCheckpoints(store.env(), store.layout()));
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_EQ(found[0].lsn, 10u);
  EXPECT_EQ(found[1].lsn, 20u);
  EXPECT_EQ(found[2].lsn, 30u);
  EXPECT_EQ(Must(NewestCheckpointLsn(store.env(), store.layout())), 30u);
}

TEST_F(CheckpointsTest, WritingTwiceIsOnce) {
  store.CommitPuts(4);
  const Checkpoint first = store.MakeCheckpoint();
  const base::Bytes bytes = HandMadeStore::Read(first.path);
  const Checkpoint second = store.MakeCheckpoint();
  EXPECT_EQ(second.path, first.path);
  EXPECT_EQ(HandMadeStore::Read(first.path), bytes);
  EXPECT_THAT(Names(), SizeIs(1));
}

TEST_F(CheckpointsTest, RemovesAllButTheNewestAndLeftovers) {
  for (int i = 0; i < 4; ++i) {
    store.CommitPuts(2);
    store.MakeCheckpoint();
  }
  Must(store.env().Open(store.layout().checkpoints() + "/making-00", base::OpenMode::kCreateNew));
  Must(RemoveOldCheckpoints(store.env(), store.layout(), 2));
  const auto left = Must(ListCheckpoints(store.env(), store.layout()));
  ASSERT_THAT(left, SizeIs(2));
  EXPECT_EQ(left[0].lsn, 6u);
  EXPECT_EQ(left[1].lsn, 8u);
  EXPECT_THAT(Names(), SizeIs(2));
  EXPECT_EQ(RemoveOldCheckpoints(store.env(), store.layout(), 0).error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(Names(), SizeIs(2));
}

/// A checkpoint written through `env`, by a writer of its own.
Status WriteThrough(base::Env& env, HandMadeStore& store) {
  store.ApplyIndex();
  const std::string path = store.index_path();
  store.Close();
  const auto writer = Must(index::IndexWriter::Open(path));
  const auto written = WriteCheckpoint(env, store.layout(), *writer);
  if (!written.ok()) return written.error();
  return {};
}

TEST_F(CheckpointsTest, AFailureBeforeTheNameLeavesNoCheckpoint) {
  store.CommitPuts(3);
  base::SetFailPoints("checkpoint.before_rename=eio@1");
  EXPECT_EQ(WriteThrough(store.env(), store).error().code, ErrorCode::kIo);
  EXPECT_THAT(Must(ListCheckpoints(store.env(), store.layout())), IsEmpty());
  base::SetFailPoints("");
}

/// Two processes write the same checkpoint, one after being stopped for long: the first one's stays.
TEST_F(CheckpointsTest, OneThatSomebodyElseNamedMeanwhileStays) {
  store.CommitPuts(3);
  const std::string path = store.layout().checkpoints() + "/0000000000000003.db";
  for (const bool removable : {true, false}) {
    base::RecordingEnv env(base::Env::Posix());
    env.SetFaultPlan([&](std::uint64_t, base::TraceStep::Kind kind, const std::string& of) -> Status {
      if (kind == base::TraceStep::Kind::kRename) std::filesystem::copy_file(of, path);
      if (kind == base::TraceStep::Kind::kRemove && !removable) return base::MakeError(ErrorCode::kIo, of + ": stuck");
      return {};
    });
    const Status written = WriteThrough(env, store);
    EXPECT_EQ(written.ok(), removable);
    if (!written.ok()) {
      EXPECT_EQ(written.error().code, ErrorCode::kIo);
      EXPECT_THAT(written.error().message, HasSubstr("/making-"));
    }
    EXPECT_THAT(Names(), SizeIs(removable ? 1 : 2)) << "a copy without a name is only space";
    EXPECT_THAT(Must(ListCheckpoints(store.env(), store.layout())), SizeIs(1));
    EXPECT_EQ(ReadIndex(path), store.At(3));
    for (const std::string& name : Names()) Must(store.env().Remove(store.layout().checkpoints() + "/" + name));
  }
}

TEST_F(CheckpointsTest, OneThatSomebodyElseRemovedMeanwhileIsGone) {
  for (int i = 0; i < 3; ++i) {
    store.CommitPuts(1);
    store.MakeCheckpoint();
  }
  base::RecordingEnv env(base::Env::Posix());
  env.SetFaultPlan([&](std::uint64_t, base::TraceStep::Kind kind, const std::string& of) -> Status {
    if (kind == base::TraceStep::Kind::kRemove) std::filesystem::remove(of);
    return {};
  });
  EXPECT_TRUE(RemoveOldCheckpoints(env, store.layout(), 1).ok());
  const auto left = Must(ListCheckpoints(store.env(), store.layout()));
  ASSERT_THAT(left, SizeIs(1));
  EXPECT_EQ(left.front().lsn, 3u);
}

/// True when the rename to the checkpoint's name is followed by a sync of its directory.
bool NameIsSynced(const base::Trace& trace, const std::string& dir) {
  bool renamed = false;
  bool synced = false;
  for (const base::TraceStep& step : trace) {
    if (step.kind == base::TraceStep::Kind::kRename && step.to.find(dir) == 0) {
      renamed = true;
      synced = false;
    }
    if (step.kind == base::TraceStep::Kind::kSyncDirectory && step.path == dir) synced = true;
  }
  return renamed && synced;
}

TEST_F(CheckpointsTest, TheNameIsDurableWhenItReturns) {
  store.CommitPuts(3);
  base::RecordingEnv env(base::Env::Posix());
  Must(WriteThrough(env, store));
  EXPECT_TRUE(NameIsSynced(env.TakeTrace(), store.layout().checkpoints()));
}

TEST_F(CheckpointsTest, SeededBugCheckpointNoDirSyncIsCaught) {
  base::SetSeededBug("checkpoint_no_dir_sync");
  store.CommitPuts(3);
  base::RecordingEnv env(base::Env::Posix());
  Must(WriteThrough(env, store));
  EXPECT_FALSE(NameIsSynced(env.TakeTrace(), store.layout().checkpoints()));
}

TEST_F(CheckpointsTest, ANameWhoseSyncWasInterruptedIsSyncedByTheNextWriter) {
  store.CommitPuts(3);
  base::SetFailPoints("checkpoint.after_rename=eio@1");
  EXPECT_FALSE(WriteThrough(store.env(), store).ok());
  base::SetFailPoints("");
  ASSERT_THAT(Must(ListCheckpoints(store.env(), store.layout())), SizeIs(1));
  base::RecordingEnv env(base::Env::Posix());
  const auto writer = Must(index::IndexWriter::Open(store.index_path()));
  Must(WriteCheckpoint(env, store.layout(), *writer));
  bool synced = false;
  for (const base::TraceStep& step : env.TakeTrace()) {
    synced |= step.kind == base::TraceStep::Kind::kSyncDirectory && step.path == store.layout().checkpoints();
  }
  EXPECT_TRUE(synced);
}

}  // namespace
}  // namespace tenure::recovery
