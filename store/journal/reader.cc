#include "store/journal/reader.h"

#include <algorithm>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/journal/payload.h"
#include "store/journal/reader_state.h"

namespace tenure::journal {

// ---- Going on -----------------------------------------------------------------------------------

Status Reader::State::OpenWindow() {
  if (window.is_open()) return {};
  auto file = env.Open(current().path, base::OpenMode::kRead);
  if (!file.ok() && file.error().code == ErrorCode::kNotFound) {
    Error error = base::MakeError(ErrorCode::kCompacted, current().path + " was trimmed while it was being read",
                                  "start again from a newer LSN");
    error.path = current().path;
    return error;
  }
  if (!file.ok()) return std::move(file).error();
  window.Open(std::move(file).value());
  return {};
}

/// Header first, so that a length is believed only when the header's checksum is right.
Result<base::ByteView> Reader::State::ViewFrame(std::uint64_t end) {
  TENURE_RETURN_IF_ERROR(OpenWindow());
  TENURE_ASSIGN(const base::ByteView head, window.View(position.offset, kFrameHeaderBytes, end));
  FrameHeader header;
  const SegmentHeader& segment = current().header;
  if (CheckFrameHeader(head, segment.id.epoch, segment.salt, header) != FrameFault::kNone) return head;
  return window.View(position.offset, FrameBytes(header.payload_bytes), end);
}

/// Over the seal: what the next segment says of everything before it must be what was read.
Status Reader::State::EnterNext() {
  const LiveSegment& next = chain.segments[index + 1];
  const auto wrong = [&](std::size_t at, const char* what) -> Status {
    return base::CorruptionAt(next.path, at,
                              std::string(what) + " is not what " + current().path + " ends with at offset " +
                                  std::to_string(position.offset));
  };
  if (next.header.first_lsn != position.last_lsn + 1) return wrong(segment_at::kFirstLsn, "the first LSN");
  if (next.header.prev_chain != position.chain) return wrong(segment_at::kPrevChain, "the chain hash");
  if (next.header.prev_state_hash != position.state_hash) return wrong(segment_at::kPrevStateHash, "the state hash");
  if (next.header.prev_time_ms != position.time_ms) return wrong(segment_at::kPrevTimeMs, "the commit time");
  EnterSegment(index + 1);
  return {};
}

Result<bool> Reader::State::FollowSuccessor() {
  TENURE_ASSIGN(const std::vector<std::string> names, env.List(dir));
  const model::SegmentId newest = chain.segments.back().header.id;
  const bool any = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const auto id = ParseSegmentFileName(name);
    return id && *id > newest;
  });
  if (!any) return false;
  TENURE_RETURN_IF_ERROR(ReadDirectory(position.last_lsn));
  TENURE_RETURN_IF_ERROR(Locate(model::JournalPosition(position)));
  return true;
}

Result<Stop> Reader::State::Peek(Lsn limit, Lsn durable, Found& found, FrameFault& fault) {
  fault = FrameFault::kNone;
  window.Age();
  const bool beyond_seal = TENURE_SEEDED_BUG("read_beyond_seal");
  for (;;) {
    if (position.last_lsn >= limit) return Stop::kLimit;
    const bool at_seal = sealed() && position.offset >= current().sealed_bytes;
    if (at_seal && !beyond_seal) {
      TENURE_RETURN_IF_ERROR(EnterNext());
      continue;
    }
    const std::uint64_t end = sealed() && !beyond_seal ? current().sealed_bytes : current().file_bytes;
    TENURE_ASSIGN(const base::ByteView bytes, ViewFrame(end));
    found.view = CheckFrame(bytes, current().header.id.epoch, current().header.salt, position);
    found.offset = position.offset;
    const Lsn last_lsn = found.view.header.last_lsn();
    if (found.view.fault == FrameFault::kNone) {
      // Where the end is open as far as we know, a frame may still lie beyond a seal that we have not
      // heard of, written by a committer that was overtaken. A successor is in the directory before it
      // publishes anything; so when there is none now, whoever published `limit` is this segment's epoch.
      // A frame that reaches beyond the limit is no exception: the true one at its LSN may be shorter.
      if (!sealed() && std::min(last_lsn, limit) > verified_lsn) {
        TENURE_ASSIGN(const bool moved, FollowSuccessor());
        verified_lsn = limit;
        if (moved) continue;
      }
      return last_lsn > limit ? Stop::kLimit : Stop::kFrame;
    }
    if (at_seal) {
      TENURE_RETURN_IF_ERROR(EnterNext());
      continue;
    }
    if (sealed()) {
      return base::CorruptionAt(current().path, position.offset,
                                std::string(FrameFaultText(found.view.fault)) + ", behind LSN " +
                                    std::to_string(position.last_lsn) + " and inside the sealed length of " +
                                    std::to_string(current().sealed_bytes) + " bytes");
    }
    if (!window.fresh()) {
      // Read ahead before the frame was there: what counts is what the file holds now.
      window.Drop();
      continue;
    }
    TENURE_ASSIGN(const bool moved, FollowSuccessor());
    if (moved) continue;
    if (position.last_lsn < durable) {
      return base::CorruptionAt(current().path, position.offset,
                                std::string(FrameFaultText(found.view.fault)) + ": the journal ends with LSN " +
                                    std::to_string(position.last_lsn) + ", but LSN " + std::to_string(durable) +
                                    " is known to be durable");
    }
    fault = found.view.fault;
    return fault == FrameFault::kZero ? Stop::kEnd : Stop::kBad;
  }
}

// ---- The public form ----------------------------------------------------------------------------

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::~Reader() = default;

Result<Step> Reader::Next(Lsn limit, Lsn durable) {
  Step step;
  State::Found found;
  TENURE_ASSIGN(step.stop, state_->Peek(limit, durable, found, step.fault));
  if (step.stop != Stop::kFrame) return step;
  TENURE_ASSIGN(step.frame.txns,
                DecodePayload(found.view.header, found.view.payload, state_->current().path, found.offset));
  state_->StepOver(found);
  step.frame.header = found.view.header;
  step.frame.segment = state_->position.segment;
  step.frame.offset = found.offset;
  step.frame.after = state_->position;
  return step;
}

Result<Stop> Reader::NextRaw(Lsn limit, Lsn durable, RawFrame& raw, FrameFault& fault) {
  State::Found found;
  TENURE_ASSIGN(const Stop stop, state_->Peek(limit, durable, found, fault));
  if (stop != Stop::kFrame) return stop;
  state_->StepOver(found);
  raw.header = found.view.header;
  raw.segment = state_->position.segment;
  raw.offset = found.offset;
  raw.after = state_->position;
  raw.payload.assign(found.view.payload.begin(), found.view.payload.end());
  return stop;
}

const model::JournalPosition& Reader::position() const { return state_->position; }
const Chain& Reader::chain() const { return state_->chain; }

}  // namespace tenure::journal
