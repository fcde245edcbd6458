// Reading where nothing can be written: what is copied, what is refused, and that a failure leaves no copy behind.
#include "store/recovery/private_files.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "store/base/error.h"
#include "store/base/recording_env.h"
#include "tests/support/scratch.h"
#include "tests/unit/recovery/fixture.h"

namespace tenure::recovery {
namespace {

using ::testing::HasSubstr;

class PrivateFilesTest : public ::testing::Test {
 protected:
  PrivateFilesTest() {
    store.CommitPuts(3);
    store.ApplyIndex();
    Must(store.env().Open(store.layout().members(), base::OpenMode::kOpenOrCreate));
    ::setenv("TMPDIR", temporary.path().c_str(), 1);
  }
  ~PrivateFilesTest() override { before ? ::setenv("TMPDIR", before->c_str(), 1) : ::unsetenv("TMPDIR"); }

  /// The file with the members' locks cannot be opened for writing. Call `failing` behind that fails.
  static void MakeReadOnly(base::RecordingEnv& env, std::uint64_t failing = 1'000) {
    env.SetFaultPlan([failing](std::uint64_t call, base::TraceStep::Kind, const std::string& path) -> Status {
      if (call == 0) return base::MakeError(ErrorCode::kReadOnly, path + ": nothing can be written here");
      if (call == failing) return base::MakeError(ErrorCode::kIo, path + ": injected by the test");
      return {};
    });
  }
  bool NothingIsLeft() { return std::filesystem::is_empty(temporary.path()); }

  const std::optional<std::string> before =
      ::getenv("TMPDIR") == nullptr ? std::nullopt : std::optional<std::string>(::getenv("TMPDIR"));
  HandMadeStore store;
  tenure::testing::Scratch temporary;
};

TEST_F(PrivateFilesTest, WhereFilesCanBeWrittenThereIsNothingToDo) {
  Layout layout = store.layout();
  EXPECT_EQ(Must(PrivateFiles::MakeIfNeeded(store.env(), layout)), nullptr);
  EXPECT_EQ(layout.index(), store.layout().index());
}

TEST_F(PrivateFilesTest, TheIndexIsCopiedWithWhatItsFileLacks) {
  base::RecordingEnv env(store.env());
  MakeReadOnly(env);
  {
    Layout layout = store.layout();
    const auto files = Must(PrivateFiles::MakeIfNeeded(env, layout));
    ASSERT_NE(files, nullptr);
    EXPECT_EQ(files->index_path(), store.index_path());
    EXPECT_THAT(layout.index(), HasSubstr(temporary.path()));
    EXPECT_EQ(layout.journal(), store.layout().journal());
    EXPECT_EQ(ReadIndex(layout.index() + "/" + std::filesystem::path(store.index_path()).filename().string()),
              store.At(3));
  }
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(PrivateFilesTest, WithoutAnIndexNothingIsCopied) {
  store.Close();
  for (const bool directory : {true, false}) {
    Must(store.env().RemoveAll(store.layout().index()));
    if (directory) Must(store.env().CreateDirectory(store.layout().index()));
    Must(store.env().Remove(store.layout().members()));
    base::RecordingEnv env(store.env());
    MakeReadOnly(env);
    Layout layout = store.layout();
    const auto files = Must(PrivateFiles::MakeIfNeeded(env, layout));
    ASSERT_NE(files, nullptr);
    EXPECT_EQ(files->index_path(), "");
    Must(store.env().Open(store.layout().members(), base::OpenMode::kOpenOrCreate));
  }
}

TEST_F(PrivateFilesTest, AStoreThatSomebodyWritesIsNotCopied) {
  const auto member = Must(store.env().Open(store.layout().members(), base::OpenMode::kReadWrite));
  ASSERT_TRUE(Must(member->TryLock(base::LockKind::kExclusive, 0, 1)));
  base::RecordingEnv env(store.env());
  MakeReadOnly(env);
  Layout layout = store.layout();
  const auto files = PrivateFiles::MakeIfNeeded(env, layout);
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.error().code, ErrorCode::kBusy);
  EXPECT_THAT(files.error().message, HasSubstr(store.layout().root));
  EXPECT_THAT(files.error().hint, HasSubstr("backup"));
}

TEST_F(PrivateFilesTest, AFailureNamesWhatFailedAndLeavesNothing) {
  for (std::uint64_t failing = 1;; ++failing) {
    base::RecordingEnv env(store.env());
    MakeReadOnly(env, failing);
    Layout layout = store.layout();
    std::uint64_t calls = 0;
    {
      const auto files = PrivateFiles::MakeIfNeeded(env, layout);
      calls = env.calls();
      env.SetFaultPlan({});
      if (!files.ok()) {
        EXPECT_EQ(files.error().code, ErrorCode::kIo);
        EXPECT_THAT(files.error().message, HasSubstr("injected"));
        EXPECT_EQ(layout.index(), store.layout().index()) << "still the store's own";
      }
    }
    EXPECT_TRUE(NothingIsLeft()) << failing;
    if (calls <= failing) break;
  }
}

/// As on a full disk: what is told is the copy, not the store, and it stays what it is.
TEST_F(PrivateFilesTest, AFullDirectoryIsToldWithTheRemedy) {
  base::RecordingEnv env(store.env());
  env.SetFaultPlan([&](std::uint64_t call, base::TraceStep::Kind kind, const std::string& path) -> Status {
    if (call == 0) return base::MakeError(ErrorCode::kReadOnly, path + ": nothing can be written here");
    if (kind != base::TraceStep::Kind::kWrite) return {};
    Error full = base::MakeError(ErrorCode::kNoSpace, path + ": full");
    full.path = path;
    return full;
  });
  Layout layout = store.layout();
  const auto files = PrivateFiles::MakeIfNeeded(env, layout);
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.error().code, ErrorCode::kNoSpace);
  EXPECT_THAT(files.error().hint, HasSubstr("set TMPDIR to another directory"));
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(PrivateFilesTest, WithoutTmpdirTheyAreInTmp) {
  for (const bool empty : {true, false}) {
    empty ? ::setenv("TMPDIR", "", 1) : ::unsetenv("TMPDIR");
    base::RecordingEnv env(store.env());
    MakeReadOnly(env);
    Layout layout = store.layout();
    std::string made;
    {
      const auto files = Must(PrivateFiles::MakeIfNeeded(env, layout));
      ASSERT_NE(files, nullptr);
      made = std::filesystem::path(layout.index()).parent_path().string();
      EXPECT_TRUE(made.starts_with("/tmp/tenure-read-")) << made;
    }
    EXPECT_FALSE(std::filesystem::exists(made));
  }
}

TEST_F(PrivateFilesTest, WithoutRoomForThemTheRemedyIsTold) {
  ::setenv("TMPDIR", (temporary / "missing").c_str(), 1);
  base::RecordingEnv env(store.env());
  MakeReadOnly(env);
  Layout layout = store.layout();
  const auto files = PrivateFiles::MakeIfNeeded(env, layout);
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.error().code, ErrorCode::kIo) << "it is no entry that is missing";
  EXPECT_THAT(files.error().hint, HasSubstr("set TMPDIR to another directory"));
}

}  // namespace
}  // namespace tenure::recovery
