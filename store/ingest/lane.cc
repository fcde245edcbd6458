#include "store/ingest/lane.h"

#include <algorithm>

#include "store/base/error.h"

namespace tenure::ingest {
namespace {

/// The full value of a counter of which the low bits are `low`, known to be at most `now` and less than one wrap
/// behind.
template <typename Low>
std::uint64_t Widen(Low low, std::uint64_t now) {
  return now - static_cast<Low>(static_cast<Low>(now) - low);
}

/// Another ring of a writer's: only now, since most threads never fill one. Whoever reads looks at no ring that was not
/// announced. `rings` has room for it.
Status AddRing(std::byte* lane, std::vector<Ring>& rings) {
  TENURE_ASSIGN(Ring ring, Ring::Create(RingMemory(lane, static_cast<std::uint32_t>(rings.size())), kRingBytes));
  rings.push_back(std::move(ring));
  return {};
}

std::vector<Ring> ViewRings(std::byte* lane, std::uint32_t count) {
  std::vector<Ring> rings;
  rings.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) rings.push_back(Ring::View(RingMemory(lane, i), kRingBytes));
  return rings;
}

LaneControl& ControlAt(std::byte* lane) { return *reinterpret_cast<LaneControl*>(lane); }
std::byte* MemoryOf(LaneControl& control) { return reinterpret_cast<std::byte*>(&control); }

void Count(LaneMetrics& metrics, std::size_t bytes) {
  // One writer: plain additions, atomic only so that others may look.
  metrics.written.store(metrics.written.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  metrics.bytes.store(metrics.bytes.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
}
void CountFull(LaneMetrics& metrics) {
  metrics.overflowed.store(metrics.overflowed.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}
void NoteWaiting(LaneMetrics& metrics, std::uint64_t bytes) {
  if (bytes > metrics.high_water.load(std::memory_order_relaxed)) {
    metrics.high_water.store(bytes, std::memory_order_relaxed);
  }
}

}  // namespace

std::span<std::byte> RingMemory(std::byte* lane, std::uint32_t ring) {
  constexpr std::uint64_t kStride = (Ring::BytesFor(kRingBytes) + 63) / 64 * 64;
  return {lane + sizeof(LaneControl) + ring * kStride, Ring::BytesFor(kRingBytes)};
}

Result<LaneWriter> LaneWriter::Create(std::byte* memory) {
  LaneControl& control = ControlAt(memory);
  LaneWriter writer(control);
  // Nothing is allocated once a record is written.
  writer.rings_.reserve(kIndexRings);
  writer.free_.reserve(kIndexRings);
  TENURE_RETURN_IF_ERROR(AddRing(memory, writer.rings_));
  control.ring_of_turn[0].store(0, std::memory_order_relaxed);
  control.start_of_turn[0].store(0, std::memory_order_relaxed);
  control.turn.store(0, std::memory_order_release);
  return writer;
}

/// Takes drained rings back, and tells the active one how far it has been read.
void LaneWriter::Reclaim(const LaneHead& head) {
  const std::uint64_t drained = Widen(head.turn, turn_);
  for (; reclaimed_ < drained; ++reclaimed_) {
    const std::uint32_t ring = control_->ring_of_turn[reclaimed_ % kTurnsListed].load(std::memory_order_relaxed);
    rings_[ring].SetHead(rings_[ring].tail());
    free_.push_back(ring);
  }
  if (drained != turn_) return;
  Ring& active = rings_[control_->ring_of_turn[turn_ % kTurnsListed].load(std::memory_order_relaxed)];
  active.SetHead(Widen(head.position, active.tail()));
}

bool LaneWriter::NextRing() {
  auto ring = static_cast<std::uint32_t>(rings_.size());
  if (!free_.empty()) {
    ring = free_.back();
    free_.pop_back();
  } else if (ring == kIndexRings || !AddRing(MemoryOf(*control_), rings_).ok()) {
    return false;
  }
  const std::uint64_t next = turn_ + 1;
  control_->ring_of_turn[next % kTurnsListed].store(static_cast<std::uint8_t>(ring), std::memory_order_relaxed);
  control_->start_of_turn[next % kTurnsListed].store(rings_[ring].tail(), std::memory_order_relaxed);
  // Release: whoever sees the new turn sees its ring, and every record of the one handed over.
  control_->turn.store(next, std::memory_order_release);
  turn_ = next;
  return true;
}

bool LaneWriter::TryWrite(std::uint16_t type, std::uint64_t timestamp_ns, std::span<const base::ByteView> pieces,
                          const LaneHead& head) {
  std::size_t bytes = 0;
  for (const base::ByteView& piece : pieces) bytes += piece.size();
  const auto try_active = [&] {
    const std::uint32_t ring = control_->ring_of_turn[turn_ % kTurnsListed].load(std::memory_order_relaxed);
    return rings_[ring].TryWrite(type, 0, timestamp_ns, pieces);
  };
  bool written = try_active();
  if (!written) {
    Reclaim(head);
    written = try_active() || (NextRing() && try_active());
  }
  if (!written) {
    CountFull(control_->metrics);
    return false;
  }
  Count(control_->metrics, bytes);
  Ring& active = rings_[control_->ring_of_turn[turn_ % kTurnsListed].load(std::memory_order_relaxed)];
  NoteWaiting(control_->metrics, kRingBytes - active.available_write() + (turn_ - reclaimed_) * kRingBytes);
  return true;
}

Result<DetailWriter> DetailWriter::Create(std::byte* memory) {
  DetailWriter writer(ControlAt(memory));
  writer.rings_.reserve(kDetailRings);
  TENURE_RETURN_IF_ERROR(AddRing(memory, writer.rings_));
  return writer;
}

std::optional<DetailPlace> DetailWriter::TryWrite(base::ByteView body, std::uint64_t sequence, std::uint64_t popped) {
  for (; !used_.empty() && used_.front().sequence < popped; used_.pop_front()) {
    rings_[used_.front().ring].SetHead(used_.front().end);
  }
  const base::ByteView pieces[] = {body};
  for (std::uint32_t tried = 0; tried < kDetailRings; ++tried, active_ = (active_ + 1) % kDetailRings) {
    if (active_ == rings_.size() && !AddRing(MemoryOf(*control_), rings_).ok()) break;
    const DetailPlace place{active_, rings_[active_].tail()};
    used_.push_back({sequence, active_, 0});  // before anything is written: there may be no memory
    if (!rings_[active_].TryWrite(1, 0, sequence, pieces)) {
      used_.pop_back();
      continue;
    }
    used_.back().end = rings_[active_].tail();
    Count(control_->metrics, body.size());
    NoteWaiting(control_->metrics, kRingBytes - rings_[active_].available_write());
    control_->turn.store(active_, std::memory_order_relaxed);
    return place;
  }
  CountFull(control_->metrics);
  return std::nullopt;
}

LaneReader::LaneReader(std::byte* index_lane, std::byte* detail_lane)
    : control_(&ControlAt(index_lane)),
      rings_(ViewRings(index_lane, kIndexRings)),
      details_(ViewRings(detail_lane, kDetailRings)) {}

void LaneReader::Seek(const LaneHead& head) {
  turn_ = Widen(head.turn, control_->turn.load(std::memory_order_acquire));
  const std::uint32_t ring = control_->ring_of_turn[turn_ % kTurnsListed].load(std::memory_order_relaxed) % kIndexRings;
  position_ = Widen(head.position, rings_[ring].tail());
}

LaneReader::Step LaneReader::Next(RecordHeader& header, base::Bytes& payload) {
  for (;;) {
    const std::uint64_t active = control_->turn.load(std::memory_order_acquire);
    if (active - turn_ >= kTurnsListed) return Step::kBad;
    const std::uint32_t ring = control_->ring_of_turn[turn_ % kTurnsListed].load(std::memory_order_relaxed);
    if (ring >= kIndexRings) return Step::kBad;
    const std::uint64_t tail = rings_[ring].tail();
    if (position_ == tail) {
      if (active == turn_) return Step::kNone;
      ++turn_;
      position_ = control_->start_of_turn[turn_ % kTurnsListed].load(std::memory_order_relaxed);
      continue;
    }
    std::uint64_t next = 0;
    if (rings_[ring].CopyRecordAt(position_, tail, header, payload, next) != ReadFault::kNone) return Step::kBad;
    if ((header.flags & kUnchecked) != 0) return Step::kBad;  // between processes everything is checked
    position_ = next;
    return Step::kRecord;
  }
}

bool LaneReader::ReadDetail(const DetailPlace& place, base::Bytes& body) const {
  if (place.ring >= kDetailRings) return false;
  RecordHeader header;
  std::uint64_t next = 0;
  const Ring& ring = details_[place.ring];
  return ring.CopyRecordAt(place.position, ring.tail(), header, body, next) == ReadFault::kNone &&
         (header.flags & kUnchecked) == 0;
}

}  // namespace tenure::ingest
