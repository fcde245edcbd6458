// Walks through the frames of one segment file, sound or not, part of the journal or not: what `inspect`
// shows. Every check of the journal is made against the frame before; behind a fault the walk goes on at
// the next thing that is a frame of this segment. One thread; changes nothing; holds the segment in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "store/base/env.h"
#include "store/journal/segments.h"
#include "store/model/effect.h"

namespace tenure::cli {

struct WalkedFrame {
  const journal::FrameHeader& header;
  std::uint64_t offset;
  std::uint64_t bytes;  ///< With header and padding.
  const std::vector<model::CommittedTxn>& txns;
};

struct FrameWalk {
  std::function<bool(const WalkedFrame&)> frame;  ///< False ends the walk.
  /// Where no frame begins although one should. Not called for the zeros behind the last frame.
  std::function<bool(std::uint64_t offset, const std::string& what)> fault;
};

/// Walks [header, sealed length), or to the end of the file when `segment.sealed_bytes` is 0.
Status WalkFrames(base::Env& env, const journal::LiveSegment& segment, const FrameWalk& walk);

/// A segment that no link names: its own header says what it would be.
Result<journal::LiveSegment> ReadOrphan(base::Env& env, const std::string& path);

}  // namespace tenure::cli
