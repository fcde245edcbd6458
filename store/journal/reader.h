// Reads frames of the live chain in order, across segments, and says exactly where and why it stops.
//
// A Reader owns its file handles and buffer, belongs to one thread at a time, and never changes a
// file. It may run while a committer appends: it stops at the LSN it was told (the durable word),
// never at "the last frame that looks valid". After an error it is of no more use: open another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/base/env.h"
#include "store/journal/format.h"
#include "store/journal/segments.h"
#include "store/model/effect.h"
#include "store/model/position.h"

namespace tenure::journal {

/// A frame that passed every check, decoded.
struct Frame {
  FrameHeader header;
  model::SegmentId segment;
  std::uint64_t offset = 0;      ///< Where it begins.
  model::JournalPosition after;  ///< The position behind it.
  std::vector<model::CommittedTxn> txns;
};

/// Why Next() gave no frame.
enum class Stop : std::uint8_t {
  kFrame,  ///< It did give one.
  kLimit,  ///< The LSN limit was reached.
  kEnd,    ///< The open end of the newest segment: zeros from here on (or the file ends).
  kBad,    ///< The open end holds something that is not the next frame. See `fault`, `after`.
};
struct Step {
  Stop stop = Stop::kEnd;
  Frame frame;                           ///< kFrame.
  FrameFault fault = FrameFault::kNone;  ///< kBad.
};

/// The raw form, without decoding transactions: for copying and checking.
struct RawFrame {
  FrameHeader header;
  model::SegmentId segment;
  std::uint64_t offset = 0;
  model::JournalPosition after;
  base::Bytes payload;
};

/// For Reader: as far as there are frames.
inline constexpr Lsn kNoLimit = ~Lsn{0};

class Reader {
 public:
  /// Starts behind `from`. `dir` is read anew whenever the reader meets the end of a segment that it
  /// did not know to be sealed, and before it believes the first frame there up to a new limit (it may
  /// have been sealed in front of that frame). kCorruption when `from` is not in the live chain and cannot
  /// be found by its LSN, or the frame before it does not have from.chain; kCompacted when what comes
  /// next is older than retained.
  static Result<std::unique_ptr<Reader>> Open(base::Env& env, const std::string& dir, const StoreId& store_id,
                                              const model::JournalPosition& from, const TrimmedBelow& trimmed);
  /// Starts at the first retained frame.
  static Result<std::unique_ptr<Reader>> OpenAtStart(base::Env& env, const std::string& dir, const StoreId& store_id,
                                                     const TrimmedBelow& trimmed);
  /// Starts at the frame that holds `lsn` (kCompacted when older than retained; kNotFound when newer).
  /// `durable`: what must be there on the way, as for Next.
  static Result<std::unique_ptr<Reader>> OpenAtLsn(base::Env& env, const std::string& dir, const StoreId& store_id,
                                                   Lsn lsn, const TrimmedBelow& trimmed, Lsn durable = 0);
  ~Reader();

  /// The next frame whose last LSN is <= `limit`: an LSN that was durable before the call, or anything
  /// under exclusive access to the store. May be called again after any stop. Damage below `limit`, or inside a sealed
  /// length, is kCorruption with file and offset; damage in the open end above what is known durable is kBad. `durable`
  /// says what must be there: anything missing up to it is kCorruption.
  Result<Step> Next(Lsn limit, Lsn durable);
  /// Like Next, undecoded: Stop::kFrame fills `raw`.
  Result<Stop> NextRaw(Lsn limit, Lsn durable, RawFrame& raw, FrameFault& fault);

  /// Behind the last frame given.
  const model::JournalPosition& position() const;
  /// The chain as last read.
  const Chain& chain() const;

 private:
  struct State;
  explicit Reader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// What lies in the open end of `segment` behind `position`, for the decision between a torn tail and
/// corruption. Reads to the end of the file.
struct TailSurvey {
  std::uint64_t nonzero_bytes = 0;  ///< Bytes behind position that are not zero.
  std::uint64_t last_nonzero_offset = 0;
  std::optional<std::uint64_t> later_frame;  ///< Offset of a well-formed frame behind the first bad one.
};
Result<TailSurvey> SurveyTail(base::Env& env, const LiveSegment& segment, const model::JournalPosition& position);

}  // namespace tenure::journal
