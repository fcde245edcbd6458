// What a copy refuses, and a source or a target that changes while it is made.
#include <gmock/gmock.h>

#include <filesystem>

#include "store/base/error.h"
#include "store/base/recording_env.h"
#include "store/recovery/backup.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class BackupRefusal : public ::testing::Test {
 protected:
  Status Copy(Lsn lsn, Progress progress = {}) {
    BackupOptions options;
    options.to_lsn = lsn;
    options.progress = std::move(progress);
    return CopyStore(store.env(), store.layout(), target(), options);
  }
  std::string target() const { return store.dir() + "/copy"; }
  void ExpectNoCopy() { EXPECT_THAT(Must(store.env().List(target())), IsEmpty()); }

  HandMadeStore store{MemoryDirectory()};
};

TEST_F(BackupRefusal, WithoutASegmentThereIsNothingToCopy) {
  store.CommitPuts(1);
  const std::string path = store.SegmentPath();
  store.Close();
  Must(store.env().Remove(path));
  const Status copied = Copy(0);
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(copied.error().path, store.layout().journal());
  EXPECT_THAT(copied.error().message, HasSubstr("the journal holds no segment"));
  ExpectNoCopy();
}

TEST_F(BackupRefusal, AnLsnThatWasTrimmedIsNamedWithTheOldestThatIsThere) {
  store.CommitPuts(4);
  store.NewEpoch();
  store.CommitPuts(2);
  store.TrimJournal(store.MakeCheckpoint().lsn);
  const Status copied = Copy(2);
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().code, ErrorCode::kCompacted);
  EXPECT_EQ(copied.error().message, "LSN 2 is older than the oldest retained LSN, 5");
  EXPECT_EQ(copied.error().lsn, Lsn{5});
  ExpectNoCopy();
}

/// A store of the same identity whose later frames are others takes the place of the source while it is copied.
class ReplacedSource : public BackupRefusal {
 protected:
  ReplacedSource() {
    store.CommitPuts(2);
    store.NewEpoch();
    fork_ = store.position();
    path_ = store.SegmentPath();
    fresh_ = HandMadeStore::Read(path_);
    store.CommitPuts(2);
    store.Close();
    original_ = HandMadeStore::Read(path_);
  }
  /// The same segment with these transactions instead, `per_frame` in one.
  void WriteOther(std::uint32_t txns, std::uint32_t per_frame) {
    Overwrite(fresh_);
    journal::SegmentFactory factory(store.env(), store.layout().journal());
    auto chain = Must(journal::ReadChain(store.env(), store.layout().journal(), store.config().journal_id, 0));
    const auto writer = Must(journal::Writer::Open(store.env(), factory, chain.segments.back(), fork_));
    for (std::uint32_t written = 0; written < txns; written += per_frame) {
      journal::Batch batch;
      batch.first_lsn = writer->position().last_lsn + 1;
      batch.count = per_frame;
      batch.time_ms = fork_.time_ms + 1;
      batch.buffer.assign(journal::kFrameHeaderBytes, std::byte{0});
      base::Encoder out(batch.buffer);
      for (std::uint32_t i = 0; i < per_frame; ++i) {
        model::CommittedTxn txn;
        txn.lsn = batch.first_lsn + i;
        txn.writer = "another";
        txn.request_id = "r" + std::to_string(txn.lsn);
        model::EncodeTxn(txn, out);
      }
      Must(writer->Append(batch));
    }
    other_ = HandMadeStore::Read(path_);
    Overwrite(original_);
  }
  /// The end of the copy has been looked for, and the segments before the last one are being copied.
  Progress ReplaceBehindTheFirst() {
    return [this](std::uint64_t, std::uint64_t) { return Overwrite(other_), true; };
  }
  void Overwrite(const base::Bytes& content) {
    HandMadeStore::Edit(path_, [&](base::Bytes& bytes) { bytes = content; });
  }
  void ExpectRefused(const Status& copied, Lsn ends_with) {
    ASSERT_FALSE(copied.ok());
    EXPECT_EQ(copied.error().code, ErrorCode::kCorruption);
    EXPECT_THAT(copied.error().message,
                HasSubstr("the copied journal ends with LSN " + std::to_string(ends_with) + " instead of 4"));
    EXPECT_THAT(copied.error().path, StartsWith(target()));
    ExpectNoCopy();
  }

  model::JournalPosition fork_;
  std::string path_;
  base::Bytes fresh_, original_, other_;
};

TEST_F(ReplacedSource, ByAnotherHistoryOfTheSameLength) {
  WriteOther(2, 1);
  ExpectRefused(Copy(4, ReplaceBehindTheFirst()), 4);
}

/// Its frames end elsewhere: LSN 4 lies within one.
TEST_F(ReplacedSource, ByOneThatHasNoFrameThere) {
  WriteOther(3, 3);
  ExpectRefused(Copy(4, ReplaceBehindTheFirst()), 2);
}

TEST_F(BackupRefusal, AStoreThatSomebodyMakesThereMeanwhileStays) {
  store.CommitPuts(2);
  const Status copied = Copy(2, [&](std::uint64_t, std::uint64_t) {
    std::filesystem::create_directories(target() + "/.tenure");
    return true;
  });
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().code, ErrorCode::kAlreadyAStore);
  EXPECT_EQ(copied.error().message, target() + "/.tenure exists already");
  EXPECT_THAT(copied.error().hint, HasSubstr("a directory that holds no store"));
  EXPECT_THAT(Must(store.env().List(target())), ElementsAre(".tenure"));
}

/// Makes no directory, and says which one was to be synced.
class RootEnv : public base::RecordingEnv {
 public:
  RootEnv() : RecordingEnv(base::Env::Posix()) {}
  Status CreateDirectory(const std::string&) override { return {}; }
  Status SyncDirectory(const std::string& dir) override {
    return base::MakeError(ErrorCode::kIo, "'" + dir + "' is not synced here");
  }
};

TEST_F(BackupRefusal, ADirectoryBelowTheRootIsNamedInTheRoot) {
  store.CommitPuts(1);
  RootEnv env;
  BackupOptions options;
  options.to_lsn = 1;
  const Status copied = CopyStore(env, store.layout(), "/no-such-directory-of-tenure", options);
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().message, "'/' is not synced here");
}

}  // namespace
}  // namespace tenure::recovery
