// Which policy says what: per attribute, exact match, then longest literal prefix, then the later one.
#include "conflict/policies.h"

#include <gtest/gtest.h>

#include "conflict/rules.h"

namespace tenure::conflict {
namespace {

Policy Of(const std::string& glob, Lsn lsn) {
  Policy policy;
  policy.glob = glob;
  policy.lsn = lsn;
  return policy;
}

Policy Strategy(const std::string& glob, ConflictStrategy strategy, Lsn lsn) {
  Policy policy = Of(glob, lsn);
  policy.on_conflict = strategy;
  return policy;
}

TEST(Policies, PrecedenceIsExactThenPrefixThenLater) {
  const PolicySet set(
      {Strategy("**", ConflictStrategy::kReject, 9), Strategy("release/**", ConflictStrategy::kMerge, 8),
       Strategy("release/*", ConflictStrategy::kPark, 7), Strategy("release/app", ConflictStrategy::kLastWriterWins, 1),
       Strategy("release/app:1.*", ConflictStrategy::kFirstWriterWins, 2),
       Strategy("release/app:2.0", ConflictStrategy::kMergeOrPark, 3)});
  EXPECT_EQ(set.ForEntry("other", "1").on_conflict, ConflictStrategy::kReject);
  EXPECT_EQ(set.ForEntry("release/lib", "1").on_conflict, ConflictStrategy::kMerge) << "same prefix: the later one";
  EXPECT_EQ(set.ForEntry("release/a/b", "1").on_conflict, ConflictStrategy::kMerge);
  EXPECT_EQ(set.ForEntry("release/app", "2.0").on_conflict, ConflictStrategy::kMergeOrPark) << "exact, and longer";
  EXPECT_EQ(set.ForEntry("release/app", "1.1").on_conflict, ConflictStrategy::kLastWriterWins)
      << "an exact match of the name comes before a pattern of versions";
  EXPECT_EQ(set.ForTag("release/app").on_conflict, ConflictStrategy::kLastWriterWins);
}

TEST(Policies, EachAttributeIsDecidedByItself) {
  Policy wide = Of("**", 1);
  wide.immutable = true;
  wide.require_lease = true;
  wide.keep_history = true;
  wide.schema = R"({"required":["digest"]})";
  Policy narrow = Of("tmp/**", 2);
  narrow.immutable = false;
  const PolicySet set({wide, narrow});
  const EffectivePolicy effective = set.ForEntry("tmp/a", "1");
  EXPECT_FALSE(effective.immutable);
  EXPECT_TRUE(effective.require_lease && effective.keep_history);
  EXPECT_NE(effective.schema, nullptr);
  EXPECT_EQ(effective.immutable_by, "tmp/**");
  EXPECT_EQ(effective.lease_by, "**");
  EXPECT_TRUE(set.ForEntry("a", "1").immutable);
}

TEST(Policies, LaterWithinOneTransactionToo) {
  Policy first = Strategy("a?", ConflictStrategy::kMerge, 5);
  Policy second = Strategy("a*", ConflictStrategy::kPark, 5);
  second.effect = 1;
  EXPECT_EQ(PolicySet({first, second}).ForEntry("ab", "1").on_conflict, ConflictStrategy::kPark);
  EXPECT_EQ(PolicySet({second, first}).ForEntry("ab", "1").on_conflict, ConflictStrategy::kPark);
}

TEST(Policies, TagsAreMatchedByNameOnly) {
  const PolicySet set({Strategy("app:*", ConflictStrategy::kPark, 1)});
  EXPECT_TRUE(set.ForEntry("app", "1").on_conflict);
  EXPECT_FALSE(set.ForTag("app").on_conflict);
}

TEST(Policies, KeepRulesAreInTheOrderOfDecision) {
  Policy wide = Of("**", 1);
  wide.keep_history = false;
  Policy narrow = Of("release/**", 2);
  narrow.keep_history = true;
  const std::vector<model::KeepRule> expected = {{"release/**", true}, {"**", false}};
  EXPECT_EQ(PolicySet({wide, narrow}).KeepRules(), expected);
  EXPECT_TRUE(PolicySet({wide}).KeepRules().empty()) << "nothing is kept anyway";
}

TEST(Policies, SettingChangesWhatIsNamed) {
  Policy before = Of("a", 3);
  before.immutable = true;
  before.schema = "{}";
  PolicySpec spec;
  spec.glob = "a";
  spec.on_conflict = ConflictStrategy::kPark;
  spec.unset = {"schema"};
  const Policy after = Changed(&before, spec);
  EXPECT_EQ(after.immutable, true);
  EXPECT_EQ(after.on_conflict, ConflictStrategy::kPark);
  EXPECT_FALSE(after.schema);
  spec.on_conflict.reset();
  spec.unset = {"immutable", "schema"};
  EXPECT_FALSE(SaysAnything(Changed(&before, spec)));
}

TEST(Rules, ImmutableProtectsADigestThatIsThere) {
  EffectivePolicy policy;
  policy.immutable = true;
  policy.immutable_by = "**";
  ArtifactEntry row;
  row.name = "a";
  row.version = "1";
  row.digest = "d";
  row.revision = 4;
  ArtifactEntry wanted = row;
  wanted.annotations = R"({"k":1})";
  EXPECT_FALSE(CheckImmutable(policy, &row, wanted)) << "the rest may change";
  wanted.digest = "e";
  const auto error = CheckImmutable(policy, &row, wanted);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::kImmutable);
  EXPECT_EQ(error->revision, Revision{4});
  EXPECT_EQ(error->message, "a:1 is immutable (policy '**') and has digest d, not e");
  wanted.digest.clear();
  EXPECT_TRUE(CheckImmutable(policy, &row, wanted));
  wanted.deleted = true;
  EXPECT_TRUE(CheckImmutable(policy, &row, wanted));
  EXPECT_FALSE(CheckImmutable(policy, nullptr, wanted));
  row.digest.clear();
  EXPECT_FALSE(CheckImmutable(policy, &row, wanted)) << "no digest: nothing to protect";
  EXPECT_FALSE(CheckImmutable({}, &row, wanted));
}

TEST(Rules, ALeaseIsRequiredWhereThePolicySaysSo) {
  EffectivePolicy policy;
  EXPECT_FALSE(CheckLease(policy, LeaseState::kNone, "a:1"));
  EXPECT_TRUE(CheckLease(policy, LeaseState::kLost, "a:1")) << "whatever the policy says";
  policy.require_lease = true;
  policy.lease_by = "a";
  EXPECT_EQ(CheckLease(policy, LeaseState::kNone, "a:1")->code, ErrorCode::kLeaseRequired);
  EXPECT_TRUE(CheckLease(policy, LeaseState::kLost, "a:1"));
  EXPECT_FALSE(CheckLease(policy, LeaseState::kHeld, "a:1"));
}

TEST(Policies, TheFirstThatSaysAnythingDecidesEachAttribute) {
  Policy wide = Of("**", 1);
  wide.require_lease = true;
  wide.keep_history = true;
  wide.on_conflict = ConflictStrategy::kMerge;
  wide.schema = R"({"required":["digest"]})";
  Policy narrow = Of("tmp/**", 2);
  narrow.require_lease = false;
  narrow.keep_history = false;
  narrow.on_conflict = ConflictStrategy::kPark;
  narrow.schema = "{}";
  const PolicySet set({wide, narrow});
  const EffectivePolicy inside = set.ForEntry("tmp/a", "1");
  EXPECT_FALSE(inside.require_lease);
  EXPECT_EQ(inside.lease_by, "tmp/**");
  EXPECT_FALSE(inside.keep_history);
  EXPECT_EQ(inside.on_conflict, ConflictStrategy::kPark);
  EXPECT_EQ(inside.schema_by, "tmp/**");
  EXPECT_TRUE(PolicySet({}).ForEntry("a", "1").lease_by.empty());
  EXPECT_FALSE(PolicySet({}).ForTag("a").on_conflict);
}

/// Of a journal that a newer version wrote: a glob or a schema that is not understood decides nothing.
TEST(Policies, WhatCannotBeReadDecidesNothing) {
  Policy no_glob = Of("[", 1);
  no_glob.immutable = true;
  Policy no_schema = Of("**", 2);
  no_schema.schema = R"({"$ref":"#"})";
  no_schema.require_lease = true;
  const EffectivePolicy effective = PolicySet({no_glob, no_schema}).ForEntry("a", "1");
  EXPECT_FALSE(effective.immutable);
  EXPECT_EQ(effective.schema, nullptr);
  EXPECT_TRUE(effective.require_lease) << "the rest of that policy holds";
}

TEST(Policies, EveryAttributeCanBeSetAndTakenBack) {
  PolicySpec spec;
  spec.glob = "a";
  spec.immutable = false;
  spec.require_lease = true;
  spec.on_conflict = ConflictStrategy::kMerge;
  spec.schema = "{}";
  spec.keep_history = true;
  Policy policy = Changed(nullptr, spec);
  EXPECT_EQ(policy.glob, "a");
  for (const char* name : {"immutable", "require_lease", "on_conflict", "schema", "keep_history"}) {
    EXPECT_TRUE(SaysAnything(policy)) << name;
    PolicySpec without;
    without.glob = "a";
    without.unset = {name};
    const Policy less = Changed(&policy, without);
    EXPECT_NE(less, policy) << name;
    policy = less;
  }
  EXPECT_FALSE(SaysAnything(policy));
}

TEST(Rules, ASchemaRefusesWhatIsWrittenNotWhatIsDeleted) {
  const PolicySet set({[] {
    Policy policy = Of("app", 1);
    policy.schema = R"({"required":["digest"]})";
    return policy;
  }()});
  ArtifactEntry wanted;
  wanted.name = "app";
  wanted.version = "1";
  const EffectivePolicy policy = set.ForEntry("app", "1");
  const auto error = CheckSchema(policy, wanted);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::kSchemaMismatch);
  EXPECT_EQ(error->message, "app:1 is not what the schema asks for (policy 'app'): $.digest is missing");
  EXPECT_EQ(error->key, "app:1");
  wanted.deleted = true;
  EXPECT_FALSE(CheckSchema(policy, wanted));
  wanted.deleted = false;
  wanted.digest = "d";
  EXPECT_FALSE(CheckSchema(policy, wanted));
  EXPECT_FALSE(CheckSchema({}, wanted));
}

}  // namespace
}  // namespace tenure::conflict
