#include "lease/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "lease/token.h"
#include "tests/unit/lease/lease_testing.h"

namespace tenure::lease {
namespace {

using testing::AllOpen;
using testing::AnyScope;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Must;
using testing::Row;
using testing::Scopes;
using Kind = WriteVerdict::Kind;

Presented Valid(Lsn id) { return {id, true, false}; }
Presented Ambient(Lsn id) { return {id, true, true}; }

class LeaseTable : public ::testing::Test {
 protected:
  WriteVerdict Write(const std::vector<std::string>& keys, const std::vector<Presented>& presented,
                     const StandingOf& standing = AllOpen()) {
    std::vector<Scope> scopes;
    for (const std::string& key : keys) scopes.push_back(Must(Scope::Parse(key)));
    return JudgeWrite(table_, scopes, presented, standing);
  }
  Table table_;
};

TEST_F(LeaseTable, SharedHoldersKeepOnlyExclusiveOnesAway) {
  table_.Add(Row(1, {"a"}, 0, LeaseMode::kShared));
  EXPECT_FALSE(JudgeAcquire(table_, Scopes({"a:1"}), LeaseMode::kShared, AllOpen()).held_by);
  EXPECT_EQ(JudgeAcquire(table_, Scopes({"a:1"}), LeaseMode::kExclusive, AllOpen()).held_by, 1u);
}

TEST_F(LeaseTable, LeasesThatAreOverEndWhenTheirScopeIsWanted) {
  table_.Add(Row(1, {"a:1"}, 0));
  table_.Add(Row(2, {"a:2"}, 1));
  const StandingOf standing = [](const model::LeaseRow& row) {
    return row.info.id == 1 ? Standing::kExpired : Standing::kOrphaned;
  };
  const AcquireVerdict verdict = JudgeAcquire(table_, Scopes({"a"}), LeaseMode::kExclusive, standing);
  EXPECT_FALSE(verdict.held_by);
  EXPECT_THAT(verdict.endings,
              ElementsAre(Ending{1, model::EffectKind::kExpireLease}, Ending{2, model::EffectKind::kOrphanLease}));
}

TEST_F(LeaseTable, NothingEndsForARequestThatIsRefused) {
  table_.Add(Row(1, {"a:1"}, 0));
  table_.Add(Row(2, {"a:2"}, 1));
  const StandingOf standing = [](const model::LeaseRow& row) {
    return row.info.id == 1 ? Standing::kExpired : Standing::kOpen;
  };
  const AcquireVerdict verdict = JudgeAcquire(table_, Scopes({"a"}), LeaseMode::kExclusive, standing);
  EXPECT_EQ(verdict.held_by, 2u);
  EXPECT_THAT(verdict.endings, IsEmpty());
}

TEST_F(LeaseTable, AWriteUnderNoLeaseIsRefusedWhereSomebodyHoldsOne) {
  table_.Add(Row(7, {"rel/**"}, 0));
  const WriteVerdict verdict = Write({"rel/app:1"}, {});
  EXPECT_EQ(verdict.kind, Kind::kHeld);
  EXPECT_EQ(verdict.id, 7u);
  EXPECT_EQ(verdict.key, "rel/app:1");
  EXPECT_EQ(Write({"other:1"}, {}).kind, Kind::kAllowed);
}

TEST_F(LeaseTable, EveryKeyMustBeCovered) {
  table_.Add(Row(7, {"a:1"}, 0));
  table_.Add(Row(8, {"b"}, 1));
  EXPECT_EQ(Write({"a:1"}, {Valid(7)}).kind, Kind::kAllowed);
  EXPECT_EQ(Write({"a:1", "b:2", "b@prod"}, {Valid(7), Valid(8)}).kind, Kind::kAllowed);
  EXPECT_EQ(Write({"a:1", "c:1"}, {Valid(7)}).kind, Kind::kNotCovering);
  EXPECT_EQ(Write({"a:1", "b:2"}, {Valid(7)}).kind, Kind::kHeld);
}

TEST_F(LeaseTable, AnAmbientLeaseAppliesWhereItCovers) {
  table_.Add(Row(7, {"a:1"}, 0));
  EXPECT_EQ(Write({"a:1", "c:1"}, {Ambient(7)}).kind, Kind::kAllowed);
  const StandingOf over = [](const model::LeaseRow&) { return Standing::kExpired; };
  EXPECT_EQ(Write({"c:1"}, {Ambient(7)}, over).kind, Kind::kAllowed);
  EXPECT_EQ(Write({"a:1"}, {Ambient(7)}, over).kind, Kind::kExpired);
}

TEST_F(LeaseTable, ALeaseThatEndedFencesItsHolder) {
  table_.Add(Row(7, {"a:1"}, 0));
  (void)table_.End(7, model::EffectKind::kExpireLease);
  EXPECT_EQ(Write({"a:1"}, {Valid(7)}).kind, Kind::kExpired);
  table_.Add(Row(9, {"a"}, 0));
  const WriteVerdict fenced = Write({"a:1"}, {Valid(7)});
  EXPECT_EQ(fenced.kind, Kind::kFenced);
  EXPECT_EQ(fenced.other, 9u);
  table_.Add(Row(10, {"b"}, 1));
  (void)table_.End(10, model::EffectKind::kBreakLease);
  EXPECT_EQ(Write({"b:1"}, {Valid(10)}).kind, Kind::kBroken);
  EXPECT_EQ(Write({"b:1"}, {Valid(11)}).kind, Kind::kUnknown);
  EXPECT_EQ(Write({"b:1"}, {{9, false, false}}).kind, Kind::kUnknown);
}

TEST_F(LeaseTable, ASharedLeaseEntitlesNobody) {
  table_.Add(Row(7, {"a"}, 0, LeaseMode::kShared));
  EXPECT_EQ(Write({"a:1"}, {Valid(7)}).kind, Kind::kShared);
  EXPECT_EQ(Write({"a:1"}, {}).kind, Kind::kHeld);
  EXPECT_FALSE(CoveredExclusively(table_, Scope::OfKey("a", "1"), std::vector<Presented>{Valid(7)}, AllOpen()));
}

TEST_F(LeaseTable, AWriteEndsLeasesOfOthersThatAreOver) {
  table_.Add(Row(7, {"a"}, 0));
  const StandingOf over = [](const model::LeaseRow&) { return Standing::kOrphaned; };
  const WriteVerdict verdict = Write({"a:1", "a:2"}, {}, over);
  EXPECT_EQ(verdict.kind, Kind::kAllowed);
  EXPECT_THAT(verdict.endings, ElementsAre(Ending{7, model::EffectKind::kOrphanLease}));
}

TEST_F(LeaseTable, CoveredExclusivelyAsksForTheHeldTokenThatStands) {
  table_.Add(Row(7, {"a"}, 0));
  const Scope key = Scope::OfTag("a", "prod");
  EXPECT_TRUE(CoveredExclusively(table_, key, std::vector<Presented>{Valid(7)}, AllOpen()));
  EXPECT_TRUE(CoveredExclusively(table_, key, std::vector<Presented>{Ambient(7)}, AllOpen()));
  EXPECT_FALSE(CoveredExclusively(table_, key, {}, AllOpen()));
  EXPECT_FALSE(CoveredExclusively(table_, key, std::vector<Presented>{{7, false, false}}, AllOpen()));
  EXPECT_FALSE(CoveredExclusively(table_, Scope::OfKey("b", "1"), std::vector<Presented>{Valid(7)}, AllOpen()));
  const StandingOf over = [](const model::LeaseRow&) { return Standing::kExpired; };
  EXPECT_FALSE(CoveredExclusively(table_, key, std::vector<Presented>{Valid(7)}, over));
}

TEST_F(LeaseTable, SlotsAreReused) {
  for (std::uint32_t i = 0; i < 10; ++i) {
    ASSERT_EQ(table_.FreeSlot(), i);
    table_.Add(Row(i + 1, {"n" + std::to_string(i)}, i));
  }
  (void)table_.End(4, model::EffectKind::kReleaseLease);
  EXPECT_EQ(table_.FreeSlot(), 3u);
}

TEST_F(LeaseTable, ASlotThatIsNotSettledIsTakenOnlyWhenThereIsNoOther) {
  table_.Add(Row(1, {"a"}, 0));
  table_.Add(Row(2, {"b"}, 1));
  (void)table_.End(1, model::EffectKind::kBreakLease);
  EXPECT_EQ(table_.FreeSlot([](std::uint32_t slot) { return slot != 0; }), 2u);
  EXPECT_EQ(table_.FreeSlot([](std::uint32_t) { return false; }), 0u);
}

// The table's index of scopes against the plain rule, over any sequence of grants and ends.
RC_GTEST_PROP(LeaseTableProperty, FindsExactlyWhatConflictsAndCovers, ()) {
  Table table;
  std::map<Lsn, Scope> held;
  const auto steps = *rc::gen::container<std::vector<std::pair<bool, std::string>>>(
      rc::gen::pair(rc::gen::arbitrary<bool>(), AnyScope()));
  Lsn next = 1;
  for (const auto& [grant, text] : steps) {
    if (grant) {
      const auto slot = table.FreeSlot();
      RC_ASSERT(slot.has_value());
      const bool shared = next % 3 == 0;
      table.Add(Row(next, {text}, *slot, shared ? LeaseMode::kShared : LeaseMode::kExclusive));
      held.emplace(next++, Must(Scope::Parse(text)));
    } else if (!held.empty()) {
      (void)table.End(held.begin()->first, model::EffectKind::kReleaseLease);
      held.erase(held.begin());
    }
  }
  const Scope asked = Must(Scope::Parse(*AnyScope()));
  std::vector<Lsn> exclusive;
  std::vector<Lsn> shared;
  std::vector<Lsn> covering;
  for (const auto& [id, scope] : held) {
    if (Conflict(scope, asked)) exclusive.push_back(id);
    if (Conflict(scope, asked) && id % 3 != 0) shared.push_back(id);
    if (scope.Covers(asked)) covering.push_back(id);
  }
  const std::vector<Scope> scopes = {asked};
  RC_ASSERT(table.InTheWay(scopes, LeaseMode::kExclusive) == exclusive);
  RC_ASSERT(table.InTheWay(scopes, LeaseMode::kShared) == shared);
  RC_ASSERT(table.Covering(asked) == covering);
}

TEST_F(LeaseTable, AnAmbientLeaseThatHasEndedMattersOnlyWhereItCovered) {
  table_.Add(Row(7, {"a:1"}, 0));
  (void)table_.End(7, model::EffectKind::kBreakLease);
  EXPECT_EQ(Write({"c:1"}, {Ambient(7)}).kind, Kind::kAllowed);
  EXPECT_EQ(Write({"c:1", "a:1"}, {Ambient(7)}).kind, Kind::kBroken);
  EXPECT_EQ(Write({"c:1"}, {Valid(7)}).kind, Kind::kBroken) << "one that was named for this write always matters";
}

TEST_F(LeaseTable, AnEndedLeaseIsFencedOnlyByOneThatStands) {
  table_.Add(Row(7, {"a:1"}, 0));
  (void)table_.End(7, model::EffectKind::kExpireLease);
  table_.Add(Row(9, {"a"}, 0));
  const StandingOf over = [](const model::LeaseRow&) { return Standing::kExpired; };
  EXPECT_EQ(Write({"a:1"}, {Valid(7)}, over).kind, Kind::kExpired);
  (void)table_.End(9, model::EffectKind::kReleaseLease);
  EXPECT_EQ(Write({"a:1"}, {Valid(9)}).kind, Kind::kUnknown) << "given back by its holder";
}

TEST_F(LeaseTable, AKeyMayBeCoveredTwice) {
  table_.Add(Row(7, {"a:1"}, 0));
  EXPECT_EQ(Write({"a:1"}, {Valid(7), Ambient(7)}).kind, Kind::kAllowed);
  EXPECT_EQ(Write({"c:1"}, {}).kind, Kind::kAllowed);
  EXPECT_FALSE(CoveredExclusively(table_, Scope::OfKey("a", "1"), std::vector<Presented>{Valid(8)}, AllOpen()));
}

/// Ends are remembered so that late holders can be told; not for ever.
TEST_F(LeaseTable, TheOldestEndsAreForgotten) {
  constexpr Lsn kEnds = 4'097;
  for (Lsn id = 1; id <= kEnds; ++id) {
    table_.Add(Row(id, {"a:1"}, 0));
    (void)table_.End(id, model::EffectKind::kBreakLease);
  }
  EXPECT_EQ(Write({"a:1"}, {Valid(1)}).kind, Kind::kUnknown);
  EXPECT_EQ(Write({"a:1"}, {Valid(2)}).kind, Kind::kBroken);
  EXPECT_EQ(Write({"a:1"}, {Valid(kEnds)}).kind, Kind::kBroken);
  table_.Clear();
  EXPECT_TRUE(table_.empty());
  EXPECT_EQ(Write({"a:1"}, {Valid(kEnds)}).kind, Kind::kUnknown);
}

/// Of a journal that a newer version wrote: what cannot be understood stands in nobody's way.
TEST_F(LeaseTable, AScopeThatDoesNotParseCoversNothing) {
  table_.Add(Row(7, {"a b:*", "c:1"}, 0));
  EXPECT_EQ(Write({"c:1"}, {}).kind, Kind::kHeld);
  EXPECT_EQ(Write({"d:1"}, {}).kind, Kind::kAllowed);
  std::vector<Lsn> seen;
  table_.ForEach([&seen](const model::LeaseRow& row) { seen.push_back(row.info.id); });
  EXPECT_THAT(seen, ElementsAre(7));
  table_.Remove(7);
  EXPECT_EQ(Write({"c:1"}, {}).kind, Kind::kAllowed);
  EXPECT_EQ(Write({"c:1"}, {Valid(7)}).kind, Kind::kUnknown) << "removed without an end: it never was";
}

TEST(LeaseToken, ComesBackAsItWasPrinted) {
  Token token;
  token.store = 0x01020304;
  token.id = 42;
  token.secret[0] = std::byte{0xab};
  const std::string text = Print(token);
  EXPECT_LE(text.size(), 128u);
  EXPECT_EQ(Must(ParseToken(text)), token);
  const auto two = ParseTokens(" " + text + "\n" + text + " ");
  ASSERT_TRUE(two.ok());
  EXPECT_EQ(two->size(), 2u);
}

TEST(LeaseToken, RefusesEverythingElse) {
  const std::string text = Print({1, 42, {}});
  for (std::string bad : {std::string(), std::string("42"), std::string("tnl-"), text + "0", text.substr(1),
                          text.substr(0, text.size() - 1), "tnl-0000000g" + text.substr(12),
                          std::string("tnl-00000001-042-00000000000000000000000000000000"),
                          std::string("tnl-00000001-99999999999999999999999-00000000000000000000000000000000")}) {
    EXPECT_FALSE(ParseToken(bad).ok()) << bad;
  }
  EXPECT_THAT(ParseToken("42").error().message, ::testing::HasSubstr("fencing token"));
  for (const char* bad :
       {"tnl-00000001042-00000000000000000000000000000000", "tnl-00000001-00000000000000000000000000000000",
        "tnl-00000001-x-00000000000000000000000000000000", "tnl-00000001--00000000000000000000000000000000",
        "tnl-00000001-42-0000000000000000000000000000000g",
        "tnl-00000001-99999999999999999999-00000000000000000000000000000000"}) {
    const auto parsed = ParseToken(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(parsed.error().message, "this is no lease token") << "a secret is not repeated";
  }
  EXPECT_EQ(ParseTokens(text + " 42").error().message, "42 is a fencing token, which authorises nothing");
  EXPECT_TRUE(ParseTokens(" \n").value().empty());
}

TEST(LeaseToken, OneSecretHasOneHash) {
  Secret a{}, b{};
  b[15] = std::byte{1};
  EXPECT_EQ(HashOf(a), HashOf(Secret{}));
  EXPECT_NE(HashOf(a), HashOf(b));
}

}  // namespace
}  // namespace tenure::lease
