// Batches large enough to go in by one statement, large transactions, and sums of row hashes.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <sqlite3.h>

#include "store/index/keyed_table.h"
#include "tests/unit/index/index_testing.h"
#include "tests/unit/index/sync_vfs.h"

namespace tenure::index {
namespace {

constexpr std::size_t kMany = 4 * kFeedRowsMin;

std::string KeyName(Lsn i) { return "k" + std::to_string(1000 + i); }

/// One frame, with the state hash that a journal would give it.
std::vector<AppliedFrame> OneFrame(std::vector<model::CommittedTxn> txns, const PlainIndex& plain) {
  std::vector frames = {FrameOf(std::move(txns))};
  frames[0].after.state_hash = plain.StateHash();
  return frames;
}

/// New keys; every third one has three revisions at once. LSNs from `first` on.
std::vector<model::CommittedTxn> NewKeys(Lsn first, std::size_t txns, PlainIndex& plain) {
  std::vector<model::CommittedTxn> made;
  Lsn key = first;
  Revision revision = 0;
  for (Lsn lsn = first; lsn < first + txns; ++lsn) {
    if (revision == 0 || key % 3 != 0 || revision == 3) {
      key = lsn;
      revision = 0;
    }
    made.push_back(PutTxn(lsn, KeyName(key), "1", ++revision));
    plain.Apply(made.back());
  }
  return made;
}

TEST(IndexFeed, NewKeysWithTheirHistories) {
  for (const bool bulk : {false, true}) {
    Scratch dir;
    PlainIndex plain;
    {
      auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
      auto txns = NewKeys(1, kMany, plain);
      const auto first = OneFrame(std::move(txns), plain);
      txns = NewKeys(kMany + 1, kMany, plain);
      const auto second = OneFrame(std::move(txns), plain);
      Must(bulk ? writer->ApplyBulk(first) : writer->Apply(first));
      Must(bulk ? writer->ApplyBulk(second) : writer->Apply(second));
      Must(writer->FinishBulk());
    }
    const auto reader = Must(IndexReader::Open(dir / "i.db"));
    ExpectSame(*reader, plain);
    EXPECT_GT(Must(reader->Count()).history_rows, kMany / 3);
    Must(reader->CheckIntegrity());
  }
}

TEST(IndexFeed, OldAndNewKeysInOneBatch) {
  Scratch dir;
  PlainIndex plain;
  auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
  Must(writer->Apply(std::vector{FrameOf(NewKeys(1, kMany, plain))}));
  auto txns = NewKeys(kMany + 1, kMany, plain);
  const Lsn next = 2 * kMany + 1;
  // The first key of the first batch goes on, twice.
  for (Revision revision = 2; revision <= 3; ++revision) {
    txns.push_back(PutTxn(next + revision - 2, KeyName(1), "1", revision));
    plain.Apply(txns.back());
  }
  Must(writer->Apply(OneFrame(std::move(txns), plain)));
  ExpectSame(*Must(IndexReader::Open(dir / "i.db")), plain);
}

TEST(IndexFeed, AKeyThatIsThereAlreadyIsNamedAndNothingApplied) {
  Scratch dir;
  PlainIndex plain;
  auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
  Must(writer->Apply(std::vector{FrameOf({PutTxn(1, KeyName(kMany / 2), "1")})}));
  std::vector<model::CommittedTxn> txns;
  for (Lsn lsn = 2; lsn < kMany; ++lsn) txns.push_back(PutTxn(lsn, KeyName(lsn), "1"));
  const Status refused = writer->Apply(std::vector{FrameOf(txns)});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(refused.error().key, KeyName(kMany / 2) + ":1");
  EXPECT_EQ(refused.error().lsn, kMany / 2);
  EXPECT_EQ(Must(writer->ReadMark()).position.last_lsn, 1u);
  EXPECT_EQ(Must(Must(IndexReader::Open(dir / "i.db"))->Count()).entries, 1u);
  // The writer goes on, by the same statement too.
  txns.erase(txns.begin() + kMany / 2 - 2);
  for (Lsn lsn = 2; lsn < kMany; ++lsn) {
    if (lsn - 2 < txns.size()) txns[lsn - 2].lsn = lsn;
  }
  Must(writer->Apply(std::vector{FrameOf(txns)}));
  EXPECT_EQ(Must(Must(IndexReader::Open(dir / "i.db"))->Count()).entries, kMany - 2);
}

TEST(IndexFeed, ARevisionThatIsMissingIsNamedAndNothingApplied) {
  Scratch dir;
  auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
  std::vector<model::CommittedTxn> txns;
  for (Lsn lsn = 1; lsn < kMany; ++lsn) txns.push_back(PutTxn(lsn, KeyName(lsn), "1"));
  txns.push_back(PutTxn(kMany, KeyName(7), "1", 3));
  const Status refused = writer->Apply(std::vector{FrameOf(txns)});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(refused.error().key, KeyName(7) + ":1");
  EXPECT_EQ(refused.error().revision, 3u);
  EXPECT_EQ(Must(Must(IndexReader::Open(dir / "i.db"))->Count()).entries, 0u);
}

RC_GTEST_PROP(IndexGather, GivesWhatApplyGives, ()) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  Scratch dir;
  SyncVfs unsynced(SyncVfs::Syncs::kLeftOut);
  Generator generator(seed);
  const auto frames = generator.Frames(1 + generator.Below(50));
  auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
  for (std::size_t at = 0; at < frames.size();) {
    const std::size_t count = std::min(frames.size() - at, std::size_t{1} + generator.Below(40));
    // Late ones among them change nothing.
    const std::size_t from = generator.Below(at + 1);
    Must(writer->Gather(std::span(frames).subspan(from, at - from + count)));
    at += count;
    RC_ASSERT(Must(writer->ReadMark()).position == frames[at - 1].after);
    if (generator.Below(3) == 0) Must(writer->CommitGathered());
  }
  Must(writer->CommitGathered());
  RC_ASSERT(writer->gathered_bytes() == 0u);
  ExpectSame(*Must(IndexReader::Open(dir / "i.db")), generator.plain());
  RC_ASSERT(!::testing::Test::HasFailure());
}

TEST(IndexGather, NothingIsThereUntilItIsCommitted) {
  Scratch dir;
  auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  const std::vector first = {FrameOf({PutTxn(1, "a", "1")})};
  Must(writer->Gather(first));
  EXPECT_GT(writer->gathered_bytes(), 0u);
  EXPECT_EQ(Must(reader->AppliedLsn()), 0u);
  EXPECT_EQ(writer->Apply(first).error().code, ErrorCode::kInternal);
  EXPECT_EQ(writer->ApplyBulk(first).error().code, ErrorCode::kInternal);
  EXPECT_EQ(writer->Checkpoint(0).error().code, ErrorCode::kInternal);
  EXPECT_EQ(writer->CopyTo(dir / "copy.db").error().code, ErrorCode::kInternal);
  // A gap forgets it, and the writer goes on.
  EXPECT_EQ(writer->Gather(std::vector{FrameOf({PutTxn(3, "c", "1")})}).error().code, ErrorCode::kInternal);
  Must(writer->CommitGathered());
  EXPECT_EQ(Must(reader->AppliedLsn()), 0u);
  Must(writer->Gather(first));
  Must(writer->CommitGathered());
  EXPECT_EQ(Must(reader->AppliedLsn()), 1u);
  Must(writer->Checkpoint(0));
}

TEST(IndexGather, WhatDoesNotFollowRollsEverythingBack) {
  Scratch dir;
  auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
  Must(writer->Gather(std::vector{FrameOf({PutTxn(1, "a", "1"), PutTxn(2, "b", "1")})}));
  Must(writer->Gather(std::vector{FrameOf({PutTxn(3, "a", "1", 3)})}));
  EXPECT_EQ(writer->CommitGathered().error().code, ErrorCode::kCorruption);
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  EXPECT_EQ(Must(reader->AppliedLsn()), 0u);
  EXPECT_EQ(Must(reader->Count()).entries, 0u);
  Must(writer->Apply(std::vector{FrameOf({PutTxn(1, "a", "1")})}));
}

TEST(IndexStateHash, TheTwoHalvesAreTheWhole) {
  for (const std::size_t txns : {0, 1, 2, 3, 150}) {
    Scratch dir;
    Generator generator(txns);
    const auto frames = generator.Frames(txns);
    {
      auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
      if (!frames.empty()) Must(writer->ApplyBulk(frames));
      Must(writer->FinishBulkUnsynced());
    }
    EXPECT_EQ(Must(ComputeStateHashOf(dir / "i.db")), generator.plain().StateHash()) << txns;
    EXPECT_EQ(Must(Must(IndexReader::Open(dir / "i.db"))->ComputeStateHash()), generator.plain().StateHash()) << txns;
  }
}

TEST(IndexStateHash, ARowThatCannotBeReadIsNamed) {
  Scratch dir;
  {
    auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, {}));
    Must(writer->ApplyBulk(std::vector{FrameOf({PutTxn(1, "a", "1"), PutTxn(2, "b", "1"), PutTxn(3, "c", "1")})}));
    Must(writer->FinishBulkUnsynced());
  }
  for (const char* name : {"a", "c"}) {  // one in each half
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((dir / "i.db").c_str(), &db), SQLITE_OK);
    const std::string spoil =
        std::string("UPDATE entry SET urls = CASE WHEN name = '") + name + "' THEN '[1]' ELSE '[]' END";
    ASSERT_EQ(sqlite3_exec(db, spoil.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
    const Error whole = Must(IndexReader::Open(dir / "i.db"))->ComputeStateHash().error();
    const Error halves = ComputeStateHashOf(dir / "i.db").error();
    for (const Error& error : {whole, halves}) {
      EXPECT_EQ(error.code, ErrorCode::kCorruption);
      EXPECT_EQ(error.key, std::string(name) + ":1");
    }
  }
}

}  // namespace
}  // namespace tenure::index
