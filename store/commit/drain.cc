#include "store/commit/drain.h"

#include <algorithm>

#include "store/base/failpoint.h"
#include "store/commit/request_codec.h"
#include "store/ingest/done_bell.h"

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

void LaneDrain::Reset() {
  for (Lane& lane : lanes_) {
    lane.hauls = 0;
    lane.number = 0;
    lane.bad = false;
  }
  buffer_taken_ = false;
  turn_.clear();
}

void LaneDrain::Begin(Haul& haul) {
  ++number_;
  haul.shares.clear();
  haul.with_buffer = false;
  haul.looks = 0;
  haul.used = 0;
  haul.bad = false;
  buffer_first_ = !buffer_first_;
}

void LaneDrain::Look(std::uint32_t epoch, Haul& haul) {
  // One haul at a time has the buffer: its cells are freed together, from the words that were copied. Also without
  // operations in it, once a batch: claims of dead writers are to be freed.
  if (!buffer_taken_ && (haul.looks++ == 0 || buffer_.AnyWork())) {
    buffer_.Begin(epoch);
    buffer_taken_ = haul.with_buffer = buffer_.Any();
  }
  at_ = 0;
  turn_.clear();
  lanes_.resize(registry_.slots());
  registry_.ForEachActive([&](std::uint32_t slot) {
    Lane& lane = lanes_[slot];
    if (lane.bad) return;
    if (lane.hauls != 0) {
      if (lane.reader->HasMore()) turn_.push_back(slot);
      return;
    }
    if (!registry_.HasWork(slot)) return;
    if (!lane.reader) lane.reader = std::make_unique<ingest::SlotReader>(registry_, slot);
    if (lane.reader->Begin()) turn_.push_back(slot);
  });
  const auto from = std::lower_bound(turn_.begin(), turn_.end(), first_);
  std::rotate(turn_.begin(), from, turn_.end());
  if (haul.used == 0) first_ = turn_.empty() ? 0 : turn_.front() + 1;
}

bool LaneDrain::AnyNews() const {
  bool any = !buffer_taken_ && buffer_.AnyWork();
  registry_.ForEachActive([&](std::uint32_t slot) {
    if (any) return;
    if (slot >= lanes_.size() || lanes_[slot].hauls == 0) {
      any = registry_.HasWork(slot) && !(slot < lanes_.size() && lanes_[slot].bad);
    } else {
      any = !lanes_[slot].bad && lanes_[slot].reader->HasMore();
    }
  });
  return any;
}

LaneWork& LaneDrain::Fresh(Haul& haul) const {
  if (haul.used == haul.works.size()) haul.works.emplace_back();
  return haul.works[haul.used];
}

Haul::Share& LaneDrain::ShareOf(Lane& lane, Haul& haul) const {
  if (lane.number != number_) {
    lane.number = number_;
    lane.share = haul.shares.size();
    haul.shares.push_back({lane.reader->slot(), 0, {}, false});
  }
  return haul.shares[lane.share];
}

LaneWork* LaneDrain::Take(Lane& lane, Haul& haul) {
  using Step = ingest::SlotReader::Step;
  const Step step = lane.reader->Next(operation_);
  if (step == Step::kNone) return nullptr;
  Haul::Share& share = ShareOf(lane, haul);
  LaneWork& work = Fresh(haul);
  const bool whole = step == Step::kOperation;
  auto read = whole ? ReadRequest(context_, operation_.body, operation_.in_file, request_) : Result<bool>(false);
  if (read.ok() && !*read) {
    context_.Say("error", "writer slot " + std::to_string(lane.reader->slot()) +
                              " holds bytes that are no operation: it is given up");
    haul.bad = share.bad = lane.bad = true;  // what was taken before stands
    return nullptr;
  }
  ++haul.used;
  request_.late = operation_.late;
  work.origin = {operation_.slot, operation_.generation, operation_.sequence};
  work.reader = lane.reader.get();
  work.answer.reset();
  if (!read.ok()) work.answer = EncodeReply(std::move(read).error(), 0);
  if (++share.taken == 1) ++lane.hauls;
  return &work;
}

LaneWork* LaneDrain::NextOfBuffer(Haul& haul) {
  if (!haul.with_buffer) return nullptr;
  LaneWork& work = Fresh(haul);
  const bool there = buffer_.Next(work, request_);
  haul.bad = haul.bad || buffer_.HasBad();
  if (!there) return nullptr;
  ++haul.used;
  return &work;
}

LaneWork* LaneDrain::Next(Haul& haul) {
  LaneWork* work = buffer_first_ ? NextOfBuffer(haul) : NextOfLanes(haul);
  if (work == nullptr) work = buffer_first_ ? NextOfLanes(haul) : NextOfBuffer(haul);
  return work;
}

LaneWork* LaneDrain::NextOfLanes(Haul& haul) {
  while (!turn_.empty()) {
    at_ %= turn_.size();
    Lane& lane = lanes_[turn_[at_]];
    const std::uint32_t taken = lane.number == number_ ? haul.shares[lane.share].taken : 0;
    LaneWork* work = taken < kTakenPerLaneMax ? Take(lane, haul) : nullptr;
    if (work != nullptr) {
      if ((taken + 1) % kRunLength == 0) ++at_;
      return work;
    }
    turn_.erase(turn_.begin() + static_cast<std::ptrdiff_t>(at_));
  }
  return nullptr;
}

void LaneDrain::Close(Haul& haul) {
  ShedMemory(request_);
  for (Haul::Share& share : haul.shares) {
    if (share.taken != 0) share.mark = lanes_[share.slot].reader->Mark();
  }
}

bool LaneDrain::PopAll(Haul& haul, std::uint32_t epoch) {
  for (Haul::Share& share : haul.shares) {
    if (share.taken == 0) continue;
    Lane& lane = lanes_[share.slot];
    if (!lane.reader->Pop(share.mark, epoch)) return false;
    --lane.hauls;
    TENURE_FAIL_POINT("commit.popped");
  }
  if (!haul.with_buffer) return true;
  if (!buffer_.PopAll()) return false;
  buffer_taken_ = false;
  return true;
}

bool LaneDrain::AnswerAll(Haul& haul, std::uint32_t epoch) {
  // An answer that did not get through keeps nobody else from his.
  bool all = true;
  for (std::size_t i = 0; i < haul.used; ++i) {
    const LaneWork& work = haul.works[i];
    if (!work.answer) continue;  // undecided: it was not popped either
    const bool answered = work.reader == nullptr ? buffer_.Answer(work, epoch)
                                                 : work.reader->Answer(work.origin.sequence, epoch, *work.answer);
    all = all && answered;
    TENURE_FAIL_POINT("commit.answered");
  }
  for (const Haul::Share& share : haul.shares) {
    if (!share.bad) continue;
    lanes_[share.slot].bad = false;
    all = lanes_[share.slot].reader->Quarantine(epoch) && all;
  }
  if (haul.with_buffer) buffer_.AnswerBad(epoch);
  return all;
}

void LaneDrain::Wake(const Haul& haul) {
  ingest::DoneBell bell(context_.shared());
  for (std::size_t i = 0; i < haul.used; ++i) {
    const LaneWork& work = haul.works[i];
    if (work.reader == nullptr) {
      buffer_.Wake(work, bell);
    } else if (work.reader->entry().waiting.load(std::memory_order_seq_cst) != 0) {
      bell.Add(ingest::DonePlace::OfSlot(work.origin.slot));
    }
  }
  bell.Ring();
}

}  // namespace tenure::commit
