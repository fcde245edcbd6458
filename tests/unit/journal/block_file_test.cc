// The open end of a segment: whole blocks at aligned addresses, and what is there stays there.
#include "store/journal/block_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>

#include "store/base/recording_env.h"
#include "tests/unit/journal/journal_fixture.h"

namespace tenure::journal {
namespace {

using base::Bytes;
using base::TraceStep;

Bytes Numbered(std::uint64_t seed, std::size_t bytes) {
  Bytes out(bytes);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::byte>((seed * 31 + i * 7) % 255 + 1);
  return out;
}

class BlockFileTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kFileBytes = 4u << 20;

  BlockFileTest() : path_(dir_.path() + "/segment"), env_(base::Env::Posix()) {
    const auto file = env_.Open(path_, base::OpenMode::kCreateNew);
    EXPECT_TRUE(file.ok() && (*file)->WriteAt(0, Bytes(kFileBytes)).ok() && (*file)->SyncAll().ok());
    (void)env_.TakeTrace();
  }
  std::unique_ptr<BlockFile> Open(std::uint64_t offset) {
    auto file = BlockFile::Open(env_, path_, offset);
    EXPECT_TRUE(file.ok());
    return file.ok() ? std::move(*file) : nullptr;
  }
  Bytes Content() { return *base::ReadFile(base::Env::Posix(), path_); }
  std::vector<TraceStep> Writes() {
    std::vector<TraceStep> writes;
    for (TraceStep& step : env_.TakeTrace()) {
      if (step.kind == TraceStep::Kind::kWrite) writes.push_back(std::move(step));
    }
    return writes;
  }

  TempDir dir_;
  const std::string path_;
  base::RecordingEnv env_;
};

TEST_F(BlockFileTest, AppendsInWholeBlocksBehindWhatIsThere) {
  const auto file = Open(4096);
  Bytes expected(4096);
  // Shorter than a block, up to its end, over several, one byte.
  const std::size_t sizes[] = {200, 3896, 4096, 4095, 1, 10'000, 8, 1, 5000};
  std::uint64_t seed = 0;
  for (const std::size_t bytes : sizes) {
    const Bytes piece = Numbered(++seed, bytes);
    ASSERT_TRUE(file->Append(piece).ok());
    const std::uint64_t before = expected.size();
    expected.insert(expected.end(), piece.begin(), piece.end());
    const auto writes = Writes();
    ASSERT_EQ(writes.size(), 1u);
    const TraceStep& write = writes.front();
    EXPECT_EQ(write.offset, before - before % 4096);
    EXPECT_EQ(write.data.size() % 4096, 0u);
    const std::uint64_t after = write.offset + write.data.size();
    EXPECT_LT(after - expected.size(), 4096u) << "no more than it must";
    Bytes padded(expected.begin() + static_cast<std::ptrdiff_t>(write.offset), expected.end());
    padded.resize(write.data.size());
    EXPECT_EQ(write.data, padded) << "what was there, what is new, zeros";
  }
  expected.resize(kFileBytes);
  EXPECT_EQ(Content(), expected);
}

TEST_F(BlockFileTest, GoesOnInTheMiddleOfABlockThatSomebodyElseWrote) {
  const Bytes first = Numbered(1, 5000);
  ASSERT_TRUE(Open(4096)->Append(first).ok());
  const Bytes second = Numbered(2, 300);
  ASSERT_TRUE(Open(4096 + 5000)->Append(second).ok());
  Bytes expected(4096);
  expected.insert(expected.end(), first.begin(), first.end());
  expected.insert(expected.end(), second.begin(), second.end());
  expected.resize(kFileBytes);
  EXPECT_EQ(Content(), expected);
}

/// And the next one goes on behind it, in the block in which it ended.
TEST_F(BlockFileTest, WhatIsLargeGoesThroughThePageCache) {
  const auto file = Open(4096 + 80);
  Bytes expected(4096 + 80);
  std::uint64_t seed = 0;
  const std::size_t limit = BlockFile::kDirectBytesMax;
  for (const std::size_t bytes : {limit, limit + 1, std::size_t{64}, std::size_t{1'500'000}, limit, std::size_t{8}}) {
    const Bytes piece = Numbered(++seed, bytes);
    ASSERT_TRUE(file->Append(piece).ok());
    ASSERT_TRUE(file->SyncData().ok());
    const auto writes = Writes();
    ASSERT_EQ(writes.size(), 1u);
    if (bytes > limit) {
      EXPECT_EQ(writes.front().offset, expected.size());
      EXPECT_EQ(writes.front().data, piece) << "as it is";
    } else {
      EXPECT_EQ(writes.front().offset % 4096 + writes.front().data.size() % 4096, 0u);
    }
    expected.insert(expected.end(), piece.begin(), piece.end());
  }
  expected.resize(kFileBytes);
  EXPECT_EQ(Content(), expected);
}

/// Readers use the page cache: it must not keep what a direct write has replaced.
TEST_F(BlockFileTest, ReadersSeeWhatIsWritten) {
  const auto reader = env_.Open(path_, base::OpenMode::kRead);
  const auto file = Open(4096);
  std::uint64_t at = 4096;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Bytes piece = Numbered(seed, 150);
    ASSERT_TRUE(file->Append(piece).ok());
    Bytes seen(4096);  // and some zeros behind it, which are in the cache from now on
    ASSERT_TRUE((*reader)->ReadAt(at, seen).ok());
    ASSERT_EQ(std::memcmp(seen.data(), piece.data(), piece.size()), 0) << seed;
    at += piece.size();
  }
}

TEST_F(BlockFileTest, AFileThatWasCutIsNamed) {
  const auto cut = env_.Open(path_, base::OpenMode::kReadWrite);
  ASSERT_TRUE((*cut)->Truncate(4096).ok());
  const auto opened = BlockFile::Open(env_, path_, 4096 + 8);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kIo);
  EXPECT_EQ(opened.error().path, path_);
  EXPECT_THAT(opened.error().message, ::testing::HasSubstr("ends before offset 4104"));
}

TEST_F(BlockFileTest, TellsWhatTheDiskRefuses) {
  const auto file = Open(4096);
  env_.SetFaultPlan([](std::uint64_t, TraceStep::Kind kind, const std::string&) -> Status {
    if (kind != TraceStep::Kind::kWrite) return {};
    Error error;
    error.code = ErrorCode::kNoSpace;
    return error;
  });
  const Status refused = file->Append(Numbered(1, 100));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kNoSpace);
}

}  // namespace
}  // namespace tenure::journal
