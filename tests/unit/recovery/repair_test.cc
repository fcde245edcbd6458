#include "store/recovery/repair.h"

#include <gmock/gmock.h>

#include "store/base/failpoint.h"
#include "store/ingest/membership.h"
#include "store/journal/reader.h"
#include "store/recovery/rebuild.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class RepairTest : public ::testing::Test {
 protected:
  ~RepairTest() override {
    base::SetFailPoints("");
    base::SetSeededBug("");
  }
  Result<RepairReport> Run(bool accept_loss, bool dry_run = false) {
    RepairOptions options;
    options.accept_loss = accept_loss;
    options.dry_run = dry_run;
    return Repair(store.env(), store.layout(), options);
  }
  std::vector<std::string> Names(const std::string& dir) { return Must(store.env().List(dir)); }
  std::map<std::string, base::Bytes> Snapshot() {
    std::map<std::string, base::Bytes> files;
    for (const std::string& dir : {store.layout().journal(), store.layout().index(), store.layout().checkpoints()}) {
      for (const std::string& name : Names(dir)) {
        // What SQLite makes for a reader is no content.
        if (name.find("-shm") == std::string::npos) files[dir + "/" + name] = HandMadeStore::Read(dir + "/" + name);
      }
    }
    files["config"] = HandMadeStore::Read(store.layout().config());
    return files;
  }
  /// The store is sound, holds the model's rows of `lsn`, and its journal can be appended to.
  void ExpectWholeAt(Lsn lsn) {
    VerifyOptions options;
    options.deep = true;
    const VerifyReport report = Must(Verify(store.env(), store.layout(), options));
    for (const Error& problem : report.problems) ADD_FAILURE() << problem.message;
    EXPECT_EQ(report.last_lsn, lsn);
    EXPECT_EQ(report.applied_lsn, lsn);
    EXPECT_EQ(ReadIndex(report.index_path), store.At(lsn));
    const Config config = Must(ReadConfig(store.env(), store.layout()));
    const Lsn trimmed = Must(NewestCheckpointLsn(store.env(), store.layout()));
    const auto chain = Must(journal::ReadChain(store.env(), store.layout().journal(), config.journal_id, trimmed));
    EXPECT_EQ(chain.segments.back().header.id.epoch, chain.highest_epoch);
  }
  void Damage(std::size_t frame) {
    HandMadeStore::Flip(store.frames()[frame].path, store.frames()[frame].offset + 170);
  }
  HandMadeStore store;
};

TEST_F(RepairTest, ASoundStoreIsLeftAlone) {
  store.CommitPuts(5);
  store.ApplyIndex();
  store.MakeCheckpoint();
  store.Close();
  const auto before = Snapshot();
  const RepairReport report = Must(Run(true));
  EXPECT_FALSE(report.changed);
  EXPECT_THAT(report.damage, IsEmpty());
  EXPECT_THAT(report.lost, IsEmpty());
  EXPECT_THAT(report.actions, Contains(StartsWith("nothing to repair")));
  EXPECT_EQ(report.last_good_lsn, 5u);
  EXPECT_EQ(Snapshot(), before);
}

TEST_F(RepairTest, ATornTailIsNotRepairsBusiness) {
  store.CommitPuts(5);
  store.ApplyIndex();
  store.Scribble(base::Bytes(100, std::byte{0x33}));
  store.Close();
  const auto before = Snapshot();
  const RepairReport report = Must(Run(true));
  EXPECT_FALSE(report.changed);
  EXPECT_THAT(report.actions, Contains(HasSubstr("opening the store sets it aside")));
  EXPECT_EQ(Snapshot(), before);
}

TEST_F(RepairTest, RefusesWithoutConsentAndSaysWhatWouldBeLost) {
  store.CommitPuts(4);
  store.Put("release/app", "1.4.2").SetTag("release/app", "prod", "1.4.2");
  store.Commit();
  store.ApplyIndex();
  store.Close();
  Damage(2);
  const auto before = Snapshot();
  const auto refused = Run(false);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(refused.error().path, store.frames()[2].path);
  EXPECT_EQ(refused.error().offset, store.frames()[2].offset);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("LSN 2"), HasSubstr("put release/app:1.4.2"),
                                             HasSubstr("set_tag release/app@prod to 1.4.2"), HasSubstr("tester")));
  EXPECT_THAT(refused.error().hint, HasSubstr("--accept-loss"));
  EXPECT_EQ(Snapshot(), before);
}

TEST_F(RepairTest, SeededBugRepairWithoutConsentIsCaught) {
  store.CommitPuts(4);
  store.ApplyIndex();
  store.Close();
  Damage(2);
  base::SetSeededBug("repair_without_consent");
  EXPECT_TRUE(Run(false).ok()) << "the defect must break what RefusesWithoutConsentAndSaysWhatWouldBeLost asserts";
}

TEST_F(RepairTest, ADryRunShowsEverythingAndChangesNothing) {
  store.CommitPuts(6);
  store.ApplyIndex();
  store.Close();
  Damage(3);
  const auto before = Snapshot();
  const RepairReport report = Must(Run(true, true));
  EXPECT_FALSE(report.changed);
  EXPECT_EQ(report.last_good_lsn, 3u);
  EXPECT_EQ(report.last_known_lsn, 6u);
  EXPECT_THAT(report.actions, Each(StartsWith("would ")));
  EXPECT_THAT(report.lost, SizeIs(3));
  EXPECT_EQ(Snapshot(), before);
}

TEST_F(RepairTest, GoesOnFromTheLastGoodFrame) {
  store.CommitPuts(4);
  store.NewEpoch();
  store.CommitPuts(4);
  store.ApplyIndex();
  store.Close();
  const std::string old_index = store.index_path();
  Damage(5);
  const RepairReport report = Must(Run(true));
  EXPECT_TRUE(report.changed);
  EXPECT_EQ(report.last_good_lsn, 5u);
  EXPECT_EQ(report.last_known_lsn, 8u);
  ASSERT_THAT(report.lost, SizeIs(3));
  // The damaged frame's own transaction is still known from the index, the later ones from their frames.
  EXPECT_THAT(report.lost[0], AllOf(StartsWith("LSN 6, "), HasSubstr("(as the index has it)")));
  EXPECT_THAT(report.lost[1], AllOf(StartsWith("LSN 7, "), HasSubstr("put lib/a6:1.0"), HasSubstr("writer tester")));
  EXPECT_THAT(report.lost[2], StartsWith("LSN 8, "));
  ExpectWholeAt(5);
  EXPECT_EQ(Must(ReadConfig(store.env(), store.layout())).incarnation, 2u);
  const auto chain = Must(journal::ReadChain(store.env(), store.layout().journal(), store.config().journal_id, 0));
  EXPECT_EQ(chain.segments.back().header.id, (model::SegmentId{3, 1}));
  EXPECT_EQ(chain.segments.back().header.incarnation, 2u);
  EXPECT_EQ(chain.segments.back().header.prev_sealed_bytes, store.frames()[5].offset);
  EXPECT_FALSE(Must(store.env().Exists(old_index)));
  EXPECT_THAT(Names(store.layout().index()),
              Contains(AllOf(StartsWith("damaged-"), HasSubstr("0000000000000001-1.db"))));
  EXPECT_FALSE(Must(Run(false)).changed) << "the second run finds nothing";
}

TEST_F(RepairTest, AnythingDamagedAnywhereEndsWhereTheDamageBegins) {
  for (std::size_t frame = 0; frame < 6; ++frame) {
    HandMadeStore mine;
    mine.CommitPuts(3);
    mine.NewEpoch();
    mine.CommitPuts(3);
    mine.ApplyIndex();
    mine.Close();
    HandMadeStore::Flip(mine.frames()[frame].path, mine.frames()[frame].offset + 40);
    RepairOptions options;
    options.accept_loss = true;
    const RepairReport report = Must(Repair(mine.env(), mine.layout(), options));
    EXPECT_EQ(report.last_good_lsn, frame);
    EXPECT_EQ(report.lost.size(), 6 - frame);
    const VerifyReport verified = Must(Verify(mine.env(), mine.layout(), {}));
    EXPECT_TRUE(verified.ok()) << frame;
    EXPECT_EQ(ReadIndex(verified.index_path), mine.At(frame)) << frame;
  }
}

TEST_F(RepairTest, NamesARangeWhereNothingCanBeRead) {
  store.CommitPuts(4);
  store.ApplyIndex();
  store.Close();
  const auto third = store.frames()[2];
  HandMadeStore::Edit(third.path, [&](base::Bytes& bytes) {
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(third.offset), bytes.end(), std::byte{0});
  });
  // The index knows how far it was, but its rows are gone.
  Execute(store.index_path(), "DELETE FROM entry");
  const RepairReport report = Must(Run(true));
  EXPECT_EQ(report.last_known_lsn, 4u);
  EXPECT_THAT(report.lost, Contains(StartsWith("LSN 3 to 4: ")));
  ExpectWholeAt(2);
}

TEST_F(RepairTest, WhatIsNeitherEntryNorTagIsNamedToo) {
  store.CommitPuts(2);
  store.SetPolicy("team/**", true).DeletePolicy("old/**").Park("lib/a0", "1.0").Resolve({5, 0});
  store.GrantLease("lib/**").EndLease(7, model::EffectKind::kExpireLease).SetCursor("mirror", 2);
  store.Trim(model::EffectKind::kTrimJournal, 2);
  store.Commit();
  store.Close();
  Damage(1);
  const RepairReport report = Must(Run(true, true));
  const char* const acts[] = {
      "set_policy 'team/**'",      "delete_policy 'old/**'", "park 5 of lib/a0:1.0", "resolve 5",
      "lease_acquire 7 of lib/**", "lease_expire 7",         "set_cursor mirror",    "trim_journal below LSN 2"};
  std::string lost;
  for (const std::string& line : report.lost) lost += line + "\n";
  for (const char* act : acts) EXPECT_THAT(lost, HasSubstr(std::string(": ") + act + "\n"));
}

TEST_F(RepairTest, TheIndexTellsOfWhatNoFrameHoldsAnyMore) {
  store.CommitPuts(2);
  store.SetPolicy("team/**", true).Park("lib/a0", "1.0").GrantLease("lib/**");
  store.Commit();
  store.ApplyIndex();
  store.Close();
  Damage(2);
  const RepairReport report = Must(Run(true, true));
  EXPECT_THAT(report.lost, ::testing::ElementsAre(HasSubstr("set_policy 'team/**' (as the index has it)"),
                                                  HasSubstr("park 4 of lib/a0:1.0 (as the index has it)"),
                                                  HasSubstr("lease_acquire 5 of lib/** (as the index has it)")));
}

TEST_F(RepairTest, DeletionsRequestsAndLongTransactionsAreNamed) {
  store.Put("lib/a", "1").SetTag("lib/a", "prod", "1");
  store.Commit();
  store.Put("lib/b", "1");
  store.Commit();
  store.Delete("lib/a", "1");
  store.Commit();
  store.Close();
  Damage(1);
  RepairReport report = Must(Run(true, true));
  EXPECT_THAT(report.lost, Contains(HasSubstr("delete lib/a:1")));
  store.ApplyIndex();
  store.Close();
  HandMadeStore::Flip(store.frames()[2].path, store.frames()[2].offset + 170);
  report = Must(Run(true, true));
  EXPECT_THAT(report.lost, Contains(HasSubstr("delete lib/a:1 (as the index has it)")));
}

TEST_F(RepairTest, AShortListStandsForALongOne) {
  store.CommitPuts(1);
  store.CommitPuts(14, 20);
  store.ApplyIndex();
  store.Close();
  Damage(1);
  const auto refused = Run(false);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("and 4 more lines"));
}

TEST_F(RepairTest, ADamagedIndexAloneIsRebuiltWithoutLossOrConsent) {
  store.CommitPuts(20);
  store.ApplyIndex();
  store.Close();
  HandMadeStore::Edit(store.index_path(),
                      [](base::Bytes& bytes) { std::fill(bytes.begin(), bytes.begin() + 64, std::byte{9}); });
  const RepairReport report = Must(Run(false));
  EXPECT_TRUE(report.changed);
  EXPECT_THAT(report.damage, Contains(Field(&Error::path, store.index_path())));
  EXPECT_THAT(report.lost, IsEmpty());
  EXPECT_EQ(Must(ReadConfig(store.env(), store.layout())).incarnation, 1u) << "no LSN is given out twice";
  ExpectWholeAt(20);
}

TEST_F(RepairTest, ADamagedCheckpointIsSetAsideWhileTheJournalCanDoWithoutIt) {
  store.CommitPuts(20);
  const Checkpoint checkpoint = store.MakeCheckpoint();
  store.Close();
  HandMadeStore::Flip(checkpoint.path, 3);
  const RepairReport report = Must(Run(false));
  EXPECT_TRUE(report.changed);
  EXPECT_THAT(Must(ListCheckpoints(store.env(), store.layout())), IsEmpty());
  EXPECT_THAT(Names(store.layout().checkpoints()), Contains(StartsWith("damaged-")));
  ExpectWholeAt(20);
}

TEST_F(RepairTest, DamageBelowACheckpointCostsHistoryOnly) {
  store.CommitPuts(5);
  store.NewEpoch();
  store.CommitPuts(5);
  store.MakeCheckpoint();
  store.CommitPuts(3);
  store.ApplyIndex();
  store.Close();
  Damage(2);
  EXPECT_EQ(Run(false).error().code, ErrorCode::kCorruption);
  const RepairReport report = Must(Run(true));
  EXPECT_EQ(report.last_good_lsn, 13u);
  ASSERT_THAT(report.lost, SizeIs(1));
  EXPECT_THAT(report.lost[0], HasSubstr("LSN 1 to 5"));
  EXPECT_EQ(Must(ReadConfig(store.env(), store.layout())).incarnation, 1u) << "no LSN is given out twice";
  ExpectWholeAt(13);
  EXPECT_THAT(Names(store.layout().journal()), Contains(StartsWith("damaged-")));
}

TEST_F(RepairTest, ACheckpointAloneIsEnough) {
  store.CommitPuts(5);
  store.NewEpoch();
  store.CommitPuts(5);
  store.MakeCheckpoint();
  store.TrimJournal(10);
  store.CommitPuts(3);
  store.ApplyIndex();
  store.Close();
  Damage(6);
  const RepairReport report = Must(Run(true));
  EXPECT_EQ(report.last_good_lsn, 10u);
  EXPECT_THAT(report.lost, Contains(StartsWith("LSN 11, ")));
  ExpectWholeAt(10);
}

TEST_F(RepairTest, NothingLeftToGoOnFromIsSaid) {
  store.CommitPuts(5);
  store.NewEpoch();
  store.CommitPuts(5);
  const Checkpoint checkpoint = store.MakeCheckpoint();
  store.TrimJournal(10);
  store.Close();
  HandMadeStore::Flip(checkpoint.path, 3);
  const auto refused = Run(true);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorruption);
  EXPECT_THAT(refused.error().hint, HasSubstr("backup"));
}

TEST_F(RepairTest, ADamagedHeaderEndsTheJournalWhereItsRemainsSay) {
  store.CommitPuts(4);
  const std::uint64_t sealed_at = store.position().offset;
  store.NewEpoch();
  const std::string damaged = store.SegmentPath();
  store.CommitPuts(3);
  store.NewEpoch();
  store.CommitPuts(2);
  store.ApplyIndex();
  store.Close();
  HandMadeStore::Flip(damaged, 3000);
  const RepairReport report = Must(Run(true));
  EXPECT_EQ(report.last_good_lsn, 4u);
  EXPECT_THAT(report.lost, SizeIs(5));
  EXPECT_THAT(report.lost[0], AllOf(StartsWith("LSN 5, "), HasSubstr("put lib/a4:1.0")));
  ExpectWholeAt(4);
  const auto chain = Must(journal::ReadChain(store.env(), store.layout().journal(), store.config().journal_id, 0));
  EXPECT_EQ(chain.segments.back().header.prev_sealed_bytes, sealed_at);
  EXPECT_FALSE(Must(store.env().Exists(damaged))) << "a file that looks like a segment must have a sound header";
}

TEST_F(RepairTest, AZombiesFrameBehindALostSealIsNotTakenForData) {
  store.CommitPuts(3);
  const model::JournalPosition seal = store.position();
  const std::string old_segment = store.SegmentPath();
  // The frame that a fenced committer wrote behind the seal: well-formed, never published.
  store.Put("zombie", "1");
  store.Commit();
  HandMadeStore::FramePlace zombie = store.frames().back();
  store.Close();
  journal::SegmentFactory factory(store.env(), store.layout().journal());
  const auto next = Must(factory.Create(journal::HeaderAfter(store.config().journal_id, {2, 1}, seal), 64 * 1024));
  HandMadeStore::Flip(next.path, 2000);
  const RepairReport report = Must(Run(true));
  EXPECT_EQ(report.last_good_lsn, 3u) << "the damaged header still names the chain hash of LSN 3 as the seal";
  ExpectWholeAt(3);
  EXPECT_EQ(zombie.path, old_segment);
}

TEST_F(RepairTest, AShortenedFileGetsItsZerosBack) {
  store.CommitPuts(3);
  const std::string path = store.SegmentPath();
  const std::uint64_t end = store.position().offset;
  const std::uint64_t whole = HandMadeStore::Read(path).size();
  store.NewEpoch();
  store.CommitPuts(3);
  store.ApplyIndex();
  store.Close();
  HandMadeStore::Edit(path, [&](base::Bytes& bytes) { bytes.resize(end); });
  EXPECT_FALSE(Must(Verify(store.env(), store.layout(), {})).ok());
  const RepairReport report = Must(Run(false));
  EXPECT_TRUE(report.changed);
  EXPECT_EQ(HandMadeStore::Read(path).size(), whole);
  ExpectWholeAt(6);
}

TEST_F(RepairTest, IsBusyWhileAnyMemberIsThere) {
  store.CommitPuts(3);
  store.Close();
  for (const std::uint64_t byte : {std::uint64_t{0}, std::uint64_t{1023}, ingest::ApplyByte(1)}) {
    const auto member = Must(store.env().Open(store.layout().members(), base::OpenMode::kOpenOrCreate));
    ASSERT_TRUE(Must(member->TryLock(base::LockKind::kExclusive, byte, 1)));
    EXPECT_EQ(Run(true).error().code, ErrorCode::kBusy) << byte;
  }
  EXPECT_TRUE(Run(true).ok()) << "the members have gone";
}

TEST_F(RepairTest, RemovesTheSharedSegmentOnlyWhenItChangesSomething) {
  store.CommitPuts(3);
  store.ApplyIndex();
  store.Close();
  Must(store.env().Open(store.layout().shared_segment(), base::OpenMode::kCreateNew));
  Must(Run(true));
  EXPECT_TRUE(Must(store.env().Exists(store.layout().shared_segment())));
  Damage(1);
  Must(Run(true));
  EXPECT_FALSE(Must(store.env().Exists(store.layout().shared_segment())));
}

TEST_F(RepairTest, AnInterruptedRepairIsRunAgain) {
  for (const char* const point :
       {"repair.before_segment", "segment.renamed", "repair.after_segment", "rebuild.before_publish"}) {
    HandMadeStore mine;
    mine.CommitPuts(6);
    mine.ApplyIndex();
    mine.Close();
    HandMadeStore::Flip(mine.frames()[3].path, mine.frames()[3].offset + 170);
    RepairOptions options;
    options.accept_loss = true;
    base::SetFailPoints((std::string(point) + "=eio@1").c_str());
    const auto interrupted = Repair(mine.env(), mine.layout(), options);
    base::SetFailPoints("");
    if (!interrupted.ok()) {
      EXPECT_EQ(interrupted.error().code, ErrorCode::kIo) << point;
      EXPECT_FALSE(Must(Verify(mine.env(), mine.layout(), {})).ok() && std::string(point) != "rebuild.before_publish")
          << point;
    }
    Must(Repair(mine.env(), mine.layout(), options));
    if (Must(index::ListGenerations(mine.env(), mine.layout().index())).empty()) {
      Must(RebuildIndex(mine.env(), mine.layout(), 9, {}, nullptr));  // what the next open does
    }
    const VerifyReport report = Must(Verify(mine.env(), mine.layout(), {}));
    EXPECT_TRUE(report.ok()) << point;
    EXPECT_EQ(ReadIndex(report.index_path), mine.At(3)) << point;
    EXPECT_GE(Must(ReadConfig(mine.env(), mine.layout())).incarnation, 2u);
  }
}

TEST_F(RepairTest, NothingIsDeleted) {
  store.CommitPuts(5);
  store.MakeCheckpoint();
  store.NewEpoch();
  store.CommitPuts(5);
  store.MakeCheckpoint();
  store.Close();
  Damage(7);
  std::multiset<base::Bytes> before;
  for (const auto& [path, bytes] : Snapshot()) {
    if (path.find(".seg") != std::string::npos || path.find("checkpoints") != std::string::npos) before.insert(bytes);
  }
  const RepairReport report = Must(Run(true));
  EXPECT_EQ(report.last_good_lsn, 10u) << "the checkpoint of LSN 10 is sound";
  std::multiset<base::Bytes> after;
  for (const auto& item : Snapshot()) after.insert(item.second);
  for (const base::Bytes& bytes : before) EXPECT_EQ(after.count(bytes), before.count(bytes));
}

TEST_F(RepairTest, ACheckpointBeyondTheLastGoodFrameThatIsDamagedItselfIsSetAside) {
  store.CommitPuts(8);
  const Checkpoint checkpoint = store.MakeCheckpoint();
  store.Close();
  Damage(4);
  HandMadeStore::Flip(checkpoint.path, 18);
  HandMadeStore::Flip(checkpoint.path, 0);
  const RepairReport report = Must(Run(true));
  EXPECT_EQ(report.last_good_lsn, 4u);
  EXPECT_THAT(Must(ListCheckpoints(store.env(), store.layout())), IsEmpty());
  ExpectWholeAt(4);
}

}  // namespace
}  // namespace tenure::recovery
