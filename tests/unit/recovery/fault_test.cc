// Every call that recovery makes of its environment fails once: what is said then, and what is left.
#include <gmock/gmock.h>

#include <filesystem>

#include "store/recovery/backup.h"
#include "store/recovery/rebuild.h"
#include "store/recovery/repair.h"
#include "store/recovery/replace_index.h"
#include "tests/support/fault_sweep.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using tenure::testing::FailEveryCall;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class RecoveryFaultTest : public ::testing::Test {
 protected:
  RecoveryFaultTest() {
    // A checkpoint that replaces trimmed journal, another segment behind it, and a frame that no checkpoint has.
    store.CommitPuts(4);
    store.NewEpoch();
    store.CommitPuts(2);
    const Checkpoint checkpoint = store.MakeCheckpoint();
    store.TrimJournal(checkpoint.lsn);
    store.CommitPuts(2);
    store.NewEpoch();
    store.CommitPuts(2);
    store.ApplyIndex();
    store.Close();
  }
  std::vector<std::string> Names(const std::string& dir) { return Must(store.env().List(dir)); }

  /// What reading an index leaves beside it.
  void RemoveIndex(const std::string& path) {
    for (const char* part : {"", "-wal", "-shm"}) {
      if (Must(store.env().Exists(path + part))) Must(store.env().Remove(path + part));
    }
  }
  /// Power does not fail here, so nothing has to wait for a disk.
  static std::string Memory() { return std::filesystem::exists("/dev/shm") ? "/dev/shm/" : ::testing::TempDir(); }

  HandMadeStore store{Memory()};
};

TEST_F(RecoveryFaultTest, ARebuildThatFailsLeavesNoFile) {
  const std::string target = store.dir() + "/rebuilt.db";
  const auto act = [&](base::Env& env) -> Status {
    const auto built = BuildIndex(env, store.layout(), target, {});
    return built.ok() ? Status() : Status(built.error());
  };
  const std::uint64_t calls = FailEveryCall(act, [&](const Status& answer, const std::string& path) {
    if (answer.ok()) {
      EXPECT_EQ(ReadIndex(target), store.At(10)) << path;
      RemoveIndex(target);
    }
    EXPECT_THAT(Names(store.dir()), ElementsAre(".tenure")) << path;
  });
  EXPECT_GT(calls, 20u);
}

TEST_F(RecoveryFaultTest, AnIndexIsPublishedWholeOrNotAtAll) {
  const auto before = Names(store.layout().index());
  const auto act = [&](base::Env& env) -> Status {
    const auto built = RebuildIndex(env, store.layout(), 3, {}, nullptr);
    return built.ok() ? Status() : Status(built.error());
  };
  FailEveryCall(act, [&](const Status& answer, const std::string& path) {
    bool published = false;
    for (const std::string& name : Names(store.layout().index())) {
      if (std::find(before.begin(), before.end(), name) != before.end()) continue;
      ASSERT_TRUE(index::ParseGenerationFileName(name))
          << "something half made is left behind " << path << ": " << name;
      published = true;
      EXPECT_EQ(ReadIndex(store.layout().index() + "/" + name), store.At(10));
      RemoveIndex(store.layout().index() + "/" + name);
    }
    EXPECT_TRUE(published || !answer.ok()) << path;
  });
}

TEST_F(RecoveryFaultTest, ACopyHasItsNameOnlyWhenItIsWhole) {
  const std::string target = store.dir() + "/copy";
  const auto act = [&](base::Env& env) {
    BackupOptions options;
    options.to_lsn = 10;
    return CopyStore(env, store.layout(), target, options);
  };
  FailEveryCall(act, [&](const Status& answer, const std::string& path) {
    const bool there = Must(store.env().Exists(target + "/.tenure"));
    EXPECT_TRUE(there || !answer.ok()) << path;
    if (there) {
      EXPECT_THAT(Names(target), ElementsAre(".tenure")) << path;
      const VerifyReport report = Must(Verify(store.env(), Must(FindStore(store.env(), target)), {}));
      EXPECT_TRUE(report.ok()) << path << ": " << report.problems.front().message;
      EXPECT_EQ(report.last_lsn, 10u);
    } else if (Must(store.env().Exists(target))) {
      EXPECT_THAT(Names(target), IsEmpty()) << path;
    }
    Must(store.env().RemoveAll(target));
  });
}

/// What cannot be read is no damage: nobody may be told to repair, or to restore, because a disk did not answer.
TEST_F(RecoveryFaultTest, AnUnreadableFileIsNoCorruption) {
  const auto act = [&](base::Env& env) -> Status {
    VerifyOptions options;
    options.deep = true;
    const auto report = Verify(env, store.layout(), options);
    if (!report.ok()) return report.error();
    EXPECT_THAT(report->problems, IsEmpty()) << report->problems.front().message;
    return {};
  };
  const auto before = Names(store.layout().root);
  FailEveryCall(act, [&](const Status&, const std::string& path) {
    for (const std::string& name : Names(store.layout().root)) {
      if (std::find(before.begin(), before.end(), name) != before.end()) continue;
      // Only when removing it was what failed.
      EXPECT_NE(path.find("/" + name), std::string::npos) << path << ": " << name << " is left";
      Must(store.env().RemoveAll(store.layout().root + "/" + name));
    }
  });
}

/// A repair that was interrupted anywhere is run again.
TEST_F(RecoveryFaultTest, ARepairThatFailsIsRunAgain) {
  HandMadeStore::Flip(store.frames()[8].path, store.frames()[8].offset + 170);
  HandMadeStore::Edit(store.frames()[9].path, [](base::Bytes& bytes) { bytes.resize(bytes.size() - 4096); });
  const std::string whole = store.dir() + "/damaged";
  std::filesystem::copy(store.layout().root, whole, std::filesystem::copy_options::recursive);
  const auto repair = [&](base::Env& env) -> Status {
    RepairOptions options;
    options.accept_loss = true;
    const auto report = Repair(env, store.layout(), options);
    return report.ok() ? Status() : Status(report.error());
  };
  const std::uint64_t calls = FailEveryCall(
      repair,
      [&](const Status& answer, const std::string& path) {
        if (!answer.ok()) {
          const Status again = repair(store.env());
          EXPECT_TRUE(again.ok()) << path << ": " << again.error().message;
        }
        const VerifyReport report = Must(Verify(store.env(), store.layout(), {}));
        EXPECT_TRUE(report.ok()) << path << ": " << report.problems.front().message;
        EXPECT_EQ(report.last_lsn, 8u) << path;
        // Set aside and not yet built again: the next open does it.
        if (!report.index_path.empty()) {
          EXPECT_EQ(ReadIndex(report.index_path), store.At(8)) << path;
        }
        Must(store.env().RemoveAll(store.layout().root));
        std::filesystem::copy(whole, store.layout().root, std::filesystem::copy_options::recursive);
      },
      2);
  EXPECT_GT(calls, 40u);
}

/// Replacing the index of a store that nobody has open: shared memory is made first, from the journal.
TEST_F(RecoveryFaultTest, AReplacedIndexIsTheNewOneOrTheOldOne) {
  const std::string whole = store.dir() + "/before";
  std::filesystem::copy(store.layout().root, whole, std::filesystem::copy_options::recursive);
  const auto replace = [&](base::Env& env) -> Status {
    Config config = store.config();
    config.writer_slots = 4;  // memory for 64 would be made over and over
    const auto report = ReplaceIndex(env, store.layout(), config, {});
    return report.ok() ? Status() : Status(report.error());
  };
  FailEveryCall(
      replace,
      [&](const Status& answer, const std::string& path) {
        if (!answer.ok()) {
          const Status again = replace(store.env());
          EXPECT_TRUE(again.ok()) << path << ": " << again.error().message;
        }
        const VerifyReport report = Must(Verify(store.env(), store.layout(), {}));
        EXPECT_TRUE(report.ok()) << path << ": " << report.problems.front().message;
        EXPECT_EQ(report.applied_lsn, 10u) << path;
        EXPECT_THAT(Must(index::ListGenerations(store.env(), store.layout().index())), SizeIs(1)) << path;
        Must(store.env().RemoveAll(store.layout().root));
        std::filesystem::copy(whole, store.layout().root, std::filesystem::copy_options::recursive);
      },
      2);
}

TEST_F(RecoveryFaultTest, ACheckpointHasItsNameOnlyWhenItIsWhole) {
  const std::string before = store.dir() + "/checkpoints";
  // One that was not finished.
  std::filesystem::copy_file(store.index_path(), store.layout().checkpoints() + "/making-0123456789abcdef");
  std::filesystem::copy(store.layout().checkpoints(), before);
  const auto act = [&](base::Env& env) -> Status {
    TENURE_ASSIGN(const auto writer, index::IndexWriter::Open(store.index_path()));
    const auto written = WriteCheckpoint(env, store.layout(), *writer);
    if (!written.ok()) return written.error();
    return RemoveOldCheckpoints(env, store.layout(), 1);
  };
  FailEveryCall(act, [&](const Status& answer, const std::string& path) {
    const auto found = Must(ListCheckpoints(store.env(), store.layout()));
    ASSERT_THAT(found, Not(IsEmpty())) << path;
    if (answer.ok()) {
      EXPECT_THAT(found, SizeIs(1)) << path;
      EXPECT_EQ(found.back().lsn, 10u) << path;
    }
    for (const Checkpoint& checkpoint : found) EXPECT_EQ(ReadIndex(checkpoint.path), store.At(checkpoint.lsn)) << path;
    Must(store.env().RemoveAll(store.layout().checkpoints()));
    std::filesystem::copy(before, store.layout().checkpoints());
  });
}

TEST_F(RecoveryFaultTest, WhereThereIsNoDirectoryItIsMade) {
  const auto checkpoint = [&](base::Env& env) -> Status {
    TENURE_ASSIGN(const auto writer, index::IndexWriter::Open(store.index_path()));
    const auto written = WriteCheckpoint(env, store.layout(), *writer);
    return written.ok() ? Status() : Status(written.error());
  };
  std::filesystem::rename(store.layout().checkpoints(), store.dir() + "/checkpoints");
  EXPECT_TRUE(RemoveOldCheckpoints(store.env(), store.layout(), 1).ok()) << "there is none";
  FailEveryCall(checkpoint, [&](const Status& answer, const std::string& path) {
    if (answer.ok()) {
      EXPECT_THAT(Must(ListCheckpoints(store.env(), store.layout())), SizeIs(1)) << path;
    }
    Must(store.env().RemoveAll(store.layout().checkpoints()));
  });
  std::filesystem::rename(store.dir() + "/checkpoints", store.layout().checkpoints());
  const auto rebuild = [&](base::Env& env) -> Status {
    const auto built = RebuildIndex(env, store.layout(), 3, {}, nullptr);
    return built.ok() ? Status() : Status(built.error());
  };
  Must(store.env().RemoveAll(store.layout().index()));
  FailEveryCall(rebuild,
                [&](const Status&, const std::string&) { Must(store.env().RemoveAll(store.layout().index())); });
}

/// Each file of a damaged journal is looked at by itself: one that does not answer is not taken for a damaged one.
TEST_F(RecoveryFaultTest, AnUnreadableFileOfADamagedJournal) {
  HandMadeStore::Flip(store.frames().back().path, 16);
  std::filesystem::copy_file(store.layout().config(), store.layout().journal() + "/note.txt");
  FailEveryCall(
      [&](base::Env& env) -> Status {
        const auto report = Verify(env, store.layout(), {});
        if (!report.ok()) return report.error();
        EXPECT_THAT(report->problems, Not(IsEmpty()));
        for (const Error& problem : report->problems)
          EXPECT_EQ(problem.code, ErrorCode::kCorruption) << problem.message;
        return {};
      },
      [](const Status&, const std::string&) {});
}

TEST_F(RecoveryFaultTest, AStoreThatCannotBeLookedAtIsNotSaidToBeMissing) {
  const std::uint64_t calls = FailEveryCall(
      [&](base::Env& env) -> Status {
        const auto found = FindStore(env, store.dir());
        return found.ok() ? Status() : Status(found.error());
      },
      [](const Status&, const std::string&) {});
  EXPECT_GT(calls, 2u);
}

}  // namespace
}  // namespace tenure::recovery
