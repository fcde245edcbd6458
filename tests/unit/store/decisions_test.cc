// What becomes of operations that change nothing, too much, or what is not there: as a user of the library sees it.
#include <gtest/gtest.h>

#include "tenure/lease.h"
#include "tenure/store.h"
#include "tests/unit/store/one_store.h"

namespace tenure {
namespace {

class DecisionsTest : public testing::OneStore<testing::RecordedEnv> {
 protected:
  Result<Receipt> Policies(const std::function<void(PolicySpec&)>& fill) {
    PolicySpec spec;
    spec.glob = "lib/**";
    fill(spec);
    return store().SetPolicy(spec);
  }
  Result<Receipt> Commit(const std::function<void(Transaction&)>& fill, const CommitOptions& options = {}) {
    Transaction txn;
    fill(txn);
    return store().Commit(txn, options);
  }
  Lsn PutEntry(const std::string& name, const std::string& version, const std::string& annotations = "{}") {
    PutSpec spec;
    spec.name = name;
    spec.version = version;
    spec.annotations = annotations;
    const auto put = Commit([&](Transaction& txn) { txn.Put(spec); });
    EXPECT_TRUE(put.ok()) << put.error().message;
    return put.ok() ? put->lsn : 0;
  }
  /// What is refused: its code, and what its message says.
  static void ExpectRefused(const Result<Receipt>& answer, ErrorCode code, const std::string& says) {
    ASSERT_FALSE(answer.ok()) << says;
    EXPECT_EQ(answer.error().code, code) << answer.error().message;
    EXPECT_NE(answer.error().message.find(says), std::string::npos) << answer.error().message;
    EXPECT_FALSE(answer.error().message.empty());
  }
  /// A tag that was moved to `theirs`, and to `ours` by a transaction that is parked.
  ConflictId ParkTag(const std::string& ours) {
    PutEntry("lib/a", "1"), PutEntry("lib/a", "2"), PutEntry("lib/a", "3");
    EXPECT_TRUE(Commit([](Transaction& txn) { txn.SetTag("lib/a", "prod", "1"); }).ok());
    EXPECT_TRUE(Commit([](Transaction& txn) { txn.SetTag("lib/a", "prod", "2"); }).ok());
    CommitOptions park;
    park.on_conflict = ConflictStrategy::kPark;
    const auto parked = Commit(
        [&](Transaction& txn) {
          if (ours.empty()) {
            txn.DeleteTag("lib/a", "prod").Base(1);
          } else {
            txn.SetTag("lib/a", "prod", ours).Base(1);
          }
        },
        park);
    EXPECT_TRUE(parked.ok()) << parked.error().message;
    EXPECT_EQ(parked->outcome, Outcome::kParked);
    return {parked->lsn, 0};
  }
  std::string TagNow() {
    const auto tag = store().GetTag("lib/a", "prod");
    return tag.ok() ? tag->version : std::string(ErrorCodeName(tag.error().code));
  }
};

TEST_F(DecisionsTest, APolicyThatSaysTheSameChangesNothing) {
  const auto first = Policies([](PolicySpec& spec) { spec.immutable = true; });
  ASSERT_TRUE(first.ok());
  const auto again = Policies([](PolicySpec& spec) { spec.immutable = true; });
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->outcome, Outcome::kUnchanged);
  EXPECT_EQ(again->lsn, first->lsn);
  for (const auto& fill : std::vector<std::function<void(PolicySpec&)>>{
           [](PolicySpec& spec) { spec.require_lease = false; }, [](PolicySpec& spec) { spec.keep_history = true; },
           [](PolicySpec& spec) { spec.on_conflict = ConflictStrategy::kMerge; },
           [](PolicySpec& spec) { spec.schema = "{}"; }}) {
    const auto other = Policies(fill);
    ASSERT_TRUE(other.ok());
    EXPECT_EQ(other->outcome, Outcome::kCommitted);
    EXPECT_EQ(Policies(fill)->outcome, Outcome::kUnchanged);
  }
}

TEST_F(DecisionsTest, APolicyThatSaysNothingIsNone) {
  const auto nothing = Policies([](PolicySpec& spec) { spec.unset = {"immutable"}; });
  ASSERT_TRUE(nothing.ok());
  EXPECT_EQ(nothing->outcome, Outcome::kUnchanged);
  ASSERT_TRUE(Policies([](PolicySpec& spec) { spec.immutable = true; }).ok());
  const auto gone = Policies([](PolicySpec& spec) { spec.unset = {"immutable"}; });
  ASSERT_TRUE(gone.ok());
  EXPECT_EQ(gone->outcome, Outcome::kCommitted);
  EXPECT_TRUE(store().Policies()->empty());
  ExpectRefused(store().RemovePolicy("lib/**"), ErrorCode::kNotFound, "there is no policy of 'lib/**'");
}

TEST_F(DecisionsTest, APolicyWithASchemaThatIsNotCheckedIsRefused) {
  ExpectRefused(Policies([](PolicySpec& spec) { spec.schema = R"({"$ref":"#"})"; }), ErrorCode::kInvalidArgument,
                "has the keyword \"$ref\", which is not checked");
}

TEST_F(DecisionsTest, ThereIsALimitOfPolicies) {
  const auto thousand = Commit([](Transaction& txn) {
    for (int i = 0; i < 1'000; ++i) {
      PolicySpec spec;
      spec.glob = "p/" + std::to_string(i);
      spec.immutable = true;
      txn.SetPolicy(spec);
    }
  });
  ASSERT_TRUE(thousand.ok()) << thousand.error().message;
  ExpectRefused(Policies([](PolicySpec& spec) { spec.immutable = true; }), ErrorCode::kTooLarge,
                "the store has 1000 policies, which is the limit");
}

TEST_F(DecisionsTest, APatchMustNotMakeTooMuch) {
  const std::string half(600u << 10, 'x');
  PutEntry("lib/a", "1", "{\"a\":\"" + half + "\"}");
  ExpectRefused(Commit([&](Transaction& txn) { txn.Patch("lib/a", "1", "{\"b\":\"" + half + "\"}"); }),
                ErrorCode::kTooLarge, "lib/a:1, patched: the JSON object has ");
  PutEntry("lib/b", "1");
  PutEntry("lib/b", "1", "{\"a\":\"" + half + "\"}");
  PutSpec late;
  late.name = "lib/b";
  late.version = "1";
  late.annotations = "{\"b\":\"" + half + "\"}";
  CommitOptions merge;
  merge.on_conflict = ConflictStrategy::kMerge;
  ExpectRefused(Commit([&](Transaction& txn) { txn.Put(late).Base(1); }, merge), ErrorCode::kTooLarge,
                "lib/b:1, merged: the JSON object has ");
}

TEST_F(DecisionsTest, WhatIsGoneAlreadyIsNotDeletedAgain) {
  PutEntry("lib/a", "1");
  ASSERT_TRUE(Commit([](Transaction& txn) { txn.SetTag("lib/a", "prod", "1"); }).ok());
  ASSERT_TRUE(Commit([](Transaction& txn) { txn.DeleteTag("lib/a", "prod"); }).ok());
  CommitOptions last;
  last.on_conflict = ConflictStrategy::kLastWriterWins;
  const auto tag = Commit([](Transaction& txn) { txn.DeleteTag("lib/a", "prod").Base(1); }, last);
  ASSERT_TRUE(tag.ok()) << tag.error().message;
  EXPECT_EQ(tag->outcome, Outcome::kUnchanged);
  ASSERT_TRUE(Commit([](Transaction& txn) { txn.Delete("lib/a", "1"); }).ok());
  const auto entry = Commit([](Transaction& txn) { txn.Delete("lib/a", "1").Base(1); }, last);
  ASSERT_TRUE(entry.ok()) << entry.error().message;
  EXPECT_EQ(entry->outcome, Outcome::kUnchanged);
  EXPECT_EQ(entry->results.front().revision, 2u);
}

TEST_F(DecisionsTest, EachSideOfAParkedTag) {
  for (const Take take : {Take::kTheirs, Take::kOurs, Take::kBase}) {
    const ConflictId id = ParkTag("3");
    ASSERT_TRUE(store().Resolve(id, take).ok());
    EXPECT_EQ(TagNow(), take == Take::kTheirs ? "2" : take == Take::kOurs ? "3" : "1") << TakeName(take);
    ASSERT_TRUE(Commit([](Transaction& txn) { txn.DeleteTag("lib/a", "prod"); }).ok());
  }
}

TEST_F(DecisionsTest, AParkedDeletionOfATagIsOne) {
  const ConflictId id = ParkTag("");
  const auto resolved = store().Resolve(id, Take::kOurs);
  ASSERT_TRUE(resolved.ok()) << resolved.error().message;
  EXPECT_EQ(TagNow(), "not_found");
  ExpectRefused(store().Resolve(id, Take::kOurs), ErrorCode::kNotFound, "");
}

TEST_F(DecisionsTest, WhatIsGivenMustBeOfTheConflictsKind) {
  const ConflictId tag = ParkTag("3");
  const auto given = [&](const ConflictId& id, const std::function<void(Operation&)>& fill) {
    return Commit([&](Transaction& txn) { fill(txn.Resolve(id, Take::kGiven)); });
  };
  ExpectRefused(given(tag, [](Operation&) {}), ErrorCode::kInvalidArgument,
                "lib/a@prod: what is given must be a version, and nothing else");
  ExpectRefused(given(tag,
                      [](Operation& op) {
                        op.version = "1";
                        op.annotations = R"({"a":1})";
                      }),
                ErrorCode::kInvalidArgument, "what is given must be a version, and nothing else");
  ASSERT_TRUE(given(tag, [](Operation& op) { op.version = "1"; }).ok());
  EXPECT_EQ(TagNow(), "1");

  PutEntry("lib/b", "1"), PutEntry("lib/b", "1", R"({"a":1})");
  CommitOptions park;
  park.on_conflict = ConflictStrategy::kPark;
  PutSpec late;
  late.name = "lib/b";
  late.version = "1";
  late.annotations = R"({"b":1})";
  const auto parked = Commit([&](Transaction& txn) { txn.Put(late).Base(1); }, park);
  ASSERT_TRUE(parked.ok());
  const ConflictId entry{parked->lsn, 0};
  ExpectRefused(given(entry, [](Operation& op) { op.version = "2"; }), ErrorCode::kInvalidArgument,
                "is of lib/b:1: what is given must not name another version");
  ASSERT_TRUE(given(entry, [](Operation& op) {
                op.version = "1";
                op.media_type = "text/plain";
              }).ok());
  EXPECT_EQ(store().Get("lib/b:1")->media_type, "text/plain");
}

/// A put of something new was parked, because of a lost lease, say: its base is that there was nothing.
TEST_F(DecisionsTest, TheBaseOfSomethingNewIsThatItWasNotThere) {
  PutEntry("lib/a", "1");
  CommitOptions park;
  park.on_conflict = ConflictStrategy::kPark;
  PutSpec mine;
  mine.name = "lib/a";
  mine.version = "1";
  mine.annotations = R"({"mine":1})";
  const auto parked = Commit([&](Transaction& txn) { txn.Put(mine).Base(0); }, park);
  ASSERT_TRUE(parked.ok());
  ASSERT_EQ(parked->outcome, Outcome::kParked);
  ASSERT_TRUE(store().Resolve({parked->lsn, 0}, Take::kBase).ok());
  EXPECT_EQ(store().Get("lib/a:1").error().code, ErrorCode::kNotFound);
}

TEST_F(DecisionsTest, ATransactionMustNotWriteTooMuch) {
  PutSpec big;
  big.name = "big";
  big.version = "1";
  for (int i = 0; i < 110; ++i) big.urls.push_back("https://a.example/" + std::to_string(i) + std::string(8'000, 'x'));
  const auto put = Commit([&](Transaction& txn) { txn.Put(big); });
  ASSERT_TRUE(put.ok()) << put.error().message;
  // Each writes the whole entry, of which it names little.
  const auto patched = Commit([&](Transaction& txn) {
    for (int i = 0; i < 45; ++i) txn.Patch("big", "1", "{\"n\":" + std::to_string(i) + "}");
  });
  ExpectRefused(patched, ErrorCode::kTooLarge, "the transaction would write more than ");
  EXPECT_EQ(store().Get("big:1")->revision, 1u) << "nothing of it is left";
}

TEST_F(DecisionsTest, LeasesOfWrongScopesAndSecrets) {
  AcquireOptions acquire;
  acquire.scopes = {"lib/a:1"};
  acquire.bound = false;
  auto lease = store().Acquire(acquire);
  ASSERT_TRUE(lease.ok());
  std::string token = lease->token();
  token.back() = token.back() == '0' ? '1' : '0';
  ExpectRefused(store().ReleaseLease(token), ErrorCode::kLeaseUnknown, "is not held");
  ExpectRefused(store().BreakLease(lease->fencing_token() + 1'000, "gone"), ErrorCode::kNotFound, "is not held");
  EXPECT_EQ(store().Leases()->size(), 1u);
}

}  // namespace
}  // namespace tenure
