// A segment's frames, read from a file: what the reader gives is what checking frame after frame gives.
#include <algorithm>

#include "store/journal/payload.h"
#include "store/journal/raw.h"
#include "store/journal/reader.h"
#include "tests/fuzz/directory.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace tenure::fuzz::journal_target {
namespace {

constexpr std::uint64_t kSalt = 0x5A17;
constexpr model::SegmentId kSegment = {7, 1};

journal::SegmentHeader Header() {
  model::JournalPosition start;
  start.chain = journal::GenesisChain({});
  journal::SegmentHeader header = journal::HeaderAfter({}, kSegment, start);
  header.capacity = journal::kSegmentBytesMin;
  header.salt = kSalt;
  return header;
}

std::string HeaderBlock() {
  base::Bytes block(journal::kSegmentHeaderBytes);
  journal::EncodeSegmentHeader(Header(), std::span<std::byte, journal::kSegmentHeaderBytes>(block));
  return std::string(base::AsText(block));
}

/// `count` frames behind each other, of two transactions each.
std::string Frames(std::size_t count) {
  model::JournalPosition at = journal::StartOf(Header());
  std::string frames;
  for (std::size_t i = 0; i < count; ++i) {
    base::Bytes payload;
    base::Encoder out(payload);
    const std::vector<model::CommittedTxn> txns = SampleTxns(at.last_lsn + 1);
    for (std::size_t j = 0; j < 2; ++j) model::EncodeTxn(txns[(2 * i + j) % txns.size()], out);
    journal::FrameHeader header;
    header.epoch = kSegment.epoch;
    header.first_lsn = at.last_lsn + 1;
    header.count = 2;
    header.time_ms = 1'700'000'000'000;
    header.prev_chain = at.chain;
    base::Bytes frame(journal::FrameBytes(payload.size()));
    journal::EncodeFrame(header, payload, kSalt, frame);
    frames += base::AsText(frame);
    at = journal::PositionAfter(header, kSegment, at.offset);
  }
  return frames;
}

void Mend(std::span<std::byte> bytes) {
  base::Hash256 chain = Header().prev_chain;
  while (bytes.size() >= journal::kFrameHeaderBytes) {
    MendFrame(bytes, kSalt, chain);
    chain = journal::raw::LoadArray<32>(&bytes[journal::frame_at::kChain]);
    const auto payload_bytes = base::LoadLe<std::uint32_t>(&bytes[journal::frame_at::kPayloadBytes]);
    bytes = bytes.subspan(std::min<std::uint64_t>(bytes.size(), journal::FrameBytes(payload_bytes)));
  }
}

Target JournalTarget() {
  Target target;
  for (const std::size_t count : {1u, 2u, 5u}) target.seeds.push_back(Frames(count));
  target.seeds.push_back(Frames(2) + std::string(512, '\0'));
  target.seeds.push_back(Frames(2) + "torn");
  target.mend = Mend;
  target.runs = 500;
  return target;
}

/// What the reader must give at `at`, from the bytes themselves.
void CheckStep(base::ByteView frames, const model::JournalPosition& at, const Result<journal::Step>& step) {
  const base::ByteView rest = frames.subspan(at.offset - journal::kSegmentHeaderBytes);
  const journal::FrameView view = journal::CheckFrame(rest, kSegment.epoch, kSalt, at);
  if (view.fault != journal::FrameFault::kNone) {
    FUZZ_EXPECT(!step.ok() || step->stop == journal::Stop::kEnd || step->stop == journal::Stop::kBad);
    return;
  }
  const auto txns = journal::DecodePayload(view.header, view.payload, "the segment", at.offset);
  FUZZ_EXPECT(txns.ok() == step.ok());
  if (!step.ok()) return;
  FUZZ_EXPECT(step->stop == journal::Stop::kFrame && step->frame.offset == at.offset && step->frame.txns == *txns);
  FUZZ_EXPECT(step->frame.after == journal::PositionAfter(view.header, kSegment, at.offset));
}

const Target& ThisTarget() {
  static const Target target = JournalTarget();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Directory directory;
  static const std::string header = HeaderBlock();
  directory.Write(journal::SegmentFileName(kSegment), header + std::string(Text(data, size)));
  base::Env& env = base::Env::Posix();
  const auto reader = Must(journal::Reader::OpenAtStart(env, directory.path(), {}, 1));
  model::JournalPosition at = journal::StartOf(Header());
  for (;;) {
    FUZZ_EXPECT(reader->position() == at);
    const auto step = reader->Next(journal::kNoLimit, 0);
    CheckStep(View(data, size), at, step);
    if (!step.ok()) return ExpectWorded(step.error()), 0;
    if (step->stop != journal::Stop::kFrame) break;
    at = step->frame.after;
  }
  const auto tail = Must(journal::SurveyTail(env, reader->chain().segments.back(), at));
  FUZZ_EXPECT(tail.nonzero_bytes <= size && (!tail.later_frame || *tail.later_frame > at.offset));
  return 0;
}

const Registration registration("journal", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::journal_target
