// Another process compacts while this one looks at the journal: at whatever moment it comes in between, what it took
// away is never taken for lost.
#include <gmock/gmock.h>

#include <filesystem>

#include "store/base/recording_env.h"
#include "store/journal/reader.h"
#include "store/recovery/backup.h"
#include "store/recovery/rebuild.h"
#include "store/recovery/verify.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using ::testing::IsEmpty;

constexpr Lsn kLast = 12;

std::string MemoryDir() { return std::filesystem::exists("/dev/shm") ? "/dev/shm/" : ::testing::TempDir(); }

/// Four segments of which the first was trimmed, and two checkpoints.
class CompactedMeanwhile : public ::testing::Test {
 protected:
  using Act = std::function<void(HandMadeStore& store, base::Env& env)>;

  /// Runs `act` on a store of its own for every call that it makes of its environment, the compaction in front of it.
  static void BeforeEveryCall(const Act& act) {
    std::uint64_t index = 0;
    for (bool compacted = true; compacted && !HasFailure(); ++index) {
      SCOPED_TRACE("compacted in front of call " + std::to_string(index));
      HandMadeStore store(MemoryDir());
      Fill(store);
      base::RecordingEnv env(base::Env::Posix());
      compacted = false;
      env.SetFaultPlan([&](std::uint64_t call, base::TraceStep::Kind, const std::string&) -> Status {
        if (call == index) compacted = true, Compact(store);
        return {};
      });
      act(store, env);
    }
    EXPECT_GT(index, 5u);
  }

 private:
  static void Fill(HandMadeStore& store) {
    store.CommitPuts(2);
    store.NewEpoch();
    store.CommitPuts(2);
    store.TrimJournal(store.MakeCheckpoint().lsn);
    store.NewEpoch();
    store.CommitPuts(2);
    store.MakeCheckpoint();
    store.NewEpoch();
    store.CommitPuts(2);
    store.NewEpoch();
    store.CommitPuts(4);
    store.ApplyIndex();
  }
  /// As Store::Compact does it: checkpoint, journal, older checkpoints.
  static void Compact(HandMadeStore& store) {
    store.TrimJournal(store.MakeCheckpoint().lsn);
    Must(RemoveOldCheckpoints(store.env(), store.layout(), 2));
  }
};

TEST_F(CompactedMeanwhile, TheChainIsWholeWhateverIsGone) {
  BeforeEveryCall([](HandMadeStore& store, base::Env& env) {
    const auto chain = journal::ReadChain(env, store.layout().journal(), store.config().journal_id,
                                          TrimmedBelowOf(env, store.layout()));
    ASSERT_TRUE(chain.ok()) << chain.error().message;
    EXPECT_EQ(chain->segments.back().path, store.SegmentPath());
  });
}

TEST_F(CompactedMeanwhile, AReaderFindsItsPlace) {
  BeforeEveryCall([](HandMadeStore& store, base::Env& env) {
    auto reader = journal::Reader::Open(env, store.layout().journal(), store.config().journal_id, store.position(),
                                        TrimmedBelowOf(env, store.layout()));
    ASSERT_TRUE(reader.ok()) << reader.error().message;
    EXPECT_EQ((*reader)->position(), store.position());
  });
}

TEST_F(CompactedMeanwhile, ARebuildBeginsAnewFromWhatThereIs) {
  BeforeEveryCall([](HandMadeStore& store, base::Env& env) {
    const std::string target = store.dir() + "/rebuilt.db";
    const auto built = BuildIndex(env, store.layout(), target, {});
    ASSERT_TRUE(built.ok()) << built.error().message;
    EXPECT_EQ(ReadIndex(target), store.At(kLast));
  });
}

TEST_F(CompactedMeanwhile, VerifyFindsNothingWrong) {
  for (const bool deep : {false, true}) {
    BeforeEveryCall([deep](HandMadeStore& store, base::Env& env) {
      VerifyOptions options;
      options.deep = deep;
      const auto report = Verify(env, store.layout(), options);
      ASSERT_TRUE(report.ok()) << report.error().message;
      EXPECT_EQ(report->last_lsn, kLast);
      for (const Error& problem : report->problems) ADD_FAILURE() << problem.message;
    });
  }
}

TEST_F(CompactedMeanwhile, ABackupIsWholeOrToBeTakenAgain) {
  BeforeEveryCall([](HandMadeStore& store, base::Env& env) {
    BackupOptions options;
    options.to_lsn = kLast;
    const Status copied = CopyStore(env, store.layout(), store.dir() + "/copy", options);
    if (!copied.ok()) {
      EXPECT_EQ(copied.error().code, ErrorCode::kBusy) << copied.error().message;
      return;
    }
    const Layout copy = Must(FindStore(env, store.dir() + "/copy"));
    const auto report = Must(Verify(env, copy, {}));
    EXPECT_THAT(report.problems, IsEmpty());
    EXPECT_EQ(report.last_lsn, kLast);
  });
}

}  // namespace
}  // namespace tenure::recovery
