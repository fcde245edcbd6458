// The content of one file over a power loss: a private part of RebuildAfterPowerLoss.
#pragma once

#include <cstdint>
#include <vector>

#include "store/base/recording_env.h"

namespace tenure::base {

/// Seeded decisions about unsynced effects, and a hash of them.
class Dice {
 public:
  explicit Dice(std::uint64_t seed);
  /// Whether an effect survives.
  bool Keep();
  /// 0 to `sides` - 1.
  std::uint64_t Roll(std::uint64_t sides) { return Next() % sides; }
  /// Makes a decision part of the hash.
  void Note(std::uint64_t decision);
  std::uint64_t hash() const { return hash_; }

  /// Some losses keep or drop everything: the extremes would else be rare in long traces.
  enum class Mood : std::uint8_t { kKeepAll, kDropAll, kMixed };
  Mood mood() const { return mood_; }

 private:
  std::uint64_t Next();
  std::uint64_t state_;
  std::uint64_t hash_ = 0;
  Mood mood_ = Mood::kMixed;
  std::uint64_t keep_of_four_ = 2;
};

/// A write, truncation or allocation, and what syncs have made of it:
///
///   kPending --RecordContentStep(sync)--> kDurable
///      |
///      +-----RecordContentStep(kSyncFailed)--> kUncertain (for good)
struct ContentChange {
  enum class State : std::uint8_t { kPending, kDurable, kUncertain };
  const TraceStep* step = nullptr;  ///< Borrowed from the trace.
  State state = State::kPending;
  bool shrinks = false;
  std::uint64_t size_after = 0;  ///< Of the file, as the running system saw it.
};

/// Adds a change to the history of a file, or settles earlier ones if `step` is a sync.
void RecordContentStep(const TraceStep& step, std::vector<ContentChange>& history);

/// What a power loss leaves of a file: `content`, then zeros up to `size`. Most bytes of a journal's segments and of
/// shared memory are zeros nobody has written over.
struct LostFile {
  Bytes content;
  std::uint64_t size = 0;
};
LostFile LostContent(const std::vector<ContentChange>& history, std::size_t tear_bytes, Dice& dice);

}  // namespace tenure::base
