// The words of shared memory that was lost, made anew from the journal and the index; and what is refused then.
#include "store/recovery/open.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "store/base/recording_env.h"
#include "tests/support/failing_statements.h"
#include "tests/support/fault_sweep.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using ::testing::HasSubstr;

class InitialiseTest : public ::testing::Test {
 protected:
  /// In memory where there is room: power does not fail here.
  static std::string Memory() { return std::filesystem::exists("/dev/shm") ? "/dev/shm/" : ::testing::TempDir(); }
  struct Words {
    Status answer;
    RecoveryNote note;
    ingest::CommitArea area{};
  };
  /// As whoever opens the store, or may only read it.
  std::unique_ptr<Words> Initialise(bool reading = false, base::Env* env = nullptr) {
    auto words = std::make_unique<Words>();
    words->answer = (reading ? InitialiseForReading : InitialiseShared)(
        env == nullptr ? store.env() : *env, store.layout(), store.config(), words->area, words->note);
    return words;
  }
  std::map<std::string, base::Bytes> Journal() {
    std::map<std::string, base::Bytes> files;
    for (const std::string& name : Must(store.env().List(store.layout().journal()))) {
      files[name] = HandMadeStore::Read(store.layout().journal() + "/" + name);
    }
    return files;
  }
  /// Whoever opens and whoever reads are told the same, and change nothing.
  void ExpectCorruption(const std::string& path, std::uint64_t offset, const std::string& says) {
    const auto before = Journal();
    for (const bool reading : {false, true}) {
      const Status answer = Initialise(reading)->answer;
      ASSERT_FALSE(answer.ok()) << says;
      EXPECT_EQ(answer.error().code, ErrorCode::kCorruption);
      EXPECT_EQ(answer.error().path, path);
      EXPECT_EQ(answer.error().offset, std::optional<std::uint64_t>(offset));
      EXPECT_THAT(answer.error().message, HasSubstr(says));
      EXPECT_TRUE(Journal() == before);
    }
  }

  HandMadeStore store{Memory()};
};

TEST_F(InitialiseTest, GoesOnWhereTheJournalEnds) {
  store.CommitPuts(5);
  store.ApplyIndex();
  store.CommitPuts(3);
  const std::uint64_t epoch = store.position().segment.epoch;
  store.Close();
  const auto words = Initialise();
  Must(words->answer);
  EXPECT_TRUE(words->note.took_over);
  EXPECT_EQ(words->note.set_aside_bytes, 0u);
  EXPECT_EQ(words->note.epoch, epoch + 1);
  EXPECT_EQ(words->area.owner.Load(), (base::Pair64{epoch + 1, 0})) << "free";
  EXPECT_EQ(words->area.durable.Load(), (base::Pair64{epoch + 1, 8}));
  EXPECT_EQ(words->area.resolved.Load(), (base::Pair64{epoch + 1, 8})) << "nobody waits for what came before";
  EXPECT_NE(words->area.generation.LoadSecond(), 0u) << "the index that is there";
  EXPECT_EQ(words->area.applied_lsn.load(), 5u);
}

/// A segment of this boot without a frame is as good as a new one.
TEST_F(InitialiseTest, AnEmptySegmentIsNotSealed) {
  store.CommitPuts(2);
  store.Close();
  const std::uint64_t epoch = Initialise()->note.epoch;
  const auto before = Journal();
  for (const bool reading : {false, true}) {
    const auto words = Initialise(reading);
    Must(words->answer);
    EXPECT_FALSE(words->note.took_over);
    EXPECT_EQ(words->note.epoch, epoch);
    EXPECT_EQ(words->area.durable.Load(), (base::Pair64{epoch, 2}));
    EXPECT_TRUE(Journal() == before);
  }
  // After a reboot nobody knows whether it is on the disk.
  base::RecordingEnv env(store.env());
  env.SetBootId({std::byte{1}});
  EXPECT_EQ(Initialise(false, &env)->note.epoch, epoch + 1);
}

TEST_F(InitialiseTest, AnUnfinishedCommitIsSetAside) {
  store.CommitPuts(3);
  store.ApplyIndex();
  const std::string path = store.SegmentPath();
  const std::uint64_t end = store.position().offset;
  store.Scribble(base::Bytes(77, std::byte{9}));
  store.Close();
  const auto before = Journal();
  {
    // Who can only read passes it over, and says that.
    const auto words = Initialise(true);
    Must(words->answer);
    EXPECT_EQ(words->note.set_aside_bytes, 0u);
    EXPECT_EQ(words->note.passed_over_bytes, 77u);
    EXPECT_EQ(words->note.passed_over_path, path);
    EXPECT_EQ(words->note.passed_over_offset, end);
    EXPECT_FALSE(words->note.took_over);
    EXPECT_EQ(words->area.durable.LoadSecond(), 3u);
    EXPECT_TRUE(Journal() == before) << "nothing is written";
  }
  const auto words = Initialise();
  Must(words->answer);
  EXPECT_EQ(words->note.set_aside_bytes, 77u);
  EXPECT_EQ(words->note.set_aside_path, path);
  EXPECT_EQ(words->note.set_aside_offset, end);
  EXPECT_EQ(words->note.passed_over_bytes, 0u);
  EXPECT_EQ(words->area.durable.LoadSecond(), 3u);
  EXPECT_EQ(Initialise()->note.set_aside_bytes, 0u) << "told once";
}

TEST_F(InitialiseTest, WhatIsFollowedByAFrameIsNoUnfinishedCommit) {
  store.CommitPuts(3);
  store.Close();
  const auto& damaged = store.frames()[1];
  HandMadeStore::Flip(damaged.path, damaged.offset + 170);
  ExpectCorruption(damaged.path, damaged.offset,
                   "behind LSN 1, but a valid frame follows at offset " + std::to_string(store.frames()[2].offset));
}

TEST_F(InitialiseTest, WhatTheIndexHasAppliedWasAcknowledged) {
  store.CommitPuts(3);
  store.ApplyIndex();
  store.Close();
  const auto& last = store.frames().back();
  HandMadeStore::Edit(last.path, [&](base::Bytes& bytes) {
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(last.offset),
              bytes.begin() + static_cast<std::ptrdiff_t>(last.end), std::byte{0});
  });
  const Status answer = Initialise()->answer;
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kCorruption) << answer.error().message;
  EXPECT_THAT(answer.error().message, HasSubstr("LSN"));
}

TEST_F(InitialiseTest, WhatACheckpointHasWasAcknowledged) {
  store.CommitPuts(3);
  store.ApplyIndex();
  store.MakeCheckpoint();
  store.Close();
  Must(store.env().RemoveAll(store.layout().index()));
  const auto& last = store.frames().back();
  HandMadeStore::Flip(last.path, last.offset + 170);
  const Status answer = Initialise()->answer;
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kCorruption);
  EXPECT_THAT(answer.error().message, HasSubstr(last.path));
}

TEST_F(InitialiseTest, WithoutASegmentThereIsNoStore) {
  store.CommitPuts(1);
  store.Close();
  for (const std::string& name : Must(store.env().List(store.layout().journal()))) {
    Must(store.env().Remove(store.layout().journal() + "/" + name));
  }
  const Status answer = Initialise()->answer;
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kCorruption);
  EXPECT_THAT(answer.error().message, HasSubstr(store.layout().journal() + " holds no segment"));
  EXPECT_THAT(answer.error().hint, HasSubstr("backup"));
  EXPECT_THAT(CheckChain({}, store.layout()).error().message, HasSubstr("holds no segment"));
}

TEST_F(InitialiseTest, AnIndexThatIsGoneIsNoObstacle) {
  store.CommitPuts(4);
  store.ApplyIndex();
  store.Close();
  for (const bool directory : {true, false}) {
    Must(store.env().RemoveAll(store.layout().index()));
    if (directory) Must(store.env().CreateDirectory(store.layout().index()));
    const auto words = Initialise();
    Must(words->answer);
    EXPECT_EQ(words->area.durable.LoadSecond(), 4u);
    EXPECT_EQ(words->area.generation.LoadSecond(), 0u) << "there is none";
    EXPECT_EQ(words->area.applied_lsn.load(), 0u);
  }
}

TEST_F(InitialiseTest, AFileThatBecameShorterIsNamed) {
  store.CommitPuts(2);
  const std::string path = store.SegmentPath();
  store.Close();
  const auto chain = Must(journal::ReadChain(store.env(), store.layout().journal(), store.config().journal_id, 0));
  Must(CheckChain(chain, store.layout()));
  std::filesystem::resize_file(path, chain.segments.back().header.capacity - 4096);
  const auto shorter = Must(journal::ReadChain(store.env(), store.layout().journal(), store.config().journal_id, 0));
  const Status answer = CheckChain(shorter, store.layout());
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(answer.error().path, path);
  EXPECT_THAT(answer.error().message, HasSubstr("the file ends here"));
}

/// What fails once is told as what it is, and the next try finds everything as it was.
TEST_F(InitialiseTest, EveryCallFailsOnce) {
  store.CommitPuts(3);
  store.ApplyIndex();
  store.MakeCheckpoint();
  store.CommitPuts(2);
  store.Scribble(base::Bytes(20, std::byte{1}));
  store.Close();
  const std::string whole = store.dir() + "/whole";
  std::filesystem::copy(store.layout().root, whole, std::filesystem::copy_options::recursive);
  const auto behind = [&](const Status&, const std::string& what) {
    const auto again = Initialise();
    ASSERT_TRUE(again->answer.ok()) << what << ": " << again->answer.error().message;
    EXPECT_EQ(again->area.durable.LoadSecond(), 5u) << what;
    EXPECT_EQ(again->area.applied_lsn.load(), 3u) << what;
    Must(store.env().RemoveAll(store.layout().root));
    std::filesystem::copy(whole, store.layout().root, std::filesystem::copy_options::recursive);
  };
  for (const bool reading : {false, true}) {
    const std::uint64_t calls =
        tenure::testing::FailEveryCall([&](base::Env& env) { return Initialise(reading, &env)->answer; }, behind);
    EXPECT_GT(calls, 10u);
    tenure::testing::FailEveryStatement([&] { return Initialise(reading)->answer; }, behind);
  }
}

/// Without an index the journal is read from its beginning.
TEST_F(InitialiseTest, WithoutAnIndexEveryCallFailsOnce) {
  store.CommitPuts(3);
  store.Close();
  Must(store.env().RemoveAll(store.layout().index()));
  const auto before = Journal();
  const std::uint64_t calls =
      tenure::testing::FailEveryCall([&](base::Env& env) { return Initialise(true, &env)->answer; },
                                     [&](const Status&, const std::string& what) {
                                       EXPECT_TRUE(Journal() == before) << what;
                                       const auto again = Initialise(true);
                                       ASSERT_TRUE(again->answer.ok()) << what;
                                       EXPECT_EQ(again->area.durable.LoadSecond(), 3u) << what;
                                     });
  EXPECT_GT(calls, 5u);
}

TEST_F(InitialiseTest, AStoreThatCannotBeMadeIsNone) {
  Layout layout = store.layout();
  layout.root = store.dir() + "/new";
  const auto make = [&](base::Env& env) -> Status {
    Must(store.env().CreateDirectory(layout.root));
    return CreateFiles(env, layout, store.config());
  };
  const auto behind = [&](const Status& answer, const std::string& what) {
    // The last file to be written says that there is a store.
    EXPECT_EQ(ReadConfig(store.env(), layout).ok(), answer.ok()) << what;
    Must(store.env().RemoveAll(layout.root));
  };
  tenure::testing::FailEveryCall(make, behind, 3);
  tenure::testing::FailEveryStatement([&] { return make(store.env()); }, behind);
  store.Close();
}

}  // namespace
}  // namespace tenure::recovery
