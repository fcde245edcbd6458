// What people and tests ask of a ring: is it sound, and what is in it.
#include "store/base/error.h"
#include "store/ingest/ring.h"

namespace tenure::ingest {

Status Ring::CheckIntegrity() const {
  const auto corrupt = [](std::uint64_t position, const std::string& what) {
    return base::MakeError(ErrorCode::kCorruption, "ring at position " + std::to_string(position) + ": " + what);
  };
  const std::uint64_t head = control_->head.load(std::memory_order_acquire);
  const std::uint64_t end = tail();
  if (control_->magic.load(std::memory_order_relaxed) != kRingMagic) return corrupt(head, "the magic is gone");
  if (control_->layout_version.load(std::memory_order_relaxed) != kRingLayoutVersion) {
    return corrupt(head, "the layout version has changed");
  }
  if (control_->capacity.load(std::memory_order_relaxed) != capacity()) {
    return corrupt(head, "the capacity has changed");
  }
  if (!IndicesPossible(head, end)) return corrupt(head, "impossible beside a tail of " + std::to_string(end));
  RecordCopy record;
  for (std::uint64_t at = head; at != end;) {
    const ReadFault fault = CopyRecordAt(at, end, record.header, record.payload, at);
    if (fault != ReadFault::kNone) return corrupt(at, ReadFaultText(fault));
  }
  return {};
}

std::string Ring::DebugDump(std::size_t max_records) const {
  const std::uint64_t head = control_->head.load(std::memory_order_acquire);
  const std::uint64_t end = tail();
  const RingCounters counters = Counters();
  std::string text = "ring capacity " + std::to_string(capacity()) + " head " + std::to_string(head) + " tail " +
                     std::to_string(end) + " waiting " + std::to_string(end - head) + "\n";
  text += "written " + std::to_string(counters.written) + " read " + std::to_string(counters.read) + " overflowed " +
          std::to_string(counters.overflowed) + " bytes " + std::to_string(counters.bytes) + " high water " +
          std::to_string(counters.high_water) + "\n";
  RecordCopy record;
  std::uint64_t at = head;
  for (std::size_t shown = 0; at != end; ++shown) {
    if (shown == max_records) {
      text += "... " + std::to_string(end - at) + " bytes more\n";
      break;
    }
    const std::uint64_t position = at;
    const ReadFault fault = CopyRecordAt(position, end, record.header, record.payload, at);
    if (fault != ReadFault::kNone) {
      text += "@" + std::to_string(position) + " " + ReadFaultText(fault) + "\n";
      break;
    }
    text += "@" + std::to_string(position) + " size " + std::to_string(record.header.size) + " type " +
            std::to_string(record.header.type) + " flags " + std::to_string(record.header.flags) + " time " +
            std::to_string(record.header.timestamp_ns) + " checksum " + std::to_string(record.header.checksum) + "\n";
  }
  return text;
}

}  // namespace tenure::ingest
