#include <gtest/gtest.h>

#include <sqlite3.h>

#include <filesystem>

#include "store/index/meta.h"
#include "tests/unit/index/index_testing.h"

namespace tenure::index {
namespace {

class IndexReaderTest : public ::testing::Test {
 protected:
  IndexReaderTest() : writer_(Must(IndexWriter::Create(path_, kStoreId, {}))) {}

  void Apply(std::vector<model::CommittedTxn> txns) { Must(writer_->Apply(std::vector{FrameOf(std::move(txns))})); }
  static model::CommittedTxn TagTxn(Lsn lsn, const std::string& name, const std::string& tag,
                                    const std::string& version, Revision revision) {
    model::CommittedTxn txn;
    txn.lsn = lsn;
    txn.effects.resize(1);
    txn.effects[0].kind = version.empty() ? model::EffectKind::kDeleteTag : model::EffectKind::kSetTag;
    txn.effects[0].tag.name = name;
    txn.effects[0].tag.tag = tag;
    txn.effects[0].tag.version = version;
    txn.effects[0].tag.revision = revision;
    return txn;
  }
  static std::vector<std::string> Keys(const IndexReader& reader, const Listing& listing) {
    std::vector<std::string> keys;
    Must(reader.ForEachEntry(listing, std::nullopt, [&keys](const ArtifactEntry& e) {
      return keys.push_back(e.name + ":" + e.version), true;
    }));
    return keys;
  }

  Scratch dir_;
  const std::string path_ = dir_ / "i.db";
  std::unique_ptr<IndexWriter> writer_;
};

TEST_F(IndexReaderTest, WhatNeverWasIsNothing) {
  const auto reader = Must(IndexReader::Open(path_));
  EXPECT_FALSE(Must(reader->GetEntry("a", "1")).has_value());
  EXPECT_FALSE(Must(reader->GetEntryAt("a", "1", 5)).has_value());
  EXPECT_FALSE(Must(reader->GetTag("a", "prod")).has_value());
  EXPECT_FALSE(Must(reader->GetTagAt("a", "prod", 5)).has_value());
  EXPECT_FALSE(Must(reader->GetRequest("r")).has_value());
  EXPECT_TRUE(Must(reader->History("a", "1")).empty());
  EXPECT_TRUE(Must(reader->TagHistory("a", "prod")).empty());
  EXPECT_TRUE(Must(reader->TagsOf("a", "1")).empty());
  EXPECT_EQ(Must(reader->ComputeStateHash()), base::Hash128{});
}

TEST_F(IndexReaderTest, ListsBytewiseByNameThenVersion) {
  Apply({PutTxn(1, "b", "1"), PutTxn(2, "a/x", "1"), PutTxn(3, "a", "10"), PutTxn(4, "a", "9"), PutTxn(5, "a-b", "1"),
         PutTxn(6, "B", "1"), PutTxn(7, "\xc3\xa9", "1")});
  const auto reader = Must(IndexReader::Open(path_));
  EXPECT_EQ(Keys(*reader, {}), (std::vector<std::string>{"B:1", "a:10", "a:9", "a-b:1", "a/x:1", "b:1", "\xc3\xa9:1"}));
  Listing listing;
  listing.name_prefix = "a";
  EXPECT_EQ(Keys(*reader, listing), (std::vector<std::string>{"a:10", "a:9", "a-b:1", "a/x:1"}));
  listing.name_prefix = "a/";
  EXPECT_EQ(Keys(*reader, listing), (std::vector<std::string>{"a/x:1"}));
  // A key to continue behind that lies before the prefix, or behind all of it.
  listing.after_name = "B";
  EXPECT_EQ(Keys(*reader, listing), (std::vector<std::string>{"a/x:1"}));
  listing.after_name = "a/x";
  listing.after_version = "1";
  EXPECT_TRUE(Keys(*reader, listing).empty());
  listing = {};
  listing.after_name = "a";
  EXPECT_EQ(Keys(*reader, listing).front(), "a:10");
  listing.after_version = "10";
  EXPECT_EQ(Keys(*reader, listing).front(), "a:9");
  listing = {};
  listing.name_prefix = "\xff\xff";
  EXPECT_TRUE(Keys(*reader, listing).empty());
}

TEST_F(IndexReaderTest, ListingsUseTheIndexAndSortNothing) {
  const auto reader = Must(IndexReader::Open(path_));
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open_v2(path_.c_str(), &db, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  sqlite3_stmt* plan = nullptr;
  const char* sql =
      "EXPLAIN QUERY PLAN SELECT * FROM entry WHERE (entry.name, entry.version) > (?1, ?2) AND entry.name < ?3"
      " AND deleted = 0 ORDER BY 2, 3";
  ASSERT_EQ(sqlite3_prepare_v2(db, sql, -1, &plan, nullptr), SQLITE_OK);
  std::string steps;
  while (sqlite3_step(plan) == SQLITE_ROW) steps += reinterpret_cast<const char*>(sqlite3_column_text(plan, 3));
  sqlite3_finalize(plan);
  sqlite3_close(db);
  EXPECT_NE(steps.find("USING INDEX entry_key"), std::string::npos) << steps;
  EXPECT_EQ(steps.find("TEMP B-TREE"), std::string::npos) << steps;
}

TEST_F(IndexReaderTest, AVisitorMayStopAndMayUseTheReader) {
  Apply({PutTxn(1, "a", "1"), PutTxn(2, "b", "1"), PutTxn(3, "c", "1")});
  const auto reader = Must(IndexReader::Open(path_));
  std::vector<std::string> seen;
  Must(reader->ForEachEntry({}, std::nullopt, [&](const ArtifactEntry& e) {
    seen.push_back(e.name);
    EXPECT_TRUE(Must(reader->GetEntry("c", "1")).has_value());
    std::size_t inner = 0;
    Must(reader->ForEachEntry({}, std::nullopt, [&inner](const ArtifactEntry&) { return ++inner, true; }));
    EXPECT_EQ(inner, 3u);
    return seen.size() < 2;
  }));
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b"}));
}

TEST_F(IndexReaderTest, TagsOfAreLiveTagsThatPointToTheVersion) {
  Apply({TagTxn(1, "app", "prod", "1", 1), TagTxn(2, "app", "latest", "1", 1), TagTxn(3, "app", "old", "1", 1),
         TagTxn(4, "app", "next", "2", 1), TagTxn(5, "other", "prod", "1", 1), TagTxn(6, "app", "old", "", 2)});
  const auto reader = Must(IndexReader::Open(path_));
  const auto tags = Must(reader->TagsOf("app", "1"));
  ASSERT_EQ(tags.size(), 2u);
  EXPECT_EQ(tags[0].tag, "latest");
  EXPECT_EQ(tags[1].tag, "prod");
  EXPECT_TRUE(Must(reader->GetTag("app", "old"))->deleted);
}

TEST_F(IndexReaderTest, ASnapshotSeesOneLsnUntilItEnds) {
  Apply({PutTxn(1, "a", "1")});
  const auto reader = Must(IndexReader::Open(path_));
  Must(reader->BeginSnapshot());
  EXPECT_EQ(reader->BeginSnapshot().error().code, ErrorCode::kInternal);
  Apply({PutTxn(2, "b", "1")});
  EXPECT_EQ(Must(reader->AppliedLsn()), 1u);
  EXPECT_FALSE(Must(reader->GetEntry("b", "1")).has_value());
  EXPECT_EQ(Must(reader->Count()).entries, 1u);
  EXPECT_EQ(Must(reader->ComputeStateHash()),
            model::RowHash(model::EntryAfter(PutTxn(1, "a", "1"), PutTxn(1, "a", "1").effects[0])));
  EXPECT_FALSE(Must(reader->GetEntry("b", "1")).has_value()) << "the snapshot outlived the sum";
  reader->EndSnapshot();
  reader->EndSnapshot();
  EXPECT_EQ(Must(reader->AppliedLsn()), 2u);
  EXPECT_TRUE(Must(reader->GetEntry("b", "1")).has_value());
}

TEST_F(IndexReaderTest, SinglesReadsLeaveNoViewOpen) {
  Apply({PutTxn(1, "a", "1")});
  const auto reader = Must(IndexReader::Open(path_));
  for (Lsn lsn = 2; lsn < 12; ++lsn) {
    EXPECT_EQ(Must(reader->GetEntry("a", "1"))->revision, lsn - 1);
    EXPECT_EQ(Must(reader->GetEntryAt("a", "1", lsn))->revision, lsn - 1);
    EXPECT_EQ(Must(reader->ReadMark()).position.last_lsn, lsn - 1);
    EXPECT_TRUE(Must(reader->TagsOf("a", "1")).empty());
    Apply({PutTxn(lsn, "a", "1", lsn)});
  }
}

// Any SQLite client can read the file: names, JSON and times as text and numbers.
TEST_F(IndexReaderTest, TheFileIsReadableByAnySqliteClient) {
  model::CommittedTxn txn = PutTxn(1, "app", "1.0");
  txn.effects[0].entry.digest = "sha256:" + std::string(64, 'a');
  txn.effects[0].entry.size = 7;
  txn.effects[0].entry.urls = {"https://x/1", "https://x/2"};
  txn.effects[0].entry.annotations = R"({"k":"v"})";
  Apply({txn, PutTxn(2, "app", "1.0", 2)});
  sqlite3* db = nullptr;
  ASSERT_EQ(
      sqlite3_open_v2(("file:" + path_ + "?mode=ro").c_str(), &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nullptr),
      SQLITE_OK);
  const auto ask = [db](const char* sql) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(db, sql, -1, &statement, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW) << sql;
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    std::string answer = text != nullptr ? text : "NULL";
    sqlite3_finalize(statement);
    return answer;
  };
  EXPECT_EQ(ask("SELECT name || ':' || version || ' r' || revision FROM entry"), "app:1.0 r2");
  EXPECT_EQ(ask("SELECT digest FROM entry"), "NULL");
  EXPECT_EQ(ask("SELECT json_extract(urls, '$[1]') FROM entry_history WHERE name = 'app'"), "https://x/2");
  EXPECT_EQ(ask("SELECT json_extract(annotations, '$.k') || size || until_lsn FROM entry_history"), "v72");
  EXPECT_EQ(ask("SELECT applied_lsn || ' ' || store_id FROM meta"), std::string("2 ") + kStoreId);
  EXPECT_EQ(ask("PRAGMA application_id"), std::to_string(kApplicationId));
  EXPECT_EQ(ask("PRAGMA user_version"), std::to_string(kFormatVersion));
  EXPECT_EQ(ask("PRAGMA journal_mode"), "wal");
  sqlite3_close(db);
}

TEST_F(IndexReaderTest, AnImmutableReaderTouchesNothing) {
  Apply({PutTxn(1, "a", "1")});
  Must(writer_->CopyTo(dir_ / "odd name?#%.db"));
  const auto reader = Must(IndexReader::Open(dir_ / "odd name?#%.db", true));
  EXPECT_TRUE(Must(reader->GetEntry("a", "1")).has_value());
  Must(reader->CheckIntegrity());
  std::size_t companions = 0;
  for (const auto& file : std::filesystem::directory_iterator(dir_.path())) {
    companions += file.path().filename().string().starts_with("odd name?#%.db-");
  }
  EXPECT_EQ(companions, 0u);
}

}  // namespace
}  // namespace tenure::index
