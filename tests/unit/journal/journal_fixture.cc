#include "tests/unit/journal/journal_fixture.h"

#include <algorithm>
#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"

namespace tenure::journal {
namespace {

class TestFile : public base::File {
 public:
  TestFile(const TestEnv& env, std::unique_ptr<base::File> real) : env_(env), real_(std::move(real)) {}
  const std::string& path() const override { return real_->path(); }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    TENURE_RETURN_IF_ERROR(env_.Note(Call::kRead, path()));
    return real_->ReadAt(offset, out);
  }
  Status WriteAt(std::uint64_t offset, base::ByteView data) override {
    TENURE_RETURN_IF_ERROR(env_.Note(Call::kWrite, path()));
    return real_->WriteAt(offset, data);
  }
  Status SyncData() override {
    TENURE_RETURN_IF_ERROR(env_.Note(Call::kSync, path()));
    return {};  // counted only: nothing here loses power
  }
  Status SyncAll() override {
    TENURE_RETURN_IF_ERROR(env_.Note(Call::kSync, path()));
    return {};
  }
  Status Allocate(std::uint64_t bytes) override {
    TENURE_RETURN_IF_ERROR(env_.Note(Call::kAllocate, path()));
    return real_->Allocate(bytes);
  }
  Status AllocateRange(std::uint64_t offset, std::uint64_t bytes) override {
    TENURE_RETURN_IF_ERROR(env_.Note(Call::kAllocate, path()));
    return real_->AllocateRange(offset, bytes);
  }
  Status Truncate(std::uint64_t bytes) override { return real_->Truncate(bytes); }
  Result<std::uint64_t> Size() const override { return real_->Size(); }
  Result<std::pair<std::uint64_t, std::uint64_t>> Identity() const override { return real_->Identity(); }
  Result<bool> TryLock(base::LockKind kind, std::uint64_t offset, std::uint64_t length) override {
    return real_->TryLock(kind, offset, length);
  }
  Status Lock(base::LockKind kind, std::uint64_t offset, std::uint64_t length) override {
    return real_->Lock(kind, offset, length);
  }
  Status Unlock(std::uint64_t offset, std::uint64_t length) override { return real_->Unlock(offset, length); }
  Result<bool> LockedByOthers(std::uint64_t offset, std::uint64_t length) const override {
    return real_->LockedByOthers(offset, length);
  }
  Result<std::byte*> MapShared(std::uint64_t bytes) override { return real_->MapShared(bytes); }

 private:
  const TestEnv& env_;
  std::unique_ptr<base::File> real_;
};

StoreId TestStoreId() {
  StoreId id;
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = static_cast<std::byte>(i + 1);
  return id;
}

std::uint32_t SaltedCrc(base::ByteView data, std::uint64_t salt) {
  return base::Crc32c(data, base::Crc32c(std::as_bytes(std::span(&salt, 1))));
}

}  // namespace

TempDir::TempDir() {
  std::array<std::byte, 8> random;
  base::Env::Posix().Random(random);
  path_ = ::testing::TempDir() + "tenure-journal-" + base::Hex(random);
  EXPECT_TRUE(base::Env::Posix().CreateDirectory(path_).ok());
}
TempDir::~TempDir() { EXPECT_TRUE(base::Env::Posix().RemoveAll(path_).ok()); }

Result<std::unique_ptr<base::File>> TestEnv::Open(const std::string& path, base::OpenMode mode) {
  TENURE_RETURN_IF_ERROR(Note(mode == base::OpenMode::kCreateNew ? Call::kCreate : Call::kOpen, path));
  TENURE_ASSIGN(auto file, real().Open(path, mode));
  return std::unique_ptr<base::File>(std::make_unique<TestFile>(*this, std::move(file)));
}
Result<std::vector<std::string>> TestEnv::List(const std::string& dir) const {
  TENURE_RETURN_IF_ERROR(Note(Call::kList, dir));
  return real().List(dir);
}
Status TestEnv::Remove(const std::string& path) {
  TENURE_RETURN_IF_ERROR(Note(Call::kRemove, path));
  return real().Remove(path);
}
Status TestEnv::Rename(const std::string& from, const std::string& to) {
  TENURE_RETURN_IF_ERROR(Note(Call::kRename, to));
  return real().Rename(from, to);
}
Status TestEnv::RenameNoReplace(const std::string& from, const std::string& to) {
  TENURE_RETURN_IF_ERROR(Note(Call::kRename, to));
  return real().RenameNoReplace(from, to);
}
Status TestEnv::SyncDirectory(const std::string& dir) {
  TENURE_RETURN_IF_ERROR(Note(Call::kSyncDir, dir));
  return {};
}

model::CommittedTxn MakeTxn(Lsn lsn, TimeMs time_ms, std::uint64_t salt, std::size_t extra_bytes) {
  model::CommittedTxn txn;
  txn.lsn = lsn;
  txn.time_ms = time_ms;
  txn.writer = "ci@host";
  txn.uid = 1000;
  txn.receipt_lsn = lsn;
  model::Effect& effect = txn.effects.emplace_back();
  effect.entry.name = "release/app-" + std::to_string(lsn);
  effect.entry.version = "1." + std::to_string(salt);
  effect.entry.revision = 1;
  effect.entry.created_at_ms = time_ms;
  if (extra_bytes > 0) effect.entry.annotations = "{\"k\":\"" + std::string(extra_bytes, 'x') + "\"}";
  return txn;
}

base::Bytes Encoded(const model::CommittedTxn& txn) {
  base::Bytes out;
  base::Encoder encoder(out);
  model::EncodeTxn(txn, encoder);
  return out;
}

base::Bytes ReadAll(const std::string& path) {
  auto bytes = base::ReadFile(base::Env::Posix(), path);
  EXPECT_TRUE(bytes.ok()) << path;
  return bytes.ok() ? std::move(bytes).value() : base::Bytes{};
}

void WriteAll(const std::string& path, base::ByteView data) {
  auto file = base::Env::Posix().Open(path, base::OpenMode::kOpenOrCreate);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->Truncate(data.size()).ok());
  ASSERT_TRUE((*file)->WriteAt(0, data).ok());
}

void Poke(const std::string& path, std::uint64_t offset, std::byte value) {
  auto file = base::Env::Posix().Open(path, base::OpenMode::kReadWrite);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->WriteAt(offset, base::ByteView(&value, 1)).ok());
}

void MendFrame(std::span<std::byte> frame, std::uint64_t salt) {
  const std::uint64_t body = PaddedBytes(base::LoadLe<std::uint32_t>(&frame[frame_at::kPayloadBytes]));
  if (kFrameHeaderBytes + body <= frame.size()) {
    base::StoreLe(&frame[frame_at::kPayloadCrc], SaltedCrc(frame.subspan(kFrameHeaderBytes, body), salt));
  }
  base::StoreLe(&frame[frame_at::kHeaderCrc],
                SaltedCrc(frame.subspan(frame_at::kEpoch, kFrameHeaderBytes - frame_at::kEpoch), salt));
}

void MendSegmentHeader(std::span<std::byte> block) {
  base::StoreLe(&block[segment_at::kCrc], base::Crc32c(block.first(segment_at::kCrc)));
}

JournalTest::JournalTest() : dir(temp.path()), store_id(TestStoreId()), factory(env, dir) {
  base::SetFailPoints("");
  base::SetSeededBug("");
}

model::JournalPosition JournalTest::Genesis() const {
  model::JournalPosition at;
  at.chain = GenesisChain(store_id);
  return at;
}

void JournalTest::Begin(std::uint64_t capacity) { TakeOver(1, Genesis(), capacity); }

void JournalTest::TakeOver(std::uint64_t epoch, const model::JournalPosition& at, std::uint64_t capacity) {
  SegmentHeader header = HeaderAfter(store_id, {epoch, 1}, at);
  header.capacity = capacity;
  header.incarnation = 1;
  auto segment = factory.Create(header, kSegmentHeaderBytes);
  ASSERT_TRUE(segment.ok()) << segment.error().message;
  auto opened = Writer::Open(env, factory, *segment, StartOf(segment->header));
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  writer = std::move(opened).value();
}

Batch JournalTest::MakeBatch(std::uint32_t txns, std::size_t extra_bytes, std::uint64_t salt) {
  Batch batch;
  batch.first_lsn = writer->position().last_lsn + 1;
  batch.count = txns;
  batch.time_ms = static_cast<TimeMs>(1'700'000'000'000 + batch.first_lsn);
  batch.boottime_ms = 5000 + batch.first_lsn;
  batch.state_hash = {batch.first_lsn * 7, salt};
  batch.buffer.resize(kFrameHeaderBytes);
  base::Encoder out(batch.buffer);
  for (std::uint32_t i = 0; i < txns; ++i) {
    model::EncodeTxn(MakeTxn(batch.first_lsn + i, batch.time_ms, salt, extra_bytes), out);
  }
  return batch;
}

model::JournalPosition JournalTest::Append(std::uint32_t txns, std::size_t extra_bytes, std::uint64_t salt) {
  Batch batch = MakeBatch(txns, extra_bytes, salt);
  auto after = writer->Append(batch);
  EXPECT_TRUE(after.ok()) << (after.ok() ? "" : after.error().message);
  positions.push_back(after.ok() ? *after : model::JournalPosition{});
  return positions.back();
}

Result<std::unique_ptr<Reader>> JournalTest::FromStart(Lsn trimmed_below) {
  return Reader::OpenAtStart(env, dir, store_id, trimmed_below);
}
Result<std::unique_ptr<Reader>> JournalTest::From(const model::JournalPosition& at, Lsn trimmed_below) {
  return Reader::Open(env, dir, store_id, at, trimmed_below);
}
std::string JournalTest::Path(std::uint64_t epoch, std::uint64_t ordinal) const {
  return dir + "/" + SegmentFileName({epoch, ordinal});
}

Result<JournalTest::Contents> JournalTest::ReadContents(Lsn limit, Lsn durable, Lsn trimmed_below) {
  TENURE_ASSIGN(auto reader, FromStart(trimmed_below));
  Contents contents;
  for (;;) {
    TENURE_ASSIGN(Step step, reader->Next(limit, durable));
    if (step.stop == Stop::kFrame) {
      contents.frames.push_back(std::move(step.frame));
      continue;
    }
    contents.stop = step.stop;
    contents.fault = step.fault;
    contents.position = reader->position();
    return contents;
  }
}

}  // namespace tenure::journal
