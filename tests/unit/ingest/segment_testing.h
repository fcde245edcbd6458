// A shared segment in a temporary directory, with a registry of one process on it.
#pragma once

#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "store/ingest/slot_reader.h"
#include "tests/support/scratch.h"

namespace tenure::ingest {

inline constexpr std::uint64_t kThisProcess = OwnerWord(3, 1);

/// What a test takes for dead: OwnerWords.
using DeadSet = std::set<std::uint64_t>;

class TestSegment {
 public:
  explicit TestSegment(std::uint32_t writer_slots = 4) {
    auto made = SharedSegment::Create(base::Env::Posix(), scratch_ / "ingest.shm", {}, writer_slots,
                                      [](CommitArea&) { return Status(); });
    if (!made.ok()) throw std::runtime_error(made.error().message);
    segment_ = std::move(made).value();
  }
  SharedSegment& operator*() { return *segment_; }
  SharedSegment* operator->() { return segment_.get(); }
  std::unique_ptr<Registry> RegistryOf(std::uint64_t process) {
    return std::make_unique<Registry>(*segment_, process, [this](std::uint64_t word) { return dead.contains(word); });
  }
  DeadSet dead;

 private:
  testing::Scratch scratch_;
  std::unique_ptr<SharedSegment> segment_;
};

inline std::unique_ptr<WriterSlot> OpenSlot(Registry& registry) {
  auto slot = WriterSlot::Open(registry);
  if (!slot.ok()) throw std::runtime_error(slot.error().message);
  return std::move(slot).value();
}

/// True when there was room.
inline bool Push(WriterSlot& slot, const std::string& body, std::uint64_t* sequence = nullptr,
                 std::size_t reply_bytes = 0) {
  std::uint64_t pushed = 0;
  const bool ok =
      slot.TryPush(RecordType::kInline, base::AsBytes(body), reply_bytes, 0, pushed) == WriterSlot::PushResult::kOk;
  if (sequence != nullptr) *sequence = pushed;
  return ok;
}

inline Reply CommittedAt(Lsn lsn) {
  Reply reply;
  reply.state = AnswerState::kCommitted;
  reply.lsn = lsn;
  reply.revision = lsn + 100;
  reply.time_ms = static_cast<TimeMs>(lsn + 1000);
  return reply;
}

}  // namespace tenure::ingest
