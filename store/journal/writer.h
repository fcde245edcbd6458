// Appends frames to the newest segment: one pwrite and one fdatasync each, no metadata change.
//
// Used by whoever owns the commit turn, one thread at a time. After any failed write or sync the
// writer is poisoned: what was written may or may not be durable, nothing is retried, every later
// Append fails with kOutcomeUnknown, and a successor goes on from the durable word in a new segment.
// kNoSpace while *preparing* a segment leaves the writer usable: nothing was written.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "store/base/env.h"
#include "store/journal/format.h"
#include "store/journal/segments.h"
#include "store/model/position.h"

namespace tenure::journal {

/// One batch, encoded by the caller straight behind room for the frame header.
struct Batch {
  Lsn first_lsn = 0;
  std::uint32_t count = 0;
  TimeMs time_ms = 0;
  std::uint64_t boottime_ms = 0;
  base::Hash128 state_hash;
  /// kFrameHeaderBytes of room, then the payload. Append adds the padding; reuse it for the next batch.
  base::Bytes buffer;
};

class Writer {
 public:
  /// Continues behind `at` in `segment`, the newest of the live chain. Trusts `at`: the caller derived
  /// it from the durable word. `factory` must outlive the writer.
  static Result<std::unique_ptr<Writer>> Open(base::Env& env, SegmentFactory& factory, const LiveSegment& segment,
                                              const model::JournalPosition& at);
  ~Writer();
  /// Writes and syncs one frame; switches to the next segment first when it does not fit. Returns the
  /// position behind it. Not published: that is the caller's compare-and-swap. A failed write or sync is
  /// kOutcomeUnknown already the first time, with its cause in the message; kNoSpace and kTooLarge mean
  /// that nothing was written and leave the batch as it was.
  Result<model::JournalPosition> Append(Batch& batch);
  const model::JournalPosition& position() const;
  const LiveSegment& segment() const;
  bool poisoned() const;
  /// Bytes left in the segment: below half, the owner should prepare a spare.
  std::uint64_t room() const;

 private:
  struct State;
  explicit Writer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tenure::journal
