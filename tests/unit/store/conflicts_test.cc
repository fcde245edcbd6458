// Strategies, policies and parked conflicts as a user of the library sees them.
#include <gtest/gtest.h>

#include <filesystem>

#include "tenure/store.h"
#include "tests/support/dump.h"
#include "tests/unit/store/one_store.h"

namespace tenure {
namespace {

const std::string kFirstDigest = "sha256:" + std::string(64, 'a');
const std::string kOther = "sha256:" + std::string(64, 'b');

class ConflictsTest : public testing::OneStore<testing::RecordedEnv> {
 protected:
  static CommitOptions With(std::optional<ConflictStrategy> strategy) {
    CommitOptions options;
    options.on_conflict = strategy;
    return options;
  }
  Result<Receipt> Put(const std::string& name, const std::string& annotations, std::optional<Revision> base = {},
                      std::optional<ConflictStrategy> strategy = {}, const std::string& digest = kFirstDigest) {
    Transaction txn;
    PutSpec spec;
    spec.name = name;
    spec.version = "1";
    spec.digest = digest;
    spec.annotations = annotations;
    txn.Put(spec).base = base;
    return store().Commit(txn, With(strategy));
  }
  Result<Receipt> Patch(const std::string& name, const std::string& patch, std::optional<Revision> base = {},
                        std::optional<ConflictStrategy> strategy = {}) {
    Transaction txn;
    txn.Patch(name, "1", patch).base = base;
    return store().Commit(txn, With(strategy));
  }
  Result<Receipt> Delete(const std::string& name, std::optional<Revision> base = {},
                         std::optional<ConflictStrategy> strategy = {}) {
    Transaction txn;
    txn.Delete(name, "1").base = base;
    return store().Commit(txn, With(strategy));
  }
  Result<Receipt> Resolve(const ConflictId& id, Take take, std::optional<Revision> base = {},
                          std::optional<ConflictStrategy> strategy = {}) {
    Transaction txn;
    txn.Resolve(id, take).base = base;
    return store().Commit(txn, With(strategy));
  }
  Result<Receipt> SetPolicy(const std::string& glob, const std::function<void(PolicySpec&)>& fill) {
    PolicySpec spec;
    spec.glob = glob;
    fill(spec);
    return store().SetPolicy(spec);
  }
  std::string Annotations(const std::string& name) {
    const auto entry = store().Get(name + ":1");
    return entry.ok() ? entry->annotations : std::string(ErrorCodeName(entry.error().code));
  }
  static std::string Said(const Result<Receipt>& result) {
    return result.ok() ? OutcomeName(result->outcome) : ErrorCodeName(result.error().code);
  }
  /// Revisions 1 to 3 of `name`: {"n":1}, {"n":2}, {"n":3}.
  void Three(const std::string& name) {
    for (const char* n : {R"({"n":1})", R"({"n":2})", R"({"n":3})"}) ASSERT_EQ(Said(Put(name, n)), "committed");
  }
};

TEST_F(ConflictsTest, EachStrategySettlesAStaleBase) {
  Three("a");
  EXPECT_EQ(Said(Put("a", R"({"n":9})", 1)), "stale_base");
  EXPECT_EQ(Said(Put("a", R"({"n":9})", 1, ConflictStrategy::kReject)), "stale_base");
  const auto dropped = Put("a", R"({"n":9})", 1, ConflictStrategy::kFirstWriterWins);
  EXPECT_EQ(Said(dropped), "unchanged");
  EXPECT_EQ(dropped->results[0].revision, 3u);
  EXPECT_EQ(Said(Put("a", R"({"n":9})", 1, ConflictStrategy::kMerge)), "merge_clash");
  EXPECT_EQ(Annotations("a"), R"({"n":3})");
  const auto merged = Put("a", R"({"m":1,"n":1})", 1, ConflictStrategy::kMerge);
  EXPECT_EQ(Said(merged), "merged");
  EXPECT_EQ(merged->results[0].revision, 4u);
  EXPECT_EQ(Annotations("a"), R"({"m":1,"n":3})");
  EXPECT_EQ(Said(Put("a", R"({"n":9})", 1, ConflictStrategy::kLastWriterWins)), "committed");
  EXPECT_EQ(Annotations("a"), R"({"n":9})");
  EXPECT_EQ(Said(Put("a", R"({"n":8})", 1, ConflictStrategy::kMergeOrPark)), "parked");
  EXPECT_EQ(Said(Put("a", R"({"n":7})", 1, ConflictStrategy::kPark)), "parked");
  EXPECT_EQ(Annotations("a"), R"({"n":9})");
  EXPECT_EQ(store().Conflicts()->size(), 2u);
}

TEST_F(ConflictsTest, HardConditionsAreNeverSettled) {
  Three("a");
  for (const auto strategy : {ConflictStrategy::kLastWriterWins, ConflictStrategy::kMerge, ConflictStrategy::kPark}) {
    Transaction txn;
    PutSpec spec;
    spec.name = "a";
    spec.version = "1";
    txn.Put(spec).IfRevision(1);
    EXPECT_EQ(Said(store().Commit(txn, With(strategy))), "revision_mismatch");
  }
  EXPECT_TRUE(store().Conflicts()->empty());
}

TEST_F(ConflictsTest, AMergeReadsItsBaseWhereverItIs) {
  Three("a");
  // Nothing is applied: the base is in the journal alone.
  EXPECT_EQ(Said(Patch("a", R"({"x":1})", 2, ConflictStrategy::kMerge)), "merged");
  ASSERT_TRUE(store().CatchUp().ok());
  // Now it is in the history, and in a fresh handle nothing is remembered.
  Reopen();
  EXPECT_EQ(Said(Patch("a", R"({"y":1})", 1, ConflictStrategy::kMerge)), "merged");
  EXPECT_EQ(Annotations("a"), R"({"n":3,"x":1,"y":1})");
  EXPECT_EQ(Said(Patch("a", R"({"y":2})", 77, ConflictStrategy::kMerge)), "stale_base");
}

TEST_F(ConflictsTest, AMergeNamesItsBaseInTheLog) {
  Three("a");
  const auto merged = Patch("a", R"({"x":1})", 2, ConflictStrategy::kMerge);
  ASSERT_TRUE(merged.ok());
  std::optional<Revision> base;
  ASSERT_TRUE(store()
                  .Log(merged->lsn, merged->lsn,
                       [&](const Event& event) {
                         base = event.merged_base;
                         return true;
                       })
                  .ok());
  EXPECT_EQ(base, Revision{2});
}

TEST_F(ConflictsTest, ABaseThatWasCompactedIsSaidClearly) {
  Three("a");
  ASSERT_EQ(Said(Put("later", "{}")), "committed");
  CompactOptions compact;
  compact.before_lsn = 4;
  ASSERT_TRUE(store().Compact(compact).ok());
  const auto rejected = Patch("a", R"({"x":1})", 1, ConflictStrategy::kMerge);
  EXPECT_EQ(Said(rejected), "stale_base");
  EXPECT_NE(rejected.error().message.find("revision 1 is not retained"), std::string::npos) << rejected.error().message;
  const auto parked = Put("a", R"({"n":1,"x":1})", 1, ConflictStrategy::kMergeOrPark);
  ASSERT_EQ(Said(parked), "parked");
  const auto conflict = store().Conflict({parked->lsn, 0});
  ASSERT_TRUE(conflict.ok());
  EXPECT_FALSE(conflict->entry.base);
  EXPECT_EQ(conflict->base_revision, Revision{1});
  EXPECT_EQ(Said(Resolve(conflict->id, Take::kBase)), "not_found") << "nobody knows it any more";
  EXPECT_EQ(Said(Resolve(conflict->id, Take::kOurs)), "committed");
}

TEST_F(ConflictsTest, DeletionsAndChanges) {
  Three("a");
  ASSERT_EQ(Said(Delete("a")), "committed");
  EXPECT_EQ(Said(Patch("a", R"({"x":1})", 3)), "deleted_since");
  EXPECT_EQ(Said(Patch("a", R"({"x":1})")), "not_found") << "no base: a patch of nothing";
  EXPECT_EQ(Said(Patch("a", R"({"x":1})", 3, ConflictStrategy::kMerge)), "merge_clash");
  EXPECT_EQ(Said(Delete("a", 3, ConflictStrategy::kMerge)), "unchanged") << "both deleted it";
  EXPECT_EQ(Said(Patch("a", R"({"x":1})", 3, ConflictStrategy::kLastWriterWins)), "committed");
  EXPECT_EQ(Annotations("a"), R"({"n":3,"x":1})") << "what the patch was made of comes back";
  EXPECT_EQ(Said(Delete("a", 3, ConflictStrategy::kMerge)), "merge_clash");
  Three("b");
  ASSERT_EQ(Said(Put("b", R"({"n":1})")), "committed");
  EXPECT_EQ(Said(Delete("b", 1, ConflictStrategy::kMerge)), "committed") << "changed, and changed back";
}

TEST_F(ConflictsTest, ExistsIsAStaleBaseOfNothing) {
  Three("a");
  EXPECT_EQ(Said(Put("a", "{}", 0)), "stale_base");
  EXPECT_EQ(Said(Put("a", R"({"x":1})", 0, ConflictStrategy::kMerge)), "merged");
  EXPECT_EQ(Annotations("a"), R"({"n":3,"x":1})");
  const auto parked = Put("a", R"({"n":1})", 0, ConflictStrategy::kPark);
  ASSERT_EQ(Said(parked), "parked");
  EXPECT_EQ(store().Conflict({parked->lsn, 0})->kind, ConflictKind::kExists);
}

TEST_F(ConflictsTest, TagsAreSettledToo) {
  for (const char* version : {"1", "2", "3"}) {
    Transaction txn;
    PutSpec spec;
    spec.name = "a";
    spec.version = version;
    txn.Put(spec);
    txn.SetTag("a", "prod", version);
    ASSERT_EQ(Said(store().Commit(txn)), "committed");
  }
  const auto set = [&](const std::string& version, Revision base, ConflictStrategy strategy) {
    Transaction txn;
    txn.SetTag("a", "prod", version).Base(base);
    return store().Commit(txn, With(strategy));
  };
  EXPECT_EQ(Said(set("1", 2, ConflictStrategy::kReject)), "stale_base");
  EXPECT_EQ(Said(set("1", 2, ConflictStrategy::kMerge)), "merge_clash");
  EXPECT_EQ(Said(set("2", 2, ConflictStrategy::kMerge)), "unchanged") << "the other side alone moved it";
  EXPECT_EQ(Said(set("1", 2, ConflictStrategy::kFirstWriterWins)), "unchanged");
  const auto parked = set("1", 2, ConflictStrategy::kMergeOrPark);
  ASSERT_EQ(Said(parked), "parked");
  const auto conflict = store().Conflict({parked->lsn, 0});
  ASSERT_TRUE(conflict.ok());
  EXPECT_TRUE(conflict->of_tag);
  EXPECT_EQ(conflict->tag.base->version, "2");
  EXPECT_EQ(conflict->tag.ours->version, "1");
  EXPECT_EQ(conflict->tag.theirs->version, "3");
  EXPECT_EQ(Said(Resolve(conflict->id, Take::kBase)), "committed");
  EXPECT_EQ(store().GetTag("a", "prod")->version, "2");
  EXPECT_EQ(Said(set("1", 2, ConflictStrategy::kLastWriterWins)), "committed");
  EXPECT_EQ(store().GetTag("a", "prod")->version, "1");
}

TEST_F(ConflictsTest, AParkedTransactionAppliesNothingAndKeepsAll) {
  Three("a");
  Transaction txn;
  PutSpec other;
  other.name = "b";
  other.version = "1";
  txn.Put(other);
  txn.Patch("a", "1", R"({"x":1})").Base(1);
  txn.Patch("a", "1", R"({"y":1})");
  txn.SetTag("b", "prod", "1");
  const auto receipt = store().Commit(txn, With(ConflictStrategy::kPark));
  ASSERT_EQ(Said(receipt), "parked");
  ASSERT_EQ(receipt->results.size(), 4u);
  for (const OpResult& result : receipt->results) EXPECT_EQ(result.outcome, Outcome::kParked);
  EXPECT_EQ(receipt->results[1].revision, 3u);
  EXPECT_EQ(Annotations("a"), R"({"n":3})");
  EXPECT_EQ(Annotations("b"), "not_found");

  const auto conflicts = store().Conflicts();
  ASSERT_TRUE(conflicts.ok());
  ASSERT_EQ(conflicts->size(), 3u) << "one per key";
  EXPECT_EQ(KeyOf((*conflicts)[0]), "b:1");
  EXPECT_EQ((*conflicts)[0].kind, ConflictKind::kTogether);
  EXPECT_EQ((*conflicts)[0].id, (ConflictId{receipt->lsn, 0}));
  EXPECT_EQ(KeyOf((*conflicts)[1]), "a:1");
  EXPECT_EQ((*conflicts)[1].kind, ConflictKind::kStaleBase);
  EXPECT_EQ((*conflicts)[1].id, (ConflictId{receipt->lsn, 1}));
  EXPECT_EQ((*conflicts)[1].entry.base->revision, 1u);
  EXPECT_EQ((*conflicts)[1].entry.theirs->revision, 3u);
  EXPECT_EQ((*conflicts)[1].entry.ours->annotations, R"({"n":1,"x":1,"y":1})");
  EXPECT_EQ(KeyOf((*conflicts)[2]), "b@prod");
  EXPECT_EQ(store().Conflicts("b")->size(), 2u);
  EXPECT_EQ(store().Conflicts("b:*")->size(), 1u);

  EXPECT_EQ(Said(Put("c", "{}")), "committed") << "the store stays writable";
  for (const ParkedConflict& conflict : *conflicts) {
    EXPECT_EQ(Said(Resolve(conflict.id, Take::kOurs)), "committed") << KeyOf(conflict);
  }
  EXPECT_EQ(Annotations("a"), R"({"n":1,"x":1,"y":1})");
  EXPECT_EQ(store().GetTag("b", "prod")->version, "1");
  EXPECT_TRUE(store().Conflicts()->empty());
}

TEST_F(ConflictsTest, PoliciesDoNotWaitWithTheRest) {
  Three("a");
  Transaction txn;
  txn.Patch("a", "1", R"({"x":1})").Base(1);
  PolicySpec spec;
  spec.glob = "b";
  spec.immutable = true;
  txn.SetPolicy(spec);
  EXPECT_EQ(Said(store().Commit(txn, With(ConflictStrategy::kPark))), "stale_base");
  EXPECT_TRUE(store().Policies()->empty());
  EXPECT_TRUE(store().Conflicts()->empty());
}

TEST_F(ConflictsTest, EachSideCanBeTaken) {
  for (const Take take : {Take::kOurs, Take::kTheirs, Take::kBase, Take::kGiven}) {
    const std::string name = TakeName(take);
    Three(name);
    const auto parked = Patch(name, R"({"x":1})", 2, ConflictStrategy::kPark);
    ASSERT_EQ(Said(parked), "parked");
    Transaction txn;
    Operation& op = txn.Resolve({parked->lsn, 0}, take);
    if (take == Take::kGiven) op.annotations = R"({"given":true})";
    const auto receipt = store().Commit(txn);
    ASSERT_EQ(Said(receipt), "committed");
    EXPECT_EQ(receipt->results[0].revision, take == Take::kTheirs ? 3u : 4u);
    EXPECT_EQ(Said(Resolve({parked->lsn, 0}, take)), "not_found") << "once only";
  }
  EXPECT_EQ(Annotations("ours"), R"({"n":2,"x":1})");
  EXPECT_EQ(Annotations("theirs"), R"({"n":3})");
  EXPECT_EQ(Annotations("base"), R"({"n":2})");
  EXPECT_EQ(Annotations("given"), R"({"given":true})");
}

TEST_F(ConflictsTest, AParkedDeletionIsADeletion) {
  Three("a");
  const auto parked = Delete("a", 1, ConflictStrategy::kPark);
  ASSERT_EQ(Said(parked), "parked");
  EXPECT_EQ(Annotations("a"), R"({"n":3})");
  ASSERT_EQ(Said(Resolve({parked->lsn, 0}, Take::kOurs)), "committed");
  EXPECT_EQ(Annotations("a"), "not_found");
}

TEST_F(ConflictsTest, AKeyThatMovedOnIsNotOverwrittenUnseen) {
  Three("a");
  const auto parked = Put("a", R"({"n":1,"x":1})", 1, ConflictStrategy::kPark);
  ASSERT_EQ(Said(parked), "parked");
  const ConflictId id{parked->lsn, 0};
  ASSERT_EQ(Said(Patch("a", R"({"m":1})")), "committed");
  // A policy must not make it silent either.
  ASSERT_EQ(Said(SetPolicy("**", [](PolicySpec& p) { p.on_conflict = ConflictStrategy::kLastWriterWins; })),
            "committed");
  EXPECT_EQ(Said(Resolve(id, Take::kOurs)), "stale_base");
  EXPECT_EQ(Said(Resolve(id, Take::kOurs, 3)), "stale_base");
  EXPECT_EQ(Said(Resolve(id, Take::kOurs, {}, ConflictStrategy::kPark)), "stale_base") << "not parked twice";
  EXPECT_EQ(Said(Resolve(id, Take::kOurs, {}, ConflictStrategy::kMerge)), "merged");
  EXPECT_EQ(Annotations("a"), R"({"m":1,"n":1,"x":1})");

  const auto again = Put("a", R"({"n":7})", 1, ConflictStrategy::kPark);
  ASSERT_EQ(Said(again), "parked");
  ASSERT_EQ(Said(Patch("a", R"({"m":2})")), "committed");
  EXPECT_EQ(Said(Resolve({again->lsn, 0}, Take::kOurs, store().Get("a:1")->revision)), "committed");
  EXPECT_EQ(Annotations("a"), R"({"n":7})");

  const auto third = Put("a", R"({"n":8})", 1, ConflictStrategy::kPark);
  ASSERT_EQ(Said(Patch("a", R"({"m":3})")), "committed");
  EXPECT_EQ(Said(Resolve({third->lsn, 0}, Take::kTheirs)), "committed") << "keeping what is there overwrites nothing";
  EXPECT_EQ(Annotations("a"), R"({"m":3,"n":7})");
}

TEST_F(ConflictsTest, APolicyNamesTheStrategyUnlessTheTransactionDoes) {
  Three("a");
  ASSERT_EQ(Said(SetPolicy("a", [](PolicySpec& p) { p.on_conflict = ConflictStrategy::kPark; })), "committed");
  EXPECT_EQ(Said(Put("a", R"({"n":9})", 1)), "parked");
  EXPECT_EQ(Said(Put("a", R"({"n":9})", 1, ConflictStrategy::kReject)), "stale_base");
  EXPECT_EQ(Said(store().RemovePolicy("a")), "committed");
  EXPECT_EQ(Said(Put("a", R"({"n":9})", 1)), "stale_base");
  EXPECT_EQ(Said(store().RemovePolicy("a")), "not_found");
}

TEST_F(ConflictsTest, ImmutableVersions) {
  ASSERT_EQ(Said(Put("a", "{}")), "committed");
  ASSERT_EQ(Said(SetPolicy("**", [](PolicySpec& p) { p.immutable = true; })), "committed");
  EXPECT_EQ(Said(Put("a", R"({"x":1})")), "committed") << "annotations may change";
  EXPECT_EQ(Said(Put("a", "{}", {}, {}, kOther)), "immutable");
  EXPECT_EQ(Said(Put("a", "{}", 1, ConflictStrategy::kLastWriterWins, kOther)), "immutable");
  EXPECT_EQ(Said(Delete("a")), "immutable");
  const auto parked = Put("a", "{}", {}, ConflictStrategy::kPark, kOther);
  ASSERT_EQ(Said(parked), "parked");
  EXPECT_EQ(store().Conflict({parked->lsn, 0})->kind, ConflictKind::kImmutable);
  EXPECT_EQ(Said(Resolve({parked->lsn, 0}, Take::kOurs)), "immutable") << "as long as the policy stands";
  ASSERT_EQ(Said(SetPolicy("a", [](PolicySpec& p) { p.immutable = false; })), "committed");
  EXPECT_EQ(Said(Resolve({parked->lsn, 0}, Take::kOurs)), "committed");
  EXPECT_EQ(store().Get("a:1")->digest, kOther);
}

TEST_F(ConflictsTest, SchemasAndLeases) {
  ASSERT_EQ(Said(SetPolicy("s/**",
                           [](PolicySpec& p) {
                             p.schema =
                                 R"({"properties":{"annotations":{"required":["team"]}},"required":["annotations"]})";
                           })),
            "committed");
  const auto refused = Put("s/a", R"({"x":1})");
  EXPECT_EQ(Said(refused), "schema_mismatch");
  EXPECT_NE(refused.error().message.find("$.annotations.team is missing"), std::string::npos);
  EXPECT_EQ(Said(Put("s/a", R"({"team":"core"})")), "committed");
  EXPECT_EQ(Said(Patch("s/a", R"({"team":null})")), "schema_mismatch");
  EXPECT_EQ(Said(Delete("s/a")), "committed");
  EXPECT_EQ(Said(SetPolicy("t", [](PolicySpec& p) { p.schema = R"({"pattern":"x"})"; })), "invalid_argument");
  ASSERT_EQ(Said(SetPolicy("l/**", [](PolicySpec& p) { p.require_lease = true; })), "committed");
  const auto without = Put("l/a", "{}");
  EXPECT_EQ(Said(without), "lease_required");
  EXPECT_EQ(ExitCode(without.error().code), 12);
  EXPECT_EQ(Said(Put("l/a", "{}", {}, ConflictStrategy::kPark)), "lease_required");
}

TEST_F(ConflictsTest, PoliciesAreSeenByLaterOperationsOfTheirTransaction) {
  Transaction txn;
  PolicySpec spec;
  spec.glob = "a";
  spec.immutable = true;
  txn.SetPolicy(spec);
  PutSpec put;
  put.name = "a";
  put.version = "1";
  put.digest = kFirstDigest;
  txn.Put(put);
  put.digest = kOther;
  txn.Put(put);
  EXPECT_EQ(Said(store().Commit(txn)), "immutable");
  EXPECT_TRUE(store().Policies()->empty()) << "rolled back with the rest";
  EXPECT_EQ(Said(Put("a", "{}", {}, {}, kFirstDigest)), "committed");
  EXPECT_EQ(Said(Put("a", "{}", {}, {}, kOther)), "committed");
}

TEST_F(ConflictsTest, KeepHistoryOutlivesCompaction) {
  Three("keep");
  Three("drop");
  ASSERT_EQ(Said(SetPolicy("keep", [](PolicySpec& p) { p.keep_history = true; })), "committed");
  CompactOptions compact;
  compact.before_lsn = 7;
  compact.dry_run = true;
  EXPECT_EQ(store().Compact(compact)->history_rows_removed, 2u);
  compact.dry_run = false;
  EXPECT_EQ(store().Compact(compact)->history_rows_removed, 2u);
  EXPECT_EQ(store().History("keep:1")->size(), 3u);
  EXPECT_EQ(store().History("drop:1")->size(), 1u);
  EXPECT_EQ(Said(Patch("keep", R"({"x":1})", 1, ConflictStrategy::kMerge)), "merged");
}

/// Everything that this version journals, then a policy that would have decided otherwise.
TEST_F(ConflictsTest, ReplayDecidesNothing) {
  ASSERT_EQ(Said(SetPolicy("a", [](PolicySpec& p) { p.on_conflict = ConflictStrategy::kMerge; })), "committed");
  ASSERT_EQ(Said(SetPolicy("p/**", [](PolicySpec& p) { p.on_conflict = ConflictStrategy::kPark; })), "committed");
  Three("a");
  Three("p/a");
  EXPECT_EQ(Said(Patch("a", R"({"x":1})", 1)), "merged");
  EXPECT_EQ(Said(Put("p/a", R"({"n":9})", 1)), "parked");
  const auto settled = Put("p/a", R"({"n":8})", 1);
  ASSERT_EQ(Said(settled), "parked");
  EXPECT_EQ(Said(Resolve({settled->lsn, 0}, Take::kOurs)), "committed");
  ASSERT_EQ(Said(SetPolicy("a",
                           [](PolicySpec& p) {
                             p.on_conflict = ConflictStrategy::kReject;
                             p.immutable = true;
                             p.require_lease = true;
                             p.schema = "false";
                           })),
            "committed");
  ASSERT_EQ(Said(store().RemovePolicy("p/**")), "committed");
  const std::string before = testing::Dump(store());
  const std::string hash = store().Stats()->state_hash;
  store_.reset();
  std::filesystem::remove_all(scratch_ / ".tenure/index");
  Open();
  EXPECT_EQ(testing::Dump(store()), before);
  EXPECT_EQ(store().Stats()->state_hash, hash);
}

TEST_F(ConflictsTest, ASuccessorKnowsWhatIsNotAppliedYet) {
  ASSERT_EQ(Said(SetPolicy("a", [](PolicySpec& p) { p.on_conflict = ConflictStrategy::kPark; })), "committed");
  Three("a");
  const auto parked = Put("a", R"({"n":9})", 1);
  ASSERT_EQ(Said(parked), "parked");
  Reopen();  // nothing was applied: policy and conflict are in the journal alone
  EXPECT_EQ(Said(Put("a", R"({"n":8})", 1)), "parked");
  EXPECT_EQ(Said(Resolve({parked->lsn, 0}, Take::kOurs)), "committed");
  store_.reset();
  std::filesystem::remove(scratch_ / ".tenure/ingest.shm");
  Open();
  EXPECT_EQ(Said(Resolve({parked->lsn, 0}, Take::kOurs)), "not_found");
  EXPECT_EQ(Annotations("a"), R"({"n":9})");
  EXPECT_EQ(store().Conflicts()->size(), 1u);
}

TEST_F(ConflictsTest, AnswersComeThroughLanes) {
  Three("a");
  const auto submit = [&](const std::string& patch, ConflictStrategy strategy) {
    Transaction txn;
    txn.Patch("a", "1", patch).Base(1);
    auto ticket = store().Submit(txn, With(strategy));
    EXPECT_TRUE(ticket.ok());
    return ticket->Wait();
  };
  const auto merged = submit(R"({"x":1})", ConflictStrategy::kMerge);
  EXPECT_EQ(Said(merged), "merged");
  EXPECT_EQ(merged->results[0].outcome, Outcome::kMerged);
  EXPECT_EQ(merged->results[0].revision, 4u);
  const auto parked = submit(R"({"n":7})", ConflictStrategy::kPark);
  EXPECT_EQ(Said(parked), "parked");
  Transaction policy;
  PolicySpec spec;
  spec.glob = "a";
  spec.schema = R"({"required":["digest"]})";
  spec.keep_history = false;
  policy.SetPolicy(spec);
  auto ticket = store().Submit(policy);
  ASSERT_TRUE(ticket.ok());
  EXPECT_EQ(Said(ticket->Wait()), "committed");
  ASSERT_EQ(store().Policies()->size(), 1u);
  EXPECT_EQ(store().Policies()->front().schema, spec.schema);
  EXPECT_EQ(store().Policies()->front().keep_history, false);
  Transaction resolve;
  Operation& given = resolve.Resolve({parked->lsn, 0}, Take::kGiven);
  given.annotations = R"({"g":1})";
  EXPECT_EQ(Said(store().Submit(resolve)->Wait()), "schema_mismatch") << "what policies refuse is refused here, too";
  given.digest = kFirstDigest;
  auto last = store().Submit(resolve);
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(Said(last->Wait()), "committed");
  EXPECT_EQ(Annotations("a"), R"({"g":1})");
}

TEST_F(ConflictsTest, RequestIdsReplayTheirFirstReceipt) {
  Three("a");
  CommitOptions options = With(ConflictStrategy::kPark);
  options.request_id = "r1";
  Transaction txn;
  txn.Patch("a", "1", R"({"n":9})").Base(1);
  const auto first = store().Commit(txn, options);
  ASSERT_EQ(Said(first), "parked");
  const auto again = store().Commit(txn, options);
  ASSERT_EQ(Said(again), "parked");
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->lsn, first->lsn);
  EXPECT_EQ(store().Conflicts()->size(), 1u);
  Reopen();
  EXPECT_EQ(Said(store().OutcomeOf("r1")), "parked");
}

TEST_F(ConflictsTest, UndoOfAParkingHasNothingToGiveBack) {
  Three("a");
  const auto parked = Put("a", R"({"n":9})", 1, ConflictStrategy::kPark);
  EXPECT_EQ(store().Inverse(parked->lsn).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace tenure
