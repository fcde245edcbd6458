// Torn or corrupt: the decision about what lies behind the last valid frame when shared memory, and
// with it the durable word, was lost. Pure; a table with a test per row.
//
// Commits are serial, so a crash leaves at most one bad frame, at the very end, with nothing valid
// after it and nothing acknowledged in it. Everything else is corruption.
#pragma once

#include <cstdint>
#include <span>

namespace tenure::recovery {

/// What a reader found where the next frame should begin.
struct TailFacts {
  bool clean_zero = false;         ///< Only zeros to the end of the file.
  bool later_valid_frame = false;  ///< A well-formed frame of this segment somewhere behind.
  bool below_applied = false;      ///< The index has applied an LSN that would lie here or later.
  bool below_durable = false;      ///< Another witness (durable word, checkpoint) names an LSN here or later.
  bool inside_sealed = false;      ///< A later segment's link says that data reach beyond this point.
};

enum class TailVerdict : std::uint8_t {
  kCleanEnd,    ///< Nothing there.
  kTorn,        ///< An unfinished last frame: set aside, reported, never data.
  kCorruption,  ///< Refuse; keep the bytes.
};
TailVerdict DecideTail(const TailFacts& facts);
const char* TailVerdictText(TailVerdict verdict);

/// One row of the table; the first row whose conditions all hold decides.
struct TailRule {
  enum class When : std::uint8_t { kAny, kNo, kYes };
  When clean_zero, later_valid_frame, below_applied, below_durable, inside_sealed;
  TailVerdict verdict;
  const char* reason;  ///< Goes on after "…: ", for people.
};
std::span<const TailRule> TailRules();
/// The row that decides. There always is one.
const TailRule& DecidingTailRule(const TailFacts& facts);

}  // namespace tenure::recovery
