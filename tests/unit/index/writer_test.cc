#include <gtest/gtest.h>

#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "store/base/failpoint.h"
#include "tests/unit/index/index_testing.h"

namespace tenure::index {
namespace {

struct OpenIndex {
  explicit OpenIndex(const std::string& path) : writer(Must(IndexWriter::Create(path, kStoreId, {}))) {}
  std::unique_ptr<IndexWriter> writer;
  Lsn Applied() const { return Must(writer->ReadMark()).position.last_lsn; }
};

TEST(IndexWriter, CreateMakesAnEmptyIndexThatSaysWhereItStands) {
  Scratch dir;
  model::JournalPosition at;
  at.segment = {3, 7};
  at.offset = 4096;
  at.last_lsn = 41;
  at.time_ms = 1'234;
  at.chain[5] = std::byte{0xab};
  at.state_hash = {1, 0xfedcba9876543210};
  { const auto writer = Must(IndexWriter::Create(dir / "i.db", kStoreId, at)); }
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  const Mark mark = Must(reader->ReadMark());
  EXPECT_EQ(mark.position, at);
  EXPECT_EQ(mark.store_id_hex, kStoreId);
  EXPECT_EQ(mark.format_version, 1u);
  EXPECT_EQ(mark.oldest_history_lsn, 0u);
  EXPECT_EQ(Must(reader->AppliedLsn()), 41u);
  EXPECT_EQ(Must(reader->Count()).entries, 0u);
  Must(reader->CheckIntegrity());
}

TEST(IndexWriter, CreateRefusesAnExistingFileAndLeavesItAlone) {
  Scratch dir;
  std::ofstream(dir / "i.db") << "mine";
  const auto created = IndexWriter::Create(dir / "i.db", kStoreId, {});
  ASSERT_FALSE(created.ok());
  EXPECT_EQ(created.error().code, ErrorCode::kExists);
  EXPECT_EQ(std::filesystem::file_size(dir / "i.db"), 4u);
}

TEST(IndexWriter, FilesAreReadableByWhomTheDirectoryIs) {
  Scratch dir;
  const auto mode = [](const std::string& path) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 0777;
  };
  const mode_t before = umask(077);
  std::filesystem::create_directory(dir / "private");
  std::filesystem::create_directory(dir / "group");
  ASSERT_EQ(chmod((dir / "group").c_str(), 02770), 0);
  const auto own = Must(IndexWriter::Create(dir / "private/i.db", kStoreId, {}));
  const auto shared = Must(IndexWriter::Create(dir / "group/i.db", kStoreId, {}));
  umask(before);
  for (const char* companion : {"", "-wal", "-shm"}) {
    EXPECT_EQ(mode(dir / "private/i.db" + companion), 0600u) << companion;
    EXPECT_EQ(mode(dir / "group/i.db" + companion), 0660u) << companion;
  }
}

TEST(IndexWriter, OpenSaysWhatIsWrongWithAFile) {
  Scratch dir;
  EXPECT_EQ(IndexWriter::Open(dir / "none.db").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(IndexReader::Open(dir / "none.db").error().code, ErrorCode::kNotFound);
  std::ofstream(dir / "empty.db");
  EXPECT_EQ(IndexReader::Open(dir / "empty.db").error().code, ErrorCode::kCorruption);
  std::ofstream(dir / "text.db") << std::string(5000, 'x');
  EXPECT_EQ(IndexWriter::Open(dir / "text.db").error().code, ErrorCode::kCorruption);
  const Error error = IndexReader::Open(dir / "text.db").error();
  EXPECT_EQ(error.code, ErrorCode::kCorruption);
  EXPECT_NE(error.message.find(dir / "text.db"), std::string::npos) << error.message;
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((dir / "other.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "CREATE TABLE entry (name)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  EXPECT_EQ(IndexReader::Open(dir / "other.db").error().code, ErrorCode::kCorruption);
  { OpenIndex newer(dir / "newer.db"); }
  ASSERT_EQ(sqlite3_open((dir / "newer.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "PRAGMA user_version = 2", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  EXPECT_EQ(IndexReader::Open(dir / "newer.db").error().code, ErrorCode::kUnsupported);
}

TEST(IndexWriter, ApplyingAgainOrLateDoesNothing) {
  Scratch dir;
  OpenIndex index(dir / "i.db");
  Generator generator(1);
  const auto frames = generator.Frames(40);
  Must(index.writer->Apply(frames));
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  const std::string before = Dump(*reader);
  Must(index.writer->Apply(frames));
  Must(index.writer->Apply(std::span(frames).first(3)));
  Must(index.writer->Apply({}));
  EXPECT_EQ(Dump(*reader), before);
}

TEST(IndexWriter, AGapIsRefusedAndChangesNothing) {
  Scratch dir;
  OpenIndex index(dir / "i.db");
  Generator generator(2);
  const auto frames = generator.Frames(40);
  Must(index.writer->Apply(std::span(frames).first(2)));
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  const std::string before = Dump(*reader);
  const Status ahead = index.writer->Apply(std::span(frames).subspan(3));
  ASSERT_FALSE(ahead.ok());
  EXPECT_EQ(ahead.error().code, ErrorCode::kInternal);
  // A gap behind frames that do continue: nothing of them is applied either.
  std::vector<AppliedFrame> holed = {frames[2], frames[4]};
  EXPECT_EQ(index.writer->Apply(holed).error().code, ErrorCode::kInternal);
  // A frame that begins below the applied LSN but ends above it was cut wrongly.
  std::vector<AppliedFrame> straddling = {frames[1]};
  straddling[0].txns.insert(straddling[0].txns.end(), frames[2].txns.begin(), frames[2].txns.end());
  straddling[0].after = frames[2].after;
  EXPECT_EQ(index.writer->Apply(straddling).error().code, ErrorCode::kInternal);
  std::vector<AppliedFrame> mislabelled = {frames[2]};
  mislabelled[0].after.last_lsn += 1;
  EXPECT_EQ(index.writer->Apply(mislabelled).error().code, ErrorCode::kInternal);
  EXPECT_EQ(Dump(*reader), before);
  Must(index.writer->Apply(frames));
  EXPECT_EQ(index.Applied(), 40u);
}

TEST(IndexWriter, RowsThatCannotFollowAreCorruptionAndChangeNothing) {
  Scratch dir;
  OpenIndex index(dir / "i.db");
  Must(index.writer->Apply(std::vector{FrameOf({PutTxn(1, "a", "1"), PutTxn(2, "b", "1")})}));
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  const std::string before = Dump(*reader);
  const std::vector<model::CommittedTxn> wrong = {PutTxn(4, "a", "1", 1), PutTxn(4, "a", "1", 3),
                                                  PutTxn(4, "new", "1", 2)};
  for (const model::CommittedTxn& txn : wrong) {
    const Status status = index.writer->Apply(std::vector{FrameOf({PutTxn(3, "c", "1"), txn})});
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::kCorruption);
    EXPECT_EQ(status.error().key, txn.effects[0].entry.name + ":1") << status.error().message;
    EXPECT_EQ(status.error().lsn, 4u);
    EXPECT_EQ(Dump(*reader), before);
  }
  model::CommittedTxn request = PutTxn(3, "c", "1");
  request.request_id = "twice";
  model::CommittedTxn again = PutTxn(4, "d", "1");
  again.request_id = "twice";
  const Status status = index.writer->Apply(std::vector{FrameOf({request, again})});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kCorruption);
  EXPECT_NE(status.error().message.find("twice"), std::string::npos);
  EXPECT_EQ(Dump(*reader), before);
}

TEST(IndexWriter, OneTransactionMayChangeAKeyTwice) {
  Scratch dir;
  OpenIndex index(dir / "i.db");
  model::CommittedTxn txn = PutTxn(2, "a", "1", 2);
  txn.effects.push_back(txn.effects[0]);
  txn.effects[1].entry.revision = 3;
  txn.effects[1].entry.media_type = "last";
  Must(index.writer->Apply(std::vector{FrameOf({PutTxn(1, "a", "1"), txn})}));
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  // Half a transaction is never seen, but every revision is retained.
  EXPECT_EQ(Must(reader->GetEntryAt("a", "1", 1))->revision, 1u);
  EXPECT_EQ(Must(reader->GetEntryAt("a", "1", 2))->revision, 3u);
  const auto history = Must(reader->History("a", "1"));
  ASSERT_EQ(history.size(), 3u);
  EXPECT_EQ(history[0].media_type, "last");
  EXPECT_EQ(history[1].revision, 2u);
}

TEST(IndexWriter, TrimsAndPrunesKeepWhatIsNotBelow) {
  Scratch dir;
  OpenIndex index(dir / "i.db");
  std::vector<model::CommittedTxn> txns;
  for (Lsn lsn = 1; lsn <= 6; ++lsn) {
    txns.push_back(PutTxn(lsn, "a", "1", lsn));
    txns.back().request_id = "r" + std::to_string(lsn);
  }
  model::CommittedTxn drop;
  drop.lsn = 7;
  drop.time_ms = txns.back().time_ms;
  drop.effects.resize(2);
  drop.effects[0].kind = model::EffectKind::kTrimHistory;
  drop.effects[0].below_lsn = 4;
  drop.effects[1].kind = model::EffectKind::kPruneRequests;
  drop.effects[1].below_lsn = 3;
  txns.push_back(drop);
  Must(index.writer->Apply(std::vector{FrameOf(txns)}));
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  EXPECT_EQ(Must(reader->ReadMark()).oldest_history_lsn, 4u);
  // Revision 3 was replaced by LSN 4, which is not below 4: it stays, and answers for LSN 3.
  const auto history = Must(reader->History("a", "1"));
  ASSERT_EQ(history.size(), 4u);
  EXPECT_EQ(history.back().revision, 3u);
  EXPECT_EQ(Must(reader->GetEntryAt("a", "1", 4))->revision, 4u);
  EXPECT_FALSE(Must(reader->GetEntryAt("a", "1", 2)).has_value());
  EXPECT_FALSE(Must(reader->GetRequest("r2")).has_value());
  EXPECT_EQ(Must(reader->GetRequest("r3"))->lsn, 3u);
  EXPECT_EQ(Must(reader->CountHistoryBelow(6)), 2u);
  std::vector<Lsn> below;
  Must(reader->ForEachRequest(5, [&below](const model::RequestRow& row) { return below.push_back(row.lsn), true; }));
  EXPECT_EQ(below, (std::vector<Lsn>{3, 4}));
}

TEST(IndexWriter, AnUnfinishedBulkBuildIsNotAnIndex) {
  Scratch dir;
  Generator generator(3);
  const auto frames = generator.Frames(30);
  {
    OpenIndex index(dir / "i.db");
    Must(index.writer->ApplyBulk(frames));
    EXPECT_EQ(index.Applied(), 30u);
    EXPECT_EQ(index.writer->Apply(frames).error().code, ErrorCode::kInternal);
    EXPECT_EQ(index.writer->CopyTo(dir / "copy.db").error().code, ErrorCode::kInternal);
    EXPECT_EQ(index.writer->Checkpoint(0).error().code, ErrorCode::kInternal);
  }
  EXPECT_EQ(IndexReader::Open(dir / "i.db").error().code, ErrorCode::kCorruption);
  EXPECT_EQ(IndexWriter::Open(dir / "i.db").error().code, ErrorCode::kCorruption);
}

TEST(IndexWriter, ABulkBuildRefusesGapsAndGoesOn) {
  Scratch dir;
  OpenIndex index(dir / "i.db");
  Generator generator(4);
  const auto frames = generator.Frames(40);
  Must(index.writer->FinishBulk());  // nothing begun, nothing to finish
  Must(index.writer->ApplyBulk(std::span(frames).first(2)));
  EXPECT_EQ(index.writer->ApplyBulk(std::span(frames).subspan(3)).error().code, ErrorCode::kInternal);
  Must(index.writer->ApplyBulk(frames));
  Must(index.writer->FinishBulk());
  Must(index.writer->Apply(std::vector{generator.NextFrame(5)}));
  ExpectSame(*Must(IndexReader::Open(dir / "i.db")), generator.plain());
}

TEST(IndexWriter, ABulkBuildMayGoOnFromACopy) {
  Scratch dir;
  Generator generator(5);
  const auto frames = generator.Frames(60);
  {
    OpenIndex index(dir / "i.db");
    Must(index.writer->Apply(std::span(frames).first(5)));
    Must(index.writer->CopyTo(dir / "copy.db"));
    auto copy = Must(IndexWriter::Open(dir / "copy.db"));
    Must(copy->ApplyBulk(frames));
    Must(copy->FinishBulk());
  }
  ExpectSame(*Must(IndexReader::Open(dir / "copy.db")), generator.plain());
}

TEST(IndexWriter, ABulkBuildNeedsTheFileForItself) {
  Scratch dir;
  OpenIndex index(dir / "i.db");
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  EXPECT_EQ(index.writer->ApplyBulk(std::vector{FrameOf({PutTxn(1, "a", "1")})}).error().code, ErrorCode::kBusy);
  Must(index.writer->Apply(std::vector{FrameOf({PutTxn(1, "a", "1")})}));
  EXPECT_TRUE(Must(reader->GetEntry("a", "1")).has_value());
}

TEST(IndexWriter, AnotherWriterHoldingTheLockMeansBusy) {
  Scratch dir;
  OpenIndex index(dir / "i.db");
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((dir / "i.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const std::vector frames = {FrameOf({PutTxn(1, "a", "1")})};
  EXPECT_EQ(index.writer->Apply(frames).error().code, ErrorCode::kBusy);
  EXPECT_EQ(index.writer->Checkpoint(0).error().code, ErrorCode::kBusy);
  ASSERT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  Must(index.writer->Apply(frames));
  sqlite3_close(other);
  EXPECT_EQ(index.Applied(), 1u);
}

#ifdef TENURE_TESTING
// Each deliberate defect must be seen by what a user or verify would look at.
class SeededBug {
 public:
  explicit SeededBug(const char* name) { base::SetSeededBug(name); }
  ~SeededBug() { base::SetSeededBug(""); }
};

std::vector<AppliedFrame> ManyKeys(std::size_t keys, PlainIndex& plain) {
  std::vector<AppliedFrame> frames;
  for (Lsn lsn = 1; lsn <= keys; ++lsn) {
    const model::CommittedTxn txn = PutTxn(lsn, "k" + std::to_string(lsn), "1");
    plain.Apply(txn);
    frames.push_back(FrameOf({txn}));
    frames.back().after.state_hash = plain.StateHash();
  }
  return frames;
}

TEST(IndexSeededBugs, ALostRowIsFoundByTheStateHash) {
  Scratch dir;
  OpenIndex index(dir / "i.db");
  PlainIndex plain;
  const auto frames = ManyKeys(150, plain);
  {
    SeededBug bug("apply_lost_row");
    Must(index.writer->Apply(frames));
  }
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  EXPECT_FALSE(Must(reader->ComputeStateHash()) == Must(reader->ReadMark()).position.state_hash);
}

TEST(IndexSeededBugs, WithoutTheContinuityCheckAGapIsNotRefused) {
  Scratch dir;
  OpenIndex index(dir / "i.db");
  PlainIndex plain;
  const auto frames = ManyKeys(4, plain);
  SeededBug bug("apply_no_continuity");
  Must(index.writer->Apply(std::span(frames).subspan(2)));
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  EXPECT_FALSE(Must(reader->ComputeStateHash()) == Must(reader->ReadMark()).position.state_hash);
}

TEST(IndexSeededBugs, HistoryThatIsNotKeptIsMissed) {
  Scratch dir;
  OpenIndex index(dir / "i.db");
  {
    SeededBug bug("history_not_kept");
    Must(index.writer->Apply(std::vector{FrameOf({PutTxn(1, "a", "1"), PutTxn(2, "a", "1", 2)})}));
    Must(index.writer->Apply(std::vector{FrameOf({PutTxn(3, "a", "1", 3)})}));
  }
  const auto reader = Must(IndexReader::Open(dir / "i.db"));
  EXPECT_EQ(Must(reader->History("a", "1")).size(), 1u);
  EXPECT_FALSE(Must(reader->GetEntryAt("a", "1", 2)).has_value());
}
#endif

}  // namespace
}  // namespace tenure::index
