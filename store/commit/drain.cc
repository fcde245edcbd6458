#include "store/commit/drain.h"

#include <algorithm>

#include "store/base/failpoint.h"
#include "store/base/futex.h"
#include "store/commit/request_codec.h"

namespace tenure::commit {
namespace {

/// Operations of one lane in one batch: a flood waits for its next turn like everybody else.
constexpr std::uint32_t kTakenPerLaneMax = 512;
/// Served in a row from one lane before the next one's turn: keeps its lines warm, and the order fair.
constexpr std::uint32_t kRunLength = 8;

}  // namespace

bool LaneDrain::TakeOver(std::uint32_t epoch) {
  if (!ingest::RestampHeads(registry_, epoch)) return false;
  TENURE_FAIL_POINT("takeover.heads_restamped");
  if (!buffer_.TakeOver(epoch)) return false;
  TENURE_FAIL_POINT("takeover.buffer_restamped");
  return true;
}

void LaneDrain::Begin(std::uint32_t epoch) {
  buffer_.Begin(epoch);
  buffer_first_ = !buffer_first_;
  used_ = 0;
  bad_ = false;
  at_ = 0;
  turn_.clear();
  lanes_.resize(registry_.slots());
  registry_.ForEachActive([&](std::uint32_t slot) {
    if (!registry_.HasWork(slot)) return;
    Lane& lane = lanes_[slot];
    if (!lane.reader) lane.reader = std::make_unique<ingest::SlotReader>(registry_, slot);
    lane.taken = 0;
    lane.popped = false;
    lane.bad = false;
    if (lane.reader->Begin()) turn_.push_back(slot);
  });
  const auto from = std::lower_bound(turn_.begin(), turn_.end(), first_);
  std::rotate(turn_.begin(), from, turn_.end());
  first_ = turn_.empty() ? 0 : turn_.front() + 1;
}

LaneWork& LaneDrain::Fresh() {
  if (used_ == works_.size()) works_.emplace_back();
  return works_[used_];
}

LaneWork* LaneDrain::Take(Lane& lane) {
  using Step = ingest::SlotReader::Step;
  const Step step = lane.reader->Next(operation_);
  if (step == Step::kNone) return nullptr;
  std::optional<Request> request;
  if (step == Step::kOperation) request = ReadRequest(context_, operation_.body, operation_.in_file);
  if (!request) {
    context_.Say("error", "writer slot " + std::to_string(lane.reader->slot()) +
                              " holds bytes that are no operation: it is given up");
    bad_ = lane.bad = true;  // what was taken before stands
    return nullptr;
  }
  LaneWork& work = Fresh();
  ++used_;
  work.request = std::move(*request);
  work.origin = {operation_.slot, operation_.generation, operation_.sequence};
  work.reader = lane.reader.get();
  work.answer.reset();
  ++lane.taken;
  return &work;
}

LaneWork* LaneDrain::NextOfBuffer() {
  LaneWork& work = Fresh();
  if (!buffer_.Next(work)) return nullptr;
  ++used_;
  return &work;
}

LaneWork* LaneDrain::Next() {
  LaneWork* work = buffer_first_ ? NextOfBuffer() : NextOfLanes();
  if (work == nullptr) work = buffer_first_ ? NextOfLanes() : NextOfBuffer();
  return work;
}

LaneWork* LaneDrain::NextOfLanes() {
  while (!turn_.empty()) {
    at_ %= turn_.size();
    Lane& lane = lanes_[turn_[at_]];
    LaneWork* work = lane.taken < kTakenPerLaneMax ? Take(lane) : nullptr;
    if (work != nullptr) {
      if (lane.taken % kRunLength == 0) ++at_;
      return work;
    }
    turn_.erase(turn_.begin() + static_cast<std::ptrdiff_t>(at_));
  }
  return nullptr;
}

bool LaneDrain::PopAll(std::uint32_t epoch) {
  for (std::size_t i = 0; i < used_; ++i) {
    if (works_[i].reader == nullptr) continue;
    Lane& lane = lanes_[works_[i].origin.slot];
    // The first of a lane moves its head behind all of them.
    if (lane.popped) continue;
    lane.popped = true;
    if (!lane.reader->Pop(epoch)) return false;
    TENURE_FAIL_POINT("commit.popped");
  }
  return buffer_.PopAll();
}

bool LaneDrain::AnswerAll(std::uint32_t epoch) {
  // An answer that did not get through keeps nobody else from his.
  bool all = true;
  for (std::size_t i = 0; i < used_; ++i) {
    const LaneWork& work = works_[i];
    if (!work.answer) continue;  // undecided: it was not popped either
    const bool answered = work.reader == nullptr
                              ? buffer_.Answer(work, epoch)
                              : work.reader->Answer(work.origin.sequence, epoch,
                                                    EncodeReply(*work.answer, work.request.operations.size()));
    all = all && answered;
    TENURE_FAIL_POINT("commit.answered");
  }
  for (Lane& lane : lanes_) {
    if (!lane.bad) continue;
    lane.bad = false;
    all = lane.reader->Quarantine(epoch) && all;
  }
  buffer_.AnswerBad(epoch);
  return all;
}

void LaneDrain::Wake() {
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < used_; ++i) {
    if (works_[i].reader == nullptr) {
      mask |= buffer_.WakeBit(works_[i]);
      continue;
    }
    // seq_cst: pairs with the sleeper's {waiting += 1; look at the cell}.
    if (works_[i].reader->entry().waiting.load(std::memory_order_seq_cst) != 0) {
      mask |= 1u << (works_[i].origin.slot % 32);
    }
  }
  if (mask == 0) return;
  ingest::CommitArea& area = context_.shared();
  area.done_turn.fetch_add(1, std::memory_order_seq_cst);
  base::FutexWakeMask(area.done_turn, mask);
}

}  // namespace tenure::commit
