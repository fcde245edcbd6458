#include "store/ingest/writer_slot.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "store/base/codec.h"
#include "store/base/error.h"
#include "store/base/failpoint.h"

namespace tenure::ingest {

Result<std::unique_ptr<WriterSlot>> WriterSlot::Open(Registry& registry) {
  TENURE_ASSIGN(const SlotClaim claim, registry.Claim());
  const SlotMemory memory = registry.memory(claim.slot);
  // Whatever is thrown below gives it back.
  struct Return {
    ~Return() {
      if (claim != nullptr) registry.Release(*claim);
    }
    Registry& registry;
    const SlotClaim* claim;
  } unless_opened{registry, &claim};
  // Nobody reads them before Activate. Creating fails only for memory that is too small or not aligned.
  auto index = LaneWriter::Create(memory.index_lane);
  auto detail = DetailWriter::Create(memory.detail_lane);
  TENURE_CHECK(index.ok() && detail.ok());
  registry.entry(claim.slot).thread.store(static_cast<std::uint32_t>(::syscall(SYS_gettid)), std::memory_order_relaxed);
  std::unique_ptr<WriterSlot> opened(
      new WriterSlot(registry, claim, std::move(index).value(), std::move(detail).value()));
  unless_opened.claim = nullptr;  // it gives it back itself
  registry.Activate(claim);
  return opened;
}

WriterSlot::WriterSlot(Registry& registry, const SlotClaim& claim, LaneWriter index, DetailWriter detail)
    : registry_(registry),
      claim_(claim),
      memory_(registry.memory(claim.slot)),
      index_(std::move(index)),
      detail_(std::move(detail)),
      next_(claim.first_sequence),
      oldest_(claim.first_sequence) {}

WriterSlot::~WriterSlot() {
  // With something still in flight the slot stays taken: it is reclaimed, drained, when this process is gone.
  if (in_flight() == 0 && Drained()) registry_.Release(claim_);
}

bool WriterSlot::WriteRecord(RecordType type, base::ByteView body, std::uint64_t timestamp_ns, bool late) {
  const auto typed = [late](RecordType is) {
    return static_cast<std::uint16_t>(static_cast<std::uint16_t>(is) | (late ? kLate : 0));
  };
  const LaneHead head = LaneHead::Unpack(entry().head.Load());
  std::byte sequence[kSequenceBytes];
  base::StoreLe(sequence, next_);
  if (type != RecordType::kInline || body.size() <= kInlineBytesMax) {
    const base::ByteView pieces[] = {sequence, body};
    return index_.TryWrite(typed(type), timestamp_ns, pieces, head);
  }
  const auto place = detail_.TryWrite(body, next_, head.sequence);
  if (!place) return false;
  std::byte where[12];
  base::StoreLe(where, place->position);
  base::StoreLe(where + 8, place->ring);
  const base::ByteView pieces[] = {sequence, where};
  return index_.TryWrite(typed(RecordType::kDetail), timestamp_ns, pieces, head);
}

WriterSlot::PushResult WriterSlot::TryPush(RecordType type, base::ByteView body, std::size_t reply_bytes,
                                           std::uint64_t timestamp_ns, std::uint64_t& sequence, bool late,
                                           std::optional<std::uint64_t> again) {
  const std::uint32_t words = WordsFor(std::max<std::size_t>(reply_bytes, kRefusalBytes));
  TENURE_CHECK(words <= kReplyWords && next_ < kSequenceMax);
  const std::uint32_t freed = again == oldest_ && !flight_.empty() ? flight_.front().space.words : 0;
  if (in_flight() >= kWindow || words_used_ - freed + words > kReplyWords) return PushResult::kFull;
  const ReplySpace space{words_at_, words};
  // Pending before it can be popped: a committer answers only what it finds pending. When the lane is full, the
  // cell stays pending under a sequence that no head has passed: nobody answers it, and the next try takes it.
  flight_.push_back({space, false});  // before the lane knows of it: there may be no memory
  MarkPending(memory_.replies, next_, space);
  bool written = false;
  try {
    written = WriteRecord(type, body, timestamp_ns, late);
  } catch (...) {
    flight_.pop_back();
    throw;
  }
  if (!written) {
    flight_.pop_back();
    return PushResult::kFull;
  }
  TENURE_FAIL_POINT("push.written");
  sequence = next_++;
  words_used_ += words;
  words_at_ = (words_at_ + words) % kReplyWords;
  // seq_cst: either the owner, about to sleep or to leave, sees this, or we see that it is idle or gone.
  entry().submitted.store(next_, std::memory_order_seq_cst);
  return PushResult::kOk;
}

void WriterSlot::Retire(std::uint64_t sequence) {
  TENURE_CHECK(sequence >= oldest_ && sequence < next_);
  flight_[sequence - oldest_].retired = true;
  while (!flight_.empty() && flight_.front().retired) {
    words_used_ -= flight_.front().space.words;
    flight_.pop_front();
    ++oldest_;
  }
}

}  // namespace tenure::ingest
