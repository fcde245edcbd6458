// The index of a store is gone, or moved away as somebody was told: whoever opens the store builds it, once.
#include <gmock/gmock.h>
#include <sqlite3.h>

#include <filesystem>

#include "store/recovery/replace_index.h"
#include "tests/support/question_sweep.h"
#include "tests/unit/store/one_store.h"

namespace tenure {
namespace {

using testing::FailEveryQuestion;
using testing::QuestionedEnv;
using ::testing::SizeIs;

class IndexGone : public ::testing::Test {
 protected:
  IndexGone() {
    CreateOptions few;
    few.writer_slots = 4;  // memory for 64 would be made over and over
    auto made = Store::Create(scratch_.path(), few, Options());
    EXPECT_TRUE(made.ok()) << made.error().message;
    for (const char* version : {"1", "2", "3"}) Put(*made, version);
  }
  /// In the index when it returns.
  static void Put(Store& store, const char* version) {
    Transaction txn;
    PutSpec spec;
    spec.name = "app";
    spec.version = version;
    txn.Put(spec);
    EXPECT_TRUE(store.Commit(txn).ok());
    EXPECT_TRUE(store.CatchUp().ok());
  }
  static OpenOptions Options(base::Env* env = nullptr) {
    OpenOptions options;
    options.env = env;
    options.writer = "tester@here";
    options.background = false;
    return options;
  }
  std::string IndexDirectory() const { return scratch_ / ".tenure/index"; }
  std::vector<std::string> Databases() const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator(IndexDirectory())) {
      if (entry.path().extension() == ".db") paths.push_back(entry.path().string());
    }
    return paths;
  }
  void RemoveIndex() {
    for (const auto& entry : std::filesystem::directory_iterator(IndexDirectory())) {
      std::filesystem::remove(entry.path());
    }
  }
  /// One index, with every row that was ever committed.
  void ExpectWhole(Lsn last = 3) {
    EXPECT_THAT(Databases(), SizeIs(1));
    const auto layout = recovery::FindStore(base::Env::Posix(), scratch_.path());
    ASSERT_TRUE(layout.ok());
    recovery::VerifyOptions deep;
    deep.deep = true;
    const auto report = recovery::Verify(base::Env::Posix(), *layout, deep);
    ASSERT_TRUE(report.ok()) << report.error().message;
    for (const Error& problem : report->problems) ADD_FAILURE() << problem.message;
    EXPECT_EQ(report->last_lsn, last);
    EXPECT_EQ(report->applied_lsn, last);
  }

  testing::Scratch scratch_;
};

TEST_F(IndexGone, IsBuiltWhenAllIsAnsweredElseItIsSaidWhatWasNot) {
  RemoveIndex();
  FailEveryQuestion(
      [&](base::RecordingEnv& env) -> Status {
        const auto opened = Store::Open(scratch_.path(), Options(&env));
        return opened.ok() ? Status() : Status(opened.error());
      },
      [&](const Status& answer, const std::string& question) {
        if (answer.ok()) {
          ExpectWhole();
          RemoveIndex();
        }
        EXPECT_TRUE(answer.ok() || !question.empty());
      });
}

/// Two processes find that it is gone: the one that comes second takes what the first one built.
TEST_F(IndexGone, OneThatSomebodyElseBuiltMeanwhileIsTaken) {
  RemoveIndex();
  int locks = 0;
  QuestionedEnv env([&](const std::string&, const char* question) -> Status {
    // The first lock makes it a member, the second one is the turn to build the index.
    if (question != std::string("TryLock") || ++locks != 2) return {};
    base::Env& theirs = base::Env::Posix();
    TENURE_ASSIGN(const recovery::Layout layout, recovery::FindStore(theirs, scratch_.path()));
    TENURE_ASSIGN(const recovery::Config config, recovery::ReadConfig(theirs, layout));
    const auto built = recovery::ReplaceIndex(theirs, layout, config, {});
    EXPECT_TRUE(built.ok()) << built.error().message;
    return {};
  });
  std::string said;
  OpenOptions mine = Options(&env);
  mine.log = [&](const char*, const std::string& text) { said += text; };
  const auto opened = Store::Open(scratch_.path(), mine);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_GE(locks, 2);
  EXPECT_EQ(said.find("the index is gone"), std::string::npos) << said;
  ExpectWhole();
}

/// Somebody moved the file away, and not the log beside it, which holds what was written last: it is not the new
/// file's.
TEST_F(IndexGone, ItsLogIsNotTakenForThatOfTheNewOne) {
  const std::vector<std::string> databases = Databases();
  ASSERT_THAT(databases, SizeIs(1));
  // Open until the file is gone: whoever closes it last takes the log away.
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(databases[0].c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", nullptr, nullptr, nullptr), SQLITE_OK);
  {
    auto opened = Store::Open(scratch_.path(), Options());
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    Put(*opened, "4");
    // In the journal, and not in the index yet.
    for (const char* version : {"1", "2"}) {
      Transaction txn;
      txn.SetTag("app", "prod", version);
      ASSERT_TRUE(opened->Commit(txn).ok());
    }
  }
  std::filesystem::rename(databases[0], scratch_ / "moved-away.db");
  sqlite3_close(db);
  ASSERT_TRUE(std::filesystem::exists(databases[0] + "-wal"));
  auto opened = Store::Open(scratch_.path(), Options());
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_TRUE(opened->CatchUp().ok());
  ExpectWhole(6);
}

}  // namespace
}  // namespace tenure
