#include "store/recovery/tail.h"

namespace tenure::recovery {
namespace {

using When = TailRule::When;
constexpr When kAny = When::kAny;
constexpr When kNo = When::kNo;
constexpr When kYes = When::kYes;

// Witnesses come first: zeros are no clean end where somebody saw data. A later frame of the same
// segment is a witness too, since its commit began only after this one was durable.
constexpr TailRule kRules[] = {
    // zero  later  applied durable sealed
    {kAny, kAny, kAny, kAny, kYes, TailVerdict::kCorruption, "the next segment says that the journal reaches further"},
    {kAny, kAny, kAny, kYes, kAny, TailVerdict::kCorruption, "transactions from here on are known to be durable"},
    {kAny, kAny, kYes, kAny, kAny, TailVerdict::kCorruption, "the index has applied transactions from here on"},
    {kAny, kYes, kAny, kAny, kAny, TailVerdict::kCorruption, "a well-formed frame lies behind it"},
    {kYes, kNo, kNo, kNo, kNo, TailVerdict::kCleanEnd, "only zeros to the end of the file"},
    {kNo, kNo, kNo, kNo, kNo, TailVerdict::kTorn, "an unfinished last frame that nobody was told of"},
};

constexpr bool Holds(When when, bool fact) { return when == kAny || (when == kYes) == fact; }

constexpr const TailRule* Find(const TailFacts& facts) {
  for (const TailRule& rule : kRules) {
    if (Holds(rule.clean_zero, facts.clean_zero) && Holds(rule.later_valid_frame, facts.later_valid_frame) &&
        Holds(rule.below_applied, facts.below_applied) && Holds(rule.below_durable, facts.below_durable) &&
        Holds(rule.inside_sealed, facts.inside_sealed)) {
      return &rule;
    }
  }
  return nullptr;
}

constexpr TailFacts FactsOf(unsigned bits) {
  return {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0};
}

constexpr bool AllDecided() {
  for (unsigned bits = 0; bits < 32; ++bits) {
    if (Find(FactsOf(bits)) == nullptr) return false;
  }
  return true;
}
static_assert(AllDecided(), "every combination of facts needs a row");

}  // namespace

std::span<const TailRule> TailRules() { return kRules; }

const TailRule& DecidingTailRule(const TailFacts& facts) { return *Find(facts); }

TailVerdict DecideTail(const TailFacts& facts) { return DecidingTailRule(facts).verdict; }

const char* TailVerdictText(TailVerdict verdict) {
  switch (verdict) {
    case TailVerdict::kCleanEnd:
      return "clean end";
    case TailVerdict::kTorn:
      return "torn tail";
    case TailVerdict::kCorruption:
      return "corruption";
  }
  return "unknown";
}

}  // namespace tenure::recovery
