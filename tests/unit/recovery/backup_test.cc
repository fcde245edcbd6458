#include "store/recovery/backup.h"

#include <gmock/gmock.h>

#include <sys/stat.h>

#include "store/base/failpoint.h"
#include "store/base/recording_env.h"
#include "store/recovery/verify.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class BackupTest : public ::testing::Test {
 protected:
  ~BackupTest() override { base::SetFailPoints(""); }
  Status Copy(Lsn lsn) {
    BackupOptions options;
    options.to_lsn = lsn;
    return CopyStore(store.env(), store.layout(), target(), options);
  }
  std::string target() const { return store.dir() + "/copy"; }
  Layout copy() { return Must(FindStore(store.env(), target())); }
  void ExpectWholeCopyAt(Lsn lsn) {
    VerifyOptions options;
    options.deep = true;
    options.durable = lsn;
    const VerifyReport report = Must(Verify(store.env(), copy(), options));
    for (const Error& problem : report.problems) ADD_FAILURE() << problem.message;
    EXPECT_THAT(report.warnings, IsEmpty());
    EXPECT_EQ(report.last_lsn, lsn);
    EXPECT_EQ(report.applied_lsn, lsn);
    EXPECT_EQ(ReadIndex(report.index_path), store.At(lsn));
  }
  HandMadeStore store;
};

TEST_F(BackupTest, IsTheStoreAsOfOneLsnWithANewIdentity) {
  store.Put("a", "1", "r1").SetTag("a", "prod", "1");
  store.Commit();
  store.NewEpoch();
  store.CommitPuts(5);
  Must(Copy(7));
  ExpectWholeCopyAt(7);
  const Config config = Must(ReadConfig(store.env(), copy()));
  EXPECT_NE(config.store_id, store.config().store_id);
  EXPECT_EQ(config.journal_id, store.config().journal_id);
  EXPECT_EQ(config.incarnation, store.config().incarnation + 1);
  VerifyOptions head;
  head.expect_head = base::Hex(store.position().chain);
  EXPECT_TRUE(Must(Verify(store.env(), copy(), head)).ok()) << "the anchored head holds in the copy";
  EXPECT_THAT(Must(store.env().List(target())), ElementsAre(".tenure"));
}

TEST_F(BackupTest, StopsAtItsLsnAndTakesNothingBehindIt) {
  store.CommitPuts(4);
  store.NewEpoch();
  store.CommitPuts(4);
  for (const Lsn lsn : {0u, 3u, 4u, 6u, 8u}) {
    Must(Copy(lsn));
    ExpectWholeCopyAt(lsn);
    Must(store.env().RemoveAll(target()));
  }
}

TEST_F(BackupTest, LeavesBehindWhatIsNoData) {
  store.CommitPuts(3);
  store.Scribble(base::Bytes(64, std::byte{0x77}));  // behind the seal
  journal::SegmentFactory factory(store.env(), store.layout().journal());
  Must(factory.Create(journal::HeaderAfter(store.config().journal_id, {1, 5}, store.position()), 64 * 1024));
  Must(factory.PrepareSpare(64 * 1024, [] { return false; }));
  store.NewEpoch();
  store.CommitPuts(2);
  store.Scribble(base::Bytes(64, std::byte{0x77}));  // in flight
  Must(Copy(5));
  ExpectWholeCopyAt(5);
  EXPECT_THAT(Must(store.env().List(copy().journal())), SizeIs(2));
}

TEST_F(BackupTest, ATrimmedJournalBringsItsCheckpoint) {
  store.CommitPuts(5);
  store.NewEpoch();
  store.CommitPuts(5);
  const Checkpoint first = store.MakeCheckpoint();
  store.TrimJournal(first.lsn);
  store.CommitPuts(5);
  store.MakeCheckpoint();
  store.CommitPuts(1);
  Must(Copy(16));
  ExpectWholeCopyAt(16);
  EXPECT_THAT(Must(ListCheckpoints(store.env(), copy())), SizeIs(1));
  Must(store.env().RemoveAll(target()));
  Must(Copy(12));
  ExpectWholeCopyAt(12);
  Must(store.env().RemoveAll(target()));
  EXPECT_EQ(Copy(8).error().code, ErrorCode::kCompacted) << "below the only checkpoint that reaches so far back";
}

TEST_F(BackupTest, RefusesAnLsnThatIsNotThereOrInsideABatch) {
  store.Put("a", "1").Put("b", "1");
  store.Commit();
  EXPECT_EQ(Copy(1).error().code, ErrorCode::kInvalidArgument);
  const Status beyond = Copy(3);
  EXPECT_FALSE(beyond.ok());
  EXPECT_THAT(Must(store.env().List(target())), IsEmpty()) << "nothing half made is left";
}

TEST_F(BackupTest, RefusesAPlaceThatHoldsAStore) {
  store.CommitPuts(1);
  Must(Copy(1));
  EXPECT_EQ(Copy(1).error().code, ErrorCode::kAlreadyAStore);
  ExpectWholeCopyAt(1);
}

TEST_F(BackupTest, DamageInTheSourceIsFoundNotCopied) {
  store.CommitPuts(3);
  store.NewEpoch();
  store.CommitPuts(3);
  store.Close();
  HandMadeStore::Flip(store.frames()[1].path, store.frames()[1].offset + 170);
  EXPECT_EQ(Copy(6).error().code, ErrorCode::kCorruption);
  EXPECT_FALSE(FindStore(store.env(), target()).ok());
}

TEST_F(BackupTest, CanBeInterruptedAtEveryStep) {
  store.CommitPuts(3);
  store.NewEpoch();
  store.CommitPuts(3);
  for (int steps = 1;; ++steps) {
    int asked = 0;
    std::uint64_t most = 0;
    BackupOptions options;
    options.to_lsn = 6;
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      EXPECT_LE(done, total);
      EXPECT_GE(done, most) << "it only grows";
      most = done;
      return ++asked < steps;
    };
    const Status copied = CopyStore(store.env(), store.layout(), target(), options);
    if (copied.ok()) {
      EXPECT_GT(steps, 5);
      break;
    }
    EXPECT_EQ(copied.error().code, ErrorCode::kClosed) << copied.error().message;
    EXPECT_THAT(Must(store.env().List(target())), IsEmpty()) << steps;
  }
  ExpectWholeCopyAt(6);
}

TEST_F(BackupTest, AFileThatEndsTooEarlyIsNotCopied) {
  store.CommitPuts(3);
  store.NewEpoch();
  store.CommitPuts(1);
  store.Close();
  const std::string first = store.frames()[0].path;
  HandMadeStore::Edit(first, [](base::Bytes& bytes) { bytes.resize(journal::kSegmentHeaderBytes + 64); });
  const Status copied = Copy(4);
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(copied.error().path, first);
}

TEST_F(BackupTest, AnInterruptedCopyIsNoStore) {
  store.CommitPuts(3);
  base::SetFailPoints("backup.before_rename=eio@1");
  EXPECT_EQ(Copy(3).error().code, ErrorCode::kIo);
  base::SetFailPoints("");
  EXPECT_EQ(FindStore(store.env(), target()).error().code, ErrorCode::kNoStore);
  // What a killed copy leaves is under another name and is not in the way.
  Must(store.env().CreateDirectory(target() + "/.tenure.partial-00"));
  EXPECT_EQ(FindStore(store.env(), target()).error().code, ErrorCode::kNoStore);
  Must(Copy(3));
  ExpectWholeCopyAt(3);
}

TEST_F(BackupTest, EverythingIsSyncedBeforeItHasItsName) {
  store.CommitPuts(3);
  base::RecordingEnv env(base::Env::Posix());
  BackupOptions options;
  options.to_lsn = 3;
  Must(CopyStore(env, store.layout(), target(), options));
  std::map<std::string, bool> clean;  // file or directory -> nothing unsynced
  bool named = false;
  for (const base::TraceStep& step : env.TakeTrace()) {
    using Kind = base::TraceStep::Kind;
    const std::string parent = step.path.substr(0, step.path.rfind('/'));
    switch (step.kind) {
      case Kind::kCreate:
      case Kind::kMakeDirectory:
        clean[parent] = false;
        break;
      case Kind::kWrite:
        clean[step.path] = false;
        break;
      case Kind::kSyncData:
      case Kind::kSyncAll:
      case Kind::kSyncDirectory:
        clean[step.path] = true;
        break;
      case Kind::kRename:
        if (step.to == target() + "/.tenure") {
          named = true;
          for (const auto& [path, synced] : clean) {
            EXPECT_TRUE(synced || path.find(".tenure.partial-") == std::string::npos) << path;
          }
        } else {
          clean[step.to] = clean[step.path];
          clean.erase(step.path);
          clean[step.to.substr(0, step.to.rfind('/'))] = false;
        }
        break;
      default:
        break;
    }
  }
  EXPECT_TRUE(named);
  EXPECT_TRUE(clean[target()]) << "the name itself";
}

}  // namespace
}  // namespace tenure::recovery
