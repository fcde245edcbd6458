// Every question about a path, a file system or a lock that recovery asks is not answered once: what is said then, and
// that nothing was changed. And others who hold the locks, or are faster.
#include <gmock/gmock.h>

#include <filesystem>

#include "store/ingest/membership.h"
#include "store/recovery/index_check.h"
#include "store/recovery/private_files.h"
#include "store/recovery/repair.h"
#include "store/recovery/replace_index.h"
#include "tests/support/question_sweep.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using tenure::testing::FailEveryQuestion;
using tenure::testing::QuestionedEnv;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class QuestionFault : public ::testing::Test {
 protected:
  QuestionFault() {
    store.CommitPuts(3);
    store.ApplyIndex();
    store.CommitPuts(1);
    store.Close();
  }
  std::map<std::string, base::Bytes> Files() {
    std::map<std::string, base::Bytes> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(store.layout().root)) {
      const std::string path = entry.path().string();
      // What SQLite makes for a reader is no content.
      if (entry.is_regular_file() && !path.ends_with("-shm")) files[path] = HandMadeStore::Read(path);
    }
    return files;
  }
  /// Shared memory for 64 writers would be made over and over.
  Config SmallConfig() {
    Config config = store.config();
    config.writer_slots = 4;
    return config;
  }
  void RemoveIndex() {
    for (const std::string& name : Must(store.env().List(store.layout().index()))) {
      Must(store.env().Remove(store.layout().index() + "/" + name));
    }
  }
  void ExpectSoundAndAlone() {
    const VerifyReport report = Must(Verify(store.env(), store.layout(), {}));
    EXPECT_THAT(report.problems, IsEmpty());
    EXPECT_EQ(report.last_lsn, 4u);
    EXPECT_EQ(report.applied_lsn, 4u);
    EXPECT_EQ(ReadIndex(report.index_path), store.At(4));
    EXPECT_THAT(Must(index::ListGenerations(store.env(), store.layout().index())), SizeIs(1));
  }

  HandMadeStore store{MemoryDirectory()};
};

TEST_F(QuestionFault, AStoreWhosePathIsNotKnownIsNotSaidToBeMissing) {
  for (const std::string& path : {store.dir(), store.layout().root}) {
    const std::uint64_t questions = FailEveryQuestion(
        [&](base::Env& env) -> Status {
          const auto found = FindStore(env, path);
          if (!found.ok()) return found.error();
          EXPECT_EQ(found->root, store.layout().root);
          return {};
        },
        [](const Status&, const std::string&) {});
    EXPECT_GE(questions, 1u);
  }
}

TEST_F(QuestionFault, AFileSystemThatIsNotKnownIsNotAllowedAndNotRefused) {
  FailEveryQuestion([&](base::Env& env) { return CheckFileSystem(env, store.dir(), false, {}); },
                    [](const Status& answer, const std::string& question) {
                      EXPECT_EQ(answer.ok(), question.empty()) << "nobody may put a store there unasked";
                    });
}

TEST_F(QuestionFault, AVerificationFindsNoDamageWhereItIsNotAnswered) {
  const auto before = Files();
  const std::uint64_t questions = FailEveryQuestion(
      [&](base::Env& env) -> Status {
        const auto report = Verify(env, store.layout(), {});
        if (!report.ok()) return report.error();
        EXPECT_THAT(report->problems, IsEmpty());
        return {};
      },
      [&](const Status&, const std::string& question) { EXPECT_EQ(Files(), before) << question; });
  EXPECT_GE(questions, 1u);
}

/// Whether somebody has the store open is not known: it is not touched.
TEST_F(QuestionFault, ARepairThatMayNotBeAloneChangesNothing) {
  HandMadeStore::Flip(store.frames()[2].path, store.frames()[2].offset + 170);
  Must(store.env().Open(store.layout().members(), base::OpenMode::kOpenOrCreate));
  const auto before = Files();
  FailEveryQuestion(
      [&](base::Env& env) -> Status {
        RepairOptions options;
        options.accept_loss = true;
        const auto report = Repair(env, store.layout(), options);
        return report.ok() ? Status() : Status(report.error());
      },
      [&](const Status& answer, const std::string& question) {
        EXPECT_EQ(answer.ok(), question.empty()) << question;
        if (!answer.ok()) {
          EXPECT_EQ(Files(), before) << question;
        }
      });
}

TEST_F(QuestionFault, AReplacedIndexIsTheNewOneOrTheOldOne) {
  const std::string whole = store.dir() + "/whole";
  std::filesystem::copy(store.layout().root, whole, std::filesystem::copy_options::recursive);
  const auto replace = [&](base::Env& env) -> Status {
    const auto report = ReplaceIndex(env, store.layout(), SmallConfig(), {});
    return report.ok() ? Status() : Status(report.error());
  };
  const std::uint64_t questions = FailEveryQuestion(replace, [&](const Status& answer, const std::string& question) {
    if (!answer.ok()) {
      const Status again = replace(store.env());
      EXPECT_TRUE(again.ok()) << question << ": " << again.error().message;
    }
    ExpectSoundAndAlone();
    Must(store.env().RemoveAll(store.layout().root));
    std::filesystem::copy(whole, store.layout().root, std::filesystem::copy_options::recursive);
  });
  EXPECT_GT(questions, 5u);
}

/// Where it is not known whether others have the old one open it stays, and the new one is live all the same.
TEST_F(QuestionFault, AnIndexIsReplacedBesideAnotherMember) {
  const Config config = SmallConfig();
  ASSERT_TRUE(ReplaceIndex(store.env(), store.layout(), config, {}).ok());
  const auto other = Must(ingest::Membership::Join(store.env(), store.layout().members(),
                                                   store.layout().shared_segment(), config.journal_id,
                                                   config.writer_slots, [](ingest::CommitArea&) { return Status(); }));
  const auto live = [&]() -> index::Generation {
    const base::Pair64 word = other->segment().commit().generation.Load();
    return {word.first, word.second};
  };
  FailEveryQuestion(
      [&](base::Env& env) -> Status {
        const auto report = ReplaceIndex(env, store.layout(), config, {});
        return report.ok() ? Status() : Status(report.error());
      },
      [&](const Status&, const std::string& question) {
        const std::string path = store.layout().index() + "/" + index::GenerationFileName(live());
        ASSERT_TRUE(Must(store.env().Exists(path))) << question;
        EXPECT_EQ(ReadIndex(path), store.At(4)) << question;
      });
  // The one before it stays for whoever is reading it.
  EXPECT_THAT(Must(index::ListGenerations(store.env(), store.layout().index())), SizeIs(2));
}

/// A process that was stopped with the turn to apply is waited for only a moment.
class ImpatientEnv : public QuestionedEnv {
 public:
  ImpatientEnv() : QuestionedEnv([](const std::string&, const char*) { return Status(); }) {}
  /// Most of a second later with each look.
  std::uint64_t MonotonicNs() const override { return now_ns_ += 800'000'000; }

 private:
  mutable std::uint64_t now_ns_ = 1;
};

TEST_F(QuestionFault, WhoHoldsTheTurnToApplyDoesNotKeepTheIndexFromBeingReplaced) {
  RemoveIndex();
  ASSERT_TRUE(ReplaceIndex(store.env(), store.layout(), SmallConfig(), {}).ok());
  const auto holder = Must(store.env().Open(store.layout().members(), base::OpenMode::kReadWrite));
  for (std::uint64_t generation = 0; generation < 8; ++generation) {
    ASSERT_TRUE(Must(holder->TryLock(base::LockKind::kExclusive, ingest::ApplyByte(generation), 1)));
  }
  ImpatientEnv env;
  const auto report = ReplaceIndex(env, store.layout(), SmallConfig(), {});
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->applied_lsn, 4u);
  ExpectSoundAndAlone();
}

/// Without shared memory the index is a witness of what was durable: replacing it is not the way to mend it.
TEST_F(QuestionFault, ReplacingTheIndexOfADamagedStoreNamesTheRemedy) {
  HandMadeStore damaged(MemoryDirectory());
  damaged.CommitPuts(2);
  damaged.ApplyIndex();
  damaged.CommitPuts(2);
  damaged.Close();
  const HandMadeStore::FramePlace& place = damaged.frames()[2];
  HandMadeStore::Flip(place.path, place.offset + 170);
  const auto report = ReplaceIndex(damaged.env(), damaged.layout(), damaged.config(), {});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(report.error().path, place.path);
  EXPECT_EQ(report.error().offset, place.offset);
  EXPECT_THAT(report.error().hint, HasSubstr("tenure-replay repair"));
  EXPECT_EQ(ReadIndex(damaged.index_path()), damaged.At(2)) << "the one that there is stays";
}

/// Whether somebody writes the store is not known: no copy is made of what may be torn.
TEST_F(QuestionFault, AReaderWithoutAnAnswerAboutWritersCopiesNothing) {
  Must(store.env().Open(store.layout().members(), base::OpenMode::kOpenOrCreate));
  FailEveryQuestion(
      [&](base::RecordingEnv& env) -> Status {
        // Nothing can be written there.
        env.SetFaultPlan([](std::uint64_t call, base::TraceStep::Kind, const std::string& path) -> Status {
          if (call == 0) return base::MakeError(ErrorCode::kReadOnly, path + ": nothing can be written here");
          return {};
        });
        Layout layout = store.layout();
        const auto files = PrivateFiles::MakeIfNeeded(env, layout);
        EXPECT_EQ(files.ok(), layout.index() != store.layout().index());
        return files.ok() ? Status() : Status(files.error());
      },
      [](const Status& answer, const std::string& question) { EXPECT_EQ(answer.ok(), question.empty()); });
}

TEST(IndexCheck, OnlyWhatSaysNothingOfTheContentIsNoAnswer) {
  for (const ErrorCode code :
       {ErrorCode::kIo, ErrorCode::kNoSpace, ErrorCode::kReadOnly, ErrorCode::kOutOfMemory, ErrorCode::kCorruption,
        ErrorCode::kNotFound, ErrorCode::kUnsupported, ErrorCode::kBusy}) {
    const bool none = code == ErrorCode::kIo || code == ErrorCode::kNoSpace || code == ErrorCode::kReadOnly ||
                      code == ErrorCode::kOutOfMemory;
    EXPECT_EQ(IsNoAnswer(base::MakeError(code, "x")), none) << ErrorCodeName(code);
  }
}

}  // namespace
}  // namespace tenure::recovery
