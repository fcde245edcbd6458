// Strategies at the edges: keys that never were, bases that are not there, sides that are equal, gone or too large.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tenure/lease.h"
#include "tenure/store.h"
#include "tests/unit/store/one_store.h"

namespace tenure {
namespace {

class SettlingTest : public testing::OneStore<testing::RecordedEnv> {
 protected:
  using Fill = std::function<void(Transaction&)>;

  static PutSpec Entry(const std::string& name, const std::string& annotations = "{}") {
    PutSpec spec;
    spec.name = name;
    spec.version = "1";
    spec.annotations = annotations;
    return spec;
  }
  /// {"KEY":"xxx…"}
  static std::string Large(const char* key, std::size_t bytes) {
    return std::string("{\"") + key + "\":\"" + std::string(bytes, 'x') + "\"}";
  }
  Result<Receipt> Commit(const Fill& fill, std::optional<ConflictStrategy> strategy = {},
                         const std::string& token = {}) {
    Transaction txn;
    fill(txn);
    CommitOptions options;
    options.on_conflict = strategy;
    if (!token.empty()) options.lease_tokens = {token};
    return store().Commit(txn, options);
  }
  void Done(const Fill& fill) {
    const auto receipt = Commit(fill);
    ASSERT_TRUE(receipt.ok()) << receipt.error().message;
  }
  void ExpectOutcome(const Result<Receipt>& answer, Outcome outcome, Revision revision) {
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(answer->outcome, outcome);
    ASSERT_EQ(answer->results.size(), 1u);
    EXPECT_EQ(answer->results[0].revision, revision);
  }
  void ExpectRefused(const Result<Receipt>& answer, ErrorCode code, const std::string& says) {
    ASSERT_FALSE(answer.ok()) << says;
    EXPECT_EQ(answer.error().code, code) << answer.error().message;
    EXPECT_NE(answer.error().message.find(says), std::string::npos) << answer.error().message;
  }
  ErrorCode CodeOf(const std::string& reference) {
    const auto entry = store().Get(reference);
    return entry.ok() ? ErrorCode::kInternal : entry.error().code;
  }
};

constexpr const char* kNotRetained = "revision 5 is not retained (or never was)";

TEST_F(SettlingTest, ABaseOfAKeyThatNeverWas) {
  const auto put = [](const std::string& name) { return [=](Transaction& txn) { txn.Put(Entry(name)).Base(5); }; };
  ExpectRefused(Commit(put("a")), ErrorCode::kStaleBase, "a:1 does not exist; the write was based on revision 5");
  ExpectRefused(Commit(put("a"), ConflictStrategy::kMerge), ErrorCode::kStaleBase, kNotRetained);
  ExpectOutcome(Commit(put("a"), ConflictStrategy::kFirstWriterWins), Outcome::kUnchanged, 0);
  ExpectOutcome(Commit(put("a"), ConflictStrategy::kPark), Outcome::kParked, 0);
  ExpectOutcome(Commit(put("a"), ConflictStrategy::kMergeOrPark), Outcome::kParked, 0);
  EXPECT_EQ(CodeOf("a:1"), ErrorCode::kNotFound);
  const auto parked = store().Conflicts();
  ASSERT_EQ(parked->size(), 2u);
  for (const ParkedConflict& conflict : *parked) {
    EXPECT_TRUE(conflict.entry.ours);
    EXPECT_FALSE(conflict.entry.theirs);
    EXPECT_FALSE(conflict.entry.base);
    EXPECT_EQ(conflict.base_revision, std::optional<Revision>(5));
  }
  // Nobody knows what it was based on; but taken, it is what was not there when it was parked.
  ExpectRefused(Commit([&](Transaction& txn) { txn.Resolve(parked->front().id, Take::kBase); }), ErrorCode::kNotFound,
                "has no base");
  ExpectOutcome(Commit([&](Transaction& txn) { txn.Resolve(parked->front().id, Take::kTheirs); }), Outcome::kCommitted,
                0);
  ExpectOutcome(Commit([&](Transaction& txn) { txn.Resolve(parked->back().id, Take::kOurs); }), Outcome::kCommitted, 1);
  ExpectOutcome(Commit(put("b"), ConflictStrategy::kLastWriterWins), Outcome::kCommitted, 1);
}

TEST_F(SettlingTest, ABaseOfATagThatNeverWas) {
  Done([](Transaction& txn) { txn.Put(Entry("a")); });
  const Fill set = [](Transaction& txn) { txn.SetTag("a", "prod", "1").Base(5); };
  ExpectRefused(Commit(set), ErrorCode::kStaleBase, "a@prod does not exist; the write was based on revision 5");
  ExpectRefused(Commit(set, ConflictStrategy::kMerge), ErrorCode::kStaleBase, kNotRetained);
  ExpectOutcome(Commit(set, ConflictStrategy::kFirstWriterWins), Outcome::kUnchanged, 0);
  ExpectOutcome(Commit(set, ConflictStrategy::kPark), Outcome::kParked, 0);
  ExpectOutcome(Commit(set, ConflictStrategy::kMergeOrPark), Outcome::kParked, 0);
  const auto parked = store().Conflicts();
  ASSERT_EQ(parked->size(), 2u);
  ExpectRefused(Commit([&](Transaction& txn) { txn.Resolve(parked->front().id, Take::kBase); }), ErrorCode::kNotFound,
                "has no base");
  ExpectOutcome(Commit([&](Transaction& txn) { txn.Resolve(parked->front().id, Take::kTheirs); }), Outcome::kCommitted,
                0);
  ExpectOutcome(Commit([&](Transaction& txn) { txn.Resolve(parked->back().id, Take::kOurs); }), Outcome::kCommitted, 1);
  Done([](Transaction& txn) { txn.DeleteTag("a", "prod"); });
  ExpectOutcome(
      Commit([](Transaction& txn) { txn.SetTag("a", "next", "1").Base(5); }, ConflictStrategy::kLastWriterWins),
      Outcome::kCommitted, 1);
}

/// What both sides want is no conflict, whatever it was based on.
TEST_F(SettlingTest, WhoWantsWhatIsThereIsNotParked) {
  for (int n = 1; n <= 3; ++n) {
    Done([&](Transaction& txn) { txn.Put(Entry("a", "{\"n\":" + std::to_string(n) + "}")); });
  }
  ExpectOutcome(Commit([](Transaction& txn) { txn.Put(Entry("a", R"({"n":3})")).Base(1); }, ConflictStrategy::kPark),
                Outcome::kUnchanged, 3);
  Done([](Transaction& txn) { txn.SetTag("a", "prod", "1"); });
  Done([](Transaction& txn) { txn.DeleteTag("a", "prod"); });
  ExpectOutcome(Commit([](Transaction& txn) { txn.DeleteTag("a", "prod").Base(1); }, ConflictStrategy::kPark),
                Outcome::kUnchanged, 2);
  Done([](Transaction& txn) { txn.SetTag("a", "prod", "1"); });
  ExpectOutcome(Commit([](Transaction& txn) { txn.SetTag("a", "prod", "1").Base(1); }, ConflictStrategy::kPark),
                Outcome::kUnchanged, 3);
  Done([](Transaction& txn) { txn.DeleteTag("a", "prod"); });
  Done([](Transaction& txn) { txn.Delete("a", "1"); });
  ExpectOutcome(Commit([](Transaction& txn) { txn.Delete("a", "1").Base(1); }, ConflictStrategy::kPark),
                Outcome::kUnchanged, 4);
  EXPECT_TRUE(store().Conflicts()->empty());
}

/// The base is itself a deletion, and so is what is there: there is nothing that a patch could be of.
TEST_F(SettlingTest, APatchOfNothing) {
  for (int round = 0; round < 2; ++round) {
    Done([](Transaction& txn) { txn.Put(Entry("a")); });
    Done([](Transaction& txn) { txn.Delete("a", "1"); });
  }
  const Fill patch = [](Transaction& txn) { txn.Patch("a", "1", R"({"x":1})").Base(2); };
  for (const auto strategy : {ConflictStrategy::kLastWriterWins, ConflictStrategy::kMerge, ConflictStrategy::kPark,
                              ConflictStrategy::kMergeOrPark}) {
    ExpectRefused(Commit(patch, strategy), ErrorCode::kDeletedSince, "revision 2 is not retained (or never was)");
  }
  // Of what was there before it, it brings that back.
  ExpectOutcome(
      Commit([](Transaction& txn) { txn.Patch("a", "1", R"({"x":1})").Base(3); }, ConflictStrategy::kLastWriterWins),
      Outcome::kCommitted, 5);
  EXPECT_EQ(store().Get("a:1")->annotations, R"({"x":1})");
  ExpectOutcome(Commit([](Transaction& txn) { txn.Patch("a", "1", R"({"x":2})").Base(2); }, ConflictStrategy::kPark),
                Outcome::kParked, 5);
}

TEST_F(SettlingTest, ADeletionOfWhatIsTaggedIsNotParked) {
  for (int n = 1; n <= 2; ++n) {
    Done([&](Transaction& txn) { txn.Put(Entry("a", "{\"n\":" + std::to_string(n) + "}")); });
  }
  Done([](Transaction& txn) { txn.SetTag("a", "prod", "1"); });
  ExpectRefused(Commit([](Transaction& txn) { txn.Delete("a", "1").Base(1); }, ConflictStrategy::kPark),
                ErrorCode::kTagged, "a@prod points to");
  EXPECT_TRUE(store().Conflicts()->empty());
}

/// A change that fits and a change that fits need not fit together.
TEST_F(SettlingTest, WhatBecomesTooLarge) {
  Done([](Transaction& txn) { txn.Put(Entry("a", Large("base", 400'000))); });
  Done([](Transaction& txn) { txn.Patch("a", "1", Large("theirs", 400'000)); });
  const Fill ours = [](Transaction& txn) { txn.Patch("a", "1", Large("ours", 400'000)).Base(1); };
  ExpectRefused(Commit(ours, ConflictStrategy::kMerge), ErrorCode::kTooLarge, "a:1, merged:");
  ExpectRefused(Commit(ours, ConflictStrategy::kLastWriterWins), ErrorCode::kTooLarge, "a:1");
  const Fill too_much = [](Transaction& txn) { txn.Patch("a", "1", Large("ours", 700'000)).Base(1); };
  for (const auto strategy : {ConflictStrategy::kMerge, ConflictStrategy::kPark, ConflictStrategy::kLastWriterWins}) {
    ExpectRefused(Commit(too_much, strategy), ErrorCode::kTooLarge, "a:1");
  }
  Done([](Transaction& txn) { txn.Delete("a", "1"); });
  ExpectRefused(Commit(too_much, ConflictStrategy::kLastWriterWins), ErrorCode::kTooLarge, "a:1");
  EXPECT_EQ(CodeOf("a:1"), ErrorCode::kNotFound);
  EXPECT_TRUE(store().Conflicts()->empty());
}

/// With its lease lost, it is kept for later: a tag, a deletion, and what nobody gave a base for.
TEST_F(SettlingTest, TagsOfALostLease) {
  Done([](Transaction& txn) { txn.Put(Entry("a")); });
  Done([](Transaction& txn) { txn.SetTag("a", "old", "1"); });
  auto lease = store().Acquire({.scopes = {"a"}, .ttl = std::chrono::seconds(1), .bound = false});
  ASSERT_TRUE(lease.ok()) << lease.error().message;
  const std::string token = lease->token();
  lease->Detach();
  env_.AdvanceBoottimeMs(1'001);
  const Fill set = [](Transaction& txn) { txn.SetTag("a", "prod", "1"); };
  ExpectRefused(Commit(set, {}, token), ErrorCode::kLeaseExpired, "lease");
  ExpectOutcome(Commit(set, ConflictStrategy::kPark, token), Outcome::kParked, 0);
  ExpectOutcome(Commit([](Transaction& txn) { txn.DeleteTag("a", "old"); }, ConflictStrategy::kPark, token),
                Outcome::kParked, 1);
  const auto parked = store().Conflicts();
  ASSERT_EQ(parked->size(), 2u);
  for (const ParkedConflict& conflict : *parked) {
    EXPECT_EQ(conflict.kind, ConflictKind::kLeaseLost);
    EXPECT_FALSE(conflict.base_revision);
    ExpectOutcome(Commit([&](Transaction& txn) { txn.Resolve(conflict.id, Take::kOurs); }), Outcome::kCommitted,
                  conflict.rest == "old" ? 2 : 1);
  }
  const auto tags = store().Tags("a");
  ASSERT_EQ(tags->size(), 1u);
  EXPECT_EQ(tags->front().tag, "prod");
}

TEST_F(SettlingTest, APolicyThatAsksForALeaseAsksForItOfTagsToo) {
  Done([](Transaction& txn) { txn.Put(Entry("a")); });
  PolicySpec policy;
  policy.glob = "a";
  policy.require_lease = true;
  ASSERT_TRUE(store().SetPolicy(policy).ok());
  const Fill set = [](Transaction& txn) { txn.SetTag("a", "prod", "1"); };
  for (const auto strategy : {ConflictStrategy::kReject, ConflictStrategy::kPark}) {
    ExpectRefused(Commit(set, strategy), ErrorCode::kLeaseRequired, "a@prod");
  }
  auto lease = store().Acquire({.scopes = {"a@prod"}});
  ASSERT_TRUE(lease.ok()) << lease.error().message;
  ExpectOutcome(Commit(set, {}, lease->token()), Outcome::kCommitted, 1);
}

/// A conflict is settled, or stays as it is: it is not parked once more.
TEST_F(SettlingTest, AResolutionIsNotParkedAgain) {
  const auto put = [&](int n) {
    Done([&](Transaction& txn) { txn.Put(Entry("a", "{\"n\":" + std::to_string(n) + "}")); });
  };
  put(1), put(2);
  const auto parked =
      Commit([](Transaction& txn) { txn.Put(Entry("a", R"({"n":9})")).Base(1); }, ConflictStrategy::kPark);
  ASSERT_TRUE(parked.ok()) << parked.error().message;
  put(3);
  const Fill ours = [&](Transaction& txn) { txn.Resolve({parked->lsn, 0}, Take::kOurs); };
  ExpectRefused(Commit(ours), ErrorCode::kStaleBase, "is at revision 3");
  ExpectRefused(Commit(ours, ConflictStrategy::kPark), ErrorCode::kStaleBase, "is at revision 3");
  ExpectRefused(Commit(ours, ConflictStrategy::kMergeOrPark), ErrorCode::kMergeClash, "n");
  ASSERT_EQ(store().Conflicts()->size(), 1u);
  ExpectOutcome(Commit([&](Transaction& txn) {
                  txn.Resolve({parked->lsn, 0}, Take::kOurs).Base(3);
                }),
                Outcome::kCommitted, 4);
  EXPECT_EQ(store().Get("a:1")->annotations, R"({"n":9})");
}

/// The base may be that there was nothing: taken, it is a deletion, which may have been done already.
TEST_F(SettlingTest, NothingIsTakenAsTheBase) {
  Done([](Transaction& txn) { txn.Put(Entry("a", R"({"n":1})")); });
  Done([](Transaction& txn) { txn.SetTag("a", "prod", "1"); });
  Done([](Transaction& txn) { txn.Put({.name = "a", .version = "2"}); });
  const auto entry =
      Commit([](Transaction& txn) { txn.Put(Entry("a", R"({"n":2})")).Base(0); }, ConflictStrategy::kPark);
  const auto tag = Commit([](Transaction& txn) { txn.SetTag("a", "prod", "2").Base(0); }, ConflictStrategy::kPark);
  const auto again = Commit([](Transaction& txn) { txn.SetTag("a", "prod", "2").Base(0); }, ConflictStrategy::kPark);
  const auto twice =
      Commit([](Transaction& txn) { txn.Put(Entry("a", R"({"n":3})")).Base(0); }, ConflictStrategy::kPark);
  ASSERT_TRUE(entry.ok() && tag.ok() && again.ok() && twice.ok());
  const auto take_base = [&](const Result<Receipt>& parked) {
    return Commit([&](Transaction& txn) { txn.Resolve({parked->lsn, 0}, Take::kBase); });
  };
  ExpectOutcome(take_base(tag), Outcome::kCommitted, 2);
  ExpectOutcome(take_base(again), Outcome::kCommitted, 2);
  EXPECT_TRUE(store().Tags("a")->empty());
  ExpectOutcome(take_base(entry), Outcome::kCommitted, 2);
  ExpectOutcome(take_base(twice), Outcome::kCommitted, 2);
  EXPECT_EQ(CodeOf("a:1"), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tenure
