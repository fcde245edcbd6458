#include "store/base/env.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

#include "base_testing.h"
#include "store/base/file_system.h"
#include "store/base/posix_error.h"

namespace tenure::base {
namespace {

class EnvTest : public ::testing::Test {
 protected:
  std::unique_ptr<File> Create(const std::string& name, std::string_view content = {}) {
    auto file = env_.Open(dir_ / name, OpenMode::kCreateNew);
    EXPECT_TRUE(file.ok());
    EXPECT_TRUE((*file)->WriteAt(0, AsBytes(content)).ok());
    return std::move(*file);
  }
  std::string Content(const std::string& name) {
    const auto bytes = ReadFile(env_, dir_ / name);
    return bytes.ok() ? std::string(AsText(*bytes)) : "<" + bytes.error().message + ">";
  }
  Env& env_ = Env::Posix();
  TempDir dir_;
};

TEST_F(EnvTest, OpenModes) {
  EXPECT_EQ(env_.Open(dir_ / "a", OpenMode::kRead).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(env_.Open(dir_ / "a", OpenMode::kReadWrite).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(env_.Open(dir_ / "a", OpenMode::kOpenOrCreate).ok());
  const auto again = env_.Open(dir_ / "a", OpenMode::kCreateNew);
  EXPECT_EQ(again.error().code, ErrorCode::kExists);
  EXPECT_EQ(again.error().path, dir_ / "a");
  EXPECT_NE(again.error().message.find(dir_ / "a"), std::string::npos);
  ASSERT_TRUE(env_.Open(dir_ / "a", OpenMode::kOpenOrCreate).ok());
  const auto read_only = env_.Open(dir_ / "a", OpenMode::kRead);
  ASSERT_TRUE(read_only.ok());
  const Status refused = (*read_only)->WriteAt(0, AsBytes("x"));
  EXPECT_EQ(refused.error().code, ErrorCode::kIo);
  EXPECT_EQ(refused.error().offset, 0u);
}

TEST_F(EnvTest, WritesWholeBlocksPastThePageCache) {
  EXPECT_EQ(env_.Open(dir_ / "a", OpenMode::kReadWriteDirect).error().code, ErrorCode::kNotFound);
  const auto cached = Create("a", std::string(3 * kDirectBlockBytes, '.'));
  const auto direct = env_.Open(dir_ / "a", OpenMode::kReadWriteDirect);
  ASSERT_TRUE(direct.ok());
  alignas(kDirectBlockBytes) static std::array<std::byte, 2 * kDirectBlockBytes> blocks;
  blocks.fill(std::byte{'x'});
  ASSERT_TRUE((*direct)->WriteAt(kDirectBlockBytes, blocks).ok());
  EXPECT_EQ(Content("a"), std::string(kDirectBlockBytes, '.') + std::string(2 * kDirectBlockBytes, 'x'));
  // And reads them; what the page cache has not written yet, too.
  ASSERT_TRUE(cached->WriteAt(kDirectBlockBytes, AsBytes("new")).ok());
  blocks.fill(std::byte{});
  EXPECT_EQ(*(*direct)->ReadAt(kDirectBlockBytes, blocks), blocks.size());
  EXPECT_EQ(AsText(blocks), "new" + std::string(2 * kDirectBlockBytes - 3, 'x'));
  EXPECT_DEATH((void)(*direct)->WriteAt(8, blocks), "IsWholeBlocks");
  EXPECT_DEATH((void)(*direct)->WriteAt(0, ByteView(blocks).first(512)), "IsWholeBlocks");
  EXPECT_DEATH((void)(*direct)->WriteAt(0, ByteView(blocks).subspan(8, kDirectBlockBytes)), "IsWholeBlocks");
}

TEST_F(EnvTest, ReadsAndWritesAtOffsets) {
  const auto file = Create("a", "hello");
  ASSERT_TRUE(file->WriteAt(10, AsBytes("world")).ok());
  EXPECT_EQ(*file->Size(), 15u);
  std::array<std::byte, 32> buffer{};
  EXPECT_EQ(*file->ReadAt(10, buffer), 5u);
  EXPECT_EQ(AsText(ByteView(buffer).first(5)), "world");
  EXPECT_EQ(*file->ReadAt(15, buffer), 0u);
  EXPECT_EQ(*file->ReadAt(1000, buffer), 0u);
  EXPECT_EQ(Content("a"), std::string("hello\0\0\0\0\0world", 15));
  ASSERT_TRUE(file->Truncate(5).ok());
  ASSERT_TRUE(file->Allocate(8).ok());
  ASSERT_TRUE(file->Allocate(3).ok());
  ASSERT_TRUE(file->SyncData().ok());
  ASSERT_TRUE(file->SyncAll().ok());
  EXPECT_EQ(Content("a"), std::string("hello\0\0\0", 8));
}

TEST_F(EnvTest, IdentityFollowsARenameAndTellsFilesApart) {
  const auto a = Create("a");
  const auto b = Create("b");
  const auto identity = *a->Identity();
  EXPECT_NE(identity, *b->Identity());
  ASSERT_TRUE(env_.Rename(dir_ / "a", dir_ / "c").ok());
  EXPECT_EQ(*(*env_.Open(dir_ / "c", OpenMode::kRead))->Identity(), identity);
}

TEST_F(EnvTest, RenameReplacesAndNoReplaceRefuses) {
  Create("a", "A");
  Create("b", "B");
  const Status refused = env_.RenameNoReplace(dir_ / "a", dir_ / "b");
  EXPECT_EQ(refused.error().code, ErrorCode::kExists);
  EXPECT_EQ(Content("a") + Content("b"), "AB");
  ASSERT_TRUE(env_.Rename(dir_ / "a", dir_ / "b").ok());
  EXPECT_EQ(Content("b"), "A");
  EXPECT_FALSE(*env_.Exists(dir_ / "a"));
  ASSERT_TRUE(env_.RenameNoReplace(dir_ / "b", dir_ / "c").ok());
  EXPECT_EQ(*env_.List(dir_.path()), std::vector<std::string>{"c"});
  EXPECT_EQ(env_.Rename(dir_ / "b", dir_ / "d").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(env_.RenameNoReplace(dir_ / "b", dir_ / "d").error().code, ErrorCode::kNotFound);
}

TEST_F(EnvTest, Directories) {
  ASSERT_TRUE(env_.CreateDirectory(dir_ / "d").ok());
  EXPECT_EQ(env_.CreateDirectory(dir_ / "d").error().code, ErrorCode::kExists);
  EXPECT_EQ(env_.CreateDirectory(dir_ / "x/y").error().code, ErrorCode::kNotFound);
  for (const char* name : {"d/2", "d/10", "d/.hidden"}) Create(name);
  EXPECT_EQ(*env_.List(dir_ / "d"), (std::vector<std::string>{".hidden", "10", "2"}));
  EXPECT_TRUE(env_.SyncDirectory(dir_ / "d").ok());
  EXPECT_FALSE(env_.SyncDirectory(dir_ / "d/2").ok());
  EXPECT_FALSE(env_.List(dir_ / "d/2").ok());
  EXPECT_FALSE(*env_.Exists(dir_ / "d/2/below-a-file"));
  EXPECT_EQ(env_.List(dir_ / "none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(env_.Remove(dir_ / "d").error().code, ErrorCode::kIo);
  ASSERT_TRUE(env_.Remove(dir_ / "d/2").ok());
  EXPECT_EQ(env_.Remove(dir_ / "d/2").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(env_.RemoveAll(dir_ / "d").ok());
  EXPECT_TRUE(env_.RemoveAll(dir_ / "d").ok());
  EXPECT_FALSE(*env_.Exists(dir_ / "d"));
}

TEST_F(EnvTest, CanonicalResolvesLinks) {
  Create("a");
  ASSERT_EQ(symlink((dir_ / "a").c_str(), (dir_ / "link").c_str()), 0);
  EXPECT_EQ(*env_.Canonical(dir_ / "./link"), *env_.Canonical(dir_ / "a"));
  EXPECT_EQ(env_.Canonical(dir_ / "none").error().code, ErrorCode::kNotFound);
  ASSERT_EQ(symlink((dir_ / "nowhere").c_str(), (dir_ / "dangling").c_str()), 0);
  EXPECT_EQ(env_.Open(dir_ / "dangling", OpenMode::kOpenOrCreate).error().code, ErrorCode::kIo);
}

unsigned ModeOf(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

TEST_F(EnvTest, ModesArePrivateOrForTheGroupWhateverTheUmask) {
  const mode_t before = umask(077);
  Create("private");
  ASSERT_TRUE(env_.CreateDirectory(dir_ / "private-dir").ok());
  env_.SetSharedWithGroup(true);
  Create("shared");
  ASSERT_TRUE(env_.CreateDirectory(dir_ / "shared-dir").ok());
  ASSERT_TRUE(env_.Open(dir_ / "shared-too", OpenMode::kOpenOrCreate).ok());
  env_.SetSharedWithGroup(false);
  umask(before);
  EXPECT_EQ(ModeOf(dir_ / "private"), 0600u);
  EXPECT_EQ(ModeOf(dir_ / "private-dir"), 0700u);
  EXPECT_EQ(ModeOf(dir_ / "shared"), 0660u);
  EXPECT_EQ(ModeOf(dir_ / "shared-too"), 0660u);
  EXPECT_EQ(ModeOf(dir_ / "shared-dir"), 02770u);
}

TEST_F(EnvTest, DeniedAccessIsNamedWithAHint) {
  constexpr uid_t kNobody = 65534;
  Create("a", "A");
  ASSERT_EQ(chmod((dir_ / "a").c_str(), 0), 0);
  const std::string path = dir_ / "a";
  const pid_t child = StartChild([&] {
    if (geteuid() == 0 && (chmod(dir_.path().c_str(), 0755) != 0 || seteuid(kNobody) != 0)) return 3;
    const auto denied = env_.Open(path, OpenMode::kRead);
    return !denied.ok() && denied.error().code == ErrorCode::kIo && !denied.error().hint.empty() ? 0 : 1;
  });
  EXPECT_TRUE(ExitedWith(WaitFor(child), 0));
}

TEST_F(EnvTest, AFullDeviceIsNoSpace) {
  const auto full = env_.Open("/dev/full", OpenMode::kReadWrite);
  ASSERT_TRUE(full.ok());
  const Status status = (*full)->WriteAt(0, AsBytes("x"));
  EXPECT_EQ(status.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(status.error().path, "/dev/full");
}

TEST_F(EnvTest, ErrnoTable) {
  EXPECT_EQ(ErrnoError("open", "/x", ENOENT).code, ErrorCode::kNotFound);
  EXPECT_EQ(ErrnoError("open", "/x", EEXIST).code, ErrorCode::kExists);
  EXPECT_EQ(ErrnoError("open", "/x", EROFS).code, ErrorCode::kReadOnly);
  EXPECT_EQ(ErrnoError("open", "/x", ENOSPC).code, ErrorCode::kNoSpace);
  EXPECT_EQ(ErrnoError("open", "/x", EDQUOT).code, ErrorCode::kNoSpace);
  EXPECT_EQ(ErrnoError("open", "/x", EIO).code, ErrorCode::kIo);
  EXPECT_EQ(ErrnoError("open", "/x", ENOENT).message, "cannot open /x: No such file or directory");
}

TEST_F(EnvTest, DescriptorsCloseOnExecAndStayAboveTheStandardOnes) {
  const auto file = Create("a");
  const std::string path = *env_.Canonical(dir_ / "a");
  int found = 0;
  for (int descriptor = 0; descriptor < 1024; ++descriptor) {
    char target[4096] = {};
    const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
    if (readlink(link.c_str(), target, sizeof target - 1) < 0 || path != target) continue;
    ++found;
    EXPECT_NE(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(found, 1);
  const pid_t child = StartChild([&] {
    for (const int standard : {0, 1, 2}) close(standard);
    const auto mine = env_.Open(path, OpenMode::kReadWrite);
    if (!mine.ok() || !env_.List(dir_.path()).ok()) return 1;
    for (const int standard : {0, 1, 2}) {
      if (fcntl(standard, F_GETFD) != -1) return 2;
    }
    return (*mine)->WriteAt(0, AsBytes("x")).ok() ? 0 : 3;
  });
  EXPECT_TRUE(ExitedWith(WaitFor(child), 0));
}

TEST_F(EnvTest, MappingIsSharedBoundedAndNotInherited) {
  constexpr std::uint64_t kBytes = 8192;
  auto file = Create("a");
  EXPECT_EQ(file->MapShared(kBytes).error().code, ErrorCode::kIo);
  EXPECT_FALSE(file->MapShared(0).ok());
  ASSERT_TRUE(file->Allocate(kBytes).ok());
  std::byte* const address = *file->MapShared(kBytes);
  const auto other = env_.Open(dir_ / "a", OpenMode::kReadWrite);
  std::byte* const alias = *(*other)->MapShared(kBytes);
  address[5000] = std::byte{42};
  EXPECT_EQ(alias[5000], std::byte{42});
  const pid_t child = StartChild([address] {
    unsigned char resident[2];
    return mincore(address, kBytes, resident) != 0 && errno == ENOMEM ? 0 : 1;
  });
  EXPECT_TRUE(ExitedWith(WaitFor(child), 0));
  file.reset();
  unsigned char resident[2];
  EXPECT_NE(mincore(address, kBytes, resident), 0);
}

TEST_F(EnvTest, WriteFileDurablyReplacesAndLeavesNothingBehind) {
  ASSERT_TRUE(WriteFileDurably(env_, dir_ / "a", AsBytes("one")).ok());
  ASSERT_TRUE(WriteFileDurably(env_, dir_ / "a", AsBytes("")).ok());
  ASSERT_TRUE(WriteFileDurably(env_, dir_ / "a", AsBytes("three")).ok());
  EXPECT_EQ(Content("a"), "three");
  EXPECT_EQ(*env_.List(dir_.path()), std::vector<std::string>{"a"});
  ASSERT_TRUE(env_.CreateDirectory(dir_ / "d").ok());
  EXPECT_FALSE(WriteFileDurably(env_, dir_ / "d", AsBytes("x")).ok());
  EXPECT_EQ(*env_.List(dir_.path()), (std::vector<std::string>{"a", "d"}));
  EXPECT_EQ(WriteFileDurably(env_, dir_ / "none/a", AsBytes("x")).error().code, ErrorCode::kNotFound);
}

TEST_F(EnvTest, ReadFileReadsAllEvenWithoutASize) {
  const std::string big(200'000, 'x');
  Create("big", big);
  EXPECT_EQ(Content("big"), big);
  Create("empty");
  EXPECT_EQ(Content("empty"), "");
  EXPECT_GT(ReadFile(env_, "/proc/self/status")->size(), 100u);
  EXPECT_EQ(ReadFile(env_, dir_ / "none").error().code, ErrorCode::kNotFound);
}

TEST_F(EnvTest, FileSystemNames) {
  EXPECT_EQ(FileSystemName(0xEF53), "ext4");
  EXPECT_EQ(FileSystemName(0x01021994), "tmpfs");
  EXPECT_EQ(FileSystemName(0x1234ABCD), "0x1234abcd");
  const auto here = env_.FileSystem(dir_.path());
  ASSERT_TRUE(here.ok());
  EXPECT_FALSE(here->read_only);
  EXPECT_GT(here->free_bytes, 0u);
  EXPECT_EQ(env_.FileSystem("/proc")->type, "0x9fa0");
  EXPECT_EQ(env_.FileSystem(dir_ / "none").error().code, ErrorCode::kNotFound);
}

TEST_F(EnvTest, HostKnowsThisProcessAndItsChild) {
  const HostInfo& host = env_.Host();
  EXPECT_EQ(host.pid, static_cast<std::uint32_t>(getpid()));
  EXPECT_EQ(host.uid, getuid());
  EXPECT_FALSE(host.host.empty());
  EXPECT_FALSE(host.user.empty());
  EXPECT_GT(host.process_start, 0u);
  EXPECT_GT(host.time_namespace, 0u);
  EXPECT_NE(host.boot_id, (std::array<std::byte, 16>{}));
  const pid_t child = StartChild([&] {
    const HostInfo& mine = env_.Host();
    const bool right = mine.pid == static_cast<std::uint32_t>(getpid()) && mine.process_start >= host.process_start &&
                       mine.boot_id == host.boot_id;
    return right && &env_.Host() == &mine ? 0 : 1;
  });
  EXPECT_TRUE(ExitedWith(WaitFor(child), 0));
}

TEST_F(EnvTest, ClocksAndRandomness) {
  EXPECT_GT(env_.WallMs(), 1'600'000'000'000);
  const std::uint64_t before = env_.MonotonicNs();
  EXPECT_LE(before, env_.MonotonicNs());
  EXPECT_GE(env_.BoottimeMs() + 1, before / 1'000'000);
  std::array<std::byte, 32> a{};
  std::array<std::byte, 32> b{};
  env_.Random(a);
  env_.Random(b);
  EXPECT_NE(a, b);
}

}  // namespace
}  // namespace tenure::base
