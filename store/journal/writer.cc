#include "store/journal/writer.h"

#include <algorithm>
#include <utility>

#include "store/base/error.h"
#include "store/base/failpoint.h"
#include "store/journal/block_file.h"

namespace tenure::journal {

struct Writer::State {
  State(base::Env& e, SegmentFactory& f) : env(e), factory(f) {}

  base::Env& env;
  SegmentFactory& factory;
  LiveSegment segment;
  std::unique_ptr<BlockFile> file;
  model::JournalPosition position;
  bool poisoned = false;

  /// Frames stay where zeros were written: behind the file's end a write would change metadata. Whole blocks only.
  std::uint64_t end() const {
    const std::uint64_t bytes = std::min(segment.header.capacity, segment.file_bytes);
    return bytes - bytes % BlockFile::kBlockBytes;
  }
  std::uint64_t room() const { return end() - std::min(end(), position.offset); }

  Status SwitchSegment(std::uint64_t frame_bytes);
  Status Write(base::ByteView frame);
  Status Sync();
  Error Poison(const Error& cause, const Batch& batch);
};

/// The next ordinal of the same epoch begins where this segment ends; its header is the seal.
Status Writer::State::SwitchSegment(std::uint64_t frame_bytes) {
  const SegmentHeader& old = segment.header;
  SegmentHeader header = HeaderAfter(old.store_id, {old.id.epoch, old.id.ordinal + 1}, position);
  header.incarnation = old.incarnation;
  header.capacity = NextCapacity(old.capacity);
  TENURE_FAIL_POINT("journal.before_seal");
  auto created = factory.Create(header, kSegmentHeaderBytes + frame_bytes);
  if (!created.ok()) {
    // A full disk is no harm as long as the successor did not get its name.
    auto named = created.error().code == ErrorCode::kNoSpace
                     ? env.Exists(segment.path.substr(0, segment.path.rfind('/') + 1) + SegmentFileName(header.id))
                     : Result<bool>(true);
    poisoned = !named.ok() || *named;
    return std::move(created).error();
  }
  TENURE_FAIL_POINT("journal.after_seal");
  auto opened = BlockFile::Open(env, created->path, kSegmentHeaderBytes);
  if (!opened.ok()) {
    poisoned = true;  // sealed, and nowhere to go on
    return std::move(opened).error();
  }
  file = std::move(opened).value();
  segment = std::move(created).value();
  position = StartOf(segment.header);
  return {};
}

Status Writer::State::Write(base::ByteView frame) {
  TENURE_FAIL_POINT("journal.before_write");
  TENURE_FAIL_POINT_STATUS("journal.write_error");
#ifdef TENURE_TESTING
  // In two pieces, so that a test can end the process with a torn frame in the file.
  const std::size_t half = frame.size() / 2;
  TENURE_RETURN_IF_ERROR(file->Append(frame.first(half)));
  TENURE_FAIL_POINT("journal.mid_write");
  TENURE_RETURN_IF_ERROR(file->Append(frame.subspan(half)));
#else
  TENURE_RETURN_IF_ERROR(file->Append(frame));
#endif
  TENURE_FAIL_POINT("journal.after_write");
  return {};
}

Status Writer::State::Sync() {
  TENURE_FAIL_POINT_STATUS("journal.sync_error");
  if (!TENURE_SEEDED_BUG("skip_fdatasync")) TENURE_RETURN_IF_ERROR(file->SyncData());
  TENURE_FAIL_POINT("journal.after_sync");
  return {};
}

/// After a failed write or sync nobody can say what the disk holds, and trying again would not tell.
Error Writer::State::Poison(const Error& cause, const Batch& batch) {
  poisoned = true;
  Error error =
      base::MakeError(ErrorCode::kOutcomeUnknown,
                      segment.path + " at offset " + std::to_string(position.offset) + ": whether LSN " +
                          std::to_string(batch.first_lsn) + " to " + std::to_string(batch.first_lsn + batch.count - 1) +
                          " is durable is unknown: " + cause.message,
                      "ask again with the request id; the store goes on in a new segment");
  error.path = segment.path;
  error.offset = position.offset;
  error.lsn = batch.first_lsn;
  return error;
}

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Writer::~Writer() = default;

Result<std::unique_ptr<Writer>> Writer::Open(base::Env& env, SegmentFactory& factory, const LiveSegment& segment,
                                             const model::JournalPosition& at) {
  auto state = std::make_unique<State>(env, factory);
  state->segment = segment;
  state->position = at;
  const SegmentHeader& header = segment.header;
  // The end of the previous segment and the beginning of this one are the same place.
  const model::JournalPosition start = StartOf(header);
  const bool at_start = at.last_lsn == start.last_lsn && at.chain == start.chain;
  if (at.segment == header.prev && at.offset == header.prev_sealed_bytes && at_start) state->position = start;
  const model::JournalPosition& here = state->position;
  const bool fits = segment.sealed_bytes == 0 && here.segment == header.id && here.offset % kFrameAlign == 0 &&
                    here.offset >= kSegmentHeaderBytes && here.offset <= state->end() &&
                    (here.offset == kSegmentHeaderBytes ? at_start : here.last_lsn >= header.first_lsn);
  if (!fits) {
    return base::MakeError(ErrorCode::kInternal, "LSN " + std::to_string(at.last_lsn) + " at offset " +
                                                     std::to_string(at.offset) + " of " + SegmentFileName(at.segment) +
                                                     " is no place to append in " + segment.path);
  }
  TENURE_ASSIGN(state->file, BlockFile::Open(env, segment.path, here.offset));
  return std::unique_ptr<Writer>(new Writer(std::move(state)));
}

Result<model::JournalPosition> Writer::Append(Batch& batch) {
  State& s = *state_;
  TENURE_CHECK(batch.count >= 1 && batch.buffer.size() >= kFrameHeaderBytes);
  if (s.poisoned) {
    return base::MakeError(ErrorCode::kOutcomeUnknown,
                           s.segment.path + ": an earlier write or sync of this epoch failed; nothing is appended",
                           "ask again with the request id; the store goes on in a new segment");
  }
  TENURE_CHECK(batch.first_lsn == s.position.last_lsn + 1 && batch.time_ms >= s.position.time_ms);
  const std::uint64_t payload_bytes = batch.buffer.size() - kFrameHeaderBytes;
  if (payload_bytes > kFramePayloadBytesMax) {
    return base::MakeError(ErrorCode::kTooLarge, "a batch of " + std::to_string(payload_bytes) +
                                                     " bytes is over a frame's limit of " +
                                                     std::to_string(kFramePayloadBytesMax));
  }
  const std::uint64_t frame_bytes = FrameBytes(payload_bytes);
  if (frame_bytes > s.room()) TENURE_RETURN_IF_ERROR(s.SwitchSegment(frame_bytes));

  FrameHeader header;
  header.epoch = s.segment.header.id.epoch;
  header.first_lsn = batch.first_lsn;
  header.count = batch.count;
  header.time_ms = batch.time_ms;
  header.boottime_ms = batch.boottime_ms;
  header.state_hash = batch.state_hash;
  header.prev_chain = s.position.chain;
  batch.buffer.resize(frame_bytes);
  const auto payload = base::ByteView(batch.buffer).subspan(kFrameHeaderBytes, payload_bytes);
  EncodeFrame(header, payload, s.segment.header.salt, batch.buffer);

  Status written = s.Write(batch.buffer);
  if (written.ok()) written = s.Sync();
  if (!written.ok()) return s.Poison(written.error(), batch);
  s.position = PositionAfter(header, s.segment.header.id, s.position.offset);
  return s.position;
}

const model::JournalPosition& Writer::position() const { return state_->position; }
const LiveSegment& Writer::segment() const { return state_->segment; }
bool Writer::poisoned() const { return state_->poisoned; }
std::uint64_t Writer::room() const { return state_->room(); }

}  // namespace tenure::journal
