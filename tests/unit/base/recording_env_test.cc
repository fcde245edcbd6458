#include "store/base/recording_env.h"

#include <gtest/gtest.h>

#include <thread>

#include "base_testing.h"
#include "store/base/error.h"

namespace tenure::base {
namespace {

using Kind = TraceStep::Kind;

class RecordingTest : public ::testing::Test {
 protected:
  static std::vector<Kind> KindsOf(const Trace& trace) {
    std::vector<Kind> kinds;
    for (const TraceStep& step : trace) kinds.push_back(step.kind);
    return kinds;
  }
  TempDir dir_;
  RecordingEnv env_{Env::Posix()};
};

TEST_F(RecordingTest, WritesDownWhatIsDurableAndNothingElse) {
  ASSERT_TRUE(env_.CreateDirectory(dir_ / "d").ok());
  {
    const auto file = *env_.Open(dir_ / "d/a", OpenMode::kOpenOrCreate);
    ASSERT_TRUE(file->WriteAt(3, AsBytes("abc")).ok());
    std::array<std::byte, 8> buffer{};
    EXPECT_EQ(*file->ReadAt(0, buffer), 6u);
    ASSERT_TRUE(file->Allocate(100).ok());
    ASSERT_TRUE(file->Truncate(6).ok());
    ASSERT_TRUE(file->SyncData().ok());
    ASSERT_TRUE(file->SyncAll().ok());
    ASSERT_TRUE(*file->TryLock(LockKind::kExclusive, 0, 1));
  }
  env_.Mark("ack 1");
  ASSERT_TRUE(env_.Open(dir_ / "d/a", OpenMode::kOpenOrCreate).ok());
  ASSERT_TRUE(env_.Open(dir_ / "d/a", OpenMode::kRead).ok());
  ASSERT_TRUE(env_.RenameNoReplace(dir_ / "d/a", dir_ / "d/b").ok());
  EXPECT_FALSE(env_.Rename(dir_ / "d/a", dir_ / "d/c").ok());
  ASSERT_TRUE(env_.SyncDirectory(dir_ / "d").ok());
  ASSERT_TRUE(env_.Remove(dir_ / "d/b").ok());
  const Trace trace = env_.CopyTrace();
  EXPECT_EQ(KindsOf(trace), (std::vector<Kind>{Kind::kMakeDirectory, Kind::kCreate, Kind::kWrite, Kind::kAllocate,
                                               Kind::kTruncate, Kind::kSyncData, Kind::kSyncAll, Kind::kMark,
                                               Kind::kRename, Kind::kSyncDirectory, Kind::kRemove}));
  EXPECT_EQ(trace[2].path, dir_ / "d/a");
  EXPECT_EQ(trace[2].offset, 3u);
  EXPECT_EQ(AsText(trace[2].data), "abc");
  EXPECT_EQ(trace[3].offset, 100u);
  EXPECT_EQ(trace[7].path, "ack 1");
  EXPECT_EQ(trace[8].to, dir_ / "d/b");
  EXPECT_EQ(env_.TakeTrace().size(), trace.size());
  EXPECT_TRUE(env_.CopyTrace().empty());
}

TEST_F(RecordingTest, AFileKeepsItsNumberOverRenameAndReopening) {
  const auto first = *env_.Open(dir_ / "spare", OpenMode::kCreateNew);
  ASSERT_TRUE(env_.Rename(dir_ / "spare", dir_ / "1.seg").ok());
  const auto second = *env_.Open(dir_ / "spare", OpenMode::kCreateNew);
  const auto again = *env_.Open(dir_ / "1.seg", OpenMode::kReadWrite);
  for (File* file : {first.get(), second.get(), again.get()}) ASSERT_TRUE(file->WriteAt(0, AsBytes("x")).ok());
  const Trace trace = env_.TakeTrace();
  ASSERT_EQ(trace.size(), 6u);
  EXPECT_NE(trace[0].file, 0u);
  EXPECT_EQ(trace[3].file, trace[0].file);
  EXPECT_EQ(trace[4].file, trace[2].file);
  EXPECT_NE(trace[4].file, trace[3].file);
  EXPECT_EQ(trace[5].file, trace[3].file);
}

TEST_F(RecordingTest, RemoveAllIsRecordedEntryByEntryAndFollowsNoLink) {
  ASSERT_TRUE(env_.CreateDirectory(dir_ / "d").ok());
  ASSERT_TRUE(env_.CreateDirectory(dir_ / "d/e").ok());
  ASSERT_TRUE(env_.Open(dir_ / "d/e/a", OpenMode::kCreateNew).ok());
  ASSERT_TRUE(env_.CreateDirectory(dir_ / "outside").ok());
  ASSERT_TRUE(env_.Open(dir_ / "outside/kept", OpenMode::kCreateNew).ok());
  ASSERT_EQ(symlink((dir_ / "outside").c_str(), (dir_ / "d/link").c_str()), 0);
  env_.TakeTrace();
  ASSERT_TRUE(env_.RemoveAll(dir_ / "d").ok());
  std::vector<std::string> removed;
  for (const TraceStep& step : env_.TakeTrace()) removed.push_back(step.path);
  EXPECT_EQ(removed, (std::vector<std::string>{dir_ / "d/e/a", dir_ / "d/e", dir_ / "d/link", dir_ / "d"}));
  EXPECT_TRUE(*env_.Exists(dir_ / "outside/kept"));
  EXPECT_TRUE(env_.RemoveAll(dir_ / "d").ok());
}

/// A short workload; the first error it met.
Status Workload(Env& env, const std::string& dir) {
  TENURE_RETURN_IF_ERROR(env.CreateDirectory(dir));
  TENURE_RETURN_IF_ERROR(WriteFileDurably(env, dir + "/a", AsBytes("content")));
  TENURE_ASSIGN(const Bytes read, ReadFile(env, dir + "/a"));
  TENURE_RETURN_IF_ERROR(env.List(dir));
  return env.RemoveAll(dir);
}

TEST_F(RecordingTest, EveryCallCanFail) {
  ASSERT_TRUE(Workload(env_, dir_ / "whole").ok());
  const std::uint64_t calls = env_.calls();
  ASSERT_GE(calls, 12u);
  for (std::uint64_t failing = 0; failing < calls; ++failing) {
    RecordingEnv env(Env::Posix());
    bool injected = false;
    env.SetFaultPlan([&](std::uint64_t index, Kind, const std::string& path) -> Status {
      if (index != failing) return {};
      injected = true;
      return MakeError(ErrorCode::kIo, "injected at " + path);
    });
    const Status status = Workload(env, dir_ / std::to_string(failing));
    EXPECT_TRUE(injected) << failing;
    // The only call that may fail in silence: the first try to remove a directory that is not empty.
    if (status.ok()) {
      EXPECT_FALSE(*env.Exists(dir_ / std::to_string(failing))) << failing;
    } else {
      EXPECT_EQ(status.error().message.compare(0, 12, "injected at "), 0) << status.error().message;
    }
  }
}

TEST_F(RecordingTest, AFailedSyncIsRecordedAsSuch) {
  const auto file = *env_.Open(dir_ / "a", OpenMode::kCreateNew);
  env_.SetFaultPlan([](std::uint64_t, Kind kind, const std::string&) -> Status {
    if (kind == Kind::kSyncData || kind == Kind::kWrite) return MakeError(ErrorCode::kIo, "injected");
    return {};
  });
  EXPECT_FALSE(file->WriteAt(0, AsBytes("x")).ok());
  EXPECT_FALSE(file->SyncData().ok());
  env_.SetFaultPlan({});
  EXPECT_TRUE(file->SyncData().ok());
  EXPECT_EQ(*file->Size(), 0u);
  EXPECT_EQ(KindsOf(env_.TakeTrace()), (std::vector<Kind>{Kind::kCreate, Kind::kSyncFailed, Kind::kSyncData}));
}

TEST_F(RecordingTest, ClocksAndBootIdCanBeSet) {
  Env& real = Env::Posix();
  env_.AdvanceWallMs(-1'000'000'000);
  EXPECT_LT(env_.WallMs(), real.WallMs() - 900'000'000);
  env_.AdvanceBoottimeMs(1'000'000'000);
  EXPECT_GE(env_.BoottimeMs(), real.BoottimeMs() + 999'000'000);
  const HostInfo& before = env_.Host();
  EXPECT_EQ(before.boot_id, real.Host().boot_id);
  std::array<std::byte, 16> id{};
  id[0] = std::byte{9};
  env_.SetBootId(id);
  EXPECT_EQ(env_.Host().boot_id, id);
  EXPECT_EQ(env_.Host().pid, before.pid);
  EXPECT_EQ(before.boot_id, real.Host().boot_id) << "earlier references stay valid and unchanged";
}

TEST_F(RecordingTest, ThreadsShareOneTrace) {
  constexpr int kWrites = 200;
  const auto file = *env_.Open(dir_ / "a", OpenMode::kCreateNew);
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&file, t] {
      for (int i = 0; i < kWrites; ++i) {
        if (!file->WriteAt(t, AsBytes("x")).ok()) std::abort();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(env_.TakeTrace().size(), 1u + 4 * kWrites);
  EXPECT_EQ(env_.calls(), 1u + 4 * kWrites);
}

}  // namespace
}  // namespace tenure::base
