// Syncs, checkpoints, copies, and damaged files.
#include <gtest/gtest.h>

#include <sqlite3.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/index/index_testing.h"
#include "tests/unit/index/sync_vfs.h"

namespace tenure::index {
namespace {

TEST(IndexSyncs, ASmallCommitSyncsNothing) {
  Scratch dir;
  SyncVfs syncs(SyncVfs::Syncs::kCounted);
  Generator generator(11);
  {
    auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
    EXPECT_GT(syncs.Take(), 0) << "an index that is created is durable";
    Must(writer->Apply(std::vector{generator.NextFrame(3)}));
    EXPECT_EQ(syncs.Take(), 0);
  }
  EXPECT_EQ(syncs.Take(), 0) << "closing does not checkpoint";
  {
    auto writer = Must(IndexWriter::Open(dir / "i.db"));
    Must(writer->Apply(std::vector{generator.NextFrame(3)}));
    EXPECT_EQ(syncs.Take(), 0) << "nor does a commit after opening again sync";
    Must(writer->Checkpoint(0));
    EXPECT_GT(syncs.Take(), 0);
    Must(writer->Apply(std::vector{generator.NextFrame(3)}));
    EXPECT_EQ(syncs.Take(), 0) << "the checkpoint has taken the sync of the new WAL header upon itself";
    Must(writer->Sync());
    EXPECT_EQ(syncs.Take(), 1) << "of the WAL";
  }
  {
    auto copy = Must(IndexWriter::Open(dir / "i.db"));
    Must(copy->CopyTo(dir / "copy.db"));
    EXPECT_GT(syncs.Take(), 0) << "a copy is synced";
    auto opened = Must(IndexWriter::Open(dir / "copy.db"));
    EXPECT_GT(syncs.Take(), 0) << "a file without a WAL gets one when it is opened";
    Must(opened->Apply(std::vector{generator.NextFrame(3)}));
    EXPECT_EQ(syncs.Take(), 0);
  }
  {
    auto bulk = Must(IndexWriter::Create(dir / "bulk.db", kStoreId, {}));
    syncs.Take();
    Generator other(12);
    Must(bulk->ApplyBulk(other.Frames(20)));
    EXPECT_EQ(syncs.Take(), 0) << "a build that nobody reads is synced once, at its end";
    Must(bulk->FinishBulk());
    EXPECT_GT(syncs.Take(), 0);
    Must(bulk->Apply(std::vector{other.NextFrame(3)}));
    EXPECT_EQ(syncs.Take(), 0);
  }
  ExpectSame(*Must(IndexReader::Open(dir / "copy.db")), generator.plain());
}

/// Of a database file nothing is left unsynced by who says that it is durable, or copies its WAL into it.
TEST(IndexSyncs, WhatIsInTheFileIsSynced) {
  using Files = std::set<std::string>;
  Scratch dir;
  SyncVfs syncs(SyncVfs::Syncs::kCounted);
  Generator generator(16);
  auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
  EXPECT_EQ(syncs.Unsynced(), Files{}) << "created";
  Must(writer->ApplyBulk(generator.Frames(20)));
  Must(writer->FinishBulk());
  EXPECT_EQ(syncs.Unsynced(), Files{}) << "built";
  Must(writer->Apply(std::vector{generator.NextFrame(3)}));
  Must(writer->Checkpoint(0));
  EXPECT_EQ(syncs.Unsynced(), Files{}) << "a checkpoint behind a build";
  Must(writer->CopyTo(dir / "copy.db"));
  EXPECT_EQ(syncs.Unsynced(), Files{}) << "copied";
  {
    const auto reader = Must(IndexReader::Open(dir / "i.db"));
    const std::vector frames{generator.NextFrame(3)};
    EXPECT_EQ(writer->ApplyBulk(frames).error().code, ErrorCode::kBusy);
    Must(writer->Apply(frames));
  }
  Must(writer->Checkpoint(0));
  EXPECT_EQ(syncs.Unsynced(), Files{}) << "a checkpoint behind a build that was refused";
}

TEST(IndexCheckpoint, BringsTheWalIntoTheFileAndStartsItAnew) {
  Scratch dir;
  Generator generator(13);
  auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
  for (int i = 0; i < 30; ++i) Must(writer->Apply(std::vector{generator.NextFrame(5)}));
  const auto size_before = std::filesystem::file_size(dir / "i.db");
  Must(writer->Checkpoint(1u << 30));
  EXPECT_EQ(std::filesystem::file_size(dir / "i.db"), size_before) << "the WAL was within its bound";
  Must(writer->Checkpoint(0));
  EXPECT_GT(std::filesystem::file_size(dir / "i.db"), size_before);
  // The file alone holds everything now.
  std::filesystem::copy_file(dir / "i.db", dir / "alone.db");
  ExpectSame(*Must(IndexReader::Open(dir / "alone.db", true)), generator.plain());
  const auto wal = std::filesystem::file_size(dir / "i.db-wal");
  for (int i = 0; i < 3; ++i) Must(writer->Apply(std::vector{generator.NextFrame(1)}));
  EXPECT_EQ(std::filesystem::file_size(dir / "i.db-wal"), wal) << "the WAL is written from its start again";
  ExpectSame(*Must(IndexReader::Open(dir / "i.db")), generator.plain());
}

TEST(IndexCheckpoint, AReaderInTheWalDelaysItsRestartOnly) {
  Scratch dir;
  Generator generator(14);
  auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
  Must(writer->Apply(std::vector{generator.NextFrame(5)}));
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  Must(reader->BeginSnapshot());
  const std::string before = Dump(*reader);
  for (int i = 0; i < 5; ++i) {
    Must(writer->Apply(std::vector{generator.NextFrame(5)}));
    Must(writer->Checkpoint(0));
    EXPECT_EQ(Dump(*reader), before);
  }
  reader->EndSnapshot();
  Must(writer->Checkpoint(0));
  ExpectSame(*reader, generator.plain());
}

TEST(IndexCopy, IsACompleteFileWithoutAWal) {
  Scratch dir;
  Generator generator(15);
  auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
  Must(writer->Apply(generator.Frames(60)));
  Must(writer->CopyTo(dir / "copy.db"));
  for (const char* companion : {"-wal", "-shm", "-journal"}) {
    EXPECT_FALSE(std::filesystem::exists(dir / "copy.db" + companion)) << companion;
  }
  ExpectSame(*Must(IndexReader::Open(dir / "copy.db", true)), generator.plain());
  EXPECT_EQ(Dump(*Must(IndexReader::Open(dir / "copy.db"))), Dump(*Must(IndexReader::Open(dir / "i.db"))));
  EXPECT_EQ(writer->CopyTo(dir / "copy.db").error().code, ErrorCode::kExists);
  EXPECT_EQ(writer->CopyTo(dir / "none/copy.db").error().code, ErrorCode::kNotFound);
}

// Everything a reader can be asked, ignoring the answers: what matters is that it answers.
void AskEverything(IndexReader& reader, bool& corruption, std::size_t& others) {
  const auto note = [&](const auto& result) {
    if (result.ok()) return;
    if (result.error().code == ErrorCode::kCorruption) {
      corruption = true;
    } else {
      ADD_FAILURE() << ErrorCodeName(result.error().code) << ": " << result.error().message;
      ++others;
    }
  };
  const auto any_entry = [](const ArtifactEntry&) { return true; };
  const auto any_tag = [](const TagEntry&) { return true; };
  Listing all;
  all.include_deleted = true;
  note(reader.ReadMark());
  note(reader.GetEntry("a", "1"));
  note(reader.GetEntryAt("a", "1", 7));
  note(reader.ForEachEntry(all, std::nullopt, any_entry));
  note(reader.ForEachEntry(all, 20, any_entry));
  note(reader.ForEachHistory(any_entry));
  note(reader.ForEachTag(all, std::nullopt, any_tag));
  note(reader.ForEachTag(all, 20, any_tag));
  note(reader.ForEachTagHistory(any_tag));
  note(reader.ForEachRequest(1000, [](const model::RequestRow&) { return true; }));
  note(reader.Count());
  note(reader.ComputeStateHash());
}

TEST(IndexDamage, FlippedBytesAreCorruptionOrAWrongStateHashNeverACrash) {
  Scratch dir;
  Generator generator(16);
  {
    auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
    Must(writer->Apply(generator.Frames(150)));
    Must(writer->CopyTo(dir / "sound.db"));
  }
  std::ifstream file(dir / "sound.db", std::ios::binary);
  const std::string sound((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::size_t detected = 0;
  std::size_t others = 0;
  for (int round = 0; round < 150; ++round) {
    std::string bytes = sound;
    // Runs of damage as a bad block leaves it, in any page but biased to the beginnings, where the
    // structure is.
    for (int flips = 0; flips < 4; ++flips) {
      const std::size_t page = random() % (bytes.size() / 4096);
      const std::size_t at = page * 4096 + (random() % 2 == 0 ? random() % 64 : random() % 4096);
      const std::size_t length = std::min<std::size_t>(1 + random() % 16, bytes.size() - at);
      for (std::size_t i = 0; i < length; ++i) bytes[at + i] = static_cast<char>(random());
    }
    const std::string path = dir / "damaged.db";
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    bool corruption = false;
    const auto opened = IndexReader::Open(path, true);
    if (!opened.ok()) {
      EXPECT_TRUE(opened.error().code == ErrorCode::kCorruption || opened.error().code == ErrorCode::kUnsupported)
          << opened.error().message;
      ++detected;
      continue;
    }
    IndexReader& reader = **opened;
    AskEverything(reader, corruption, others);
    const Status integrity = reader.CheckIntegrity();
    const auto hash = reader.ComputeStateHash();
    detected += corruption || !integrity.ok() || !hash.ok() || *hash != generator.plain().StateHash();
  }
  EXPECT_EQ(others, 0u);
  // Damage may fall into unused space or history; most must be seen.
  EXPECT_GT(detected, 75u);
}

TEST(IndexDamage, ATruncatedFileIsCorruption) {
  Scratch dir;
  Generator generator(17);
  {
    auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
    Must(writer->Apply(generator.Frames(150)));
    Must(writer->CopyTo(dir / "copy.db"));
  }
  std::filesystem::resize_file(dir / "copy.db", std::filesystem::file_size(dir / "copy.db") / 4096 / 2 * 4096);
  const auto opened = IndexReader::Open(dir / "copy.db", true);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(opened.error().path, dir / "copy.db");
  EXPECT_NE(opened.error().message.find("copy.db"), std::string::npos) << opened.error().message;
}

TEST(IndexDamage, CheckIntegrityNamesAMissingIndexEntry) {
  Scratch dir;
  {
    auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
    Must(writer->Apply(std::vector{FrameOf({PutTxn(1, "a", "1"), PutTxn(2, "b", "1")})}));
  }
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((dir / "i.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db,
                         "PRAGMA writable_schema = ON;"
                         "UPDATE sqlite_schema SET sql = replace(sql, '(name, version)', '(name, writer)')"
                         " WHERE name = 'entry_key'",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(db);
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  const Status status = reader->CheckIntegrity();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kCorruption);
  EXPECT_NE(status.error().message.find("entry_key"), std::string::npos) << status.error().message;
}

}  // namespace
}  // namespace tenure::index
