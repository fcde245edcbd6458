// What a user of the library sees of one store in one process.
#include "tenure/store.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/dump.h"
#include "tests/unit/store/one_store.h"

namespace tenure {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');
const std::string kOtherDigest = "sha256:" + std::string(64, 'b');

class StoreTest : public testing::OneStore<testing::RecordedEnv> {
 protected:
  static PutSpec Spec(const std::string& name, const std::string& version, const std::string& digest = kDigest) {
    PutSpec spec;
    spec.name = name;
    spec.version = version;
    spec.digest = digest;
    spec.size = 10;
    return spec;
  }
  Result<Receipt> Put(const std::string& name, const std::string& version, const std::string& digest = kDigest) {
    Transaction txn;
    txn.Put(Spec(name, version, digest));
    return store().Commit(txn);
  }
  template <typename Fill>
  Result<Receipt> Commit(Fill fill, const CommitOptions& options = {}) {
    Transaction txn;
    fill(txn);
    return store().Commit(txn, options);
  }
  static ErrorCode CodeOf(const Result<Receipt>& result) {
    return result.ok() ? ErrorCode::kInternal : result.error().code;
  }
};

TEST_F(StoreTest, PutThenGet) {
  Transaction txn;
  PutSpec spec = Spec("release/app", "1.0");
  spec.media_type = "application/gzip";
  spec.urls = {"https://example.test/a"};
  spec.annotations = R"({"b": 1, "a": [true, null]})";
  txn.Put(spec);
  const auto receipt = store().Commit(txn);
  ASSERT_TRUE(receipt.ok()) << receipt.error().message;
  EXPECT_EQ(receipt->lsn, 1u);
  EXPECT_EQ(receipt->outcome, Outcome::kCommitted);
  ASSERT_EQ(receipt->results.size(), 1u);
  EXPECT_EQ(receipt->results[0].revision, 1u);

  const auto entry = store().Get("release/app:1.0");
  ASSERT_TRUE(entry.ok()) << entry.error().message;
  EXPECT_EQ(entry->digest, kDigest);
  EXPECT_EQ(entry->size, 10u);
  EXPECT_EQ(entry->media_type, "application/gzip");
  EXPECT_EQ(entry->urls, std::vector<std::string>{"https://example.test/a"});
  EXPECT_EQ(entry->annotations, R"({"a":[true,null],"b":1})");
  EXPECT_EQ(entry->revision, 1u);
  EXPECT_EQ(entry->lsn, 1u);
  EXPECT_EQ(entry->writer, "tester@here");
  EXPECT_EQ(entry->created_at_ms, entry->updated_at_ms);
  EXPECT_EQ(entry->created_at_ms, receipt->time_ms);
}

TEST_F(StoreTest, IdenticalPutIsUnchangedAndUsesNoLsn) {
  ASSERT_TRUE(Put("a", "1").ok());
  const auto again = Put("a", "1");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->outcome, Outcome::kUnchanged);
  EXPECT_EQ(again->lsn, 1u);
  EXPECT_EQ(again->results[0].revision, 1u);
  const auto next = Put("a", "1", kOtherDigest);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->lsn, 2u) << "LSNs are dense";
  EXPECT_EQ(next->results[0].revision, 2u);
}

TEST_F(StoreTest, CreatedAtIsKeptWhileTheKeyLives) {
  ASSERT_TRUE(Put("a", "1").ok());
  const TimeMs created = store().Get("a:1")->created_at_ms;
  env_.AdvanceWallMs(5'000);
  ASSERT_TRUE(Put("a", "1", kOtherDigest).ok());
  EXPECT_EQ(store().Get("a:1")->created_at_ms, created);
  EXPECT_GE(store().Get("a:1")->updated_at_ms, created + 5'000);
  ASSERT_TRUE(Commit([](Transaction& t) { t.Delete("a", "1"); }).ok());
  env_.AdvanceWallMs(5'000);
  ASSERT_TRUE(Put("a", "1").ok());
  EXPECT_GE(store().Get("a:1")->created_at_ms, created + 10'000) << "a new life begins";
  EXPECT_EQ(store().Get("a:1")->revision, 4u) << "the tombstone was revision 3";
}

TEST_F(StoreTest, CommitTimesNeverDecrease) {
  ASSERT_TRUE(Put("a", "1").ok());
  const TimeMs first = store().Get("a:1")->updated_at_ms;
  env_.AdvanceWallMs(-3'600'000);
  ASSERT_TRUE(Put("a", "1", kOtherDigest).ok());
  EXPECT_EQ(store().Get("a:1")->updated_at_ms, first);
  Reopen();
  ASSERT_TRUE(Put("a", "1").ok());
  EXPECT_EQ(store().Get("a:1")->updated_at_ms, first) << "also after a restart";
}

TEST_F(StoreTest, HardConditionsRejectWithoutATrace) {
  ASSERT_TRUE(Put("a", "1").ok());
  const std::string before = testing::Dump(store());
  EXPECT_EQ(CodeOf(Commit([](Transaction& t) { t.Put(Spec("a", "1", kOtherDigest)).IfAbsent(); })), ErrorCode::kExists);
  const auto mismatch = Commit([](Transaction& t) { t.Put(Spec("a", "1", kOtherDigest)).IfRevision(7); });
  ASSERT_EQ(CodeOf(mismatch), ErrorCode::kRevisionMismatch);
  EXPECT_EQ(mismatch.error().revision, 1u);
  EXPECT_EQ(CodeOf(Commit([](Transaction& t) { t.Put(Spec("a", "1")).IfDigest(kOtherDigest); })),
            ErrorCode::kDigestMismatch);
  EXPECT_EQ(CodeOf(Commit([](Transaction& t) { t.Put(Spec("a", "1", kOtherDigest)).Base(9); })), ErrorCode::kStaleBase);
  EXPECT_EQ(testing::Dump(store()), before);
  EXPECT_EQ(Put("b", "1")->lsn, 2u);
}

TEST_F(StoreTest, ATransactionIsAllOrNothingAndSeesItself) {
  const auto receipt = Commit([](Transaction& t) {
    t.Put(Spec("a", "1")).IfAbsent();
    t.SetTag("a", "prod", "1");
    t.Put(Spec("a", "1", kOtherDigest)).IfRevision(1);
    t.Patch("a", "1", R"({"x":1})").IfRevision(2);
  });
  ASSERT_TRUE(receipt.ok()) << receipt.error().message;
  EXPECT_EQ(receipt->results.back().revision, 3u);
  EXPECT_EQ(store().Get("a@prod")->annotations, R"({"x":1})");

  const std::string before = testing::Dump(store());
  const auto rejected = Commit([](Transaction& t) {
    t.Put(Spec("new", "1"));
    t.Delete("a", "1", true);
    t.Put(Spec("a", "1")).IfRevision(99);
  });
  EXPECT_EQ(CodeOf(rejected), ErrorCode::kRevisionMismatch);
  EXPECT_EQ(testing::Dump(store()), before);
  // The rolled-back overlay must not be what the next transaction sees either.
  EXPECT_TRUE(Commit([](Transaction& t) { t.Put(Spec("new", "1")).IfAbsent(); }).ok());
  EXPECT_TRUE(Commit([](Transaction& t) { t.Patch("a", "1", R"({"y":2})").IfRevision(3); }).ok());
}

TEST_F(StoreTest, PatchMergesAnnotations) {
  PutSpec spec = Spec("a", "1");
  spec.annotations = R"({"keep":1,"drop":2,"deep":{"x":1,"y":2}})";
  ASSERT_TRUE(Commit([&](Transaction& t) { t.Put(spec); }).ok());
  ASSERT_TRUE(Commit([](Transaction& t) { t.Patch("a", "1", R"({"drop":null,"deep":{"y":null,"z":3}})"); }).ok());
  EXPECT_EQ(store().Get("a:1")->annotations, R"({"deep":{"x":1,"z":3},"keep":1})");
  EXPECT_EQ(store().Get("a:1")->digest, kDigest);
  const auto same = Commit([](Transaction& t) { t.Patch("a", "1", R"({"keep":1})"); });
  EXPECT_EQ(same->outcome, Outcome::kUnchanged);
  EXPECT_EQ(CodeOf(Commit([](Transaction& t) { t.Patch("a", "2", "{}"); })), ErrorCode::kNotFound);
}

TEST_F(StoreTest, ATaggedVersionIsNotDeletedAlone) {
  ASSERT_TRUE(Put("a", "1").ok());
  ASSERT_TRUE(Commit([](Transaction& t) { t.SetTag("a", "prod", "1"); }).ok());
  const auto refused = Commit([](Transaction& t) { t.Delete("a", "1"); });
  ASSERT_EQ(CodeOf(refused), ErrorCode::kTagged);
  EXPECT_NE(refused.error().message.find("a@prod"), std::string::npos);
  ASSERT_TRUE(store().CatchUp().ok());
  EXPECT_EQ(CodeOf(Commit([](Transaction& t) { t.Delete("a", "1"); })), ErrorCode::kTagged)
      << "also when the tag is in the index";
  ASSERT_TRUE(Commit([](Transaction& t) { t.Delete("a", "1", true); }).ok());
  EXPECT_EQ(store().Get("a@prod").error().code, ErrorCode::kNotFound);
  const auto gone = store().Get("a:1");
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
  EXPECT_NE(gone.error().message.find("LSN 3"), std::string::npos) << gone.error().message;
}

TEST_F(StoreTest, TagsMoveUnderConditions) {
  ASSERT_TRUE(Put("a", "1").ok());
  ASSERT_TRUE(Put("a", "2").ok());
  EXPECT_EQ(CodeOf(Commit([](Transaction& t) { t.SetTag("a", "prod", "3"); })), ErrorCode::kNotFound);
  ASSERT_TRUE(Commit([](Transaction& t) { t.SetTag("a", "prod", "1"); }).ok());
  EXPECT_EQ(CodeOf(Commit([](Transaction& t) { t.SetTag("a", "prod", "2").IfVersion("2"); })),
            ErrorCode::kVersionMismatch);
  ASSERT_TRUE(Commit([](Transaction& t) { t.SetTag("a", "prod", "2").IfVersion("1"); }).ok());
  EXPECT_EQ(store().GetTag("a", "prod")->version, "2");
  EXPECT_EQ(store().GetTag("a", "prod")->revision, 2u);
  EXPECT_EQ(Commit([](Transaction& t) { t.SetTag("a", "prod", "2"); })->outcome, Outcome::kUnchanged);
  ASSERT_TRUE(Commit([](Transaction& t) { t.DeleteTag("a", "prod"); }).ok());
  EXPECT_EQ(store().GetTag("a", "prod").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(Commit([](Transaction& t) { t.SetTag("a", "prod", "1"); }).ok());
  EXPECT_EQ(store().GetTag("a", "prod")->revision, 4u);
  EXPECT_EQ(store().TagHistory("a", "prod")->size(), 4u);
}

TEST_F(StoreTest, ReferencesResolve) {
  ASSERT_TRUE(Put("@scope/pkg", "1").ok());
  EXPECT_EQ(store().Get("@scope/pkg")->version, "1");
  ASSERT_TRUE(Put("@scope/pkg", "2", kOtherDigest).ok());
  const auto ambiguous = store().Get("@scope/pkg");
  ASSERT_FALSE(ambiguous.ok());
  EXPECT_EQ(ambiguous.error().code, ErrorCode::kAmbiguous);
  EXPECT_NE(ambiguous.error().message.find("1, 2"), std::string::npos) << ambiguous.error().message;
  EXPECT_EQ(store().Get("@scope/pkg@" + kOtherDigest)->version, "2");
  EXPECT_EQ(store().Get("@scope/pkg@sha256:" + std::string(64, 'c')).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().Get("nothing").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().Get("a//b:1").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(StoreTest, RequestIdsApplyOnce) {
  CommitOptions options;
  options.request_id = "job-7";
  const auto first = Commit([](Transaction& t) { t.Put(Spec("a", "1")); }, options);
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(first->replayed);
  ASSERT_TRUE(Put("a", "1", kOtherDigest).ok());
  for (const bool reopen : {false, true}) {
    if (reopen) Reopen();
    const auto retry = Commit([](Transaction& t) { t.Put(Spec("a", "1")); }, options);
    ASSERT_TRUE(retry.ok()) << retry.error().message;
    EXPECT_TRUE(retry->replayed);
    EXPECT_EQ(retry->lsn, first->lsn);
    EXPECT_EQ(retry->results[0].revision, 1u);
    EXPECT_EQ(store().Get("a:1")->digest, kOtherDigest) << "the retry changed nothing";
    const auto other = Commit([](Transaction& t) { t.Put(Spec("a", "2")); }, options);
    EXPECT_EQ(CodeOf(other), ErrorCode::kRequestIdReused);
  }
}

TEST_F(StoreTest, AnUnchangedTransactionRecordsItsRequestId) {
  ASSERT_TRUE(Put("a", "1").ok());
  CommitOptions options;
  options.request_id = "same";
  const auto unchanged = Commit([](Transaction& t) { t.Put(Spec("a", "1")); }, options);
  ASSERT_TRUE(unchanged.ok());
  EXPECT_EQ(unchanged->outcome, Outcome::kUnchanged);
  EXPECT_EQ(unchanged->lsn, 1u);
  EXPECT_EQ(store().Stats()->durable_lsn, 2u) << "the id itself took LSN 2";
  ASSERT_TRUE(Put("a", "1", kOtherDigest).ok());
  const auto retry = Commit([](Transaction& t) { t.Put(Spec("a", "1")); }, options);
  EXPECT_TRUE(retry->replayed);
  EXPECT_EQ(retry->outcome, Outcome::kUnchanged);
  EXPECT_EQ(store().Get("a:1")->digest, kOtherDigest);
}

TEST_F(StoreTest, RejectionsAreEvaluatedAnew) {
  CommitOptions options;
  options.request_id = "try";
  EXPECT_EQ(CodeOf(Commit([](Transaction& t) { t.Patch("a", "1", R"({"x":1})"); }, options)), ErrorCode::kNotFound);
  ASSERT_TRUE(Put("a", "1").ok());
  EXPECT_TRUE(Commit([](Transaction& t) { t.Patch("a", "1", R"({"x":1})"); }, options).ok());
}

TEST_F(StoreTest, OutcomeOfAnswersOrCancels) {
  CommitOptions options;
  options.request_id = "known";
  ASSERT_TRUE(Commit([](Transaction& t) { t.Put(Spec("a", "1")); }, options).ok());
  const auto known = store().OutcomeOf("known");
  ASSERT_TRUE(known.ok());
  EXPECT_EQ(known->lsn, 1u);
  const auto unknown = store().OutcomeOf("never");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
  options.request_id = "never";
  EXPECT_EQ(CodeOf(Commit([](Transaction& t) { t.Put(Spec("a", "2")); }, options)), ErrorCode::kRequestCancelled);
  Reopen();
  EXPECT_EQ(CodeOf(Commit([](Transaction& t) { t.Put(Spec("a", "2")); }, options)), ErrorCode::kRequestCancelled);
  EXPECT_EQ(store().OutcomeOf("never").error().code, ErrorCode::kNotFound);
}

TEST_F(StoreTest, ThePastIsReadable) {
  ASSERT_TRUE(Put("a", "1").ok());
  const TimeMs first_time = store().Get("a:1")->updated_at_ms;
  env_.AdvanceWallMs(1'000);
  ASSERT_TRUE(Put("a", "1", kOtherDigest).ok());
  ASSERT_TRUE(Commit([](Transaction& t) { t.Delete("a", "1"); }).ok());
  const auto at = [](Lsn lsn) {
    ReadOptions options;
    options.at = At{lsn, std::nullopt};
    return options;
  };
  EXPECT_EQ(store().Get("a:1", at(0)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().Get("a:1", at(1))->digest, kDigest);
  EXPECT_EQ(store().Get("a:1", at(2))->digest, kOtherDigest);
  EXPECT_EQ(store().Get("a:1", at(3)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().Get("a:1", at(4)).error().code, ErrorCode::kNotFound) << "not committed yet";
  ReadOptions by_time;
  by_time.at = At{std::nullopt, first_time + 500};
  EXPECT_EQ(store().Get("a:1", by_time)->digest, kDigest);
  EXPECT_EQ(*store().LsnAt(first_time + 500), 1u);
  EXPECT_EQ(*store().LsnAt(first_time + 100'000), 3u);
  EXPECT_EQ(store().History("a:1")->size(), 3u);
  EXPECT_TRUE(store().History("a:1")->front().deleted);
}

TEST_F(StoreTest, ListPagesAndFilters) {
  for (const char* name : {"b", "a", "a/x", "c/d"}) {
    for (const char* version : {"2", "1", "10"}) ASSERT_TRUE(Put(name, version).ok());
  }
  const auto keys = [&](const ListOptions& options) {
    std::string text;
    const auto rows = store().List(options);
    EXPECT_TRUE(rows.ok()) << rows.error().message;
    for (const auto& row : *rows) text += row.name + ":" + row.version + " ";
    return text;
  };
  ListOptions options;
  EXPECT_EQ(keys(options), "a:1 a:10 a:2 a/x:1 a/x:10 a/x:2 b:1 b:10 b:2 c/d:1 c/d:10 c/d:2 ");
  options.glob = "a/*";
  EXPECT_EQ(keys(options), "a/x:1 a/x:10 a/x:2 ");
  options.glob = "a:1*";
  EXPECT_EQ(keys(options), "a:1 a:10 ");
  options.glob = "";
  options.limit = 2;
  options.after = "a:2";
  EXPECT_EQ(keys(options), "a/x:1 a/x:10 ");
}

TEST_F(StoreTest, LogGivesEveryEffectInOrder) {
  ASSERT_TRUE(Commit([](Transaction& t) {
                t.Put(Spec("a", "1"));
                t.SetTag("a", "prod", "1");
              }).ok());
  ASSERT_TRUE(Put("b", "1").ok());
  std::string seen;
  ASSERT_TRUE(store()
                  .Log(1, 0,
                       [&](const Event& event) {
                         seen += std::to_string(event.lsn) + "." + std::to_string(event.effect) + event.op + " ";
                         return true;
                       })
                  .ok());
  EXPECT_EQ(seen, "1.0put 1.1set_tag 2.0put ");
}

TEST_F(StoreTest, UndoIsTheInverse) {
  ASSERT_TRUE(Put("a", "1").ok());
  ASSERT_TRUE(Put("a", "2").ok());
  ASSERT_TRUE(Commit([](Transaction& t) { t.SetTag("a", "prod", "1"); }).ok());
  const std::string before = testing::Dump(store(), 3);
  const auto content = [&](Lsn at) {
    std::string text;
    ReadOptions options;
    options.at = At{at, std::nullopt};
    for (const char* key : {"a:1", "a:2", "a:3"}) {
      const auto row = store().Get(key, options);
      text += std::string(key) + "=" + (row.ok() ? row->digest + row->annotations : "-") + ";";
    }
    const auto tag = store().GetTag("a", "prod", options);
    return text + "prod=" + (tag.ok() ? tag->version : "-");
  };
  const auto changed = Commit([](Transaction& t) {
    t.Put(Spec("a", "3"));
    t.Patch("a", "1", R"({"x":1})");
    t.SetTag("a", "prod", "3");
    t.Delete("a", "2");
  });
  ASSERT_TRUE(changed.ok());
  const auto inverse = store().Inverse(changed->lsn);
  ASSERT_TRUE(inverse.ok()) << inverse.error().message;
  const auto undone = store().Commit(*inverse);
  ASSERT_TRUE(undone.ok()) << undone.error().message;
  EXPECT_EQ(content(undone->lsn), content(3));
  // Undoing it again: the keys have changed since.
  EXPECT_EQ(CodeOf(store().Commit(*inverse)), ErrorCode::kStaleBase);
}

TEST_F(StoreTest, EverythingIsThereAfterReopening) {
  for (int i = 0; i < 600; ++i)
    ASSERT_TRUE(Put("n/" + std::to_string(i % 100), "1", i % 2 == 0 ? kDigest : kOtherDigest).ok());
  const std::string before = testing::Dump(store());
  const std::string chain = store().Stats()->chain_hash;
  Reopen();
  EXPECT_EQ(testing::Dump(store()), before);
  EXPECT_EQ(store().Stats()->chain_hash, chain);
  EXPECT_FALSE(store().recovery().took_over);
}

TEST_F(StoreTest, SharedMemoryCanBeLost) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Put("n", std::to_string(i)).ok());
  const std::string before = testing::Dump(store());
  ASSERT_TRUE(Put("late", "1").ok());  // durable, not applied
  const std::string with_late = [&] {
    store_.reset();
    std::filesystem::remove(scratch_ / ".tenure/ingest.shm");
    Open();
    return testing::Dump(store());
  }();
  EXPECT_TRUE(store().recovery().took_over);
  EXPECT_EQ(store().Get("late:1")->lsn, 51u);
  EXPECT_NE(with_late, before);
  EXPECT_EQ(Put("after", "1")->lsn, 52u);
}

TEST_F(StoreTest, AfterARebootWhatIsValidIsKept) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Put("n", std::to_string(i)).ok());
  const std::string before = testing::Dump(store());
  store_.reset();
  std::array<std::byte, 16> boot{};
  boot[3] = std::byte{7};
  env_.SetBootId(boot);
  Open();
  EXPECT_EQ(testing::Dump(store()), before);
  EXPECT_EQ(Put("after", "1")->lsn, 51u);
}

TEST_F(StoreTest, TheIndexCanBeDeleted) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Put("n", std::to_string(i % 7), i % 3 == 0 ? kDigest : kOtherDigest).ok());
  ASSERT_TRUE(Commit([](Transaction& t) { t.SetTag("n", "x", "1"); }).ok());
  const std::string before = testing::Dump(store());
  store_.reset();
  std::filesystem::remove_all(scratch_ / ".tenure/index");
  Open();
  EXPECT_EQ(testing::Dump(store()), before);
}

TEST_F(StoreTest, CompactDropsHistoryAndKeepsTheState) {
  for (int i = 0; i < 3'000; ++i) {
    ASSERT_TRUE(Commit([&](Transaction& t) {
                  PutSpec spec = Spec("n", std::to_string(i % 5));
                  spec.annotations = "{\"i\":\"" + std::string(600, 'x') + std::to_string(i) + "\"}";
                  t.Put(spec);
                }).ok());
  }
  const std::string live = testing::Dump(store(), 3'000);
  CompactOptions options;
  options.before_lsn = 2'990;
  options.dry_run = true;
  const auto planned = store().Compact(options);
  ASSERT_TRUE(planned.ok()) << planned.error().message;
  EXPECT_EQ(store().Stats()->durable_lsn, 3'000u) << "a dry run changes nothing";
  options.dry_run = false;
  const auto report = store().Compact(options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->history_rows_removed, planned->history_rows_removed);
  EXPECT_GT(report->history_rows_removed, 2'900u);
  EXPECT_GT(report->segments_removed, 0u);
  EXPECT_EQ(testing::Dump(store(), 3'000), live);
  ReadOptions old;
  old.at = At{Lsn{100}, std::nullopt};
  EXPECT_EQ(store().Get("n:0", old).error().code, ErrorCode::kCompacted);
  const auto log = store().Log(1, 0, [](const Event&) { return true; });
  ASSERT_FALSE(log.ok());
  EXPECT_EQ(log.error().code, ErrorCode::kCompacted);
  // Checkpoint and retained journal rebuild the same state.
  const std::string after = testing::Dump(store());
  store_.reset();
  std::filesystem::remove_all(scratch_ / ".tenure/index");
  Open();
  EXPECT_EQ(testing::Dump(store()), after);
  EXPECT_EQ(Put("n", "0")->outcome, Outcome::kCommitted);
}

TEST_F(StoreTest, BackupIsAnotherStoreWithTheSameHistory) {
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(Put("n", std::to_string(i % 7), i % 3 == 0 ? kDigest : kOtherDigest).ok());
  testing::Scratch target;
  const auto lsn = store().Backup(target.path());
  ASSERT_TRUE(lsn.ok()) << lsn.error().message;
  const Lsn newest = store().Stats()->durable_lsn;
  EXPECT_EQ(*lsn, newest);
  OpenOptions options;
  options.env = &env_;
  options.background = false;
  auto copy = Store::Open(target.path(), options);
  ASSERT_TRUE(copy.ok()) << copy.error().message;
  EXPECT_EQ(testing::Dump(*copy), testing::Dump(store()));
  EXPECT_EQ(copy->Stats()->chain_hash, store().Stats()->chain_hash);
  EXPECT_NE(copy->Stats()->store_id, store().Stats()->store_id);
  EXPECT_EQ(copy->Stats()->incarnation, 2u);
  Transaction txn;
  txn.Put(Spec("only/there", "1"));
  EXPECT_EQ(copy->Commit(txn)->lsn, newest + 1);
  EXPECT_EQ(store().Get("only/there:1").error().code, ErrorCode::kNotFound);
}

TEST_F(StoreTest, RefusesWhatIsNotAStoreAndWhatIsOne) {
  testing::Scratch empty;
  OpenOptions options;
  options.env = &env_;
  const auto none = Store::Open(empty.path(), options);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::kNoStore);
  const auto again = Store::Create(scratch_.path(), {}, options);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kAlreadyAStore);
  EXPECT_NE(again.error().message.find(scratch_.path()), std::string::npos);
}

TEST_F(StoreTest, AReadOnlyHandleRefusesWrites) {
  ASSERT_TRUE(Put("a", "1").ok());
  store_.reset();
  OpenOptions options;
  options.env = &env_;
  options.read_only = true;
  auto store = Store::Open(scratch_.path(), options);
  ASSERT_TRUE(store.ok()) << store.error().message;
  EXPECT_EQ(store->Get("a:1")->revision, 1u);
  Transaction txn;
  txn.Put(Spec("b", "1"));
  const auto refused = store->Commit(txn);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kReadOnly);
}

TEST_F(StoreTest, WhatOneTransactionWritesIsBounded) {
  PutSpec spec = Spec("big", "1");
  spec.annotations = "{\"fill\":\"" + std::string(900'000, 'x') + "\"}";
  ASSERT_TRUE(Commit([&](Transaction& t) { t.Put(spec); }).ok());
  const auto refused = Commit([](Transaction& t) {
    for (int i = 0; i < 60; ++i) t.Patch("big", "1", "{\"n\":" + std::to_string(i) + "}");
  });
  EXPECT_EQ(CodeOf(refused), ErrorCode::kTooLarge);
  EXPECT_EQ(store().Get("big:1")->revision, 1u);
  EXPECT_TRUE(Commit([](Transaction& t) { t.Patch("big", "1", R"({"n":1})"); }).ok());
}

TEST_F(StoreTest, WhatAVisitorThrowsIsAnErrorAndNothingStaysBehind) {
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(Commit([&](Transaction& t) { t.Put(Spec(name, "1")); }).ok());
  }
  const auto thrown = store().Log(1, 0, [](const Event&) -> bool { throw std::runtime_error("of the visitor"); });
  ASSERT_FALSE(thrown.ok());
  EXPECT_EQ(thrown.error().code, ErrorCode::kInternal);
  EXPECT_EQ(thrown.error().message, "of the visitor");
  const auto no_memory = store().ForEach({}, [](const ArtifactEntry&) -> bool { throw std::bad_alloc(); });
  ASSERT_FALSE(no_memory.ok());
  EXPECT_EQ(no_memory.error().code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(store().List()->size(), 2u);
  EXPECT_TRUE(Commit([](Transaction& t) { t.Put(Spec("c", "1")); }).ok());
}

TEST_F(StoreTest, AnEmptyTransactionIsRefused) {
  const auto refused = store().Commit(Transaction());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace tenure
