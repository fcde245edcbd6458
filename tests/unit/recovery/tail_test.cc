#include "store/recovery/tail.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tenure::recovery {
namespace {

TailFacts FactsOf(unsigned bits) {
  return {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0};
}

// One test per row of the table, each written from the protocol's text.

TEST(Tail, InsideASealedLengthIsCorruptionWhateverElse) {
  for (unsigned bits = 0; bits < 32; ++bits) {
    TailFacts facts = FactsOf(bits);
    facts.inside_sealed = true;
    EXPECT_EQ(DecideTail(facts), TailVerdict::kCorruption) << bits;
  }
}

TEST(Tail, BelowADurableLsnIsCorruptionWhateverElse) {
  for (unsigned bits = 0; bits < 32; ++bits) {
    TailFacts facts = FactsOf(bits);
    facts.below_durable = true;
    EXPECT_EQ(DecideTail(facts), TailVerdict::kCorruption) << bits;
  }
}

TEST(Tail, BelowTheAppliedLsnIsCorruptionWhateverElse) {
  for (unsigned bits = 0; bits < 32; ++bits) {
    TailFacts facts = FactsOf(bits);
    facts.below_applied = true;
    EXPECT_EQ(DecideTail(facts), TailVerdict::kCorruption) << bits;
  }
}

TEST(Tail, AValidLaterFrameIsCorruptionWhateverElse) {
  for (unsigned bits = 0; bits < 32; ++bits) {
    TailFacts facts = FactsOf(bits);
    facts.later_valid_frame = true;
    EXPECT_EQ(DecideTail(facts), TailVerdict::kCorruption) << bits;
  }
}

TEST(Tail, ZerosWithoutAWitnessAreACleanEnd) {
  TailFacts facts;
  facts.clean_zero = true;
  EXPECT_EQ(DecideTail(facts), TailVerdict::kCleanEnd);
}

TEST(Tail, BytesWithoutAWitnessAreTorn) { EXPECT_EQ(DecideTail(TailFacts{}), TailVerdict::kTorn); }

TEST(Tail, AllCombinationsAreDecidedAndOnlyTwoAreNoCorruption) {
  std::set<const TailRule*> used;
  int corrupt = 0;
  for (unsigned bits = 0; bits < 32; ++bits) {
    const TailRule& rule = DecidingTailRule(FactsOf(bits));
    EXPECT_EQ(rule.verdict, DecideTail(FactsOf(bits)));
    EXPECT_GT(std::string(rule.reason).size(), 10u);
    corrupt += rule.verdict == TailVerdict::kCorruption;
    used.insert(&rule);
  }
  EXPECT_EQ(corrupt, 30);
  EXPECT_EQ(used.size(), TailRules().size()) << "a row that never decides is no rule";
}

TEST(Tail, VerdictsHaveNames) {
  EXPECT_STREQ(TailVerdictText(TailVerdict::kCleanEnd), "clean end");
  EXPECT_STREQ(TailVerdictText(TailVerdict::kTorn), "torn tail");
  EXPECT_STREQ(TailVerdictText(TailVerdict::kCorruption), "corruption");
}

}  // namespace
}  // namespace tenure::recovery
