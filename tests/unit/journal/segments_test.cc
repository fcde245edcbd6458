#include <gmock/gmock.h>

#include <algorithm>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "tests/unit/journal/journal_fixture.h"

namespace tenure::journal {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Segments : public JournalTest {
 protected:
  Result<Chain> Read(Lsn trimmed_below = 0) { return ReadChain(env, dir, store_id, trimmed_below); }
  Error ReadError(Lsn trimmed_below = 0) {
    auto chain = Read(trimmed_below);
    EXPECT_FALSE(chain.ok());
    return chain.ok() ? Error{} : chain.error();
  }
  /// Three segments, two frames each: 1-1 {1,2}, 2-1 {3,4}, 3-1 {5,6}.
  void ThreeSegments() {
    Begin();
    Append(), Append();
    TakeOver(2, positions.back());
    Append(), Append();
    TakeOver(3, positions.back());
    Append(), Append();
  }
  std::vector<std::string> Names() { return base::Env::Posix().List(dir).value(); }
  void ChangeHeader(std::uint64_t epoch, const std::function<void(SegmentHeader&)>& change) {
    base::Bytes bytes = ReadAll(Path(epoch, 1));
    SegmentHeader header = DecodeSegmentHeader(bytes, "x").value();
    change(header);
    EncodeSegmentHeader(header, std::span<std::byte, kSegmentHeaderBytes>(bytes.data(), kSegmentHeaderBytes));
    WriteAll(Path(epoch, 1), bytes);
  }
};

TEST_F(Segments, AnEmptyDirectoryIsAnEmptyChain) {
  auto chain = Read();
  ASSERT_TRUE(chain.ok());
  EXPECT_TRUE(chain->segments.empty());
  EXPECT_EQ(chain->highest_epoch, 0u);
}

TEST_F(Segments, TheChainFollowsTheLinksAndKnowsTheSeals) {
  ThreeSegments();
  WriteAll(dir + "/spare-00", base::AsBytes("not looked at"));
  WriteAll(dir + "/making-00", base::AsBytes("not looked at"));
  WriteAll(dir + "/notes.seg", base::AsBytes("not looked at"));
  auto chain = Read();
  ASSERT_TRUE(chain.ok()) << chain.error().message;
  ASSERT_EQ(chain->segments.size(), 3u);
  EXPECT_EQ(chain->segments[0].header.id, (model::SegmentId{1, 1}));
  EXPECT_EQ(chain->segments[0].sealed_bytes, positions[1].offset);
  EXPECT_EQ(chain->segments[1].sealed_bytes, positions[3].offset);
  EXPECT_EQ(chain->segments[2].sealed_bytes, 0u);
  EXPECT_EQ(chain->segments[2].file_bytes, 8192u);
  EXPECT_EQ(chain->segments[2].path, Path(3, 1));
  EXPECT_EQ(chain->highest_epoch, 3u);
  EXPECT_TRUE(chain->orphans.empty());
  EXPECT_EQ(chain->Find(0), nullptr);
  EXPECT_EQ(chain->Find(2)->header.id.epoch, 1u);
  EXPECT_EQ(chain->Find(3)->header.id.epoch, 2u);
  EXPECT_EQ(chain->Find(900)->header.id.epoch, 3u);
}

TEST_F(Segments, SegmentsThatNoLinkNamesAreOrphans) {
  Begin();
  const auto at = Append();
  TakeOver(2, at);
  Append();
  TakeOver(4, at);  // knows nothing of epoch 2
  Append();
  auto chain = Read();
  ASSERT_TRUE(chain.ok()) << chain.error().message;
  ASSERT_EQ(chain->segments.size(), 2u);
  EXPECT_THAT(chain->orphans, ::testing::ElementsAre(Path(2, 1)));
  // The late work of an old committer: a bad header there is nobody's data.
  Poke(Path(2, 1), 0, std::byte{0});
  WriteAll(Path(3, 7), base::AsBytes("half a header"));
  chain = Read();
  ASSERT_TRUE(chain.ok()) << chain.error().message;
  EXPECT_THAT(chain->orphans, ::testing::ElementsAre(Path(2, 1), Path(3, 7)));
}

TEST_F(Segments, AnOlderFileWithABadHeaderIsAnOrphan) {
  Begin();
  WriteAll(Path(1, 0), base::AsBytes(""));
  auto chain = Read();
  ASSERT_TRUE(chain.ok()) << chain.error().message;
  EXPECT_THAT(chain->orphans, ::testing::ElementsAre(Path(1, 0)));
  EXPECT_EQ(chain->highest_epoch, 1u);
}

TEST_F(Segments, ABadHeaderOfTheNewestSegmentIsCorruption) {
  ThreeSegments();
  WriteAll(Path(9, 1), base::Bytes(8192));
  Error error = ReadError();
  EXPECT_EQ(error.code, ErrorCode::kCorruption);
  EXPECT_EQ(error.path, Path(9, 1));
  EXPECT_EQ(error.offset, 0u);
  WriteAll(Path(9, 1), {});
  EXPECT_EQ(ReadError().path, Path(9, 1));
}

TEST_F(Segments, ABadHeaderInsideTheChainIsCorruption) {
  ThreeSegments();
  Poke(Path(2, 1), 50, std::byte{0x77});
  const Error error = ReadError(900);
  EXPECT_EQ(error.code, ErrorCode::kCorruption);
  EXPECT_EQ(error.path, Path(2, 1));
}

TEST_F(Segments, ForeignAndMisnamedSegmentsAreCorruption) {
  ThreeSegments();
  WriteAll(Path(4, 1), ReadAll(Path(3, 1)));
  EXPECT_THAT(ReadError().message, HasSubstr("0000000000000003-0000000000000001.seg"));
  ASSERT_TRUE(env.Remove(Path(4, 1)).ok());
  ChangeHeader(1, [](SegmentHeader& h) { h.store_id[3] = std::byte{0xff}; });
  const Error error = ReadError();
  EXPECT_EQ(error.code, ErrorCode::kCorruption);
  EXPECT_EQ(error.path, Path(1, 1));
  EXPECT_THAT(error.message, HasSubstr("another store"));
}

TEST_F(Segments, ASealBeyondTheFileIsCorruption) {
  ThreeSegments();
  auto file = env.Open(Path(1, 1), base::OpenMode::kReadWrite).value();
  ASSERT_TRUE(file->Truncate(positions[1].offset).ok());
  EXPECT_TRUE(Read().ok());
  ASSERT_TRUE(file->Truncate(positions[1].offset - 1).ok());
  const Error error = ReadError();
  EXPECT_EQ(error.path, Path(1, 1));
  EXPECT_EQ(error.offset, positions[1].offset - 1);
}

TEST_F(Segments, ASegmentThatBeginsBeforeItsPredecessorIsCorruption) {
  ThreeSegments();
  ChangeHeader(3, [](SegmentHeader& h) { h.first_lsn = 2; });
  EXPECT_EQ(ReadError().offset, segment_at::kFirstLsn);
}

TEST_F(Segments, AMissingPredecessorMustBeCoveredByACheckpoint) {
  ThreeSegments();
  ASSERT_TRUE(env.Remove(Path(1, 1)).ok());
  EXPECT_EQ(ReadError(0).code, ErrorCode::kCorruption);
  const Error error = ReadError(1);
  EXPECT_EQ(error.path, Path(2, 1));
  EXPECT_EQ(error.lsn, 2u);
  auto chain = Read(2);
  ASSERT_TRUE(chain.ok()) << chain.error().message;
  EXPECT_EQ(chain->segments.size(), 2u);
  EXPECT_EQ(chain->Find(2), nullptr);
  // A hole in the middle: what lies before it is not the journal any more.
  ASSERT_TRUE(env.Remove(Path(2, 1)).ok());
  EXPECT_EQ(ReadError(3).code, ErrorCode::kCorruption);
  EXPECT_TRUE(Read(4).ok());
}

TEST_F(Segments, CreateMakesARealZeroedDurableFile) {
  SegmentHeader header = HeaderAfter(store_id, {1, 1}, Genesis());
  header.capacity = 10'000;
  auto segment = factory.Create(header, 100);
  ASSERT_TRUE(segment.ok()) << segment.error().message;
  EXPECT_EQ(segment->file_bytes, 12'288u);  // whole blocks
  EXPECT_EQ(segment->header.capacity, 12'288u);
  EXPECT_EQ(segment->header.boot_id, env.Host().boot_id);
  EXPECT_NE(segment->header.salt, 0u);
  EXPECT_EQ(segment->sealed_bytes, 0u);
  const base::Bytes bytes = ReadAll(segment->path);
  ASSERT_EQ(bytes.size(), 12'288u);
  EXPECT_EQ(DecodeSegmentHeader(bytes, "x").value(), segment->header);
  EXPECT_TRUE(
      std::all_of(bytes.begin() + kSegmentHeaderBytes, bytes.end(), [](std::byte b) { return b == std::byte{0}; }));
  EXPECT_EQ(env.count(Call::kSync), 1);
  EXPECT_EQ(env.count(Call::kSyncDir), 1);
  EXPECT_EQ(Names().size(), 1u);
}

TEST_F(Segments, CreateTakesTheLargestFittingSpare) {
  Spare(8192);
  Spare(16384);
  ASSERT_TRUE(factory.PrepareSpare(12'000, nullptr).ok());  // 16384 serves
  EXPECT_EQ(Names().size(), 2u);
  EXPECT_TRUE(factory.HasSpare(16384).value());
  EXPECT_FALSE(factory.HasSpare(16385).value());
  env.fault = [](Call call, const std::string& path) -> Status {
    if (call == Call::kAllocate || call == Call::kCreate) return base::MakeError(ErrorCode::kNoSpace, path);
    return {};
  };
  SegmentHeader header = HeaderAfter(store_id, {1, 1}, Genesis());
  header.capacity = 1 << 20;
  auto first = factory.Create(header, 5000);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first->header.capacity, 16384u);
  header.id = {2, 1};
  EXPECT_EQ(factory.Create(header, 9000).error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(factory.Create(header, 8000)->header.capacity, 8192u);
  EXPECT_FALSE(factory.HasSpare(0).value());
}

TEST_F(Segments, ATakenNameIsReportedAndCostsNoSpare) {
  Begin();
  Spare();
  SegmentHeader header = HeaderAfter(store_id, {1, 1}, Genesis());
  EXPECT_EQ(factory.Create(header, 5000).error().code, ErrorCode::kExists);
  EXPECT_TRUE(factory.HasSpare(5000).value());
  // The other one comes between the look and the rename.
  env.fault = [&](Call call, const std::string& path) -> Status {
    if (call == Call::kRename && path == Path(2, 1)) WriteAll(path, base::AsBytes("a zombie was faster"));
    return {};
  };
  header.id = {2, 1};
  EXPECT_EQ(factory.Create(header, 5000).error().code, ErrorCode::kExists);
  EXPECT_EQ(ReadAll(Path(2, 1)).size(), 19u);
}

TEST_F(Segments, EveryFailureOfCreateLeavesNoNamedSegmentBehind) {
  // The directory sync is the one step behind the name: what it leaves is reported as failed too.
  for (const Call call : {Call::kCreate, Call::kAllocate, Call::kWrite, Call::kSync, Call::kRename, Call::kSyncDir}) {
    env.fault = [&](Call c, const std::string& path) -> Status {
      return c == call ? Status(base::MakeError(ErrorCode::kIo, "injected " + path)) : Status();
    };
    SegmentHeader header = HeaderAfter(store_id, {1, 1}, Genesis());
    header.capacity = 8192;
    EXPECT_EQ(factory.Create(header, 5000).error().code, ErrorCode::kIo);
    EXPECT_EQ(Names().empty(), call != Call::kSyncDir);
  }
}

TEST_F(Segments, AFullDiskGivesBackWhatTheDeadLeftHalfMade) {
  Begin();
  WriteAll(dir + "/making-aa", base::Bytes(4096));
  bool freed = false;
  env.fault = [&](Call call, const std::string& path) -> Status {
    if (call == Call::kRemove && path == dir + "/making-aa") freed = true;
    if (call == Call::kAllocate && !freed) return base::MakeError(ErrorCode::kNoSpace, path);
    return {};
  };
  auto segment = factory.Create(HeaderAfter(store_id, {2, 1}, StartOf(writer->segment().header)), 8192);
  ASSERT_TRUE(segment.ok()) << segment.error().message;
  EXPECT_TRUE(freed);
  freed = false;
  EXPECT_EQ(factory.Create(HeaderAfter(store_id, {3, 1}, StartOf(segment->header)), 8192).error().code,
            ErrorCode::kNoSpace);
  EXPECT_EQ(Names().size(), 2u);
}

TEST_F(Segments, PrepareSpareStopsBetweenPiecesAndCleansUp) {
  int asked = 0;
  ASSERT_TRUE(factory.PrepareSpare(4 << 20, [&] { return ++asked > 3; }).ok());
  EXPECT_GT(asked, 3);
  EXPECT_TRUE(Names().empty());
  for (const Call call : {Call::kAllocate, Call::kWrite, Call::kSync, Call::kRename}) {
    env.fault = [&](Call c, const std::string& path) -> Status {
      return c == call ? Status(base::MakeError(ErrorCode::kNoSpace, "injected " + path)) : Status();
    };
    EXPECT_EQ(factory.PrepareSpare(8192, nullptr).error().code, ErrorCode::kNoSpace);
    EXPECT_TRUE(Names().empty());
  }
}

TEST_F(Segments, ASpareIsSyncedBeforeItHasItsName) {
  std::vector<std::string> order;
  env.fault = [&](Call call, const std::string&) -> Status {
    if (call == Call::kWrite) order.push_back("write");
    if (call == Call::kSync) order.push_back("sync");
    if (call == Call::kRename) order.push_back("rename");
    if (call == Call::kSyncDir) order.push_back("sync dir");
    return {};
  };
  Spare(8192);
  EXPECT_THAT(order, ::testing::ElementsAre("write", "sync", "rename", "sync dir"));
  order.clear();
  ASSERT_TRUE(factory.Create(HeaderAfter(store_id, {1, 1}, Genesis()), 8192).ok());
  // Claimed under a private name first, so that of two who want it only one writes to it.
  EXPECT_THAT(order, ::testing::ElementsAre("rename", "write", "sync", "rename", "sync dir"));
  order.clear();
  base::SetSeededBug("skip_segment_header_sync,skip_segment_dir_sync");
  ASSERT_TRUE(factory.Create(HeaderAfter(store_id, {2, 1}, Genesis()), 8192).ok());
  EXPECT_THAT(order, ::testing::ElementsAre("write", "write", "rename"));
  base::SetSeededBug("");
}

TEST_F(Segments, ASpareThatSomebodyTookIsPassedOver) {
  Spare(8192);
  Spare(16384);
  bool stolen = false;
  env.fault = [&](Call call, const std::string& path) -> Status {
    if (call != Call::kRename || stolen || path.find("/making-") == std::string::npos) return {};
    stolen = true;
    for (const std::string& name : Names()) {
      if (ReadAll(dir + "/" + name).size() != 16384) continue;
      EXPECT_TRUE(base::Env::Posix().Remove(dir + "/" + name).ok());
    }
    return {};
  };
  auto segment = factory.Create(HeaderAfter(store_id, {1, 1}, Genesis()), 8192);
  ASSERT_TRUE(segment.ok()) << segment.error().message;
  EXPECT_TRUE(stolen);
  EXPECT_EQ(segment->file_bytes, 8192u);
}

TEST_F(Segments, RemoveLeftoversRemovesPartialFilesOnly) {
  Begin();
  Spare();
  WriteAll(dir + "/making-1", base::AsBytes("x"));
  WriteAll(dir + "/making-2", base::AsBytes("x"));
  ASSERT_TRUE(factory.RemoveLeftovers().ok());
  const auto names = Names();
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[0], SegmentFileName({1, 1}));
  EXPECT_THAT(names[1], StartsWith("spare-"));
}

}  // namespace
}  // namespace tenure::journal
