#include "store/ingest/slot_reader.h"

#include "store/base/codec.h"
#include "store/base/failpoint.h"

namespace tenure::ingest {

using base::Pair64;

bool SlotReader::Begin() {
  const std::uint64_t word = registry_.entry(slot_).word.LoadFirst();
  generation_ = GenerationOf(word);
  if (StateOf(word) != SlotState::kActive || registry_.Quarantined(slot_, generation_)) return false;
  head_ = LaneHead::Unpack(entry().head.Load());
  read_ = head_.sequence;
  // Lanes begin anew with every generation, but at the same place: a view stays good.
  if (!lanes_) {
    const SlotMemory memory = registry_.memory(slot_);
    lanes_.emplace(memory.index_lane, memory.detail_lane);
  }
  lanes_->Seek(head_);
  return true;
}

SlotReader::Step SlotReader::Next(QueuedOperation& operation) {
  const std::uint64_t submitted = entry().submitted.load(std::memory_order_seq_cst);
  if (submitted == read_) return Step::kNone;
  if (submitted - read_ > kWindow) return Step::kBad;
  const LaneReader::Step step = lanes_->Next(header_, payload_);
  if (step != LaneReader::Step::kRecord) return Step::kBad;  // `submitted` is published after the record
  if (payload_.size() < kSequenceBytes || base::LoadLe<std::uint64_t>(payload_.data()) != read_) return Step::kBad;
  operation.slot = slot_;
  operation.generation = generation_;
  operation.sequence = read_;
  operation.timestamp_ns = header_.timestamp_ns;
  operation.in_file = false;
  operation.late = (header_.type & kLate) != 0;
  const base::ByteView body = base::ByteView(payload_).subspan(kSequenceBytes);
  switch (static_cast<RecordType>(header_.type & ~kLate)) {
    case RecordType::kFile:
      operation.in_file = true;
      [[fallthrough]];
    case RecordType::kInline:
      operation.body.assign(body.begin(), body.end());
      break;
    case RecordType::kDetail: {
      if (body.size() != 12) return Step::kBad;
      const DetailPlace place{base::LoadLe<std::uint32_t>(body.data() + 8), base::LoadLe<std::uint64_t>(body.data())};
      if (!lanes_->ReadDetail(place, operation.body)) return Step::kBad;
      break;
    }
    default:
      return Step::kBad;
  }
  ++read_;
  return Step::kOperation;
}

LaneHead SlotReader::Mark() const {
  return {0, static_cast<std::uint32_t>(lanes_->position()), read_, static_cast<std::uint16_t>(lanes_->turn())};
}

bool SlotReader::Pop(const LaneHead& mark, std::uint32_t epoch) {
  if (mark.sequence == head_.sequence) return true;
  // The head was a successor's already when it was read: from exactly that word the exchange would succeed.
  if (head_.epoch > epoch && !TENURE_SEEDED_BUG("pop_ignores_epoch")) return false;
  LaneHead to = mark;
  to.epoch = epoch;
  Pair64 seen = head_.Pack();
  while (!entry().head.CompareExchange(seen, to.Pack())) {
    const LaneHead now = LaneHead::Unpack(seen);
    if (TENURE_SEEDED_BUG("pop_ignores_epoch")) continue;
    // Only a stamp of our own epoch may have come between; anything else is somebody else's turn.
    if (now.epoch > epoch || now.sequence != head_.sequence) return false;
  }
  head_ = to;
  return true;
}

bool SlotReader::Quarantine(std::uint32_t epoch) {
  Pair64 seen = entry().quarantine.Load();
  do {
    if (seen.first > epoch) return false;
  } while (!entry().quarantine.CompareExchange(seen, {epoch, generation_}));
  const ReplyBank replies = registry_.memory(slot_).replies;
  for (std::uint32_t i = 0; i < kWindow; ++i) {
    std::uint64_t sequence = 0;
    if (!PendingIn(replies, i, sequence)) continue;
    Reply reply;
    reply.state = AnswerState::kBadRecord;
    // Fails only in the hands of a successor, who answers.
    (void)Complete(replies, sequence, epoch, reply, &registry_.owner());
  }
  return true;
}

bool RestampHeads(Registry& registry, std::uint32_t epoch) {
  for (std::uint32_t slot = 0; slot < registry.slots(); ++slot) {
    base::Atomic128& head = registry.entry(slot).head;
    Pair64 seen = head.Load();
    for (;;) {
      LaneHead stamped = LaneHead::Unpack(seen);
      if (stamped.epoch > epoch) return false;
      stamped.epoch = epoch;
      if (head.CompareExchange(seen, stamped.Pack())) break;
    }
    TENURE_FAIL_POINT("takeover.head_restamped");
  }
  return true;
}

}  // namespace tenure::ingest
