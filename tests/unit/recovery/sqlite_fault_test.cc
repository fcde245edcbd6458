// Every call that recovery makes of SQLite fails once: what is said then, and what is left.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "store/recovery/backup.h"
#include "store/recovery/rebuild.h"
#include "store/recovery/repair.h"
#include "store/recovery/replace_index.h"
#include "tests/support/failing_statements.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using tenure::testing::FailEveryStatement;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class SqliteFaultTest : public ::testing::Test {
 protected:
  SqliteFaultTest() {
    // Something of everything, of which a checkpoint replaces the journal; and a batch that changes all of it.
    store.Put("a", "1", "first")
        .Put("b", "1")
        .SetTag("a", "prod", "1")
        .SetPolicy("x/**", true)
        .SetPolicy("y/**", false);
    store.Park("a", "1").GrantLease("held/**").GrantLease("ended/**").Commit();
    store.NewEpoch();
    store.CommitPuts(2);
    const Checkpoint checkpoint = store.MakeCheckpoint();
    store.TrimJournal(checkpoint.lsn);
    store.CommitPuts(1);
    store.Put("a", "1", "second").SetTag("a", "prod", "1").SetPolicy("x/**", false).DeletePolicy("y/**");
    store.Park("b", "1").Resolve({6, 0}).EndLease(8, model::EffectKind::kReleaseLease).PruneRequests(2);
    store.Put("c", "1").Put("last", "1").Commit();
    store.ApplyIndex();
    store.Close();
  }
  static constexpr Lsn kWithinTheLastBatch = 20;
  static constexpr Lsn kLast = 21;

  std::vector<std::string> Names(const std::string& dir) { return Must(store.env().List(dir)); }
  void RemoveIndex(const std::string& path) {
    for (const char* part : {"", "-wal", "-shm"}) {
      if (Must(store.env().Exists(path + part))) Must(store.env().Remove(path + part));
    }
  }
  /// `act` changes the store; each time it is put back as it was.
  void OverAgain(const std::function<Status()>& act,
                 const std::function<void(const Status& answer, const std::string& call)>& behind) {
    const std::string whole = store.dir() + "/whole";
    std::filesystem::copy(store.layout().root, whole, std::filesystem::copy_options::recursive);
    FailEveryStatement(
        act,
        [&](const Status& answer, const std::string& call) {
          behind(answer, call);
          Must(store.env().RemoveAll(store.layout().root));
          std::filesystem::copy(whole, store.layout().root, std::filesystem::copy_options::recursive);
        },
        3);
  }
  void ExpectSound(const std::string& call, Lsn last) {
    const VerifyReport report = Must(Verify(store.env(), store.layout(), {}));
    EXPECT_TRUE(report.ok()) << call << ": " << report.problems.front().message;
    EXPECT_EQ(report.last_lsn, last) << call;
  }
  /// Power does not fail here, so nothing has to wait for a disk.
  static std::string Memory() { return std::filesystem::exists("/dev/shm") ? "/dev/shm/" : ::testing::TempDir(); }

  HandMadeStore store{Memory()};
};

/// Up to an LSN within a batch, whose state hash is reckoned from the rows before it.
TEST_F(SqliteFaultTest, ARebuildThatFailsLeavesNoFile) {
  const std::string target = store.dir() + "/rebuilt.db";
  const auto act = [&]() -> Status {
    RebuildOptions options;
    options.to_lsn = kWithinTheLastBatch;
    const auto built = BuildIndex(store.env(), store.layout(), target, options);
    return built.ok() ? Status() : Status(built.error());
  };
  const std::uint64_t calls = FailEveryStatement(act, [&](const Status& answer, const std::string& call) {
    if (answer.ok()) {
      EXPECT_EQ(ReadIndex(target), store.At(kWithinTheLastBatch)) << call;
      RemoveIndex(target);
    }
    EXPECT_THAT(Names(store.dir()), ElementsAre(".tenure")) << call;
  });
  EXPECT_GT(calls, 20u);
}

/// The only checkpoint that replaces trimmed journal may be sound: nobody is told to restore a backup because of it.
TEST_F(SqliteFaultTest, ACheckpointThatCannotBeReadIsNotSaidToBeMissing) {
  const std::string target = store.dir() + "/rebuilt.db";
  bool told = false;
  FailEveryStatement(
      [&]() -> Status {
        const auto built = BuildIndex(store.env(), store.layout(), target, {});
        if (!built.ok() && built.error().message.find("/checkpoints/") != std::string::npos) {
          EXPECT_THAT(built.error().hint, Not(HasSubstr("backup")));
          told = true;
        }
        return built.ok() ? Status() : Status(built.error());
      },
      [&](const Status&, const std::string&) { RemoveIndex(target); });
  EXPECT_TRUE(told);
}

TEST_F(SqliteFaultTest, AnIndexIsPublishedWholeOrNotAtAll) {
  const auto before = Names(store.layout().index());
  FailEveryStatement(
      [&]() -> Status {
        const auto built = RebuildIndex(store.env(), store.layout(), 3, {}, nullptr);
        return built.ok() ? Status() : Status(built.error());
      },
      [&](const Status& answer, const std::string& call) {
        bool published = false;
        for (const std::string& name : Names(store.layout().index())) {
          if (std::find(before.begin(), before.end(), name) != before.end()) continue;
          ASSERT_TRUE(index::ParseGenerationFileName(name)) << call << ": something half made is left behind: " << name;
          published = true;
          EXPECT_EQ(ReadIndex(store.layout().index() + "/" + name), store.At(kLast));
          RemoveIndex(store.layout().index() + "/" + name);
        }
        EXPECT_EQ(published, answer.ok()) << call;
      });
}

TEST_F(SqliteFaultTest, ACopyHasItsNameOnlyWhenItIsWhole) {
  const std::string target = store.dir() + "/copy";
  FailEveryStatement(
      [&] {
        BackupOptions options;
        options.to_lsn = kLast;
        return CopyStore(store.env(), store.layout(), target, options);
      },
      [&](const Status& answer, const std::string& call) {
        const bool there = Must(store.env().Exists(target + "/.tenure"));
        EXPECT_EQ(there, answer.ok()) << call;
        if (there) {
          const VerifyReport report = Must(Verify(store.env(), Must(FindStore(store.env(), target)), {}));
          EXPECT_TRUE(report.ok()) << call << ": " << report.problems.front().message;
          EXPECT_EQ(report.last_lsn, kLast);
        }
        Must(store.env().RemoveAll(target));
      });
}

/// What cannot be read is no damage: nobody may be told to repair, or to restore, because a disk did not answer.
TEST_F(SqliteFaultTest, WhatDoesNotAnswerIsNoCorruption) {
  const auto before = Names(store.layout().root);
  FailEveryStatement(
      [&]() -> Status {
        VerifyOptions options;
        options.deep = true;
        const auto report = Verify(store.env(), store.layout(), options);
        if (!report.ok()) return report.error();
        EXPECT_THAT(report->problems, IsEmpty()) << report->problems.front().message;
        return {};
      },
      [&](const Status&, const std::string& call) { EXPECT_EQ(Names(store.layout().root), before) << call; });
}

/// An index or a checkpoint that does not answer is neither given up nor set aside: it may be the witness of what was
/// lost, or replace journal that was trimmed. A repair that was interrupted anywhere is run again.
TEST_F(SqliteFaultTest, ARepairThatFailsIsRunAgain) {
  HandMadeStore::Flip(store.frames().back().path, store.frames().back().offset + 170);
  const auto repair = [&]() -> Status {
    RepairOptions options;
    options.accept_loss = true;
    const auto report = Repair(store.env(), store.layout(), options);
    if (!report.ok()) return report.error();
    EXPECT_EQ(report->last_good_lsn, 11u);
    EXPECT_EQ(report->last_known_lsn, kLast) << "what the index knows of is not passed over";
    return {};
  };
  OverAgain(repair, [&](const Status& answer, const std::string& call) {
    if (!answer.ok()) {
      EXPECT_THAT(Must(ListCheckpoints(store.env(), store.layout())), SizeIs(1)) << call;
      const auto again = Repair(store.env(), store.layout(), [] {
        RepairOptions options;
        options.accept_loss = true;
        return options;
      }());
      EXPECT_TRUE(again.ok()) << call << ": " << again.error().message;
    }
    ExpectSound(call, 11);
  });
}

TEST_F(SqliteFaultTest, AReplacedIndexIsTheNewOneOrTheOldOne) {
  const auto replace = [&]() -> Status {
    Config config = store.config();
    config.writer_slots = 4;  // memory for 64 would be made over and over
    const auto report = ReplaceIndex(store.env(), store.layout(), config, {});
    return report.ok() ? Status() : Status(report.error());
  };
  OverAgain(replace, [&](const Status& answer, const std::string& call) {
    if (!answer.ok()) {
      const Status again = replace();
      EXPECT_TRUE(again.ok()) << call << ": " << again.error().message;
    }
    ExpectSound(call, kLast);
    EXPECT_THAT(Must(index::ListGenerations(store.env(), store.layout().index())), SizeIs(1)) << call;
  });
}

TEST_F(SqliteFaultTest, ACheckpointHasItsNameOnlyWhenItIsWhole) {
  const std::string before = store.dir() + "/checkpoints";
  std::filesystem::copy(store.layout().checkpoints(), before);
  FailEveryStatement(
      [&]() -> Status {
        TENURE_ASSIGN(const auto writer, index::IndexWriter::Open(store.index_path()));
        const auto written = WriteCheckpoint(store.env(), store.layout(), *writer);
        return written.ok() ? Status() : Status(written.error());
      },
      [&](const Status& answer, const std::string& call) {
        const auto found = Must(ListCheckpoints(store.env(), store.layout()));
        EXPECT_THAT(found, SizeIs(answer.ok() ? 2 : 1)) << call;
        for (const Checkpoint& checkpoint : found) {
          EXPECT_EQ(ReadIndex(checkpoint.path), store.At(checkpoint.lsn)) << call;
        }
        Must(store.env().RemoveAll(store.layout().checkpoints()));
        std::filesystem::copy(before, store.layout().checkpoints());
      });
}

}  // namespace
}  // namespace tenure::recovery
