// A frame of the journal: header, checksums, chain, and the transactions in it.
#include "store/journal/format.h"
#include "store/journal/payload.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/samples.h"

namespace tenure::fuzz::frame_target {
namespace {

constexpr std::uint64_t kEpoch = 7;
constexpr std::uint64_t kSalt = 0x5A17;

model::JournalPosition Before() {
  model::JournalPosition before;
  before.segment = {kEpoch, 1};
  before.offset = journal::kSegmentHeaderBytes;
  before.last_lsn = 41;
  before.time_ms = 1'700'000'000'000;
  before.chain = journal::GenesisChain({});
  return before;
}

std::string SeedFrame(const std::vector<model::CommittedTxn>& txns) {
  base::Bytes payload;
  base::Encoder out(payload);
  for (const model::CommittedTxn& txn : txns) model::EncodeTxn(txn, out);
  journal::FrameHeader header;
  header.epoch = kEpoch;
  header.first_lsn = Before().last_lsn + 1;
  header.count = static_cast<std::uint32_t>(txns.size());
  header.time_ms = Before().time_ms + 5;
  header.prev_chain = Before().chain;
  base::Bytes frame(journal::FrameBytes(payload.size()));
  journal::EncodeFrame(header, payload, kSalt, frame);
  return std::string(base::AsText(frame));
}

void Mend(std::span<std::byte> bytes) { MendFrame(bytes, kSalt, Before().chain); }

Target Frame() {
  Target target;
  for (const model::CommittedTxn& txn : SampleTxns(Before().last_lsn + 1)) target.seeds.push_back(SeedFrame({txn}));
  target.seeds.push_back(SeedFrame(SampleTxns(Before().last_lsn + 1)));
  target.mend = Mend;
  return target;
}

void CheckPayload(const journal::FrameView& view) {
  const auto txns = journal::DecodePayload(view.header, view.payload, "the frame", 4096);
  if (!txns.ok()) {
    FUZZ_EXPECT(txns.error().code == ErrorCode::kCorruption || txns.error().code == ErrorCode::kUnsupported);
    FUZZ_EXPECT(txns.error().offset == 4096u);
    return ExpectWorded(txns.error());
  }
  FUZZ_EXPECT(txns->size() == view.header.count && txns->back().lsn == view.header.last_lsn());
  base::Bytes again;
  base::Encoder out(again);
  for (const model::CommittedTxn& txn : *txns) model::EncodeTxn(txn, out);
  FUZZ_EXPECT(base::AsText(again) == base::AsText(view.payload));
}

const Target& ThisTarget() {
  static const Target target = Frame();
  return target;
}

int TestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::ByteView bytes = View(data, size);
  journal::FrameHeader header;
  const journal::FrameFault of_header = journal::CheckFrameHeader(bytes, kEpoch, kSalt, header);
  const journal::FrameView view = journal::CheckFrame(bytes, kEpoch, kSalt, Before());
  if (of_header != journal::FrameFault::kNone) FUZZ_EXPECT(view.fault == of_header);
  if (view.fault != journal::FrameFault::kNone) return 0;
  FUZZ_EXPECT(journal::LooksLikeFrame(bytes, kEpoch, kSalt));
  FUZZ_EXPECT(view.header.first_lsn == Before().last_lsn + 1 && view.header.time_ms >= Before().time_ms);
  FUZZ_EXPECT(view.header.prev_chain == Before().chain);
  FUZZ_EXPECT(view.header.chain == journal::ChainOf(view.header, view.payload));
  // What is accepted is what a writer would have written, to the byte.
  journal::FrameHeader copy = view.header;
  base::Bytes again(journal::FrameBytes(view.payload.size()));
  journal::EncodeFrame(copy, view.payload, kSalt, again);
  FUZZ_EXPECT(base::AsText(again) == base::AsText(bytes.first(again.size())));
  CheckPayload(view);
  return 0;
}

const Registration registration("frame", ThisTarget, TestOneInput);

}  // namespace
}  // namespace tenure::fuzz::frame_target
